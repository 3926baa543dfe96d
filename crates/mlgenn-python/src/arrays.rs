//! Arrays between numpy and the engine: copied in at load, shared without copying afterwards.
#![expect(unsafe_code, reason = "numpy arrays over memory of the engine; see the SAFETY comment")]

use std::sync::Arc;

use mlgenn::{ArrayData, Arrays, Buffer, Type};
use numpy::ndarray::{ArrayViewD, IxDyn};
use numpy::{Element, PyArrayDyn, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt};

/// Keeps memory of the engine alive for as long as a numpy array shows it.
#[pyclass(frozen, module = "mlgenn_rs._core")]
struct Memory {
    _buffer: Arc<Buffer>,
}

/// A numpy array over a buffer, without copying; it stays valid after the simulation is gone.
///
/// Like everything that is shared with numpy, it must not be read or written by one Python thread
/// while another one runs the simulation.
pub(crate) fn share<'py>(
    py: Python<'py>,
    buffer: Arc<Buffer>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    match buffer.ty() {
        Type::Bool => share_as::<bool>(py, buffer, shape),
        Type::I8 => share_as::<i8>(py, buffer, shape),
        Type::U8 => share_as::<u8>(py, buffer, shape),
        Type::I16 => share_as::<i16>(py, buffer, shape),
        Type::U16 => share_as::<u16>(py, buffer, shape),
        Type::I32 => share_as::<i32>(py, buffer, shape),
        Type::U32 => share_as::<u32>(py, buffer, shape),
        Type::I64 | Type::Ptr => share_as::<i64>(py, buffer, shape),
        Type::U64 => share_as::<u64>(py, buffer, shape),
        Type::F32 => share_as::<f32>(py, buffer, shape),
        Type::F64 => share_as::<f64>(py, buffer, shape),
    }
}

fn share_as<'py, T: Element>(
    py: Python<'py>,
    buffer: Arc<Buffer>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    let needed = shape.iter().try_fold(1_usize, |size, &length| size.checked_mul(length));
    if size_of::<T>() != buffer.ty().bytes() || needed != Some(buffer.len()) {
        return Err(PyTypeError::new_err(format!(
            "an array of {} elements of type {} cannot have the shape {shape:?}",
            buffer.len(),
            buffer.ty().name()
        )));
    }
    let pointer = buffer.as_ptr().cast::<T>();
    let owner = Bound::new(py, Memory { _buffer: buffer })?.into_any();
    // SAFETY: the memory holds `buffer.len()` initialised elements of the size of `T`, aligned to
    // 64 bytes, which is as many as the shape has (checked above). Its type in the engine is that
    // of `T`; bytes of booleans are 0 or 1 there. `owner` keeps it alive and in place. The
    // reference that the view stands for lives only until numpy has taken the pointer, so that no
    // Rust reference aliases later writes.
    let array = unsafe {
        let view = ArrayViewD::from_shape_ptr(IxDyn(shape), pointer);
        PyArrayDyn::borrow_from_array(&view, owner)
    };
    Ok(array.into_any())
}

/// Copy a dictionary of numpy arrays, or numbers of zeros.
pub(crate) fn copy_in(arrays: &Bound<'_, PyDict>) -> PyResult<Arrays> {
    arrays
        .iter()
        .map(|(path, array)| {
            let path: String = path.extract()?;
            let data = if array.is_instance_of::<PyInt>() {
                ArrayData::Zeros(array.extract()?)
            } else {
                copy(&path, &array)?
            };
            Ok((path, data))
        })
        .collect()
}

fn copy(path: &str, array: &Bound<'_, PyAny>) -> PyResult<ArrayData> {
    let array = array
        .cast::<PyUntypedArray>()
        .map_err(|_| PyTypeError::new_err(format!("{path}: expected a numpy array")))?;
    let dtype = array.dtype();
    let name: String = dtype.getattr("name")?.extract()?;
    let native: bool = dtype.getattr("isnative")?.extract()?;
    let Some(ty) = type_named(&name).filter(|_| native && array.ndim() == 1) else {
        return Err(PyTypeError::new_err(format!(
            "{path}: expected a one-dimensional array of numbers in native byte order, got {} \
             dimensions of {name}",
            array.ndim()
        )));
    };
    if array.len() == 0 {
        return Ok(ArrayData::Values { ty, bytes: Vec::new() });
    }
    let bytes = array.call_method1("view", ("uint8",))?;
    let bytes: PyReadonlyArray1<'_, u8> = bytes.extract()?;
    Ok(ArrayData::Values { ty, bytes: bytes.as_slice()?.to_vec() })
}

fn type_named(name: &str) -> Option<Type> {
    Some(match name {
        "bool" => Type::Bool,
        "int8" => Type::I8,
        "uint8" => Type::U8,
        "int16" => Type::I16,
        "uint16" => Type::U16,
        "int32" => Type::I32,
        "uint32" => Type::U32,
        "int64" => Type::I64,
        "uint64" => Type::U64,
        "float32" => Type::F32,
        "float64" => Type::F64,
        _ => return None,
    })
}

/// Name of the numpy type of elements of a type.
pub(crate) fn dtype_name(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::I8 => "int8",
        Type::U8 => "uint8",
        Type::I16 => "int16",
        Type::U16 => "uint16",
        Type::I32 => "int32",
        Type::U32 => "uint32",
        Type::I64 | Type::Ptr => "int64",
        Type::U64 => "uint64",
        Type::F32 => "float32",
        Type::F64 => "float64",
    }
}

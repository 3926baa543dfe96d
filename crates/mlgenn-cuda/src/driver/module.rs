//! Compiled functions on a GPU.
#![expect(unsafe_code, reason = "loads machine code; see the SAFETY comments")]

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{result, sys};

use super::error::{DeviceError, During};
use super::gpu::Gpu;

/// Loaded machine code.
pub struct Module {
    gpu: Arc<Gpu>,
    handle: sys::CUmodule,
    functions: Mutex<HashMap<String, Function>>,
}

/// A function of a module; good as long as that.
#[derive(Clone, Copy)]
pub(super) struct Function(pub(super) sys::CUfunction);

// SAFETY: the driver's handles may be used by any thread; a module is never changed.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Send for Module {}
// SAFETY: as above; the table of functions is behind a mutex.
unsafe impl Sync for Module {}

impl Module {
    /// Load what NVRTC made: machine code, or PTX.
    ///
    /// # Errors
    ///
    /// If it is not for this GPU and driver.
    pub fn load(gpu: &Arc<Gpu>, image: &[u8]) -> Result<Self, DeviceError> {
        let operation = "loading compiled kernels";
        gpu.enter(operation)?;
        // PTX is text, which has to end with a zero; machine code knows its size.
        let image: Vec<u8> = image.iter().copied().chain([0]).collect();
        // SAFETY: the image is machine code or text, ends with a zero, and is copied.
        let handle = unsafe { result::module::load_data(image.as_ptr().cast()) };
        let handle = handle.during(operation)?;
        Ok(Self { gpu: gpu.clone(), handle, functions: Mutex::default() })
    }

    /// The GPU that it is on.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    pub(super) fn function(&self, name: &str) -> Result<Function, DeviceError> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = functions.get(name) {
            return Ok(*function);
        }
        let operation = format!("looking for kernel {name}");
        self.gpu.enter(&operation)?;
        let symbol = CString::new(name)
            .map_err(|error| DeviceError::new(operation.clone(), error.to_string()))?;
        // SAFETY: the module is loaded.
        let handle = unsafe { result::module::get_function(self.handle, symbol) };
        let function = Function(handle.during(&operation)?);
        functions.insert(name.to_owned(), function);
        Ok(function)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.gpu.enter("unloading kernels").is_ok() && self.gpu.stream().synchronize().is_ok() {
            // SAFETY: nothing that uses it runs any more, nor can anything be launched.
            let _ = unsafe { result::module::unload(self.handle) };
        }
    }
}

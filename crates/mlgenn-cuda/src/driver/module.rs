//! Compiled functions on a GPU.
#![expect(unsafe_code, reason = "loads machine code; see the SAFETY comments")]

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{result, sys};

use super::error::{DeviceError, During};
use super::gpu::Gpu;

/// Loaded machine code, and where its functions are launched.
pub struct Module {
    gpu: Arc<Gpu>,
    code: Arc<Code>,
    functions: Mutex<HashMap<String, Function>>,
}

/// Machine code in the memory of a GPU.
struct Code {
    gpu: Arc<Gpu>,
    handle: sys::CUmodule,
}

/// A function of a module; good as long as that.
#[derive(Clone, Copy)]
pub(super) struct Function(pub(super) sys::CUfunction);

// SAFETY: the driver's handles may be used by any thread; a module is never changed.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for Code {}

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
        let code = Arc::new(Code { gpu: gpu.clone(), handle });
        Ok(Self { gpu: gpu.clone(), code, functions: Mutex::default() })
    }

    /// The same code, with launches that are independent of those of this module.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn fork(&self) -> Result<Self, DeviceError> {
        let gpu = Arc::new(self.gpu.fork()?);
        Ok(Self { gpu, code: self.code.clone(), functions: Mutex::default() })
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
        let handle = unsafe { result::module::get_function(self.code.handle, symbol) };
        let function = Function(handle.during(&operation)?);
        functions.insert(name.to_owned(), function);
        Ok(function)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.gpu.enter("unloading kernels").is_ok() {
            // What was launched must not outlive the code; there is nobody to tell about failures.
            let _ = self.gpu.stream().synchronize();
        }
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if self.gpu.enter("unloading kernels").is_ok() {
            // SAFETY: all modules of it are gone, whose launches have ended.
            let _ = unsafe { result::module::unload(self.handle) };
        }
    }
}

//! The host as a device.
#![expect(unsafe_code, reason = "memory is known by its address, as on a GPU")]

use std::sync::{Mutex, PoisonError};

use super::host::HostModule;
use crate::run::{Device, DeviceError, Step};

/// Runs launches on the host. Addresses are those of this process, so that arrays of a simulation
/// can be used in place.
pub struct HostDevice {
    module: HostModule,
    allocated: Mutex<Vec<Box<[u64]>>>,
}

impl HostDevice {
    /// A device that has the functions of a module.
    pub fn new(module: HostModule) -> Self {
        Self { module, allocated: Mutex::new(Vec::new()) }
    }
}

impl Device for HostDevice {
    fn allocate(&self, bytes: usize) -> Result<u64, DeviceError> {
        let mut memory = vec![0u64; bytes.div_ceil(8)].into_boxed_slice();
        let address = memory.as_mut_ptr() as u64;
        self.allocated.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        Ok(address)
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        // SAFETY: the caller writes to memory that was allocated.
        unsafe { (address as *mut u8).copy_from(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    fn read(&self, address: u64, bytes: usize) -> Result<Vec<u8>, DeviceError> {
        let mut out = vec![0; bytes];
        // SAFETY: the caller reads from memory that was allocated.
        unsafe { out.as_mut_ptr().copy_from(address as *const u8, bytes) };
        Ok(out)
    }

    fn launch(&self, step: &Step) -> Result<(), DeviceError> {
        // SAFETY: tables are made by `run`, for the functions that they are launched with.
        let done = unsafe { self.module.launch_at(&step.function, step.grid, step.table) };
        done.map_err(|error| DeviceError {
            operation: step.function.clone(),
            reason: error.to_string(),
        })
    }
}

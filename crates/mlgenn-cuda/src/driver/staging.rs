//! Page-locked memory of the host that copies to a GPU start from, so that nobody waits for them.
#![expect(unsafe_code, reason = "memory that the driver reads; see the SAFETY comments")]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use cudarc::driver::{CudaStream, result};

use super::error::{DeviceError, During};

/// Bytes of it.
const CAPACITY: usize = 16 << 20;

/// Copies of more bytes than this are better made in one piece.
pub(super) const LARGEST: usize = CAPACITY / 2;

const ALIGNMENT: usize = 64;

/// Memory that is filled from its beginning, until the stream is known to have read it all.
pub(super) struct Staging {
    stream: Arc<CudaStream>,
    memory: NonNull<u8>,
    used: usize,
}

// SAFETY: the memory belongs to the process, not to a thread, and only this has its address.
unsafe impl Send for Staging {}

impl Staging {
    /// Memory for copies on a stream; `None` if the system locks no memory.
    pub(super) fn new(stream: &Arc<CudaStream>) -> Option<Self> {
        // SAFETY: the context of the stream is current; the memory is freed when this is dropped.
        let memory = unsafe { result::malloc_host(CAPACITY, 0) }.ok()?;
        let memory = NonNull::new(memory.cast())?;
        Some(Self { stream: stream.clone(), memory, used: 0 })
    }

    /// Bytes that may still be read.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// The stream has made all copies.
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    /// Start to copy at most [`LARGEST`] bytes to an address, after what the stream does already.
    pub(super) fn copy(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let operation = "copying to the GPU";
        if self.used + bytes.len() > CAPACITY {
            self.stream.synchronize().during(operation)?;
            self.clear();
        }
        // SAFETY: there is room for the bytes, which no copy reads that has not ended; the address
        // is one of an `Arena` with as many bytes.
        unsafe {
            let staged = self.memory.add(self.used);
            staged.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            let staged = std::slice::from_raw_parts(staged.as_ptr(), bytes.len());
            result::memcpy_htod_async(address, staged, self.stream.cu_stream())
                .during(operation)?;
        }
        self.used = (self.used + bytes.len()).next_multiple_of(ALIGNMENT);
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Failures here come from earlier ones, which were reported.
        if self.stream.context().bind_to_thread().is_ok() && self.stream.synchronize().is_ok() {
            // SAFETY: allocated in `new`; nothing reads it any more.
            let _ = unsafe { result::free_host(self.memory.as_ptr().cast::<c_void>()) };
        }
    }
}

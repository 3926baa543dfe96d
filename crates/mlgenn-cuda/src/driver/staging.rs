//! Page-locked memory of the host that copies to a GPU start from, so that nobody waits for them.
#![expect(unsafe_code, reason = "memory that the driver reads; see the SAFETY comments")]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use cudarc::driver::{CudaStream, result};

use super::error::{DeviceError, During};

/// Bytes of it at first: locking pages takes time, about a millisecond for four megabytes.
const FIRST: usize = 1 << 20;

/// Most bytes of it.
const MOST: usize = 16 << 20;

/// Copies of more bytes than this are better made in one piece.
pub(super) const LARGEST: usize = MOST / 2;

const ALIGNMENT: usize = 64;

/// Memory that is filled from its beginning, until the stream is known to have read it all.
pub(super) struct Staging {
    stream: Arc<CudaStream>,
    memory: NonNull<u8>,
    bytes: usize,
    used: usize,
}

// SAFETY: the memory belongs to the process, not to a thread, and only this has its address.
unsafe impl Send for Staging {}

impl Staging {
    /// Memory for copies on a stream; `None` if the system locks no memory.
    pub(super) fn new(stream: &Arc<CudaStream>) -> Option<Self> {
        Self::of(stream, FIRST)
    }

    fn of(stream: &Arc<CudaStream>, bytes: usize) -> Option<Self> {
        // SAFETY: the context of the stream is current; the memory is freed when this is dropped.
        let memory = unsafe { result::malloc_host(bytes, 0) }.ok()?;
        let memory = NonNull::new(memory.cast())?;
        Some(Self { stream: stream.clone(), memory, bytes, used: 0 })
    }

    /// Bytes that may still be read.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// The stream has made all copies.
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    /// Make room for at most [`LARGEST`] bytes, by more memory if it is full the first times; false if
    /// the system locks no more.
    pub(super) fn make_room(&mut self, bytes: usize) -> Result<bool, DeviceError> {
        if self.used + bytes > self.bytes {
            self.stream.synchronize().during("copying to the GPU")?;
            self.clear();
            let larger = (4 * self.bytes.max(bytes)).min(MOST);
            if larger > self.bytes
                && let Some(larger) = Self::of(&self.stream, larger)
            {
                *self = larger;
            }
        }
        Ok(bytes <= self.bytes)
    }

    /// Start to copy bytes, for which room was made, to an address, after what the stream does
    /// already.
    pub(super) fn copy(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let operation = "copying to the GPU";
        assert!(self.used + bytes.len() <= self.bytes, "room was made");
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
            // SAFETY: allocated in `of`; nothing reads it any more.
            let _ = unsafe { result::free_host(self.memory.as_ptr().cast::<c_void>()) };
        }
    }
}

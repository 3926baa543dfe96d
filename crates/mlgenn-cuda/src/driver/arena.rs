//! Memory of a GPU that is given back all at once.
#![expect(unsafe_code, reason = "allocates and frees; see the SAFETY comments")]

use std::sync::Arc;

use cudarc::driver::result;

use super::error::{DeviceError, During};
use super::gpu::Gpu;

/// Bytes that small pieces are taken from.
const SLAB: usize = 1 << 20;

/// Pieces larger than this are allocated on their own.
const SMALL: usize = 1 << 14;

/// Alignment of all pieces.
const ALIGNMENT: usize = 256;

/// Memory of a GPU, zero at first. It is given back when the arena is dropped.
///
/// What is uploaded in small pieces is gathered on the host until [`Arena::flush`].
pub struct Arena {
    /// None if addresses are only handed out, not used.
    gpu: Option<Arc<Gpu>>,
    allocated: Vec<u64>,
    /// Bytes that are allocated.
    bytes: usize,
    slab: Slab,
}

/// Small pieces side by side.
#[derive(Default)]
struct Slab {
    address: u64,
    /// What is to be there, as far as it is used.
    contents: Vec<u8>,
}

impl Arena {
    /// An empty arena.
    pub fn new(gpu: Arc<Gpu>) -> Self {
        Self::on(Some(gpu))
    }

    /// An arena that hands out addresses which nothing can be done with: to see what would be
    /// launched.
    pub fn without_gpu() -> Self {
        Self::on(None)
    }

    fn on(gpu: Option<Arc<Gpu>>) -> Self {
        Self { gpu, allocated: Vec::new(), bytes: 0, slab: Slab::default() }
    }

    /// Bytes that are allocated.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Allocate zeroed memory; gives its address. Must be flushed before it is used.
    ///
    /// # Errors
    ///
    /// If there is not enough.
    pub fn allocate(&mut self, bytes: usize) -> Result<u64, DeviceError> {
        self.place(bytes, &[])
    }

    /// Allocate memory with contents; gives its address. Must be flushed before it is used.
    ///
    /// # Errors
    ///
    /// If there is not enough, or the driver fails.
    pub fn upload(&mut self, contents: &[u8]) -> Result<u64, DeviceError> {
        self.place(contents.len(), contents)
    }

    fn place(&mut self, bytes: usize, contents: &[u8]) -> Result<u64, DeviceError> {
        if bytes > SMALL {
            let address = self.take(bytes)?;
            self.write(address, contents)?;
            return Ok(address);
        }
        let start = self.slab.contents.len().next_multiple_of(ALIGNMENT);
        if self.slab.address == 0 || start + bytes > SLAB {
            self.flush()?;
            self.slab = Slab { address: self.take(SLAB)?, contents: Vec::new() };
            return self.place(bytes, contents);
        }
        self.slab.contents.resize(start, 0);
        self.slab.contents.extend_from_slice(contents);
        self.slab.contents.resize(start + bytes, 0);
        Ok(self.slab.address + start as u64)
    }

    /// Copy what was uploaded in small pieces.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn flush(&mut self) -> Result<(), DeviceError> {
        // What follows goes elsewhere, as these pieces may change from now on.
        let slab = std::mem::take(&mut self.slab);
        self.write(slab.address, &slab.contents)
    }

    fn write(&self, address: u64, contents: &[u8]) -> Result<(), DeviceError> {
        self.gpu.as_ref().map_or(Ok(()), |gpu| gpu.write(address, contents))
    }

    fn take(&mut self, bytes: usize) -> Result<u64, DeviceError> {
        self.bytes += bytes;
        let Some(gpu) = &self.gpu else { return Ok(self.bytes as u64) };
        let operation = format!("allocating {bytes} bytes");
        gpu.enter(&operation)?;
        // SAFETY: the size is not 0; the memory is freed with the arena.
        let address = unsafe { result::malloc_sync(bytes) }.during(&operation)?;
        self.allocated.push(address);
        let stream = gpu.stream();
        // SAFETY: as many bytes were just allocated.
        let zeroed = unsafe { result::memset_d8_async(address, 0, bytes, stream.cu_stream()) };
        zeroed.during(&operation)?;
        Ok(address)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // Failures here come from earlier ones, which were reported.
        let Some(gpu) = &self.gpu else { return };
        if gpu.enter("freeing memory").is_err() || gpu.stream().synchronize().is_err() {
            return;
        }
        for &address in &self.allocated {
            // SAFETY: allocated in `take`, and not used any more: the stream is empty.
            let _ = unsafe { result::free_sync(address) };
        }
    }
}

//! Memory of a GPU that is given back all at once.
#![expect(unsafe_code, reason = "allocates and frees; see the SAFETY comments")]

use std::sync::Arc;

use cudarc::driver::result;

use super::error::{DeviceError, During};
use super::gpu::Gpu;

/// Bytes that small pieces are taken from.
const SLAB: usize = 1 << 20;

/// Pieces larger than this have stretches of their own.
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
    /// Bytes that were handed out, with what lies between them.
    bytes: usize,
    /// What is left of the memory that was allocated last.
    left: Stretch,
    slab: Slab,
}

/// A stretch of memory.
#[derive(Clone, Copy, Default)]
struct Stretch {
    address: u64,
    bytes: usize,
}

/// Small pieces side by side.
#[derive(Default)]
struct Slab {
    /// Where the contents go, and what is left for others.
    place: Stretch,
    /// What is to be there, as far as it is used.
    contents: Vec<u8>,
}

impl Arena {
    /// An arena on a GPU, with room for so many bytes at first.
    ///
    /// # Errors
    ///
    /// If there is not enough.
    pub fn new(gpu: Arc<Gpu>, bytes: usize) -> Result<Self, DeviceError> {
        let mut arena = Self::on(Some(gpu));
        arena.reserve(bytes)?;
        Ok(arena)
    }

    /// An arena that hands out addresses which nothing can be done with: to see what would be
    /// launched, and how much memory it takes.
    pub fn without_gpu() -> Self {
        Self::on(None)
    }

    fn on(gpu: Option<Arc<Gpu>>) -> Self {
        let (left, slab) = (Stretch::default(), Slab::default());
        Self { gpu, allocated: Vec::new(), bytes: 0, left, slab }
    }

    /// Bytes that were handed out, with what lies between them.
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
            if let Some(gpu) = &self.gpu {
                // Once for each network: not worth page-locked memory.
                gpu.write_now(address, contents)?;
            }
            return Ok(address);
        }
        let start = self.slab.contents.len().next_multiple_of(ALIGNMENT);
        if start + bytes > self.slab.place.bytes {
            self.flush()?;
            self.slab.place = Stretch { address: self.take(SLAB)?, bytes: SLAB };
            return self.place(bytes, contents);
        }
        self.slab.contents.resize(start, 0);
        self.slab.contents.extend_from_slice(contents);
        self.slab.contents.resize(start + bytes, 0);
        Ok(self.slab.place.address + start as u64)
    }

    /// Copy what was uploaded in small pieces.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn flush(&mut self) -> Result<(), DeviceError> {
        // What follows goes behind them, as these pieces may change from now on.
        let contents = std::mem::take(&mut self.slab.contents);
        let place = self.slab.place.start(contents.len());
        self.gpu.as_ref().map_or(Ok(()), |gpu| gpu.write(place, &contents))
    }

    /// Hand out a stretch of what is allocated.
    fn take(&mut self, bytes: usize) -> Result<u64, DeviceError> {
        let bytes = bytes.next_multiple_of(ALIGNMENT);
        if self.left.bytes < bytes {
            self.reserve(bytes)?;
        }
        self.bytes += bytes;
        Ok(self.left.start(bytes))
    }

    /// Allocate zeroed memory.
    fn reserve(&mut self, bytes: usize) -> Result<(), DeviceError> {
        // Without a GPU, addresses only tell things apart.
        self.left = Stretch { address: self.bytes as u64 + 1, bytes };
        let Some(gpu) = self.gpu.as_ref().filter(|_| bytes > 0) else { return Ok(()) };
        let operation = format!("allocating {bytes} bytes");
        gpu.enter(&operation)?;
        // SAFETY: the size is not 0; the memory is freed with the arena.
        let address = unsafe { result::malloc_sync(bytes) }.during(&operation)?;
        self.allocated.push(address);
        self.left.address = address;
        let stream = gpu.stream();
        // SAFETY: as many bytes were just allocated.
        let zeroed = unsafe { result::memset_d8_async(address, 0, bytes, stream.cu_stream()) };
        zeroed.during(&operation)
    }
}

impl Stretch {
    /// Take bytes from its beginning, and what it takes for others to be aligned; gives their
    /// address.
    fn start(&mut self, bytes: usize) -> u64 {
        let (address, bytes) = (self.address, bytes.next_multiple_of(ALIGNMENT).min(self.bytes));
        self.address += bytes as u64;
        self.bytes -= bytes;
        address
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
            // SAFETY: allocated in `reserve`, and not used any more: the stream is empty.
            let _ = unsafe { result::free_sync(address) };
        }
    }
}

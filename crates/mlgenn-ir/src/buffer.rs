//! Memory that kernels run on: aligned, typed, shared between threads.
#![expect(unsafe_code, reason = "a buffer module: raw memory with bounds checks around it")]

mod memory;

use std::ptr::NonNull;

use crate::types::Type;
use memory::Memory;

/// Alignment of every buffer, in bytes: one cache line, one AVX-512 register.
pub const ALIGNMENT: usize = 64;

/// Bytes beyond the end that may be read and written (with garbage): lets kernels work on whole
/// vectors.
pub const PADDING: usize = 64;

/// A zero-initialised array of elements of one [`Type`] with interior mutability.
///
/// Accessors check bounds. Threads may use one buffer at the same time as long as no element is
/// written by one thread while another one reads or writes it: the engine guarantees this by
/// giving every batch member, row or range of elements to one thread only. Views handed to Python
/// follow the same rule, as the engine only runs while the simulation is borrowed exclusively.
#[derive(Debug)]
pub struct Buffer {
    pointer: NonNull<u8>,
    ty: Type,
    len: usize,
    /// Keeps what the pointer points to.
    _memory: Memory,
}

// SAFETY: the memory is owned by the buffer and freed once; it is not tied to a thread.
unsafe impl Send for Buffer {}
// SAFETY: see the documentation of the type: element-wise exclusive use is guaranteed by callers
// in this workspace, all of which partition elements between threads.
unsafe impl Sync for Buffer {}

/// An allocation that the system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not allocate an array of {len} elements of type {ty}")]
pub struct AllocationError {
    /// Number of elements.
    pub len: usize,
    /// Their type.
    pub ty: Type,
}

impl Buffer {
    /// An array of `len` zeros.
    pub fn new(ty: Type, len: usize) -> Result<Self, AllocationError> {
        let bytes = len.checked_mul(ty.bytes()).and_then(|bytes| bytes.checked_add(PADDING));
        let memory = bytes.and_then(|bytes| Memory::zeroed(bytes, ALIGNMENT));
        let memory = memory.ok_or(AllocationError { len, ty })?;
        Ok(Self { pointer: memory.pointer(), ty, len, _memory: memory })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Type of the elements.
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// Address of the first element; valid as long as the buffer.
    pub fn as_ptr(&self) -> *mut u8 {
        self.pointer.as_ptr()
    }

    /// Bits of an element, zero-extended to 64; `None` outside.
    pub fn load(&self, index: usize) -> Option<u64> {
        if index >= self.len {
            return None;
        }
        let pointer = self.as_ptr();
        // SAFETY: the index is inside; the pointer is aligned for the type.
        unsafe {
            Some(match self.ty.bytes() {
                1 => u64::from(pointer.add(index).read()),
                2 => u64::from(pointer.cast::<u16>().add(index).read()),
                4 => u64::from(pointer.cast::<u32>().add(index).read()),
                _ => pointer.cast::<u64>().add(index).read(),
            })
        }
    }

    /// Assign the bits of an element (the low ones, as many as it has); false outside.
    pub fn store(&self, index: usize, bits: u64) -> bool {
        if index >= self.len {
            return false;
        }
        let pointer = self.as_ptr();
        // SAFETY: the index is inside; the pointer is aligned for the type.
        unsafe {
            match self.ty.bytes() {
                1 => pointer.add(index).write(bits as u8),
                2 => pointer.cast::<u16>().add(index).write(bits as u16),
                4 => pointer.cast::<u32>().add(index).write(bits as u32),
                _ => pointer.cast::<u64>().add(index).write(bits),
            }
        }
        true
    }

    /// Copy bytes in, from element `start` on; false (and no change) if they do not fit whole.
    pub fn copy_from_bytes(&self, start: usize, bytes: &[u8]) -> bool {
        let width = self.ty.bytes();
        let fits = bytes.len().is_multiple_of(width)
            && start.checked_add(bytes.len() / width).is_some_and(|end| end <= self.len);
        if fits {
            // SAFETY: the range was checked; source and destination cannot overlap, since
            // buffers never hand out slices that outlive a call of the engine.
            unsafe {
                self.as_ptr().add(start * width).copy_from(bytes.as_ptr(), bytes.len());
            }
        }
        fits
    }

    /// Read all elements as bytes, without copying.
    pub fn with_bytes<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        // SAFETY: the buffer owns so many bytes, which are initialised; exclusive use of the
        // elements is the contract of the type.
        read(unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len * self.ty.bytes()) })
    }

    /// Write elements as bytes, without copying; the bytes of booleans have to be 0 or 1.
    pub fn with_bytes_mut<R>(&self, write: impl FnOnce(&mut [u8]) -> R) -> R {
        // SAFETY: as above.
        write(unsafe { std::slice::from_raw_parts_mut(self.as_ptr(), self.len * self.ty.bytes()) })
    }

    /// Copy elements from `source` to `destination`, which may overlap; false if outside.
    pub fn copy_within(&self, source: usize, destination: usize, count: usize) -> bool {
        let inside = |start: usize| start.checked_add(count).is_some_and(|end| end <= self.len);
        let fits = inside(source) && inside(destination);
        if fits {
            let width = self.ty.bytes();
            // SAFETY: both ranges were checked; `copy` allows overlap.
            unsafe {
                let base = self.as_ptr();
                base.add(destination * width).copy_from(base.add(source * width), count * width);
            }
        }
        fits
    }

    /// Copy `count` elements of another buffer of the same type in, from its element `source` to
    /// element `destination`; false (and no change) if outside.
    pub fn copy_from(&self, destination: usize, other: &Self, source: usize, count: usize) -> bool {
        let inside = |buffer: &Self, start: usize| {
            start.checked_add(count).is_some_and(|end| end <= buffer.len)
        };
        let fits = self.ty == other.ty && inside(self, destination) && inside(other, source);
        if fits {
            let width = self.ty.bytes();
            // SAFETY: both ranges were checked; `copy` allows that both are the same buffer.
            unsafe {
                let from = other.as_ptr().add(source * width);
                self.as_ptr().add(destination * width).copy_from(from, count * width);
            }
        }
        fits
    }

    /// Copy of the elements `start..start + count` as bytes; `None` outside.
    pub fn to_bytes(&self, start: usize, count: usize) -> Option<Vec<u8>> {
        let end = start.checked_add(count)?;
        if end > self.len {
            return None;
        }
        let width = self.ty.bytes();
        let mut bytes = vec![0; count * width];
        // SAFETY: the range was checked; the vector has that many bytes.
        unsafe {
            bytes.as_mut_ptr().copy_from(self.as_ptr().add(start * width), count * width);
        }
        Some(bytes)
    }

    /// Set the elements `start..start + count` to the same bits; false if outside.
    pub fn fill(&self, start: usize, count: usize, bits: u64) -> bool {
        let fits = start.checked_add(count).is_some_and(|end| end <= self.len);
        if fits {
            let pointer = self.as_ptr();
            // SAFETY: the range was checked; the pointer is aligned for the type.
            unsafe {
                match self.ty.bytes() {
                    1 => pointer.add(start).write_bytes(bits as u8, count),
                    2 => {
                        std::slice::from_raw_parts_mut(pointer.cast::<u16>().add(start), count)
                            .fill(bits as u16);
                    }
                    4 => {
                        std::slice::from_raw_parts_mut(pointer.cast::<u32>().add(start), count)
                            .fill(bits as u32);
                    }
                    _ => {
                        std::slice::from_raw_parts_mut(pointer.cast::<u64>().add(start), count)
                            .fill(bits);
                    }
                }
            }
        }
        fits
    }

    /// The words of a `u32` buffer; `None` for other types or outside.
    ///
    /// Bit masks of spikes are read and written through this.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "interior mutability; see the type")]
    pub fn words(&self, start: usize, count: usize) -> Option<&mut [u32]> {
        let end = start.checked_add(count)?;
        if end > self.len || self.ty != Type::U32 {
            return None;
        }
        // SAFETY: the range was checked, `u32` has no invalid bits; exclusive use of the elements
        // is the contract of the type.
        unsafe {
            Some(std::slice::from_raw_parts_mut(self.as_ptr().cast::<u32>().add(start), count))
        }
    }

    /// The numbers of an `f32` buffer; `None` for other types or outside.
    #[expect(clippy::mut_from_ref, reason = "interior mutability; see the type")]
    pub fn floats(&self, start: usize, count: usize) -> Option<&mut [f32]> {
        let end = start.checked_add(count)?;
        if end > self.len || self.ty != Type::F32 {
            return None;
        }
        // SAFETY: as for `words`: any bits are an `f32`.
        unsafe {
            Some(std::slice::from_raw_parts_mut(self.as_ptr().cast::<f32>().add(start), count))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_bits() {
        for ty in Type::ALL {
            let buffer = Buffer::new(ty, 5).unwrap();
            assert!(buffer.as_ptr().addr().is_multiple_of(ALIGNMENT));
            assert_eq!(buffer.load(4), Some(0));
            assert!(buffer.store(4, 0x81));
            assert_eq!(buffer.load(4), Some(0x81));
            assert_eq!(buffer.load(5), None);
            assert!(!buffer.store(5, 1));
            assert!(buffer.fill(0, 5, 3) && !buffer.fill(1, 5, 3));
            assert_eq!(buffer.load(0), Some(3));
            let bytes = buffer.to_bytes(1, 2).unwrap();
            assert_eq!(buffer.with_bytes(|all| all[ty.bytes()..3 * ty.bytes()].to_vec()), bytes);
            buffer.with_bytes_mut(|all| all[..bytes.len()].copy_from_slice(&bytes));
            assert!(buffer.copy_from_bytes(3, &bytes) && !buffer.copy_from_bytes(4, &bytes));
            assert!(buffer.copy_within(0, 1, 4) && !buffer.copy_within(0, 2, 4));
            let other = Buffer::new(ty, 3).unwrap();
            assert!(other.copy_from(1, &buffer, 3, 2) && !other.copy_from(2, &buffer, 3, 2));
            assert!(!other.copy_from(0, &buffer, 4, 2));
            assert_eq!(other.load(2), buffer.load(4));
        }
        assert!(Buffer::new(Type::F64, usize::MAX / 4).is_err());
    }

    /// Large buffers have memory of another kind.
    #[test]
    fn buffers_of_any_size_are_zero_and_writable() {
        for len in [0, 1, (1 << 20) - 16, 1 << 20, (1 << 20) + 1] {
            let buffer = Buffer::new(Type::F32, len).unwrap();
            assert!(buffer.as_ptr().addr().is_multiple_of(ALIGNMENT));
            assert!(buffer.with_bytes(|bytes| bytes.iter().all(|&byte| byte == 0)));
            assert!(buffer.fill(0, len, 7) && (len == 0 || buffer.load(len - 1) == Some(7)));
        }
    }
}

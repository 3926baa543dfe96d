//! Memory with machine code: written first, executable after, never both.
#![expect(unsafe_code, reason = "pointers to functions in memory that was mapped for them")]

use memmap2::{Mmap, MmapMut};

/// The machine code of a program.
#[derive(Debug)]
pub(crate) struct Code {
    memory: Mmap,
    /// Where functions start.
    entries: Vec<usize>,
}

/// A function that does a run of steps for so many lanes of a frame, from the pointers by the base
/// of operands.
pub(crate) type Function = unsafe extern "sysv64" fn(*const *mut u8, usize);

impl Code {
    /// Put code where it can be run; `None` if the system does not let us.
    pub(super) fn new(bytes: &[u8], entries: Vec<usize>) -> Option<Self> {
        if entries.iter().any(|&entry| entry >= bytes.len()) {
            return None;
        }
        let mut memory = MmapMut::map_anon(bytes.len()).ok()?;
        memory.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let memory = memory.make_exec().ok()?;
        Some(Self { memory, entries })
    }

    /// The function of a run.
    #[inline(always)]
    pub(crate) fn function(&self, run: usize) -> Function {
        // SAFETY: there is a function of this type at each entry. It may be called where its
        // instruction set is, which is what a `Function` asks of its caller.
        unsafe { std::mem::transmute(self.memory.as_ptr().add(self.entries[run])) }
    }
}

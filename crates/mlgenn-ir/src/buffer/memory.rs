//! Where the bytes of buffers come from.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use memmap2::MmapMut;

/// From so many bytes on, memory is mapped in pages that are as large as the system has them: there
/// are fewer to be made when it is written first, and to be looked up when it is read anywhere.
const LARGE: usize = 4 << 20;

/// Alignment that the allocator is asked for. For a larger one it would write all zeros itself.
const ALLOCATED_ALIGNMENT: usize = 16;

/// Zeroed memory, which takes room page by page, when something is written.
#[derive(Debug)]
pub(super) enum Memory {
    Allocated { start: NonNull<u8>, layout: Layout, pointer: NonNull<u8> },
    Mapped { _map: MmapMut, pointer: NonNull<u8> },
}

impl Memory {
    /// So many bytes, not 0, of an alignment that is no larger than a page.
    pub(super) fn zeroed(bytes: usize, alignment: usize) -> Option<Self> {
        if bytes >= LARGE {
            let mut map = MmapMut::map_anon(bytes).ok()?;
            // Small pages do as well.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            let pointer = NonNull::new(map.as_mut_ptr())?;
            return Some(Self::Mapped { _map: map, pointer });
        }
        let room = bytes.checked_add(alignment - ALLOCATED_ALIGNMENT)?;
        let layout = Layout::from_size_align(room, ALLOCATED_ALIGNMENT).ok()?;
        // SAFETY: the layout has a size.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        // SAFETY: there is room for moving on to the next multiple of the alignment.
        let pointer = unsafe { start.add(start.align_offset(alignment)) };
        Some(Self::Allocated { start, layout, pointer })
    }

    /// The first byte.
    pub(super) fn pointer(&self) -> NonNull<u8> {
        match self {
            Self::Allocated { pointer, .. } | Self::Mapped { pointer, .. } => *pointer,
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Self::Allocated { start, layout, .. } = self {
            // SAFETY: allocated with this layout.
            unsafe { dealloc(start.as_ptr(), *layout) }
        }
    }
}

//! Asking for memory ahead of its use.
#![expect(unsafe_code, reason = "an instruction that takes any address")]

/// Bytes of a cache line.
const LINE: usize = 64;

/// Ask for a cache line.
#[expect(clippy::not_unsafe_ptr_arg_deref, reason = "nothing is read: any address will do")]
#[inline(always)]
pub fn prefetch(p: *const i8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: any address will do.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(p);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Ask for all cache lines of a slice.
#[inline]
pub fn prefetch_all<T>(elements: &[T]) {
    let first: *const i8 = elements.as_ptr().cast();
    for offset in (0..size_of_val(elements)).step_by(LINE) {
        prefetch(first.wrapping_add(offset));
    }
}

//! Denormal numbers as zeros, which is much faster on most machines.
#![expect(unsafe_code, reason = "the control register of the vector unit")]

/// Run a function in a mode in which this thread takes `f32` and `f64` numbers that are not normal
/// as zeros and gives zeros instead of them; then go back to the mode before, also after a panic.
///
/// Numbers that are not normal already when the function starts may or may not count as zeros.
/// Does nothing but run the function on architectures other than x86-64 and AArch64.
pub fn with_flush_to_zero<R>(function: impl FnOnce() -> R) -> R {
    let _mode = Mode::flush_to_zero();
    function()
}

/// The mode before; taken up again on drop.
struct Mode(u64);

impl Drop for Mode {
    fn drop(&mut self) {
        set_control(self.0);
    }
}

impl Mode {
    fn flush_to_zero() -> Self {
        let before = control();
        set_control(before | FLUSH);
        Self(before)
    }
}

/// Flush to zero and denormals are zero, of MXCSR.
#[cfg(target_arch = "x86_64")]
const FLUSH: u64 = 0x8040;

#[cfg(target_arch = "x86_64")]
fn control() -> u64 {
    let mut bits = 0u32;
    // SAFETY: stores the register to the variable.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut bits, options(nostack)) };
    u64::from(bits)
}

#[cfg(target_arch = "x86_64")]
fn set_control(bits: u64) {
    let bits = bits as u32;
    // SAFETY: the value is that of `control`, but for the two bits about denormal numbers; the
    // assumption of Rust that these are clear is given up knowingly within `with_flush_to_zero`.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &bits, options(nostack)) };
}

/// Flush to zero, of FPCR.
#[cfg(target_arch = "aarch64")]
const FLUSH: u64 = 1 << 24;

#[cfg(target_arch = "aarch64")]
fn control() -> u64 {
    let bits: u64;
    // SAFETY: reads the register.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) bits, options(nomem, nostack)) };
    bits
}

#[cfg(target_arch = "aarch64")]
fn set_control(bits: u64) {
    // SAFETY: as for the other architecture.
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) bits, options(nostack)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH: u64 = 0;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn control() -> u64 {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_control(_: u64) {}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::with_flush_to_zero;

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn denormals_vanish_inside_only() {
        let half = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        assert!(half() > 0.0);
        assert_eq!(with_flush_to_zero(half), 0.0);
        assert!(half() > 0.0);
        let panicked = std::panic::catch_unwind(|| with_flush_to_zero(|| panic!("inside")));
        assert!(panicked.is_err() && half() > 0.0);
    }
}

//! Vector units: one trait over 32-bit lanes, one implementation per instruction set.
//!
//! Lanes are bits; whether they are `f32`, `i32`, `u32` or masks (all bits of the lane set or
//! clear) is up to the operation. Nothing contracts or reorders floating-point operations, so all
//! implementations give the same bits (except those of NaNs).
#![expect(unsafe_code, reason = "vector instructions")]
#![expect(unsafe_op_in_unsafe_fn, reason = "all of these functions are vector instructions")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod level;
mod portable;
#[cfg(target_arch = "x86_64")]
mod sse2;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub use level::{Level, UnknownLevel};
pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use sse2::Sse2;

/// The most lanes that a vector has.
pub(crate) const MAX_LANES: usize = 16;

/// A vector unit.
///
/// # Safety
///
/// All functions need the instruction set of the implementation. Those that take pointers need
/// as many 4-byte elements behind them as they touch: `LANES`, or `count < LANES` for the partial
/// ones; no alignment beyond that of a `u32` is needed.
pub(crate) trait Simd: Copy + 'static {
    /// `LANES` times 32 bits.
    type V: Copy;
    /// Number of lanes.
    const LANES: usize;
    /// Whether [`Simd::store_positions`] takes as long for any number of bits.
    const COMPRESSES: bool = false;

    unsafe fn load(p: *const u32) -> Self::V;
    unsafe fn store(p: *mut u32, v: Self::V);
    /// The first `count` lanes; the others are 0.
    unsafe fn load_partial(p: *const u32, count: usize) -> Self::V;
    unsafe fn store_partial(p: *mut u32, v: Self::V, count: usize);
    unsafe fn splat(bits: u32) -> Self::V;
    /// Elements at `p + index`, indices being unsigned.
    unsafe fn gather(p: *const u32, index: Self::V) -> Self::V;
    /// Highest bit of each lane.
    unsafe fn movemask(v: Self::V) -> u32;

    /// Write `first + lane` for each lane whose bit is set, in order, and anything behind them up
    /// to the length of a vector; how many there are.
    #[inline(always)]
    unsafe fn store_positions(p: *mut u32, first: u32, mut bits: u32) -> usize {
        let mut count = 0;
        while bits != 0 {
            *p.add(count) = first + bits.trailing_zeros();
            count += 1;
            bits &= bits - 1;
        }
        count
    }

    /// Sum of the lanes: the upper half is added to the lower half until one is left.
    #[inline(always)]
    unsafe fn sum_f32(v: Self::V) -> f32 {
        let mut lanes = [0.0; MAX_LANES];
        Self::store(lanes.as_mut_ptr().cast(), v);
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
            half /= 2;
        }
        lanes[0]
    }

    unsafe fn add_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt_f32(a: Self::V) -> Self::V;
    /// `a < b ? a : b`.
    unsafe fn min_f32(a: Self::V, b: Self::V) -> Self::V;
    /// `a > b ? a : b`.
    unsafe fn max_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn eq_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn ne_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn lt_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn le_f32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn floor_f32(a: Self::V) -> Self::V;
    unsafe fn ceil_f32(a: Self::V) -> Self::V;
    unsafe fn trunc_f32(a: Self::V) -> Self::V;
    /// To the nearest integer, ties to even.
    unsafe fn rint_f32(a: Self::V) -> Self::V;

    unsafe fn add_i32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub_i32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul_i32(a: Self::V, b: Self::V) -> Self::V;
    /// 64-bit products of the even lanes: the low half in the lane, the high half in the next one.
    unsafe fn mul_even_u32(a: Self::V, b: Self::V) -> Self::V;
    /// Each odd lane in the place of the even one before it, the odd ones 0.
    unsafe fn odd_to_even(a: Self::V) -> Self::V;
    /// Each even lane in the place of the odd one after it, the even ones 0.
    unsafe fn even_to_odd(a: Self::V) -> Self::V;
    unsafe fn eq_i32(a: Self::V, b: Self::V) -> Self::V;
    /// Signed.
    unsafe fn lt_i32(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn and(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn or(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn xor(a: Self::V, b: Self::V) -> Self::V;
    /// Counts are below 32.
    unsafe fn shl(a: Self::V, count: Self::V) -> Self::V;
    /// Zeros come in; counts are below 32.
    unsafe fn shr(a: Self::V, count: Self::V) -> Self::V;
    /// The sign comes in; counts are below 32.
    unsafe fn sar(a: Self::V, count: Self::V) -> Self::V;

    /// `a` where the mask is set, else `b`.
    unsafe fn select(mask: Self::V, a: Self::V, b: Self::V) -> Self::V;

    unsafe fn f32_from_i32(a: Self::V) -> Self::V;
    unsafe fn f32_from_u32(a: Self::V) -> Self::V;
    /// Truncates; anything for numbers outside of `i32`.
    unsafe fn i32_from_f32(a: Self::V) -> Self::V;

    /// Run `body` with the instruction set enabled.
    unsafe fn step<B: crate::tape::Body>() -> crate::tape::StepFn;

    /// Run `task` with the instruction set enabled.
    unsafe fn enabled<T: Task>(task: T) -> T::Output;

    /// Both of 32 bits flipped.
    #[inline(always)]
    unsafe fn not(a: Self::V) -> Self::V {
        Self::xor(a, Self::splat(u32::MAX))
    }

    #[inline(always)]
    unsafe fn splat_f32(x: f32) -> Self::V {
        Self::splat(x.to_bits())
    }
}

/// A computation that is generic over the vector unit.
pub(crate) trait Task {
    type Output;
    /// # Safety
    ///
    /// The instruction set of `S` must be there; more as the task says.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

/// Implements `step` and `enabled` for the target features given.
#[cfg(target_arch = "x86_64")]
macro_rules! enable {
    ($features:literal) => {
        #[inline(always)]
        unsafe fn step<B: crate::tape::Body>() -> crate::tape::StepFn {
            #[target_feature(enable = $features)]
            unsafe fn run<B: crate::tape::Body>(
                vm: &mut crate::tape::Vm<'_>,
                step: &crate::tape::Step,
                count: usize,
            ) {
                B::run::<Unit>(vm, step, count)
            }
            run::<B>
        }

        #[inline(always)]
        unsafe fn enabled<T: super::Task>(task: T) -> T::Output {
            #[target_feature(enable = $features)]
            unsafe fn run<T: super::Task>(task: T) -> T::Output {
                task.run::<Unit>()
            }
            run(task)
        }
    };
}
#[cfg(target_arch = "x86_64")]
use enable;

//! Scalar code with 4 lanes, for machines without a vector unit that this crate knows.

use super::{Simd, Task};
use crate::tape::{Body, Step, StepFn, Vm};

/// The vector unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

type V = [u32; 4];

#[inline(always)]
fn each(a: V, function: impl Fn(u32) -> u32) -> V {
    a.map(function)
}

#[inline(always)]
fn each2(a: V, b: V, function: impl Fn(u32, u32) -> u32) -> V {
    std::array::from_fn(|lane| function(a[lane], b[lane]))
}

#[inline(always)]
fn float(a: V, function: impl Fn(f32) -> f32) -> V {
    each(a, |a| function(f32::from_bits(a)).to_bits())
}

#[inline(always)]
fn float2(a: V, b: V, function: impl Fn(f32, f32) -> f32) -> V {
    each2(a, b, |a, b| function(f32::from_bits(a), f32::from_bits(b)).to_bits())
}

#[inline(always)]
fn holds(condition: bool) -> u32 {
    0u32.wrapping_sub(u32::from(condition))
}

#[inline(always)]
fn compare(a: V, b: V, function: impl Fn(f32, f32) -> bool) -> V {
    each2(a, b, |a, b| holds(function(f32::from_bits(a), f32::from_bits(b))))
}

impl Simd for Portable {
    type V = V;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn step<B: Body>() -> StepFn {
        unsafe fn run<B: Body>(vm: &mut Vm<'_>, step: &Step, count: usize) {
            B::run::<Portable>(vm, step, count)
        }
        run::<B>
    }
    #[inline(always)]
    unsafe fn enabled<T: Task>(task: T) -> T::Output {
        task.run::<Self>()
    }

    #[inline(always)]
    unsafe fn load(p: *const u32) -> V {
        p.cast::<V>().read_unaligned()
    }
    #[inline(always)]
    unsafe fn store(p: *mut u32, v: V) {
        p.cast::<V>().write_unaligned(v)
    }
    #[inline(always)]
    unsafe fn load_partial(p: *const u32, count: usize) -> V {
        std::array::from_fn(|lane| if lane < count { *p.add(lane) } else { 0 })
    }
    #[inline(always)]
    unsafe fn store_partial(p: *mut u32, v: V, count: usize) {
        for (lane, &bits) in v.iter().enumerate().take(count) {
            *p.add(lane) = bits;
        }
    }
    #[inline(always)]
    unsafe fn splat(bits: u32) -> V {
        [bits; 4]
    }
    #[inline(always)]
    unsafe fn gather(p: *const u32, index: V) -> V {
        each(index, |index| *p.add(index as usize))
    }
    #[inline(always)]
    unsafe fn movemask(v: V) -> u32 {
        v.iter().enumerate().map(|(lane, bits)| (bits >> 31) << lane).sum()
    }

    #[inline(always)]
    unsafe fn add_f32(a: V, b: V) -> V {
        float2(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub_f32(a: V, b: V) -> V {
        float2(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul_f32(a: V, b: V) -> V {
        float2(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div_f32(a: V, b: V) -> V {
        float2(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn sqrt_f32(a: V) -> V {
        float(a, f32::sqrt)
    }
    #[inline(always)]
    unsafe fn min_f32(a: V, b: V) -> V {
        float2(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn max_f32(a: V, b: V) -> V {
        float2(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn eq_f32(a: V, b: V) -> V {
        compare(a, b, |a, b| a == b)
    }
    #[inline(always)]
    unsafe fn ne_f32(a: V, b: V) -> V {
        compare(a, b, |a, b| a != b)
    }
    #[inline(always)]
    unsafe fn lt_f32(a: V, b: V) -> V {
        compare(a, b, |a, b| a < b)
    }
    #[inline(always)]
    unsafe fn le_f32(a: V, b: V) -> V {
        compare(a, b, |a, b| a <= b)
    }
    #[inline(always)]
    unsafe fn floor_f32(a: V) -> V {
        float(a, f32::floor)
    }
    #[inline(always)]
    unsafe fn ceil_f32(a: V) -> V {
        float(a, f32::ceil)
    }
    #[inline(always)]
    unsafe fn trunc_f32(a: V) -> V {
        float(a, f32::trunc)
    }
    #[inline(always)]
    unsafe fn rint_f32(a: V) -> V {
        float(a, f32::round_ties_even)
    }

    #[inline(always)]
    unsafe fn add_i32(a: V, b: V) -> V {
        each2(a, b, u32::wrapping_add)
    }
    #[inline(always)]
    unsafe fn sub_i32(a: V, b: V) -> V {
        each2(a, b, u32::wrapping_sub)
    }
    #[inline(always)]
    unsafe fn mul_i32(a: V, b: V) -> V {
        each2(a, b, u32::wrapping_mul)
    }
    #[inline(always)]
    unsafe fn mul_even_u32(a: V, b: V) -> V {
        let product = |lane: usize| u64::from(a[lane]) * u64::from(b[lane]);
        let (first, second) = (product(0), product(2));
        [first as u32, (first >> 32) as u32, second as u32, (second >> 32) as u32]
    }
    #[inline(always)]
    unsafe fn odd_to_even(a: V) -> V {
        [a[1], 0, a[3], 0]
    }
    #[inline(always)]
    unsafe fn even_to_odd(a: V) -> V {
        [0, a[0], 0, a[2]]
    }
    #[inline(always)]
    unsafe fn eq_i32(a: V, b: V) -> V {
        each2(a, b, |a, b| holds(a == b))
    }
    #[inline(always)]
    unsafe fn lt_i32(a: V, b: V) -> V {
        each2(a, b, |a, b| holds((a as i32) < b as i32))
    }
    #[inline(always)]
    unsafe fn and(a: V, b: V) -> V {
        each2(a, b, |a, b| a & b)
    }
    #[inline(always)]
    unsafe fn or(a: V, b: V) -> V {
        each2(a, b, |a, b| a | b)
    }
    #[inline(always)]
    unsafe fn xor(a: V, b: V) -> V {
        each2(a, b, |a, b| a ^ b)
    }
    #[inline(always)]
    unsafe fn shl(a: V, count: V) -> V {
        each2(a, count, u32::wrapping_shl)
    }
    #[inline(always)]
    unsafe fn shr(a: V, count: V) -> V {
        each2(a, count, u32::wrapping_shr)
    }
    #[inline(always)]
    unsafe fn sar(a: V, count: V) -> V {
        each2(a, count, |a, count| (a as i32).wrapping_shr(count) as u32)
    }

    #[inline(always)]
    unsafe fn select(mask: V, a: V, b: V) -> V {
        std::array::from_fn(|lane| if mask[lane] != 0 { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    unsafe fn f32_from_i32(a: V) -> V {
        each(a, |a| (a as i32 as f32).to_bits())
    }
    #[inline(always)]
    unsafe fn f32_from_u32(a: V) -> V {
        each(a, |a| (a as f32).to_bits())
    }
    #[inline(always)]
    unsafe fn i32_from_f32(a: V) -> V {
        each(a, |a| f32::from_bits(a) as i32 as u32)
    }
}

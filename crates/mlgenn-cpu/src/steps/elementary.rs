//! `exp`, `log`, `tanh`, sine and cosine of vectors: step by step what [`mlgenn_ir::math::elementary`] does with
//! scalars, and so the same bits.

use mlgenn_ir::math::elementary::{
    exp_constants, log_constants, sin_cos_constants, tanh_constants,
};

use crate::simd::Simd;

/// Horner's scheme; the last coefficient is that of the highest power.
#[inline(always)]
unsafe fn polynomial<S: Simd>(x: S::V, coefficients: &[f32]) -> S::V {
    let mut coefficients = coefficients.iter().rev();
    let mut p = S::splat_f32(coefficients.next().copied().unwrap_or(0.0));
    for &coefficient in coefficients {
        p = S::add_f32(S::mul_f32(p, x), S::splat_f32(coefficient));
    }
    p
}

/// `2^n`.
#[inline(always)]
unsafe fn power_of_two<S: Simd>(n: S::V) -> S::V {
    S::shl(S::add_i32(n, S::splat(127)), S::splat(23))
}

#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    use exp_constants::*;
    let x = S::min_f32(S::splat_f32(HIGH), x);
    let x = S::max_f32(S::splat_f32(LOW), x);
    let magic = S::splat_f32(MAGIC);
    let shifted = S::add_f32(S::mul_f32(x, S::splat_f32(LOG2_E)), magic);
    let n = S::sub_f32(shifted, magic);
    let r = S::sub_f32(x, S::mul_f32(n, S::splat_f32(LN2_HIGH)));
    let r = S::sub_f32(r, S::mul_f32(n, S::splat_f32(LN2_LOW)));
    let p = polynomial::<S>(r, &C);
    let y = S::mul_f32(p, S::mul_f32(r, r));
    let y = S::add_f32(S::add_f32(y, r), S::splat_f32(1.0));
    let n = S::sub_i32(shifted, magic);
    let half = S::sar(n, S::splat(1));
    let rest = S::sub_i32(n, half);
    S::mul_f32(S::mul_f32(y, power_of_two::<S>(half)), power_of_two::<S>(rest))
}

#[inline(always)]
pub(crate) unsafe fn log<S: Simd>(x: S::V) -> S::V {
    use log_constants::*;
    let tiny = S::lt_f32(x, S::splat_f32(MIN_NORMAL));
    let scaled = S::select(tiny, S::mul_f32(x, S::splat_f32(SUBNORMAL_SCALE)), x);
    let adjust = S::and(tiny, S::splat_f32(23.0));
    let bits = S::sub_i32(scaled, S::splat(SQRT_HALF_BITS));
    let e = S::sub_f32(S::f32_from_i32(S::sar(bits, S::splat(23))), adjust);
    let m = S::add_i32(S::and(bits, S::splat(MANTISSA_BITS)), S::splat(SQRT_HALF_BITS));
    let f = S::sub_f32(m, S::splat_f32(1.0));
    let square = S::mul_f32(f, f);
    let p = polynomial::<S>(f, &C);
    let y = S::mul_f32(p, S::mul_f32(square, f));
    let y = S::add_f32(y, S::mul_f32(e, S::splat_f32(LN2_LOW)));
    let y = S::sub_f32(y, S::mul_f32(S::splat_f32(0.5), square));
    let y = S::add_f32(S::add_f32(f, y), S::mul_f32(e, S::splat_f32(LN2_HIGH)));
    let infinity = S::splat_f32(f32::INFINITY);
    let y = S::select(S::eq_f32(x, infinity), infinity, y);
    let zero = S::splat(0);
    let y = S::select(S::eq_f32(x, zero), S::splat_f32(f32::NEG_INFINITY), y);
    S::select(S::le_f32(zero, x), y, S::splat_f32(f32::NAN))
}

#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    use tanh_constants::*;
    let sign = S::and(x, S::splat(0x8000_0000));
    let a = S::and(x, S::splat(0x7fff_ffff));
    let z = S::mul_f32(a, a);
    let p = polynomial::<S>(z, &C);
    let small = S::add_f32(S::mul_f32(S::mul_f32(p, z), a), a);
    let one = S::splat_f32(1.0);
    let exp = exp::<S>(S::add_f32(a, a));
    let large = S::sub_f32(one, S::div_f32(S::splat_f32(2.0), S::add_f32(exp, one)));
    let y = S::select(S::lt_f32(a, S::splat_f32(SMALL)), small, large);
    S::or(y, sign)
}

/// Of the angles whose part of a turn is the upper 24 bits.
#[inline(always)]
pub(crate) unsafe fn sin_cos_turns<S: Simd>(bits: S::V) -> (S::V, S::V) {
    use sin_cos_constants::*;
    let quarters = S::f32_from_i32(S::shr(bits, S::splat(8)));
    let quarters = S::mul_f32(quarters, S::splat_f32(QUARTER));
    let magic = S::splat_f32(MAGIC);
    let shifted = S::add_f32(quarters, magic);
    let r = S::sub_f32(quarters, S::sub_f32(shifted, magic));
    let z = S::mul_f32(r, r);
    let sine = S::mul_f32(polynomial::<S>(z, &self::sin_cos_constants::S), r);
    let cosine = polynomial::<S>(z, &C);
    let cosine = S::add_f32(S::mul_f32(cosine, z), S::splat_f32(1.0));
    let (one, two) = (S::splat(1), S::splat(2));
    let even = S::eq_i32(S::and(shifted, one), S::splat(0));
    let place = S::splat(30);
    let sine_sign = S::shl(S::and(shifted, two), place);
    let cosine_sign = S::shl(S::and(S::add_i32(shifted, one), two), place);
    (
        S::xor(S::select(even, sine, cosine), sine_sign),
        S::xor(S::select(even, cosine, sine), cosine_sign),
    )
}

//! `exp`, `log`, `tanh`, sine and cosine in `f32`: the sequences of operations that every executor
//! follows.
//!
//! They consist of additions, multiplications, divisions, integer operations and selections only,
//! each rounded once and none contracted, so that a vector unit that does the same steps gets the
//! same bits. The error is below 2 units in the last place. The bits of NaN results are not
//! specified.
//!
//! `select(c, a, b)` below is written `if c { a } else { b }`.

/// Constants of [`exp`].
pub mod exp_constants {
    /// Arguments above give infinity.
    pub const HIGH: f32 = 89.0;
    /// Arguments below give zero.
    pub const LOW: f32 = -104.0;
    /// log2(e).
    pub const LOG2_E: f32 = std::f32::consts::LOG2_E;
    /// 1.5 · 2^23: adding it rounds to an integer, which is then found in the low bits.
    pub const MAGIC: f32 = 12_582_912.0;
    /// ln(2) to 9 bits, so that its product with an exponent is exact.
    pub const LN2_HIGH: f32 = 355.0 / 512.0;
    /// The rest of ln(2).
    pub const LN2_LOW: f32 = -2.121_944_4e-4;
    /// exp(r) ≈ 1 + r + r² (C\[0\] + C\[1\] r + … + C\[4\] r⁴) for |r| ≤ ln(2) / 2.
    pub const C: [f32; 5] =
        [0.499_999_94, 0.166_665_15, 0.041_668_456, 0.008_369_419, 0.001_381_314_5];
}

/// Constants of [`log`].
pub mod log_constants {
    /// Bits of the smallest normal number.
    pub const MIN_NORMAL: f32 = f32::MIN_POSITIVE;
    /// 2^23, which makes subnormal numbers normal.
    pub const SUBNORMAL_SCALE: f32 = 8_388_608.0;
    /// Bits of sqrt(1/2): the mantissa is brought to `[sqrt(1/2), sqrt(2))`.
    pub const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    /// Mask of the bits of the mantissa.
    pub const MANTISSA_BITS: u32 = 0x007f_ffff;
    /// As for `exp`.
    pub const LN2_HIGH: f32 = super::exp_constants::LN2_HIGH;
    /// As for `exp`.
    pub const LN2_LOW: f32 = super::exp_constants::LN2_LOW;
    /// log(1 + f) ≈ f - f² / 2 + f³ (C\[0\] + C\[1\] f + … + C\[7\] f⁷).
    pub const C: [f32; 8] = [
        0.333_333_3,
        -0.250_008_2,
        0.200_012_27,
        -0.166_233_57,
        0.142_017_57,
        -0.131_601_83,
        0.127_615_76,
        -0.076_344_97,
    ];
}

/// Constants of [`tanh`].
pub mod tanh_constants {
    /// Below, a polynomial; above, by way of `exp`.
    pub const SMALL: f32 = 0.625;
    /// tanh(x) ≈ x + x · x² (C\[0\] + C\[1\] x² + … + C\[4\] x⁸) for |x| < `SMALL`.
    pub const C: [f32; 5] =
        [-0.333_332_8, 0.133_314_42, -0.053_739_715, 0.020_639_09, -0.005_704_987_3];
}

/// Constants of [`sin_cos_turns`].
pub mod sin_cos_constants {
    /// A quarter of 2^24, inverted.
    pub const QUARTER: f32 = 1.0 / 4_194_304.0;
    /// As for `exp`; the low bits are 0.
    pub const MAGIC: f32 = super::exp_constants::MAGIC;
    /// sin(π / 2 · r) ≈ r (S\[0\] + S\[1\] r² + … + S\[3\] r⁶) for |r| ≤ 1/2.
    pub const S: [f32; 4] = [1.570_796_4, -0.645_963_5, 0.079_680_03, -0.004_601_658];
    /// cos(π / 2 · r) ≈ 1 + r² (C\[0\] + C\[1\] r² + C\[2\] r⁴).
    pub const C: [f32; 3] = [-1.233_697_7, 0.253_603_22, -0.020_417_282];
}

/// e to the power of `x`.
#[inline]
pub fn exp(x: f32) -> f32 {
    use exp_constants::*;
    // 1. Clamp. The order of the operands keeps NaN, as `min(HIGH, x)` of x86 does.
    let x = if HIGH < x { HIGH } else { x };
    let x = if LOW > x { LOW } else { x };
    // 2. x = n ln(2) + r, n an integer.
    let shifted = x * LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = x - n * LN2_HIGH;
    let r = r - n * LN2_LOW;
    // 3. exp(r), Horner's scheme.
    let mut p = C[4];
    p = p * r + C[3];
    p = p * r + C[2];
    p = p * r + C[1];
    p = p * r + C[0];
    let y = (p * (r * r) + r) + 1.0;
    // 4. Times 2^n, in two steps (`n >> 1` is an arithmetic shift) as 2^n itself may not be a
    //    normal number.
    let n = (shifted.to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32);
    let half = n >> 1;
    let rest = n.wrapping_sub(half);
    (y * power_of_two(half)) * power_of_two(rest)
}

/// 2^n for `-126 <= n <= 127`; any number otherwise.
#[inline]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// Natural logarithm of `x`; NaN for negative numbers, minus infinity for zeros.
#[inline]
pub fn log(x: f32) -> f32 {
    use log_constants::*;
    // 1. Make subnormal numbers normal.
    let tiny = x < MIN_NORMAL;
    let scaled = if tiny { x * SUBNORMAL_SCALE } else { x };
    let adjust = if tiny { 23.0 } else { 0.0 };
    // 2. scaled = m · 2^e with m in [sqrt(1/2), sqrt(2)); arithmetic shift.
    let bits = scaled.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let e = ((bits as i32) >> 23) as f32 - adjust;
    let m = f32::from_bits((bits & MANTISSA_BITS).wrapping_add(SQRT_HALF_BITS));
    // 3. log(1 + f), Horner's scheme.
    let f = m - 1.0;
    let square = f * f;
    let mut p = C[7];
    p = p * f + C[6];
    p = p * f + C[5];
    p = p * f + C[4];
    p = p * f + C[3];
    p = p * f + C[2];
    p = p * f + C[1];
    p = p * f + C[0];
    let y = p * (square * f);
    // 4. Plus e ln(2), small terms first.
    let y = y + e * LN2_LOW;
    let y = y - 0.5 * square;
    let y = (f + y) + e * LN2_HIGH;
    // 5. Special arguments.
    let y = if x == f32::INFINITY { f32::INFINITY } else { y };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x >= 0.0 { y } else { f32::NAN }
}

/// Hyperbolic tangent of `x`.
#[inline]
pub fn tanh(x: f32) -> f32 {
    use tanh_constants::*;
    // 1. Work on the absolute value, put the sign back at the end.
    let sign = x.to_bits() & 0x8000_0000;
    let a = f32::from_bits(x.to_bits() & 0x7fff_ffff);
    // 2. Polynomial for small arguments.
    let z = a * a;
    let mut p = C[4];
    p = p * z + C[3];
    p = p * z + C[2];
    p = p * z + C[1];
    p = p * z + C[0];
    let small = (p * z) * a + a;
    // 3. 1 - 2 / (exp(2 a) + 1) for the others; right for infinity and NaN too.
    let large = 1.0 - 2.0 / (exp(a + a) + 1.0);
    let y = if a < SMALL { small } else { large };
    f32::from_bits(y.to_bits() | sign)
}

/// Sine and cosine of the angle whose part of a turn is the upper 24 of `bits`, over 2^24.
#[inline]
pub fn sin_cos_turns(bits: u32) -> (f32, f32) {
    use sin_cos_constants::*;
    // 1. Quarters of a turn; r, the rest after the nearest whole number of them, is exact.
    let quarters = (bits >> 8) as f32 * QUARTER;
    let shifted = quarters + MAGIC;
    let r = quarters - (shifted - MAGIC);
    // 2. Sine and cosine of the rest, Horner's scheme.
    let z = r * r;
    let mut sine = S[3];
    sine = sine * z + S[2];
    sine = sine * z + S[1];
    sine = sine * z + S[0];
    let sine = sine * r;
    let mut cosine = C[2];
    cosine = cosine * z + C[1];
    cosine = cosine * z + C[0];
    let cosine = cosine * z + 1.0;
    // 3. Each quarter of a turn swaps the two and changes the sign of one.
    let quadrant = shifted.to_bits() & 3;
    let (sine, cosine) = if quadrant & 1 == 0 { (sine, cosine) } else { (cosine, sine) };
    let sign = |quadrant: u32| (quadrant & 2) << 30;
    (
        f32::from_bits(sine.to_bits() ^ sign(quadrant)),
        f32::from_bits(cosine.to_bits() ^ sign(quadrant + 1)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance from the exact value in units of the last place of the correctly rounded result.
    fn ulps(value: f32, exact: f64) -> f64 {
        let rounded = exact as f32;
        if value.is_nan() || exact.is_nan() {
            return if value.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
        }
        if rounded.is_infinite() || rounded == 0.0 {
            // Accept the neighbour of infinity and of zero.
            return f64::from(
                (i64::from(value.to_bits()) - i64::from(rounded.to_bits())).abs() as f32
            );
        }
        let exponent = (rounded.abs().to_bits() >> 23).max(1) as i32 - 127;
        (f64::from(value) - exact).abs() / libm::exp2(f64::from(exponent - 23))
    }

    /// All exponents and signs, special values, and a dense net over the interesting range.
    fn inputs() -> impl Iterator<Item = f32> {
        let coarse = (0..=u32::MAX).step_by(1021).map(f32::from_bits);
        let dense = (-4_000_000..4_000_000).map(|i| i as f32 * 2.7e-5);
        let special = [0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        let edges = (0u32..256).flat_map(|exponent| {
            [0, 1, 2, 0x7f_fffe, 0x7f_ffff, 0x35_04f2, 0x35_04f3, 0x35_04f4]
                .into_iter()
                .map(move |mantissa| f32::from_bits(exponent << 23 | mantissa))
        });
        coarse.chain(dense).chain(special).chain(edges.flat_map(|x| [x, -x]))
    }

    fn check(name: &str, own: fn(f32) -> f32, reference: fn(f64) -> f64) {
        let mut worst = (0.0, 0.0);
        for x in inputs() {
            let error = ulps(own(x), reference(f64::from(x)));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        println!("{name}: at most {} ulp, at {:e}", worst.0, worst.1);
        assert!(worst.0 < 2.0, "{name}({:e}) is off by {} ulp", worst.1, worst.0);
    }

    #[test]
    fn exp_is_accurate() {
        check("exp", exp, libm::exp);
    }

    #[test]
    fn log_is_accurate() {
        check("log", log, libm::log);
    }

    #[test]
    fn tanh_is_accurate() {
        check("tanh", tanh, libm::tanh);
    }

    #[test]
    fn sines_and_cosines_are_accurate() {
        for bits in (0..=u32::MAX).step_by(65_521) {
            let angle = f64::from(bits >> 8) * std::f64::consts::TAU / 16_777_216.0;
            let (sin, cos) = sin_cos_turns(bits);
            assert!((f64::from(sin) - libm::sin(angle)).abs() < 1.5e-7, "{bits}");
            assert!((f64::from(cos) - libm::cos(angle)).abs() < 1.5e-7, "{bits}");
        }
        let quarter = |n: u32| sin_cos_turns(n << 30);
        assert_eq!([0, 1, 2, 3].map(quarter), [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)]);
    }

    #[test]
    fn special_values_are_exact() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(log(1.0).to_bits(), 0);
        assert_eq!(log(-0.0), f32::NEG_INFINITY);
        assert!(log(-1.0).is_nan() && log(f32::NEG_INFINITY).is_nan());
        assert_eq!(tanh(-0.0).to_bits(), 0x8000_0000);
        assert_eq!(tanh(f32::NEG_INFINITY), -1.0);
    }
}

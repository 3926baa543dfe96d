//! Mathematical functions on scalars, the same bits on every platform.
//!
//! In `f32`, `exp`, `log` and `tanh` are those of [`elementary`], which vector units mirror; the
//! others, and all of `f64`, are those of the `libm` crate. The sign of a NaN counts as positive
//! in `copysign`; otherwise neither sign nor payload of NaNs can be observed.

pub mod elementary;

use mlgenn_lang::typed::MathFunction;

use crate::types::Type;

/// What a function takes and gives, for a type of its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Types of the arguments.
    pub parameters: &'static [Type],
    /// Type of the result.
    pub result: Type,
}

/// Signature of a function whose first argument is of type `ty`; `None` if there is no such
/// function.
///
/// `clz` takes `u32`; `ilogb` and `clz` give `i32`; `scalbn` and `ldexp` take an `i32` second;
/// `min`, `max` and `abs` exist for all numbers; everything else for `f32` and `f64` only.
pub fn signature(function: MathFunction, ty: Type) -> Option<Signature> {
    use MathFunction as F;
    let same = |count: usize| {
        let index = Type::ALL.iter().position(|&other| other == ty)?;
        Some(Signature { parameters: &REPEATED[index][..count], result: ty })
    };
    let number = ty.is_float() || ty.is_integer();
    match function {
        F::Min | F::Max if number => same(2),
        F::Abs if number => same(1),
        F::Clz if ty == Type::U32 => {
            Some(Signature { parameters: &[Type::U32], result: Type::I32 })
        }
        F::Min | F::Max | F::Abs | F::Clz => None,
        _ if !ty.is_float() => None,
        F::Ilogb => same(1).map(|signature| Signature { result: Type::I32, ..signature }),
        F::Scalbn | F::Ldexp => {
            let parameters: &[Type] =
                if ty == Type::F32 { &[Type::F32, Type::I32] } else { &[Type::F64, Type::I32] };
            Some(Signature { parameters, result: ty })
        }
        F::Fma => same(3),
        F::Atan2
        | F::Pow
        | F::Fmod
        | F::NextAfter
        | F::Remainder
        | F::Fdim
        | F::Fmax
        | F::Fmin
        | F::CopySign
        | F::Hypot => same(2),
        _ => same(1),
    }
}

const REPEATED: [[Type; 3]; Type::ALL.len()] = {
    let mut rows = [[Type::Bool; 3]; Type::ALL.len()];
    let mut i = 0;
    while i < rows.len() {
        rows[i] = [Type::ALL[i]; 3];
        i += 1;
    }
    rows
};

/// Value of a function with arguments given by their bits, the first of type `ty`.
///
/// Arguments that are missing count as 0, functions without a signature for `ty` give 0: the
/// verifier keeps both away.
pub fn evaluate(function: MathFunction, ty: Type, arguments: &[u64]) -> u64 {
    let argument = |i: usize| arguments.get(i).copied().unwrap_or(0);
    match ty {
        Type::F32 => {
            let float = |i: usize| f32::from_bits(argument(i) as u32);
            if function == MathFunction::Ilogb {
                return u64::from(libm::ilogbf(float(0)) as u32);
            }
            let exponent = argument(1) as i32;
            u64::from(float32(function, float(0), float(1), float(2), exponent).to_bits())
        }
        Type::F64 => {
            let float = |i: usize| f64::from_bits(argument(i));
            if function == MathFunction::Ilogb {
                return u64::from(libm::ilogb(float(0)) as u32);
            }
            let exponent = argument(1) as i32;
            float64(function, float(0), float(1), float(2), exponent).to_bits()
        }
        _ => integer(function, ty, argument(0), argument(1)),
    }
}

/// `a < b ? a : b`: the second if either is NaN.
pub fn min<T: PartialOrd>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

/// `a > b ? a : b`: the second if either is NaN.
pub fn max<T: PartialOrd>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

fn integer(function: MathFunction, ty: Type, a: u64, b: u64) -> u64 {
    use crate::evaluate::{sign_extend, truncate};
    let (x, y) = (sign_extend(ty, a), sign_extend(ty, b));
    match function {
        MathFunction::Min if ty.is_signed() => truncate(ty, min(x, y) as u64),
        MathFunction::Max if ty.is_signed() => truncate(ty, max(x, y) as u64),
        MathFunction::Abs if ty.is_signed() => truncate(ty, x.wrapping_abs() as u64),
        MathFunction::Min => min(a, b),
        MathFunction::Max => max(a, b),
        MathFunction::Abs => a,
        MathFunction::Clz => u64::from((a as u32).leading_zeros()),
        _ => 0,
    }
}

/// The functions that are the same in both precisions but for the names in `libm`.
macro_rules! float_functions {
    ($name:ident, $ty:ident, $exp:path, $log:path, $tanh:path; $($function:ident $arity:tt $own:ident,)*) => {
        fn $name(function: MathFunction, x: $ty, y: $ty, z: $ty, exponent: i32) -> $ty {
            use MathFunction as F;
            match function {
                F::Exp => $exp(x),
                F::Log => $log(x),
                F::Tanh => $tanh(x),
                $(F::$function => float_functions!(@call $arity $own x y),)*
                F::Fabs | F::Abs => x.abs(),
                // C's: a NaN is ignored; otherwise as `min` and `max`.
                F::Fmin => if y.is_nan() { x } else { min(x, y) },
                F::Fmax => if y.is_nan() { x } else { max(x, y) },
                F::Min => min(x, y),
                F::Max => max(x, y),
                F::CopySign => x.copysign(if y.is_nan() { 1.0 } else { y }),
                F::Fma => float_functions!(@fma $ty x y z),
                F::Scalbn | F::Ldexp => float_functions!(@scale $ty x exponent),
                F::Ilogb | F::Clz => 0.0,
            }
        }
    };
    (@call 1 $own:ident $x:ident $y:ident) => { libm::$own($x) };
    (@call 2 $own:ident $x:ident $y:ident) => { libm::$own($x, $y) };
    (@fma f32 $x:ident $y:ident $z:ident) => { libm::fmaf($x, $y, $z) };
    (@fma f64 $x:ident $y:ident $z:ident) => { libm::fma($x, $y, $z) };
    (@scale f32 $x:ident $e:ident) => { libm::scalbnf($x, $e) };
    (@scale f64 $x:ident $e:ident) => { libm::scalbn($x, $e) };
}

float_functions! {
    float32, f32, elementary::exp, elementary::log, elementary::tanh;
    Cos 1 cosf, Sin 1 sinf, Tan 1 tanf, Acos 1 acosf, Asin 1 asinf, Atan 1 atanf,
    Cosh 1 coshf, Sinh 1 sinhf, Acosh 1 acoshf, Asinh 1 asinhf, Atanh 1 atanhf,
    Expm1 1 expm1f, Exp2 1 exp2f, Log1p 1 log1pf, Log2 1 log2f, Log10 1 log10f,
    Sqrt 1 sqrtf, Cbrt 1 cbrtf,
    Ceil 1 ceilf, Floor 1 floorf, Round 1 roundf, Rint 1 rintf, Trunc 1 truncf, NearbyInt 1 rintf,
    Erf 1 erff, Erfc 1 erfcf, Tgamma 1 tgammaf, Lgamma 1 lgammaf,
    Atan2 2 atan2f, Pow 2 powf, Fmod 2 fmodf, NextAfter 2 nextafterf, Remainder 2 remainderf,
    Fdim 2 fdimf, Hypot 2 hypotf,
}

float_functions! {
    float64, f64, libm::exp, libm::log, libm::tanh;
    Cos 1 cos, Sin 1 sin, Tan 1 tan, Acos 1 acos, Asin 1 asin, Atan 1 atan,
    Cosh 1 cosh, Sinh 1 sinh, Acosh 1 acosh, Asinh 1 asinh, Atanh 1 atanh,
    Expm1 1 expm1, Exp2 1 exp2, Log1p 1 log1p, Log2 1 log2, Log10 1 log10,
    Sqrt 1 sqrt, Cbrt 1 cbrt,
    Ceil 1 ceil, Floor 1 floor, Round 1 round, Rint 1 rint, Trunc 1 trunc, NearbyInt 1 rint,
    Erf 1 erf, Erfc 1 erfc, Tgamma 1 tgamma, Lgamma 1 lgamma,
    Atan2 2 atan2, Pow 2 pow, Fmod 2 fmod, NextAfter 2 nextafter, Remainder 2 remainder,
    Fdim 2 fdim, Hypot 2 hypot,
}

/// Every function, in the order of the enumeration.
pub const ALL: [MathFunction; 50] = {
    use MathFunction::*;
    [
        Cos, Sin, Tan, Acos, Asin, Atan, Cosh, Sinh, Tanh, Acosh, Asinh, Atanh, Exp, Expm1, Exp2,
        Log, Log1p, Log2, Log10, Sqrt, Cbrt, Ceil, Floor, Round, Rint, Trunc, NearbyInt, Fabs, Erf,
        Erfc, Tgamma, Lgamma, Atan2, Pow, Fmod, NextAfter, Remainder, Fdim, Fmax, Fmin, CopySign,
        Hypot, Fma, Scalbn, Ldexp, Ilogb, Min, Max, Abs, Clz,
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    fn f32_of(function: MathFunction, arguments: &[f32]) -> f32 {
        let bits: Vec<_> = arguments.iter().map(|x| u64::from(x.to_bits())).collect();
        f32::from_bits(evaluate(function, Type::F32, &bits) as u32)
    }

    fn f64_of(function: MathFunction, arguments: &[f64]) -> f64 {
        let bits: Vec<_> = arguments.iter().map(|x| x.to_bits()).collect();
        f64::from_bits(evaluate(function, Type::F64, &bits))
    }

    #[test]
    fn precisions_agree() {
        let points = [0.3, 0.75, 1.5, 2.25, -0.4];
        for function in ALL {
            let Some(signature) = signature(function, Type::F32) else { continue };
            if signature.result != Type::F32 || signature.parameters.contains(&Type::I32) {
                continue;
            }
            if function == MathFunction::NextAfter {
                continue;
            }
            for x in points {
                for y in points {
                    let single = f32_of(function, &[x, y, 0.7]);
                    let double =
                        f64_of(function, &[f64::from(x), f64::from(y), f64::from(0.7f32)]) as f32;
                    assert!(
                        single == double
                            || (single.is_nan() && double.is_nan())
                            || (single - double).abs() <= 1e-6 * double.abs().max(1e-1),
                        "{function:?}({x}, {y}): {single} {double}"
                    );
                }
            }
        }
    }

    #[test]
    fn rounding_is_that_of_c() {
        use MathFunction::*;
        for (x, round, rint) in
            [(0.5, 1.0, 0.0), (1.5, 2.0, 2.0), (2.5, 3.0, 2.0), (-2.5, -3.0, -2.0)]
        {
            assert_eq!(f32_of(Round, &[x]), round);
            assert_eq!(f32_of(Rint, &[x]), rint);
            assert_eq!(f32_of(NearbyInt, &[x]), rint);
            assert_eq!(f64_of(Round, &[f64::from(x)]), f64::from(round));
        }
        assert_eq!(f32_of(Floor, &[-0.5]), -1.0);
        assert_eq!(f32_of(Ceil, &[-0.5]).to_bits(), (-0.0f32).to_bits());
        assert_eq!(f32_of(Trunc, &[-1.7]), -1.0);
    }

    #[test]
    fn fmin_and_fmax_ignore_nan() {
        use MathFunction::*;
        for (a, b) in [(f32::NAN, 2.0), (2.0, f32::NAN)] {
            assert_eq!(f32_of(Fmin, &[a, b]), 2.0);
            assert_eq!(f32_of(Fmax, &[a, b]), 2.0);
        }
        assert_eq!(f32_of(Fmin, &[1.0, 2.0]), 1.0);
        assert_eq!(f32_of(Fmax, &[1.0, 2.0]), 2.0);
        assert!(f32_of(Min, &[2.0, f32::NAN]).is_nan());
        assert_eq!(f32_of(Min, &[f32::NAN, 2.0]), 2.0);
    }

    #[test]
    fn integers() {
        use MathFunction::*;
        let minus_two = u64::from(-2i32 as u32);
        assert_eq!(evaluate(Min, Type::I32, &[minus_two, 1]), minus_two);
        assert_eq!(evaluate(Min, Type::U32, &[minus_two, 1]), 1);
        assert_eq!(evaluate(Max, Type::I64, &[-2i64 as u64, 1]), 1);
        assert_eq!(evaluate(Abs, Type::I32, &[minus_two]), 2);
        assert_eq!(evaluate(Abs, Type::I8, &[0x80]), 0x80);
        assert_eq!(evaluate(Clz, Type::U32, &[1]), 31);
        assert_eq!(evaluate(Clz, Type::U32, &[0]), 32);
        assert_eq!(evaluate(Ilogb, Type::F32, &[u64::from(0.25f32.to_bits())]) as i32, -2);
        assert_eq!(evaluate(Ilogb, Type::F64, &[1024f64.to_bits()]) as i32, 10);
        let scaled = evaluate(Scalbn, Type::F32, &[u64::from(3f32.to_bits()), minus_two]);
        assert_eq!(f32::from_bits(scaled as u32), 0.75);
    }

    #[test]
    fn every_function_has_a_signature() {
        for function in ALL {
            assert!(Type::ALL.iter().any(|&ty| signature(function, ty).is_some()), "{function:?}");
            assert!(signature(function, Type::Ptr).is_none());
        }
        assert_eq!(signature(MathFunction::Ldexp, Type::F64).unwrap().parameters[1], Type::I32);
        assert_eq!(f32_of(MathFunction::CopySign, &[2.0, -f32::NAN]), 2.0);
    }
}

//! Operations on vectors of 32-bit lanes: `d = f(a)`, `d = f(a, b)`, `d = f(a, b, c)`.
//!
//! Sources that all lanes share have a step of 0 and are stored often enough for a whole vector,
//! so one loop does for all kinds of operands.

use std::marker::PhantomData;

use super::elementary;
use crate::simd::Simd;
use crate::tape::{Body, Operand, Step, StepFn, Vm};

/// A function of up to three vectors.
pub(crate) trait Function {
    /// # Safety
    ///
    /// The instruction set of `S` must be there.
    unsafe fn apply<S: Simd>(a: S::V, b: S::V, c: S::V) -> S::V;
}

/// A step that applies a function to `ARITY` sources.
struct Map<F, const ARITY: usize>(PhantomData<F>);

/// Bytes from one vector of an operand to the next.
#[inline(always)]
fn stride<S: Simd>(operand: Operand) -> usize {
    operand.step as usize * S::LANES
}

impl<F: Function, const ARITY: usize> Body for Map<F, ARITY> {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let mut d = vm.at(step.d).cast::<u32>();
        let mut a = vm.at(step.a).cast::<u32>().cast_const();
        let stride_a = stride::<S>(step.a);
        let (mut b, mut c, mut stride_b, mut stride_c) = (a, a, 0, 0);
        if ARITY >= 2 {
            b = vm.at(step.b).cast();
            stride_b = stride::<S>(step.b);
        }
        if ARITY >= 3 {
            c = vm.at(step.c).cast();
            stride_c = stride::<S>(step.c);
        }
        let end = d.add(count / S::LANES * S::LANES);
        while d < end {
            let x = S::load(a);
            let y = if ARITY >= 2 { S::load(b) } else { x };
            let z = if ARITY >= 3 { S::load(c) } else { x };
            S::store(d, F::apply::<S>(x, y, z));
            d = d.add(S::LANES);
            a = a.byte_add(stride_a);
            b = b.byte_add(stride_b);
            c = c.byte_add(stride_c);
        }
        let rest = count % S::LANES;
        if rest > 0 {
            let x = S::load_partial(a, rest);
            let y = if ARITY >= 2 { S::load_partial(b, rest) } else { x };
            let z = if ARITY >= 3 { S::load_partial(c, rest) } else { x };
            S::store_partial(d, F::apply::<S>(x, y, z), rest);
        }
    }
}

/// Defines the functions, the enumeration of them, and the step of each.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $arity:literal |$s:ident, $a:ident, $b:ident, $c:ident| $body:expr;)*) => {
        /// The functions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum VectorOp {
            $($(#[$doc])* $name,)*
        }

        $(
            struct $name;
            impl Function for $name {
                #[inline(always)]
                #[allow(unused_variables, reason = "functions with fewer arguments")]
                unsafe fn apply<$s: Simd>($a: $s::V, $b: $s::V, $c: $s::V) -> $s::V {
                    $body
                }
            }
        )*

        impl VectorOp {
            /// The step that applies the function.
            pub(crate) fn step<S: Simd>(self) -> StepFn {
                match self {
                    // SAFETY: a step is only run where its instruction set is.
                    $(Self::$name => unsafe { S::step::<Map<$name, $arity>>() },)*
                }
            }

        }
    };
}

functions! {
    Copy 1 |S, a, b, c| a;
    NegateF32 1 |S, a, b, c| S::xor(a, S::splat(0x8000_0000));
    NegateI32 1 |S, a, b, c| S::sub_i32(S::splat(0), a);
    Not 1 |S, a, b, c| S::not(a);

    AddF32 2 |S, a, b, c| S::add_f32(a, b);
    SubtractF32 2 |S, a, b, c| S::sub_f32(a, b);
    MultiplyF32 2 |S, a, b, c| S::mul_f32(a, b);
    DivideF32 2 |S, a, b, c| S::div_f32(a, b);
    /// `a * b + c`, rounded twice.
    MultiplyAddF32 3 |S, a, b, c| S::add_f32(S::mul_f32(a, b), c);
    /// `a * b - c`, rounded twice.
    MultiplySubtractF32 3 |S, a, b, c| S::sub_f32(S::mul_f32(a, b), c);
    /// `c - a * b`, rounded twice.
    SubtractMultiplyF32 3 |S, a, b, c| S::sub_f32(c, S::mul_f32(a, b));

    AddI32 2 |S, a, b, c| S::add_i32(a, b);
    SubtractI32 2 |S, a, b, c| S::sub_i32(a, b);
    MultiplyI32 2 |S, a, b, c| S::mul_i32(a, b);
    DivideI32 2 |S, a, b, c| each2::<S>(a, b, |a, b| {
        if b == 0 { 0 } else { (a as i32).wrapping_div(b as i32) as u32 }
    });
    DivideU32 2 |S, a, b, c| each2::<S>(a, b, |a, b| a.checked_div(b).unwrap_or(0));
    RemainderI32 2 |S, a, b, c| each2::<S>(a, b, |a, b| {
        if b == 0 { 0 } else { (a as i32).wrapping_rem(b as i32) as u32 }
    });
    RemainderU32 2 |S, a, b, c| each2::<S>(a, b, |a, b| a.checked_rem(b).unwrap_or(0));
    And 2 |S, a, b, c| S::and(a, b);
    Or 2 |S, a, b, c| S::or(a, b);
    Xor 2 |S, a, b, c| S::xor(a, b);
    ShiftLeft 2 |S, a, b, c| S::shl(a, S::and(b, S::splat(31)));
    ShiftRightI32 2 |S, a, b, c| S::sar(a, S::and(b, S::splat(31)));
    ShiftRightU32 2 |S, a, b, c| S::shr(a, S::and(b, S::splat(31)));

    EqualF32 2 |S, a, b, c| S::eq_f32(a, b);
    NotEqualF32 2 |S, a, b, c| S::ne_f32(a, b);
    LessF32 2 |S, a, b, c| S::lt_f32(a, b);
    LessEqualF32 2 |S, a, b, c| S::le_f32(a, b);
    EqualI32 2 |S, a, b, c| S::eq_i32(a, b);
    NotEqualI32 2 |S, a, b, c| S::not(S::eq_i32(a, b));
    LessI32 2 |S, a, b, c| S::lt_i32(a, b);
    LessEqualI32 2 |S, a, b, c| S::not(S::lt_i32(b, a));
    LessU32 2 |S, a, b, c| less_u32::<S>(a, b);
    LessEqualU32 2 |S, a, b, c| S::not(less_u32::<S>(b, a));

    /// `a ? b : c`, `a` being a mask.
    Select 3 |S, a, b, c| S::select(a, b, c);

    F32FromI32 1 |S, a, b, c| S::f32_from_i32(a);
    F32FromU32 1 |S, a, b, c| S::f32_from_u32(a);
    F32FromBool 1 |S, a, b, c| S::and(a, S::splat_f32(1.0));
    I32FromF32 1 |S, a, b, c| i32_from_f32::<S>(a);
    U32FromF32 1 |S, a, b, c| u32_from_f32::<S>(a);
    BoolFromF32 1 |S, a, b, c| S::ne_f32(a, S::splat(0));
    BoolFromI32 1 |S, a, b, c| S::not(S::eq_i32(a, S::splat(0)));
    I32FromBool 1 |S, a, b, c| S::and(a, S::splat(1));
    /// The low 8 bits with their sign.
    SignExtend8 1 |S, a, b, c| S::sar(S::shl(a, S::splat(24)), S::splat(24));
    /// The low 16 bits with their sign.
    SignExtend16 1 |S, a, b, c| S::sar(S::shl(a, S::splat(16)), S::splat(16));
    Low8 1 |S, a, b, c| S::and(a, S::splat(0xff));
    Low16 1 |S, a, b, c| S::and(a, S::splat(0xffff));

    ExpF32 1 |S, a, b, c| elementary::exp::<S>(a);
    LogF32 1 |S, a, b, c| elementary::log::<S>(a);
    TanhF32 1 |S, a, b, c| elementary::tanh::<S>(a);
    SqrtF32 1 |S, a, b, c| S::sqrt_f32(a);
    FloorF32 1 |S, a, b, c| S::floor_f32(a);
    CeilF32 1 |S, a, b, c| S::ceil_f32(a);
    TruncF32 1 |S, a, b, c| S::trunc_f32(a);
    RintF32 1 |S, a, b, c| S::rint_f32(a);
    AbsF32 1 |S, a, b, c| S::and(a, S::splat(0x7fff_ffff));
    MinF32 2 |S, a, b, c| S::min_f32(a, b);
    MaxF32 2 |S, a, b, c| S::max_f32(a, b);
    /// As `min`, but a NaN is ignored.
    FminF32 2 |S, a, b, c| S::select(S::ne_f32(b, b), a, S::min_f32(a, b));
    /// As `max`, but a NaN is ignored.
    FmaxF32 2 |S, a, b, c| S::select(S::ne_f32(b, b), a, S::max_f32(a, b));
    MinI32 2 |S, a, b, c| S::select(S::lt_i32(a, b), a, b);
    MaxI32 2 |S, a, b, c| S::select(S::lt_i32(b, a), a, b);
    MinU32 2 |S, a, b, c| S::select(less_u32::<S>(a, b), a, b);
    MaxU32 2 |S, a, b, c| S::select(less_u32::<S>(b, a), a, b);
    AbsI32 1 |S, a, b, c| {
        let sign = S::sar(a, S::splat(31));
        S::sub_i32(S::xor(a, sign), sign)
    };
}

/// Lane by lane, for what vector units have no instruction for.
#[inline(always)]
unsafe fn each2<S: Simd>(a: S::V, b: S::V, function: impl Fn(u32, u32) -> u32) -> S::V {
    let (mut x, mut y) = ([0; crate::simd::MAX_LANES], [0; crate::simd::MAX_LANES]);
    S::store(x.as_mut_ptr(), a);
    S::store(y.as_mut_ptr(), b);
    for lane in 0..S::LANES {
        x[lane] = function(x[lane], y[lane]);
    }
    S::load(x.as_ptr())
}

#[inline(always)]
unsafe fn less_u32<S: Simd>(a: S::V, b: S::V) -> S::V {
    let sign = S::splat(0x8000_0000);
    S::lt_i32(S::xor(a, sign), S::xor(b, sign))
}

/// Truncated and saturated; NaN gives 0.
#[inline(always)]
unsafe fn i32_from_f32<S: Simd>(a: S::V) -> S::V {
    // 2^31 and more give the largest number; all below -2^31 gives the smallest, as -2^31 does.
    let high = S::le_f32(S::splat_f32(2_147_483_648.0), a);
    let x = S::max_f32(S::splat_f32(-2_147_483_648.0), a);
    let converted = S::select(high, S::splat(i32::MAX as u32), S::i32_from_f32(x));
    S::and(converted, S::eq_f32(a, a))
}

/// Truncated and saturated; NaN gives 0.
#[inline(always)]
unsafe fn u32_from_f32<S: Simd>(a: S::V) -> S::V {
    // `max` gives its second argument for NaN: 0 here.
    let a = S::max_f32(a, S::splat(0));
    let half = S::splat_f32(2_147_483_648.0);
    let large = S::le_f32(half, a);
    let rest = S::i32_from_f32(S::sub_f32(a, S::and(half, large)));
    let converted = S::xor(rest, S::and(large, S::splat(0x8000_0000)));
    S::or(converted, S::le_f32(S::splat_f32(4_294_967_296.0), a))
}

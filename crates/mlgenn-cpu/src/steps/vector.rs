//! Operations on vectors of 32-bit lanes: functions of up to four vectors.
//!
//! Sources that all lanes share have a step of 0 and are stored often enough for a whole vector,
//! so one loop does for all kinds of operands.

use std::marker::PhantomData;

use super::elementary;
use crate::simd::Simd;
use crate::tape::{Body, Step, StepFn, Vm};

/// A function of up to four vectors.
pub(crate) trait Function {
    /// # Safety
    ///
    /// The instruction set of `S` must be there.
    unsafe fn apply<S: Simd>(x: [S::V; 4]) -> S::V;
}

/// A step that applies a function to `ARITY` sources.
struct Map<F, const ARITY: usize>(PhantomData<F>);

impl<F: Function, const ARITY: usize> Body for Map<F, ARITY> {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let mut d = vm.at(step.d).cast::<u32>();
        let operands = [step.a, step.b, step.c, step.e];
        let mut sources = [std::ptr::null::<u32>(); ARITY];
        let mut strides = [0; ARITY];
        for i in 0..ARITY {
            sources[i] = vm.at(operands[i]).cast();
            // Bytes from one vector to the next.
            strides[i] = operands[i].step as usize * S::LANES;
        }
        let end = d.add(count / S::LANES * S::LANES);
        while d < end {
            let mut x = [S::splat(0); 4];
            for i in 0..ARITY {
                x[i] = S::load(sources[i]);
                sources[i] = sources[i].byte_add(strides[i]);
            }
            S::store(d, F::apply::<S>(x));
            d = d.add(S::LANES);
        }
        let rest = count % S::LANES;
        if rest > 0 {
            // Registers have room for whole vectors; what is in the lanes too many does not
            // matter. Whole stores are faster to load again.
            let mut x = [S::splat(0); 4];
            for i in 0..ARITY {
                x[i] = if operands[i].is_slot() {
                    S::load_partial(sources[i], rest)
                } else {
                    S::load(sources[i])
                };
            }
            if step.d.is_slot() {
                S::store_partial(d, F::apply::<S>(x), rest);
            } else {
                S::store(d, F::apply::<S>(x));
            }
        }
    }
}

/// Defines the functions, the enumeration of them, and the step of each.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $arity:literal |$s:ident, $a:ident, $b:ident, $c:ident, $d:ident| $body:expr;)*) => {
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
                unsafe fn apply<$s: Simd>([$a, $b, $c, $d]: [$s::V; 4]) -> $s::V {
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

            /// Number of sources.
            pub(crate) fn arity(self) -> usize {
                match self {
                    $(Self::$name => $arity,)*
                }
            }

            /// The function of whole vectors.
            ///
            /// # Safety
            ///
            /// The instruction set of `S` must be there.
            pub(crate) unsafe fn apply<S: Simd>(self, sources: [S::V; 4]) -> S::V {
                match self {
                    $(Self::$name => $name::apply::<S>(sources),)*
                }
            }

        }
    };
}

functions! {
    Copy 1 |S, a, b, c, d| a;
    NegateF32 1 |S, a, b, c, d| S::xor(a, S::splat(0x8000_0000));
    NegateI32 1 |S, a, b, c, d| S::sub_i32(S::splat(0), a);
    Not 1 |S, a, b, c, d| S::not(a);

    AddF32 2 |S, a, b, c, d| S::add_f32(a, b);
    SubtractF32 2 |S, a, b, c, d| S::sub_f32(a, b);
    MultiplyF32 2 |S, a, b, c, d| S::mul_f32(a, b);
    DivideF32 2 |S, a, b, c, d| S::div_f32(a, b);
    AddI32 2 |S, a, b, c, d| S::add_i32(a, b);
    SubtractI32 2 |S, a, b, c, d| S::sub_i32(a, b);
    MultiplyI32 2 |S, a, b, c, d| S::mul_i32(a, b);
    DivideI32 2 |S, a, b, c, d| each2::<S>(a, b, |a, b| {
        if b == 0 { 0 } else { (a as i32).wrapping_div(b as i32) as u32 }
    });
    DivideU32 2 |S, a, b, c, d| each2::<S>(a, b, |a, b| a.checked_div(b).unwrap_or(0));
    RemainderI32 2 |S, a, b, c, d| each2::<S>(a, b, |a, b| {
        if b == 0 { 0 } else { (a as i32).wrapping_rem(b as i32) as u32 }
    });
    RemainderU32 2 |S, a, b, c, d| each2::<S>(a, b, |a, b| a.checked_rem(b).unwrap_or(0));
    And 2 |S, a, b, c, d| S::and(a, b);
    Or 2 |S, a, b, c, d| S::or(a, b);
    Xor 2 |S, a, b, c, d| S::xor(a, b);
    ShiftLeft 2 |S, a, b, c, d| S::shl(a, S::and(b, S::splat(31)));
    ShiftRightI32 2 |S, a, b, c, d| S::sar(a, S::and(b, S::splat(31)));
    ShiftRightU32 2 |S, a, b, c, d| S::shr(a, S::and(b, S::splat(31)));

    EqualF32 2 |S, a, b, c, d| S::eq_f32(a, b);
    NotEqualF32 2 |S, a, b, c, d| S::ne_f32(a, b);
    LessF32 2 |S, a, b, c, d| S::lt_f32(a, b);
    LessEqualF32 2 |S, a, b, c, d| S::le_f32(a, b);
    EqualI32 2 |S, a, b, c, d| S::eq_i32(a, b);
    NotEqualI32 2 |S, a, b, c, d| S::not(S::eq_i32(a, b));
    LessI32 2 |S, a, b, c, d| S::lt_i32(a, b);
    LessEqualI32 2 |S, a, b, c, d| S::not(S::lt_i32(b, a));
    LessU32 2 |S, a, b, c, d| less_u32::<S>(a, b);
    LessEqualU32 2 |S, a, b, c, d| S::not(less_u32::<S>(b, a));

    /// `a ? b : c`, `a` being a mask.
    Select 3 |S, a, b, c, d| S::select(a, b, c);

    F32FromI32 1 |S, a, b, c, d| S::f32_from_i32(a);
    F32FromU32 1 |S, a, b, c, d| S::f32_from_u32(a);
    F32FromBool 1 |S, a, b, c, d| S::and(a, S::splat_f32(1.0));
    I32FromF32 1 |S, a, b, c, d| i32_from_f32::<S>(a);
    U32FromF32 1 |S, a, b, c, d| u32_from_f32::<S>(a);
    BoolFromF32 1 |S, a, b, c, d| S::ne_f32(a, S::splat(0));
    BoolFromI32 1 |S, a, b, c, d| S::not(S::eq_i32(a, S::splat(0)));
    I32FromBool 1 |S, a, b, c, d| S::and(a, S::splat(1));
    /// The low 8 bits with their sign.
    SignExtend8 1 |S, a, b, c, d| S::sar(S::shl(a, S::splat(24)), S::splat(24));
    /// The low 16 bits with their sign.
    SignExtend16 1 |S, a, b, c, d| S::sar(S::shl(a, S::splat(16)), S::splat(16));
    Low8 1 |S, a, b, c, d| S::and(a, S::splat(0xff));
    Low16 1 |S, a, b, c, d| S::and(a, S::splat(0xffff));

    ExpF32 1 |S, a, b, c, d| elementary::exp::<S>(a);
    LogF32 1 |S, a, b, c, d| elementary::log::<S>(a);
    TanhF32 1 |S, a, b, c, d| elementary::tanh::<S>(a);
    SqrtF32 1 |S, a, b, c, d| S::sqrt_f32(a);
    FloorF32 1 |S, a, b, c, d| S::floor_f32(a);
    CeilF32 1 |S, a, b, c, d| S::ceil_f32(a);
    TruncF32 1 |S, a, b, c, d| S::trunc_f32(a);
    RintF32 1 |S, a, b, c, d| S::rint_f32(a);
    AbsF32 1 |S, a, b, c, d| S::and(a, S::splat(0x7fff_ffff));
    MinF32 2 |S, a, b, c, d| S::min_f32(a, b);
    MaxF32 2 |S, a, b, c, d| S::max_f32(a, b);
    /// As `min`, but a NaN is ignored.
    FminF32 2 |S, a, b, c, d| S::select(S::ne_f32(b, b), a, S::min_f32(a, b));
    /// As `max`, but a NaN is ignored.
    FmaxF32 2 |S, a, b, c, d| S::select(S::ne_f32(b, b), a, S::max_f32(a, b));
    MinI32 2 |S, a, b, c, d| S::select(S::lt_i32(a, b), a, b);
    MaxI32 2 |S, a, b, c, d| S::select(S::lt_i32(b, a), a, b);
    MinU32 2 |S, a, b, c, d| S::select(less_u32::<S>(a, b), a, b);
    MaxU32 2 |S, a, b, c, d| S::select(less_u32::<S>(b, a), a, b);
    AbsI32 1 |S, a, b, c, d| {
        let sign = S::sar(a, S::splat(31));
        S::sub_i32(S::xor(a, sign), sign)
    };

    // Two operations in one, named OUTER, the place of INNER among its operands, INNER. Operands
    // are in the order of the text; nothing is contracted.
    AddAAdd 3 |S, a, b, c, d| S::add_f32(S::add_f32(a, b), c);
    AddASubtract 3 |S, a, b, c, d| S::add_f32(S::sub_f32(a, b), c);
    AddAMultiply 3 |S, a, b, c, d| S::add_f32(S::mul_f32(a, b), c);
    AddBAdd 3 |S, a, b, c, d| S::add_f32(a, S::add_f32(b, c));
    AddBSubtract 3 |S, a, b, c, d| S::add_f32(a, S::sub_f32(b, c));
    AddBMultiply 3 |S, a, b, c, d| S::add_f32(a, S::mul_f32(b, c));
    SubtractAAdd 3 |S, a, b, c, d| S::sub_f32(S::add_f32(a, b), c);
    SubtractASubtract 3 |S, a, b, c, d| S::sub_f32(S::sub_f32(a, b), c);
    SubtractAMultiply 3 |S, a, b, c, d| S::sub_f32(S::mul_f32(a, b), c);
    SubtractBAdd 3 |S, a, b, c, d| S::sub_f32(a, S::add_f32(b, c));
    SubtractBSubtract 3 |S, a, b, c, d| S::sub_f32(a, S::sub_f32(b, c));
    SubtractBMultiply 3 |S, a, b, c, d| S::sub_f32(a, S::mul_f32(b, c));
    MultiplyAAdd 3 |S, a, b, c, d| S::mul_f32(S::add_f32(a, b), c);
    MultiplyASubtract 3 |S, a, b, c, d| S::mul_f32(S::sub_f32(a, b), c);
    MultiplyAMultiply 3 |S, a, b, c, d| S::mul_f32(S::mul_f32(a, b), c);
    MultiplyBAdd 3 |S, a, b, c, d| S::mul_f32(a, S::add_f32(b, c));
    MultiplyBSubtract 3 |S, a, b, c, d| S::mul_f32(a, S::sub_f32(b, c));
    MultiplyBMultiply 3 |S, a, b, c, d| S::mul_f32(a, S::mul_f32(b, c));
    AndALess 3 |S, a, b, c, d| S::and(S::lt_f32(a, b), c);
    AndALessEqual 3 |S, a, b, c, d| S::and(S::le_f32(a, b), c);
    AndBLess 3 |S, a, b, c, d| S::and(a, S::lt_f32(b, c));
    AndBLessEqual 3 |S, a, b, c, d| S::and(a, S::le_f32(b, c));
    SelectALess 4 |S, a, b, c, d| S::select(S::lt_f32(a, b), c, d);
    SelectALessEqual 4 |S, a, b, c, d| S::select(S::le_f32(a, b), c, d);
    SelectAAnd 4 |S, a, b, c, d| S::select(S::and(a, b), c, d);
    SelectBAdd 4 |S, a, b, c, d| S::select(a, S::add_f32(b, c), d);
    SelectBSubtract 4 |S, a, b, c, d| S::select(a, S::sub_f32(b, c), d);
    SelectBMultiply 4 |S, a, b, c, d| S::select(a, S::mul_f32(b, c), d);
    SelectCAdd 4 |S, a, b, c, d| S::select(a, b, S::add_f32(c, d));
    SelectCSubtract 4 |S, a, b, c, d| S::select(a, b, S::sub_f32(c, d));
    SelectCMultiply 4 |S, a, b, c, d| S::select(a, b, S::mul_f32(c, d));
    AddProducts 4 |S, a, b, c, d| S::add_f32(S::mul_f32(a, b), S::mul_f32(c, d));
    SubtractProducts 4 |S, a, b, c, d| S::sub_f32(S::mul_f32(a, b), S::mul_f32(c, d));
    LessAndLess 4 |S, a, b, c, d| S::and(S::lt_f32(a, b), S::lt_f32(c, d));
    LessAndLessEqual 4 |S, a, b, c, d| S::and(S::lt_f32(a, b), S::le_f32(c, d));
    LessEqualAndLess 4 |S, a, b, c, d| S::and(S::le_f32(a, b), S::lt_f32(c, d));
    LessEqualAndLessEqual 4 |S, a, b, c, d| S::and(S::le_f32(a, b), S::le_f32(c, d));
}

impl VectorOp {
    /// The operation that is this one with its operand `position` computed by `inner`; its operands
    /// are those of this one, with those of `inner` in the place of that operand.
    pub(crate) fn fuse(self, position: usize, inner: Self) -> Option<Self> {
        Some(match (self, position, inner) {
            (Self::AddF32, 0, Self::AddF32) => Self::AddAAdd,
            (Self::AddF32, 0, Self::SubtractF32) => Self::AddASubtract,
            (Self::AddF32, 0, Self::MultiplyF32) => Self::AddAMultiply,
            (Self::AddF32, 1, Self::AddF32) => Self::AddBAdd,
            (Self::AddF32, 1, Self::SubtractF32) => Self::AddBSubtract,
            (Self::AddF32, 1, Self::MultiplyF32) => Self::AddBMultiply,
            (Self::SubtractF32, 0, Self::AddF32) => Self::SubtractAAdd,
            (Self::SubtractF32, 0, Self::SubtractF32) => Self::SubtractASubtract,
            (Self::SubtractF32, 0, Self::MultiplyF32) => Self::SubtractAMultiply,
            (Self::SubtractF32, 1, Self::AddF32) => Self::SubtractBAdd,
            (Self::SubtractF32, 1, Self::SubtractF32) => Self::SubtractBSubtract,
            (Self::SubtractF32, 1, Self::MultiplyF32) => Self::SubtractBMultiply,
            (Self::MultiplyF32, 0, Self::AddF32) => Self::MultiplyAAdd,
            (Self::MultiplyF32, 0, Self::SubtractF32) => Self::MultiplyASubtract,
            (Self::MultiplyF32, 0, Self::MultiplyF32) => Self::MultiplyAMultiply,
            (Self::MultiplyF32, 1, Self::AddF32) => Self::MultiplyBAdd,
            (Self::MultiplyF32, 1, Self::SubtractF32) => Self::MultiplyBSubtract,
            (Self::MultiplyF32, 1, Self::MultiplyF32) => Self::MultiplyBMultiply,
            (Self::And, 0, Self::LessF32) => Self::AndALess,
            (Self::And, 0, Self::LessEqualF32) => Self::AndALessEqual,
            (Self::And, 1, Self::LessF32) => Self::AndBLess,
            (Self::And, 1, Self::LessEqualF32) => Self::AndBLessEqual,
            (Self::Select, 0, Self::LessF32) => Self::SelectALess,
            (Self::Select, 0, Self::LessEqualF32) => Self::SelectALessEqual,
            (Self::Select, 0, Self::And) => Self::SelectAAnd,
            (Self::Select, 1, Self::AddF32) => Self::SelectBAdd,
            (Self::Select, 1, Self::SubtractF32) => Self::SelectBSubtract,
            (Self::Select, 1, Self::MultiplyF32) => Self::SelectBMultiply,
            (Self::Select, 2, Self::AddF32) => Self::SelectCAdd,
            (Self::Select, 2, Self::SubtractF32) => Self::SelectCSubtract,
            (Self::Select, 2, Self::MultiplyF32) => Self::SelectCMultiply,
            (Self::AddAMultiply, 2, Self::MultiplyF32) => Self::AddProducts,
            (Self::AddBMultiply, 0, Self::MultiplyF32) => Self::AddProducts,
            (Self::SubtractAMultiply, 2, Self::MultiplyF32) => Self::SubtractProducts,
            (Self::SubtractBMultiply, 0, Self::MultiplyF32) => Self::SubtractProducts,
            (Self::AndALess, 2, Self::LessF32) => Self::LessAndLess,
            (Self::AndBLess, 0, Self::LessF32) => Self::LessAndLess,
            (Self::AndALess, 2, Self::LessEqualF32) => Self::LessAndLessEqual,
            (Self::AndBLessEqual, 0, Self::LessF32) => Self::LessAndLessEqual,
            (Self::AndALessEqual, 2, Self::LessF32) => Self::LessEqualAndLess,
            (Self::AndBLess, 0, Self::LessEqualF32) => Self::LessEqualAndLess,
            (Self::AndALessEqual, 2, Self::LessEqualF32) => Self::LessEqualAndLessEqual,
            (Self::AndBLessEqual, 0, Self::LessEqualF32) => Self::LessEqualAndLessEqual,
            _ => return None,
        })
    }
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

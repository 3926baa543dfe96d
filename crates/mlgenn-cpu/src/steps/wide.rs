//! The commonest operations that involve 64-bit lanes.

use std::marker::PhantomData;

use mlgenn_ir::{BinaryOp, CompareOp, Type, UnaryOp};

use super::element::with_lanes;
use crate::simd::{MAX_LANES, Simd};
use crate::tape::{Body, Step, StepFn, Vm};

/// A function of up to two lanes.
trait Scalar {
    /// Lanes of the first source.
    type A: Copy;
    /// Lanes of the second source.
    type B: Copy;
    /// Lanes of the result.
    type R: Copy;
    /// Number of sources.
    const ARITY: usize;
    fn apply(a: Self::A, b: Self::B) -> Self::R;
}

struct Each<F>(PhantomData<F>);

impl<F: Scalar> Body for Each<F> {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let d = vm.at(step.d).cast::<F::R>();
        if step.d.is_uniform() {
            let a = *vm.at(step.a).cast::<F::A>();
            let b = if F::ARITY > 1 { step.b } else { step.a };
            let result = F::apply(a, *vm.at(b).cast::<F::B>());
            for lane in 0..if size_of::<F::R>() == 4 { MAX_LANES } else { 1 } {
                *d.add(lane) = result;
            }
        } else if F::ARITY > 1 {
            with_lanes!(vm, step.a, F::A, |a| with_lanes!(vm, step.b, F::B, |b| {
                (0..count).for_each(|i| *d.add(i) = F::apply(a(i), b(i)));
            }));
        } else {
            let unused = *vm.at(step.a).cast::<F::B>();
            with_lanes!(vm, step.a, F::A, |a| {
                (0..count).for_each(|i| *d.add(i) = F::apply(a(i), unused));
            });
        }
    }
}

/// Defines functions and the table of their steps.
macro_rules! scalars {
    ($($name:ident |$a:ident: $ta:ty $(, $b:ident: $tb:ty)?| -> $r:ty $body:block)*) => {
        $(
            struct $name;
            impl Scalar for $name {
                type A = $ta;
                type B = scalars!(@second $ta $(, $tb)?);
                type R = $r;
                const ARITY: usize = scalars!(@arity $($b)?);
                #[inline(always)]
                fn apply($a: Self::A, _second: Self::B) -> Self::R {
                    $(let $b = _second;)?
                    $body
                }
            }
        )*
    };
    (@second $ta:ty) => { $ta };
    (@second $ta:ty, $tb:ty) => { $tb };
    (@arity) => { 1 };
    (@arity $b:ident) => { 2 };
}

/// As a mask.
#[inline(always)]
fn mask(condition: bool) -> u32 {
    0u32.wrapping_sub(u32::from(condition))
}

scalars! {
    AddF64 |a: f64, b: f64| -> f64 { a + b }
    SubtractF64 |a: f64, b: f64| -> f64 { a - b }
    MultiplyF64 |a: f64, b: f64| -> f64 { a * b }
    DivideF64 |a: f64, b: f64| -> f64 { a / b }
    NegateF64 |a: u64| -> u64 { a ^ 1 << 63 }
    EqualF64 |a: f64, b: f64| -> u32 { mask(a == b) }
    NotEqualF64 |a: f64, b: f64| -> u32 { mask(a != b) }
    LessF64 |a: f64, b: f64| -> u32 { mask(a < b) }
    LessEqualF64 |a: f64, b: f64| -> u32 { mask(a <= b) }
    GreaterF64 |a: f64, b: f64| -> u32 { mask(a > b) }
    GreaterEqualF64 |a: f64, b: f64| -> u32 { mask(a >= b) }
    AddI64 |a: i64, b: i64| -> i64 { a.wrapping_add(b) }
    SubtractI64 |a: i64, b: i64| -> i64 { a.wrapping_sub(b) }
    MultiplyI64 |a: i64, b: i64| -> i64 { a.wrapping_mul(b) }
    EqualI64 |a: i64, b: i64| -> u32 { mask(a == b) }
    NotEqualI64 |a: i64, b: i64| -> u32 { mask(a != b) }
    LessI64 |a: i64, b: i64| -> u32 { mask(a < b) }
    LessEqualI64 |a: i64, b: i64| -> u32 { mask(a <= b) }
    GreaterI64 |a: i64, b: i64| -> u32 { mask(a > b) }
    GreaterEqualI64 |a: i64, b: i64| -> u32 { mask(a >= b) }
    F64FromF32 |a: f32| -> f64 { f64::from(a) }
    F32FromF64 |a: f64| -> f32 { a as f32 }
    F64FromI32 |a: i32| -> f64 { f64::from(a) }
    F64FromU32 |a: u32| -> f64 { f64::from(a) }
    WideFromI32 |a: i32| -> i64 { i64::from(a) }
    WideFromU32 |a: u32| -> u64 { u64::from(a) }
    LowOfWide |a: u64| -> u32 { a as u32 }
    CopyWide |a: u64| -> u64 { a }
}

/// Step of a function.
fn step<S: Simd, F: Scalar>() -> Option<StepFn> {
    // SAFETY: a step is only run where its instruction set is.
    Some(unsafe { S::step::<Each<F>>() })
}

/// Step of an operator with one 64-bit operand, if there is one.
pub(crate) fn unary<S: Simd>(op: UnaryOp, ty: Type) -> Option<StepFn> {
    match (op, ty) {
        (UnaryOp::Negate, Type::F64) => step::<S, NegateF64>(),
        _ => None,
    }
}

/// Step of an operator with two 64-bit operands, if there is one.
pub(crate) fn binary<S: Simd>(op: BinaryOp, ty: Type) -> Option<StepFn> {
    match (op, ty) {
        (BinaryOp::Add, Type::F64) => step::<S, AddF64>(),
        (BinaryOp::Subtract, Type::F64) => step::<S, SubtractF64>(),
        (BinaryOp::Multiply, Type::F64) => step::<S, MultiplyF64>(),
        (BinaryOp::Divide, Type::F64) => step::<S, DivideF64>(),
        (BinaryOp::Add, Type::I64 | Type::U64) => step::<S, AddI64>(),
        (BinaryOp::Subtract, Type::I64 | Type::U64) => step::<S, SubtractI64>(),
        (BinaryOp::Multiply, Type::I64 | Type::U64) => step::<S, MultiplyI64>(),
        _ => None,
    }
}

/// Step of a comparison of two 64-bit operands, if there is one.
pub(crate) fn compare<S: Simd>(op: CompareOp, ty: Type) -> Option<StepFn> {
    match (op, ty) {
        (CompareOp::Equal, Type::F64) => step::<S, EqualF64>(),
        (CompareOp::NotEqual, Type::F64) => step::<S, NotEqualF64>(),
        (CompareOp::Less, Type::F64) => step::<S, LessF64>(),
        (CompareOp::LessEqual, Type::F64) => step::<S, LessEqualF64>(),
        (CompareOp::Greater, Type::F64) => step::<S, GreaterF64>(),
        (CompareOp::GreaterEqual, Type::F64) => step::<S, GreaterEqualF64>(),
        (CompareOp::Equal, Type::I64 | Type::U64) => step::<S, EqualI64>(),
        (CompareOp::NotEqual, Type::I64 | Type::U64) => step::<S, NotEqualI64>(),
        (CompareOp::Less, Type::I64) => step::<S, LessI64>(),
        (CompareOp::LessEqual, Type::I64) => step::<S, LessEqualI64>(),
        (CompareOp::Greater, Type::I64) => step::<S, GreaterI64>(),
        (CompareOp::GreaterEqual, Type::I64) => step::<S, GreaterEqualI64>(),
        _ => None,
    }
}

/// Step of a conversion between two types of which at least one has 64 bits, if there is one.
pub(crate) fn convert<S: Simd>(from: Type, to: Type) -> Option<StepFn> {
    match (from, to) {
        (Type::F32, Type::F64) => step::<S, F64FromF32>(),
        (Type::F64, Type::F32) => step::<S, F32FromF64>(),
        (Type::I32, Type::F64) => step::<S, F64FromI32>(),
        (Type::U8 | Type::U16 | Type::U32, Type::F64) => step::<S, F64FromU32>(),
        (Type::I32, Type::I64 | Type::U64) => step::<S, WideFromI32>(),
        (Type::U8 | Type::U16 | Type::U32, Type::I64 | Type::U64) => step::<S, WideFromU32>(),
        (Type::I64 | Type::U64, Type::I32 | Type::U32) => step::<S, LowOfWide>(),
        (Type::I64 | Type::U64, Type::I64 | Type::U64) => step::<S, CopyWide>(),
        _ => None,
    }
}

/// Step that copies 64-bit lanes.
pub(crate) fn copy<S: Simd>() -> Option<StepFn> {
    step::<S, CopyWide>()
}

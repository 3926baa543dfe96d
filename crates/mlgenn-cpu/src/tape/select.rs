//! Choice of the step for an operation, by the types of its operands.

use mlgenn_ir::{BinaryOp, CompareOp, Type, UnaryOp};
use mlgenn_lang::typed::{MathFunction, RandomFunction};

use super::StepFn;
use crate::simd::{Level, Simd, Task};
use crate::steps::access::{self, Action};
use crate::steps::broadcast::Broadcast;
use crate::steps::control::{RunBranch, RunLoop};
use crate::steps::evaluate::Evaluate;
use crate::steps::events::Emit;
use crate::steps::vector::VectorOp;
use crate::steps::{random, sum, wide};

/// Everything that there is a step for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Vector(VectorOp),
    Broadcast,
    Evaluate,
    Random(RandomFunction),
    Emit,
    Branch,
    Loop,
    /// A run of steps as machine code.
    #[cfg(target_arch = "x86_64")]
    Native,
    Lanes(Type, Action),
    Indexed {
        ty: Type,
        index: Type,
        action: Action,
    },
    AddLanes {
        ty: Type,
        all: bool,
    },
    Finish(Type),
    WideCopy,
    WideUnary(UnaryOp, Type),
    WideBinary(BinaryOp, Type),
    WideCompare(CompareOp, Type),
    WideConvert(Type, Type),
}

impl Kind {
    /// The step for an instruction set; none if the operation has to be evaluated lane by lane.
    pub(crate) fn step(self, level: Level) -> Option<StepFn> {
        // SAFETY: only looks up a function; programs are only made for available levels.
        unsafe { level.run(self) }
    }
}

impl Task for Kind {
    type Output = Option<StepFn>;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> Option<StepFn> {
        step::<S>(self)
    }
}

fn step<S: Simd>(kind: Kind) -> Option<StepFn> {
    // SAFETY: a step is only run where its instruction set is.
    unsafe {
        match kind {
            Kind::Vector(op) => Some(op.step::<S>()),
            Kind::Broadcast => Some(S::step::<Broadcast>()),
            Kind::Evaluate => Some(S::step::<Evaluate>()),
            Kind::Random(function) => random::step::<S>(function),
            Kind::Emit => Some(S::step::<Emit>()),
            Kind::Branch => Some(S::step::<RunBranch>()),
            Kind::Loop => Some(S::step::<RunLoop>()),
            #[cfg(target_arch = "x86_64")]
            Kind::Native => Some(S::step::<crate::steps::native::RunNative>()),
            Kind::Lanes(ty, action) => Some(access::lanes::<S>(ty, action)),
            Kind::Indexed { ty, index, action } => Some(access::indexed::<S>(ty, index, action)),
            Kind::AddLanes { ty, all } => Some(sum::add_lanes::<S>(ty, all)),
            Kind::Finish(ty) => Some(sum::finish::<S>(ty)),
            Kind::WideCopy => wide::copy::<S>(),
            Kind::WideUnary(op, ty) => wide::unary::<S>(op, ty),
            Kind::WideBinary(op, ty) => wide::binary::<S>(op, ty),
            Kind::WideCompare(op, ty) => wide::compare::<S>(op, ty),
            Kind::WideConvert(from, to) => wide::convert::<S>(from, to),
        }
    }
}

fn is_wide(ty: Type) -> bool {
    ty.bytes() == 8
}

/// Vector form of an operator with one operand.
pub(crate) fn unary(op: UnaryOp, ty: Type) -> Option<Kind> {
    let vector = match (op, ty) {
        (UnaryOp::Negate, Type::F32) => VectorOp::NegateF32,
        (UnaryOp::Negate, Type::I32 | Type::U32) => VectorOp::NegateI32,
        (UnaryOp::Not, Type::I32 | Type::U32 | Type::Bool) => VectorOp::Not,
        _ if is_wide(ty) => return Some(Kind::WideUnary(op, ty)),
        _ => return None,
    };
    Some(Kind::Vector(vector))
}

/// Vector form of an operator with two operands.
pub(crate) fn binary(op: BinaryOp, ty: Type, second: Type) -> Option<Kind> {
    use BinaryOp::*;
    let vector = match (op, ty) {
        (Add, Type::F32) => VectorOp::AddF32,
        (Subtract, Type::F32) => VectorOp::SubtractF32,
        (Multiply, Type::F32) => VectorOp::MultiplyF32,
        (Divide, Type::F32) => VectorOp::DivideF32,
        (Add, Type::I32 | Type::U32) => VectorOp::AddI32,
        (Subtract, Type::I32 | Type::U32) => VectorOp::SubtractI32,
        (Multiply, Type::I32 | Type::U32) => VectorOp::MultiplyI32,
        (Divide, Type::I32) => VectorOp::DivideI32,
        (Divide, Type::U32) => VectorOp::DivideU32,
        (Remainder, Type::I32) => VectorOp::RemainderI32,
        (Remainder, Type::U32) => VectorOp::RemainderU32,
        (And, _) if !is_wide(ty) => VectorOp::And,
        (Or, _) if !is_wide(ty) => VectorOp::Or,
        (Xor, _) if !is_wide(ty) => VectorOp::Xor,
        (ShiftLeft, Type::I32 | Type::U32) if !is_wide(second) => VectorOp::ShiftLeft,
        (ShiftRight, Type::I32) if !is_wide(second) => VectorOp::ShiftRightI32,
        (ShiftRight, Type::U32) if !is_wide(second) => VectorOp::ShiftRightU32,
        (Add | Subtract | Multiply | Divide, _) if is_wide(ty) => {
            return Some(Kind::WideBinary(op, ty));
        }
        _ => return None,
    };
    Some(Kind::Vector(vector))
}

/// Vector form of a comparison, and whether its operands must be swapped.
pub(crate) fn compare(op: CompareOp, ty: Type) -> Option<(Kind, bool)> {
    use CompareOp::*;
    if is_wide(ty) {
        return Some((Kind::WideCompare(op, ty), false));
    }
    let signed = match ty {
        Type::F32 => None,
        Type::I32 => Some(true),
        Type::U32 | Type::U16 | Type::U8 | Type::Bool => Some(false),
        _ if matches!(op, Equal | NotEqual) => Some(false),
        _ => return None,
    };
    let vector = match (op, signed) {
        (Equal, None) => VectorOp::EqualF32,
        (NotEqual, None) => VectorOp::NotEqualF32,
        (Less | Greater, None) => VectorOp::LessF32,
        (LessEqual | GreaterEqual, None) => VectorOp::LessEqualF32,
        (Equal, Some(_)) => VectorOp::EqualI32,
        (NotEqual, Some(_)) => VectorOp::NotEqualI32,
        (Less | Greater, Some(true)) => VectorOp::LessI32,
        (Less | Greater, Some(false)) => VectorOp::LessU32,
        (LessEqual | GreaterEqual, Some(true)) => VectorOp::LessEqualI32,
        (LessEqual | GreaterEqual, Some(false)) => VectorOp::LessEqualU32,
    };
    Some((Kind::Vector(vector), matches!(op, Greater | GreaterEqual)))
}

/// Vector form of a conversion.
pub(crate) fn convert(from: Type, to: Type) -> Option<Kind> {
    use Type::*;
    if is_wide(from) || is_wide(to) {
        return Some(Kind::WideConvert(from, to));
    }
    let vector = match (from, to) {
        (Bool, F32) => VectorOp::F32FromBool,
        (Bool, Bool) => VectorOp::Copy,
        (Bool, _) => VectorOp::I32FromBool,
        (F32, F32) => VectorOp::Copy,
        (F32, Bool) => VectorOp::BoolFromF32,
        (F32, I32) => VectorOp::I32FromF32,
        (F32, U32) => VectorOp::U32FromF32,
        (F32, _) => return None,
        (_, Bool) => VectorOp::BoolFromI32,
        (U8 | U16 | I32, F32) => VectorOp::F32FromI32,
        (U32, F32) => VectorOp::F32FromU32,
        (_, F32) => return None,
        // Integers are zero-extended in registers.
        (I8, I32 | U32) => VectorOp::SignExtend8,
        (I16, I32 | U32) => VectorOp::SignExtend16,
        (I8, I16 | U16) => return None,
        (_, I32 | U32) => VectorOp::Copy,
        (_, I8 | U8) => VectorOp::Low8,
        _ => VectorOp::Low16,
    };
    Some(Kind::Vector(vector))
}

/// Vector form of a mathematical function.
pub(crate) fn math(function: MathFunction, ty: Type) -> Option<Kind> {
    use MathFunction as F;
    let vector = match (function, ty) {
        (F::Exp, Type::F32) => VectorOp::ExpF32,
        (F::Log, Type::F32) => VectorOp::LogF32,
        (F::Tanh, Type::F32) => VectorOp::TanhF32,
        (F::Sqrt, Type::F32) => VectorOp::SqrtF32,
        (F::Floor, Type::F32) => VectorOp::FloorF32,
        (F::Ceil, Type::F32) => VectorOp::CeilF32,
        (F::Trunc, Type::F32) => VectorOp::TruncF32,
        (F::Rint | F::NearbyInt, Type::F32) => VectorOp::RintF32,
        (F::Fabs | F::Abs, Type::F32) => VectorOp::AbsF32,
        (F::Fmin, Type::F32) => VectorOp::FminF32,
        (F::Fmax, Type::F32) => VectorOp::FmaxF32,
        (F::Min, Type::F32) => VectorOp::MinF32,
        (F::Max, Type::F32) => VectorOp::MaxF32,
        (F::Min, Type::I32) => VectorOp::MinI32,
        (F::Max, Type::I32) => VectorOp::MaxI32,
        (F::Min, Type::U32 | Type::U16 | Type::U8) => VectorOp::MinU32,
        (F::Max, Type::U32 | Type::U16 | Type::U8) => VectorOp::MaxU32,
        (F::Abs, Type::I32) => VectorOp::AbsI32,
        (F::Abs, Type::U32 | Type::U16 | Type::U8) => VectorOp::Copy,
        _ => return None,
    };
    Some(Kind::Vector(vector))
}

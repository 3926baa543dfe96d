//! Walking the operands and regions of an operation, whatever it is.

use crate::kernel::{Instruction, Region, Value};
use crate::op::Op;

impl Op {
    /// Call `f` with every operand of the operation itself, in order; not with those in its
    /// regions.
    pub fn for_each_operand(&self, mut f: impl FnMut(Value)) {
        match self {
            Self::Const(_) | Self::Read(_) | Self::AddressOf(_) => {}
            Self::Unary(_, a)
            | Self::Convert(a)
            | Self::Write(_, a)
            | Self::Accumulate(_, a)
            | Self::ReadDelayed { delay: a, .. }
            | Self::Emit(_, a)
            | Self::LoadPointer(a)
            | Self::LoadElement(_, a)
            | Self::Assert(a)
            | Self::If { condition: a, .. } => f(*a),
            Self::Binary(_, a, b)
            | Self::Compare(_, a, b)
            | Self::AccumulateDelayed { value: a, delay: b, .. }
            | Self::StorePointer(a, b)
            | Self::StoreElement(_, a, b)
            | Self::AccumulateElement(_, a, b)
            | Self::AtomicOr(a, b) => [*a, *b].into_iter().for_each(f),
            Self::Select(a, b, c) => [*a, *b, *c].into_iter().for_each(f),
            Self::Math(_, arguments)
            | Self::Print { arguments, .. }
            | Self::Loop { init: arguments, .. } => arguments.iter().copied().for_each(f),
            Self::Random { key, element, timestep, draw, arguments, .. } => {
                [*key, *element, *timestep, *draw].into_iter().for_each(&mut f);
                arguments.iter().copied().for_each(f);
            }
        }
    }

    /// Call `f` with a reference to every operand of the operation itself, in order; not with
    /// those in its regions.
    pub fn for_each_operand_mut(&mut self, mut f: impl FnMut(&mut Value)) {
        match self {
            Self::Const(_) | Self::Read(_) | Self::AddressOf(_) => {}
            Self::Unary(_, a)
            | Self::Convert(a)
            | Self::Write(_, a)
            | Self::Accumulate(_, a)
            | Self::ReadDelayed { delay: a, .. }
            | Self::Emit(_, a)
            | Self::LoadPointer(a)
            | Self::LoadElement(_, a)
            | Self::Assert(a)
            | Self::If { condition: a, .. } => f(a),
            Self::Binary(_, a, b)
            | Self::Compare(_, a, b)
            | Self::AccumulateDelayed { value: a, delay: b, .. }
            | Self::StorePointer(a, b)
            | Self::StoreElement(_, a, b)
            | Self::AccumulateElement(_, a, b)
            | Self::AtomicOr(a, b) => [a, b].into_iter().for_each(f),
            Self::Select(a, b, c) => [a, b, c].into_iter().for_each(f),
            Self::Math(_, arguments)
            | Self::Print { arguments, .. }
            | Self::Loop { init: arguments, .. } => arguments.iter_mut().for_each(f),
            Self::Random { key, element, timestep, draw, arguments, .. } => {
                [key, element, timestep, draw].into_iter().for_each(&mut f);
                arguments.iter_mut().for_each(f);
            }
        }
    }

    /// The regions of the operation.
    pub fn regions(&self) -> [Option<&Region>; 2] {
        match self {
            Self::If { then, otherwise, .. } => [Some(then), Some(otherwise)],
            Self::Loop { condition, body, .. } => [Some(condition), Some(body)],
            _ => [None, None],
        }
    }

    /// The regions of the operation, to change.
    pub fn regions_mut(&mut self) -> [Option<&mut Region>; 2] {
        match self {
            Self::If { then, otherwise, .. } => [Some(then), Some(otherwise)],
            Self::Loop { condition, body, .. } => [Some(condition), Some(body)],
            _ => [None, None],
        }
    }
}

impl Region {
    /// Call `f` with every instruction of this region and of the regions inside, in order.
    pub fn for_each_instruction(&self, f: &mut impl FnMut(&Instruction)) {
        for instruction in &self.instructions {
            f(instruction);
            for region in instruction.op.regions().into_iter().flatten() {
                region.for_each_instruction(f);
            }
        }
    }
}

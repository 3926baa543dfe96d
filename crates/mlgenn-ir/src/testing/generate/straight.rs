//! Instructions of a random kernel that have no regions: arithmetic, calls, and access to slots.

use mlgenn_lang::typed::RandomFunction;

use super::Generator;
use super::draw::NUMBERS;
use crate::kernel::{SlotId, SlotKind, Value};
use crate::op::{BinaryOp, CompareOp, Op, UnaryOp};
use crate::types::Type;
use crate::{math, random};

const FUNCTIONS: [RandomFunction; 7] = [
    RandomFunction::Bits,
    RandomFunction::Uniform,
    RandomFunction::Normal,
    RandomFunction::Exponential,
    RandomFunction::LogNormal,
    RandomFunction::Gamma,
    RandomFunction::Binomial,
];

impl Generator {
    pub(super) fn arithmetic(&mut self) {
        let ty = self.number_type();
        match self.below(8) {
            0 => {
                let x = self.value(ty);
                let not = ty.is_integer() && self.chance(50);
                self.define(ty, Op::Unary(if not { UnaryOp::Not } else { UnaryOp::Negate }, x));
            }
            1 => {
                let (x, y) = (self.value(Type::Bool), self.value(Type::Bool));
                let op = self.pick(&[BinaryOp::And, BinaryOp::Or, BinaryOp::Xor]);
                self.define(Type::Bool, Op::Binary(op, x, y));
                self.define(Type::Bool, Op::Unary(UnaryOp::Not, x));
            }
            2 => {
                let (condition, x, y) = (self.value(Type::Bool), self.value(ty), self.value(ty));
                self.define(ty, Op::Select(condition, x, y));
            }
            3 => {
                let from = self.number_type();
                let x = self.value(from);
                self.define(ty, Op::Convert(x));
            }
            4 => {
                use CompareOp::*;
                let op = self.pick(&[Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual]);
                let (x, y) = (self.value(ty), self.value(ty));
                self.define(Type::Bool, Op::Compare(op, x, y));
            }
            _ => {
                use BinaryOp::*;
                let common = [Add, Subtract, Multiply, Divide];
                let integer = [Remainder, And, Or, Xor, ShiftLeft, ShiftRight];
                let op = if ty.is_integer() && self.chance(50) {
                    self.pick(&integer)
                } else {
                    self.pick(&common)
                };
                let shift = matches!(op, ShiftLeft | ShiftRight);
                let right = if shift { self.pick(&NUMBERS[1..9]) } else { ty };
                let (x, y) = (self.value(ty), self.value(right));
                self.define(ty, Op::Binary(op, x, y));
            }
        }
    }

    /// A mathematical function or a random number.
    pub(super) fn call(&mut self) {
        if self.chance(70) {
            let function = self.pick(&math::ALL);
            let ty = self.number_type();
            let Some(signature) = math::signature(function, ty) else { return };
            let arguments = signature.parameters.iter().map(|&ty| self.value(ty)).collect();
            self.define(signature.result, Op::Math(function, arguments));
        } else {
            let function = self.pick(&FUNCTIONS);
            let scalar = self.pick(&[Type::F32, Type::F32, Type::F64]);
            let signature = random::signature(function, scalar);
            let key = self.value(Type::U64);
            let element = self.value(Type::U64);
            let (timestep, draw) = (self.value(Type::U32), self.value(Type::U32));
            let parameters = signature.parameters.into_iter().flatten();
            let arguments = parameters.map(|ty| self.value(ty)).collect();
            let op = Op::Random { function, key, element, timestep, draw, arguments };
            self.define(signature.result, op);
        }
    }

    /// Read or write slots other than arrays.
    pub(super) fn access(&mut self) {
        let Some(slot) =
            self.slot(|kind| !matches!(kind, SlotKind::Events | SlotKind::Array { .. }))
        else {
            return;
        };
        let ty = self.slot_type(slot);
        let kind = self.kernel.slot(slot).kind;
        match kind {
            SlotKind::Variable { writable: true, .. } if self.chance(50) => {
                let value = self.value(ty);
                self.emit(Vec::new(), Op::Write(slot, value));
            }
            SlotKind::Variable { .. } => {
                self.define(ty, Op::Read(slot));
            }
            SlotKind::Accumulator { .. } => {
                let value = self.value(ty);
                self.emit(Vec::new(), Op::Accumulate(slot, value));
            }
            SlotKind::DelayedAccumulator { .. } => {
                let (value, delay) = (self.value(ty), self.value(Type::U32));
                self.emit(Vec::new(), Op::AccumulateDelayed { slot, value, delay });
            }
            _ => {
                let delay = self.value(Type::I32);
                self.define(ty, Op::ReadDelayed { slot, delay });
            }
        }
    }

    pub(super) fn array(&mut self) {
        let Some(slot) = self.slot(|kind| matches!(kind, SlotKind::Array { .. })) else { return };
        let writable = self.kernel.slot(slot).kind == SlotKind::Array { writable: true };
        let ty = self.slot_type(slot);
        match self.below(if writable { 8 } else { 3 }) {
            0 => {
                let index = self.index(slot);
                self.define(ty, Op::LoadElement(slot, index));
            }
            1 | 2 => {
                let (pointer, slot) = self.pointer(slot);
                let ty = self.slot_type(slot);
                self.define(ty, Op::LoadPointer(pointer));
            }
            3 | 4 => {
                let (index, value) = (self.index(slot), self.value(ty));
                self.emit(Vec::new(), Op::StoreElement(slot, index, value));
            }
            5 => {
                let (index, value) = (self.index(slot), self.value(ty));
                self.emit(Vec::new(), Op::AccumulateElement(slot, index, value));
            }
            6 => {
                let (pointer, slot) = self.pointer(slot);
                let value = self.value(self.slot_type(slot));
                self.emit(Vec::new(), Op::StorePointer(pointer, value));
            }
            _ => {
                let (pointer, slot) = self.pointer(slot);
                if matches!(self.slot_type(slot), Type::U32 | Type::I32) {
                    let bits = self.value(Type::U32);
                    self.emit(Vec::new(), Op::AtomicOr(pointer, bits));
                }
            }
        }
    }

    /// A pointer into that array, or a pointer that exists already.
    fn pointer(&mut self, slot: SlotId) -> (Value, SlotId) {
        if !self.pointers.is_empty() && self.chance(30) {
            let pointers = self.pointers.clone();
            return self.pick(&pointers);
        }
        let base = self.define(Type::Ptr, Op::AddressOf(slot));
        let index = self.index(slot);
        let mut pointer = self.define(Type::Ptr, Op::Binary(BinaryOp::Add, base, index));
        if self.chance(30) {
            let condition = self.value(Type::Bool);
            pointer = self.define(Type::Ptr, Op::Select(condition, pointer, base));
        }
        self.pointers.push((pointer, slot));
        (pointer, slot)
    }

    /// An index, nearly always inside the array.
    fn index(&mut self, slot: SlotId) -> Value {
        let length = self.bindings[slot.0 as usize].length as u64;
        let any = self.value(Type::U32);
        if self.chance(2) {
            return self.define(Type::I64, Op::Convert(any));
        }
        let length = self.constant(Type::U32, length);
        let inside = self.define(Type::U32, Op::Binary(BinaryOp::Remainder, any, length));
        self.define(Type::I64, Op::Convert(inside))
    }

    pub(super) fn check(&mut self) {
        let ty = self.number_type();
        let (x, y) = (self.value(ty), self.value(Type::Bool));
        let same = self.define(Type::Bool, Op::Compare(CompareOp::Equal, x, x));
        let either = self.define(Type::Bool, Op::Binary(BinaryOp::Or, same, y));
        self.emit(Vec::new(), Op::Assert(either));
    }
}

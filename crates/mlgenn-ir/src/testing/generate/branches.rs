//! Random kernels of the kind that can become one function: branches in branches, gathered
//! variables and elements of arrays, and no lanes of more than 32 bits but as indices.

use mlgenn_lang::typed::MathFunction;

use super::{Case, Generator, SlotKind};
use crate::kernel::{Domain, Region, Slot, SlotId, Value};
use crate::launch::{Pattern, Ring};
use crate::math;
use crate::op::{BinaryOp, CompareOp, Op, UnaryOp};
use crate::testing::Binding;
use crate::types::Type;

/// A random case; the same for the same arguments. If `apart`, lanes also write to arrays and to
/// gathered variables, at elements of their own.
pub(in crate::testing) fn case(seed: u64, size: usize, lanes: usize, apart: bool) -> Case {
    let mut base = Generator::new(seed, format!("branches {seed} {size}"), lanes);
    let is_crowded = base.chance(25);
    let mut branches = Branches { base, apart, is_crowded, indices: Vec::new(), kept: Vec::new() };
    branches.add_slots();
    if is_crowded {
        branches.keep_many();
    }
    branches.instructions(size, 0);
    branches.finish();
    branches.base.into_case()
}

/// The slot that counts the lanes.
const ID: SlotId = SlotId(0);
/// A variable that is always there, for numbers and for conditions.
const OUT: SlotId = SlotId(1);
const FLAG: SlotId = SlotId(2);
/// Rows of an array in which each lane has an element of its own in each row.
const ROWS: u64 = 4;

const TYPES: [Type; 6] = [Type::F32, Type::I32, Type::U32, Type::U8, Type::U16, Type::Bool];
const NUMBERS: [Type; 3] = [Type::F32, Type::I32, Type::U32];

const FUNCTIONS: [MathFunction; 14] = [
    MathFunction::Exp,
    MathFunction::Log,
    MathFunction::Tanh,
    MathFunction::Sqrt,
    MathFunction::Floor,
    MathFunction::Ceil,
    MathFunction::Trunc,
    MathFunction::Rint,
    MathFunction::Fabs,
    MathFunction::Abs,
    MathFunction::Fmin,
    MathFunction::Fmax,
    MathFunction::Min,
    MathFunction::Max,
];

struct Branches {
    base: Generator,
    apart: bool,
    /// Whether there are more values at a time than there are registers.
    is_crowded: bool,
    /// Indices that can be used here, with the array that they are for.
    indices: Vec<(Value, SlotId)>,
    /// Values that are used at the very end.
    kept: Vec<Value>,
}

impl Branches {
    fn any_type(&mut self) -> Type {
        if self.base.chance(55) { self.base.pick(&NUMBERS) } else { self.base.pick(&TYPES) }
    }

    fn add_slots(&mut self) {
        let neuron = |writable| SlotKind::Variable { domain: Domain::Neuron, writable };
        self.add_slot(neuron(false), Type::U32, Pattern::Contiguous);
        let id = &mut self.base.bindings[0];
        let offset = id.offset as u64;
        (0..).zip(&mut id.contents).for_each(|(at, bits): (u64, _)| {
            *bits = at.saturating_sub(offset);
        });
        self.add_slot(neuron(true), Type::F32, Pattern::Contiguous);
        self.add_slot(neuron(true), Type::Bool, Pattern::Contiguous);
        for _ in 0..4 + self.base.below(9) {
            let ty = self.any_type();
            let number = self.base.pick(&NUMBERS);
            let others = [Domain::Pre, Domain::Post, Domain::Synapse, Domain::Kernel];
            let other = self.base.pick(&others);
            let accumulator = SlotKind::Accumulator { domain: Domain::Neuron };
            match self.base.below(if self.apart { 14 } else { 9 }) {
                0 | 1 => self.add_slot(neuron(true), ty, Pattern::Contiguous),
                2 => self.add_slot(neuron(false), ty, Pattern::Contiguous),
                3 => {
                    let kind = SlotKind::Variable { domain: Domain::Launch, writable: false };
                    self.add_slot(kind, number, Pattern::Uniform);
                }
                4 | 5 => {
                    let kind = SlotKind::Variable { domain: other, writable: false };
                    self.add_slot(kind, ty, Pattern::Gather);
                }
                6 => self.add_slot(SlotKind::Array { writable: false }, ty, Pattern::Whole),
                7 => self.add_slot(accumulator, number, Pattern::Contiguous),
                8 => self.add_slot(SlotKind::Events, Type::Bool, Pattern::Whole),
                9 | 10 => self.add_slot(neuron(true), ty, Pattern::Gather),
                11 => self.add_slot(accumulator, number, Pattern::Gather),
                _ => self.add_slot(SlotKind::Array { writable: true }, ty, Pattern::Whole),
            }
        }
    }

    fn add_slot(&mut self, kind: SlotKind, ty: Type, pattern: Pattern) {
        let base = &mut self.base;
        let lanes = base.lanes;
        let is_neuron = kind.domain() == Some(Domain::Neuron);
        let elements = match (pattern, kind) {
            (_, SlotKind::Events) => lanes.div_ceil(32),
            // Mostly as many as indices reach.
            (_, SlotKind::Array { writable: true }) => {
                (ROWS as usize - usize::from(base.chance(20))) * lanes.max(1)
            }
            (_, SlotKind::Array { .. }) => {
                if base.chance(80) {
                    8 + base.below(20)
                } else {
                    1 + base.below(8)
                }
            }
            (Pattern::Gather, _) if is_neuron => lanes + base.below(20),
            (Pattern::Gather, _) => 1 + base.below(50),
            (Pattern::Contiguous, _) => lanes,
            _ => 1,
        };
        let indices = match pattern {
            Pattern::Gather if is_neuron => base.some_of(elements, lanes),
            Pattern::Gather => (0..lanes).map(|_| base.below(elements) as u32).collect(),
            _ => Vec::new(),
        };
        let offset = base.below(9);
        let total = offset + elements + base.below(20);
        let memory = if kind == SlotKind::Events { Type::U32 } else { ty };
        let contents = (0..total).map(|_| match kind {
            SlotKind::Events => 0,
            _ => base.random_bits(ty),
        });
        let contents = contents.collect();
        let ring = Ring { slots: 1, current: 0, stride: 0 };
        let length = elements;
        let binding = Binding { pattern, ty: memory, contents, offset, indices, length, ring };
        let name = format!("s{}", base.bindings.len());
        base.kernel.slots.push(Slot { name, ty, kind });
        base.bindings.push(binding);
    }

    /// Some visible value of a type, or a constant.
    fn value(&mut self, ty: Type) -> Value {
        let base = &mut self.base;
        let of_type = |&value: &Value| base.kernel.value_type(value) == ty;
        let candidates: Vec<_> = base.visible.iter().copied().filter(of_type).collect();
        if !candidates.is_empty() && base.chance(90) {
            let recent = if self.is_crowded { 60 } else { 8 };
            return base.pick(&candidates[candidates.len().saturating_sub(recent)..]);
        }
        if let Some(&from) = base.visible.last()
            && base.chance(40)
            && converts(base.kernel.value_type(from), ty)
        {
            return base.define(ty, Op::Convert(from));
        }
        let bits = base.random_bits(ty);
        base.constant(ty, bits)
    }

    fn instructions(&mut self, count: usize, depth: usize) {
        for _ in 0..count {
            match self.base.below(100) {
                0..40 => self.arithmetic(),
                40..46 => self.call(),
                46..72 => self.access(),
                72..86 => self.element(),
                _ if depth < 4 => self.branch(count, depth),
                _ => self.arithmetic(),
            }
        }
    }

    fn arithmetic(&mut self) {
        use BinaryOp::*;
        let ty = self.any_type();
        let is_number = NUMBERS.contains(&ty);
        match self.base.below(8) {
            0 => {
                let x = self.value(ty);
                let not = matches!(ty, Type::I32 | Type::U32) && self.base.chance(50);
                if not || ty == Type::Bool {
                    self.base.define(ty, Op::Unary(UnaryOp::Not, x));
                } else if is_number {
                    self.base.define(ty, Op::Unary(UnaryOp::Negate, x));
                }
            }
            1 => {
                let (condition, x, y) = (self.value(Type::Bool), self.value(ty), self.value(ty));
                self.base.define(ty, Op::Select(condition, x, y));
            }
            2 => {
                let from = self.any_type();
                let x = self.value(from);
                if converts(from, ty) {
                    self.base.define(ty, Op::Convert(x));
                }
            }
            3 => {
                self.condition(ty);
            }
            _ => {
                let op = match ty {
                    Type::F32 => self.base.pick(&[Add, Subtract, Multiply, Divide]),
                    Type::I32 | Type::U32 => self
                        .base
                        .pick(&[Add, Subtract, Multiply, And, Or, Xor, ShiftLeft, ShiftRight]),
                    _ => self.base.pick(&[And, Or, Xor]),
                };
                let shifts = matches!(op, ShiftLeft | ShiftRight);
                let second = if shifts { self.base.pick(&TYPES[1..5]) } else { ty };
                let (x, y) = (self.value(ty), self.value(second));
                self.base.define(ty, Op::Binary(op, x, y));
            }
        }
    }

    fn condition(&mut self, ty: Type) -> Value {
        use CompareOp::*;
        let op = self.base.pick(&[Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual]);
        let (x, y) = (self.value(ty), self.value(ty));
        self.base.define(Type::Bool, Op::Compare(op, x, y))
    }

    fn call(&mut self) {
        let (function, ty) = (self.base.pick(&FUNCTIONS), self.base.pick(&NUMBERS));
        let Some(signature) = math::signature(function, ty) else { return };
        if signature.result == ty && signature.parameters.iter().all(|&parameter| parameter == ty) {
            let arguments = signature.parameters.iter().map(|&ty| self.value(ty)).collect();
            self.base.define(ty, Op::Math(function, arguments));
        }
    }

    /// Read or write a variable.
    fn access(&mut self) {
        let Some(slot) = self.base.slot(|kind| kind.domain().is_some()) else { return };
        let ty = self.base.slot_type(slot);
        let kind = self.base.kernel.slot(slot).kind;
        let op = match kind {
            SlotKind::Accumulator { .. } => Op::Accumulate(slot, self.value(ty)),
            SlotKind::Variable { writable: true, .. } if self.base.chance(50) => {
                Op::Write(slot, self.value(ty))
            }
            _ => {
                self.base.define(ty, Op::Read(slot));
                return;
            }
        };
        self.base.emit(Vec::new(), op);
    }

    /// Read or write an element of an array.
    fn element(&mut self) {
        let is_array = |kind| matches!(kind, SlotKind::Array { .. });
        let Some(slot) = self.base.slot(is_array) else { return };
        let ty = self.base.slot_type(slot);
        let is_own = self.base.kernel.slot(slot).kind == SlotKind::Array { writable: true };
        let index = self.index(slot, is_own);
        if is_own && self.base.chance(50) {
            let value = self.value(ty);
            self.base.emit(Vec::new(), Op::StoreElement(slot, index, value));
        } else {
            self.base.define(ty, Op::LoadElement(slot, index));
        }
    }

    /// An index of an array, usually inside; one that no other lane has, if `is_own`.
    fn index(&mut self, slot: SlotId, is_own: bool) -> Value {
        let known: Vec<_> =
            self.indices.iter().filter(|(_, array)| *array == slot).copied().collect();
        if !known.is_empty() && self.base.chance(30) {
            return self.base.pick(&known).0;
        }
        let narrow = if is_own { self.own_index() } else { self.any_index() };
        let index = self.base.fresh(Type::I64);
        self.base.emit(vec![index], Op::Convert(narrow));
        self.indices.push((index, slot));
        index
    }

    /// A row times the number of lanes, plus the number of the lane.
    fn own_index(&mut self) -> Value {
        let ty = self.base.pick(&[Type::I32, Type::U32]);
        let row = match self.base.below(20) {
            // As `-1`, and its product wraps.
            0 => self.base.constant(ty, u64::from(u32::MAX)),
            1..8 => {
                let row = self.base.below(ROWS as usize) as u64;
                self.base.constant(ty, row)
            }
            _ => {
                let (any, last) = (self.value(ty), self.base.constant(ty, ROWS - 1));
                self.base.define(ty, Op::Binary(BinaryOp::And, any, last))
            }
        };
        let lanes = self.base.lanes.max(1) as u64;
        let lanes = self.base.constant(ty, lanes);
        let start = self.base.define(ty, Op::Binary(BinaryOp::Multiply, row, lanes));
        let mut id = self.base.define(Type::U32, Op::Read(ID));
        if ty == Type::I32 {
            id = self.base.define(ty, Op::Convert(id));
        }
        self.base.define(ty, Op::Binary(BinaryOp::Add, start, id))
    }

    fn any_index(&mut self) -> Value {
        let ty = self.base.pick(&[Type::I32, Type::U32]);
        let any = self.value(ty);
        if self.base.chance(10) {
            return any;
        }
        let last = self.base.constant(ty, 7);
        self.base.define(ty, Op::Binary(BinaryOp::And, any, last))
    }

    fn branch(&mut self, count: usize, depth: usize) {
        let condition = if self.base.chance(50) {
            let ty = self.any_type();
            self.condition(ty)
        } else {
            self.value(Type::Bool)
        };
        let results = self.base.below(4) * self.base.below(2);
        let types: Vec<_> = (0..results).map(|_| self.any_type()).collect();
        let regions = [(); 2].map(|()| {
            let size = match self.base.below(5) {
                0 => 0,
                1 | 2 => 1 + self.base.below(4),
                _ => self.base.below(count / 2 + 2),
            };
            self.region(size, depth, &types)
        });
        let [then, otherwise] = regions;
        let results: Vec<_> = types.iter().map(|&ty| self.base.fresh(ty)).collect();
        self.base.emit(results.clone(), Op::If { condition, then, otherwise });
        self.base.visible.extend(results);
    }

    fn region(&mut self, size: usize, depth: usize, yields: &[Type]) -> Region {
        let (visible, indices) = (self.base.visible.len(), self.indices.len());
        self.base.open.push(Vec::new());
        self.instructions(size, depth + 1);
        let yields = yields.iter().map(|&ty| self.value(ty)).collect();
        let instructions = self.base.open.pop().unwrap_or_default();
        self.base.visible.truncate(visible);
        self.indices.truncate(indices);
        Region { parameters: Vec::new(), instructions, yields }
    }

    /// Values and conditions that live through everything.
    fn keep_many(&mut self) {
        for _ in 0..12 + self.base.below(48) {
            let read = self.base.define(Type::F32, Op::Read(OUT));
            let bits = self.base.random_bits(Type::F32);
            let number = self.base.constant(Type::F32, bits);
            let op = Op::Binary(BinaryOp::Subtract, read, number);
            let value = self.base.define(Type::F32, op);
            self.kept.push(value);
            if self.base.chance(25) {
                let condition = self.condition(Type::F32);
                self.kept.push(condition);
            }
        }
    }

    /// Emit events, and write what was computed last somewhere.
    fn finish(&mut self) {
        for value in std::mem::take(&mut self.kept) {
            let (slot, op) = match self.base.kernel.value_type(value) {
                Type::Bool => (FLAG, BinaryOp::Xor),
                _ => (OUT, BinaryOp::Add),
            };
            let ty = self.base.slot_type(slot);
            let before = self.base.define(ty, Op::Read(slot));
            let after = self.base.define(ty, Op::Binary(op, before, value));
            self.base.emit(Vec::new(), Op::Write(slot, after));
        }
        for slot in self.base.kernel.slot_ids() {
            let kind = self.base.kernel.slot(slot).kind;
            let op = match kind {
                SlotKind::Events => Op::Emit(slot, self.value(Type::Bool)),
                SlotKind::Variable { writable: true, .. } if self.base.chance(50) => {
                    let ty = self.base.slot_type(slot);
                    Op::Write(slot, self.value(ty))
                }
                _ => continue,
            };
            self.base.emit(Vec::new(), op);
        }
    }
}

/// Whether there is a vector form of a conversion.
fn converts(from: Type, to: Type) -> bool {
    !(from == Type::F32 && matches!(to, Type::U8 | Type::U16))
}

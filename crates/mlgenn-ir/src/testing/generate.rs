//! Random kernels and random memory.

pub(super) mod branches;

use mlgenn_lang::typed::RandomFunction;

use super::{Binding, Case};
use crate::evaluate::truncate;
use crate::kernel::{Domain, Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::launch::{Pattern, Ring};
use crate::op::{BinaryOp, CompareOp, Op, UnaryOp};
use crate::philox::philox4x32;
use crate::types::Type;
use crate::{math, random};

/// A random case; the same for the same arguments.
pub(super) fn case(seed: u64, size: usize, lanes: usize) -> Case {
    let mut generator = Generator::new(seed, format!("random {seed} {size}"), lanes);
    generator.add_slots();
    generator.instructions(size, 0);
    generator.finish();
    generator.into_case()
}

const NUMBERS: [Type; 10] = [
    Type::F32,
    Type::I8,
    Type::U8,
    Type::I16,
    Type::U16,
    Type::I32,
    Type::U32,
    Type::I64,
    Type::U64,
    Type::F64,
];

const FUNCTIONS: [RandomFunction; 7] = [
    RandomFunction::Bits,
    RandomFunction::Uniform,
    RandomFunction::Normal,
    RandomFunction::Exponential,
    RandomFunction::LogNormal,
    RandomFunction::Gamma,
    RandomFunction::Binomial,
];

struct Generator {
    seed: u64,
    drawn: u32,
    lanes: usize,
    kernel: Kernel,
    bindings: Vec<Binding>,
    /// Values that can be used here.
    visible: Vec<Value>,
    /// Pointers that can be used here, with the array they point into.
    pointers: Vec<(Value, SlotId)>,
    /// Instructions of the regions that are being made.
    open: Vec<Vec<Instruction>>,
}

impl Generator {
    fn new(seed: u64, name: String, lanes: usize) -> Self {
        let (slots, values, body) = (Vec::new(), Vec::new(), Region::default());
        Self {
            seed,
            drawn: 0,
            lanes,
            kernel: Kernel { name, slots, values, body },
            bindings: Vec::new(),
            visible: Vec::new(),
            pointers: Vec::new(),
            open: vec![Vec::new()],
        }
    }

    fn into_case(mut self) -> Case {
        self.kernel.body.instructions = self.open.pop().unwrap_or_default();
        Case { kernel: self.kernel, lanes: self.lanes, slots: self.bindings }
    }

    fn bits(&mut self) -> u32 {
        self.drawn += 1;
        philox4x32([self.drawn, 0, 0, 0], [self.seed as u32, (self.seed >> 32) as u32])[0]
    }

    fn below(&mut self, limit: usize) -> usize {
        ((u64::from(self.bits()) * limit as u64) >> 32) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// So many of the numbers below a limit, in any order and none of them twice.
    fn some_of(&mut self, limit: usize, count: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..limit as u32).collect();
        for at in 0..count {
            let other = at + self.below(limit - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }

    fn number_type(&mut self) -> Type {
        // Mostly what models use.
        if self.chance(60) {
            self.pick(&[Type::F32, Type::F32, Type::I32])
        } else {
            self.pick(&NUMBERS)
        }
    }

    /// Random bits of a type: mostly tame, sometimes extreme.
    fn random_bits(&mut self, ty: Type) -> u64 {
        let wide = u64::from(self.bits()) << 32 | u64::from(self.bits());
        let small = self.below(21) as i64 - 10;
        match ty {
            Type::Bool => wide & 1,
            Type::Ptr => 0,
            Type::F32 | Type::F64 => {
                let value = match self.below(20) {
                    0 => self.pick(&[0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]),
                    1 => self.pick(&[1e30, -1e-40, 1e9, -3e-5, 88.0, -104.0]),
                    2..8 => small as f64,
                    _ => f64::from(self.bits() as i32) / 2f64.powi(29),
                };
                if ty == Type::F64 { value.to_bits() } else { u64::from((value as f32).to_bits()) }
            }
            _ if self.chance(15) => truncate(ty, wide),
            _ if ty.is_signed() => truncate(ty, small as u64),
            _ => truncate(ty, small.unsigned_abs()),
        }
    }

    fn add_slots(&mut self) {
        let domains = [
            Domain::Launch,
            Domain::Member,
            Domain::Neuron,
            Domain::Pre,
            Domain::Post,
            Domain::Synapse,
        ];
        for i in 0..4 + self.below(8) {
            let domain = self.pick(&domains);
            let kind = match self.below(7) {
                0 => SlotKind::Accumulator { domain },
                1 => SlotKind::DelayedAccumulator { domain },
                2 => SlotKind::History { domain },
                3 => SlotKind::Events,
                4 => SlotKind::Array { writable: self.chance(70) },
                _ => SlotKind::Variable { domain, writable: self.chance(50) },
            };
            let ty = match kind {
                SlotKind::Events => Type::Bool,
                SlotKind::Variable { .. } if self.chance(10) => Type::Bool,
                _ => self.number_type(),
            };
            let binding = self.binding(kind, ty);
            self.kernel.slots.push(Slot { name: format!("s{i}"), ty, kind });
            self.bindings.push(binding);
        }
    }

    fn binding(&mut self, kind: SlotKind, ty: Type) -> Binding {
        let whole = matches!(kind, SlotKind::Events | SlotKind::Array { .. });
        let pattern = if whole {
            Pattern::Whole
        } else {
            self.pick(&[
                Pattern::Contiguous,
                Pattern::Contiguous,
                Pattern::Gather,
                Pattern::Uniform,
            ])
        };
        let elements = match (pattern, kind) {
            (_, SlotKind::Events) => self.lanes.div_ceil(32),
            (Pattern::Whole | Pattern::Gather, _) => 1 + self.below(50),
            (Pattern::Uniform, _) => 1,
            (Pattern::Contiguous, _) => self.lanes,
        };
        let gathers = if pattern == Pattern::Gather { self.lanes } else { 0 };
        let indices = (0..gathers).map(|_| self.below(elements) as u32).collect();
        let ring = match kind {
            SlotKind::DelayedAccumulator { .. } | SlotKind::History { .. } => {
                let slots = 1 + self.below(4) as u32;
                let current = self.below(slots as usize) as u32;
                Ring { slots, current, stride: elements + self.below(3) }
            }
            _ => Ring { slots: 1, current: 0, stride: 0 },
        };
        let offset = self.below(9);
        let total = offset + (ring.slots as usize - 1) * ring.stride + elements + self.below(3);
        let ty = if kind == SlotKind::Events { Type::U32 } else { ty };
        let contents = if kind == SlotKind::Events {
            vec![0; total]
        } else {
            (0..total).map(|_| self.random_bits(ty)).collect()
        };
        Binding { pattern, ty, contents, offset, indices, length: elements, ring }
    }

    fn emit(&mut self, results: Vec<Value>, op: Op) {
        if let Some(instructions) = self.open.last_mut() {
            instructions.push(Instruction { results, op });
        }
    }

    fn fresh(&mut self, ty: Type) -> Value {
        self.kernel.values.push(ty);
        Value(self.kernel.values.len() as u32 - 1)
    }

    fn define(&mut self, ty: Type, op: Op) -> Value {
        let value = self.fresh(ty);
        self.emit(vec![value], op);
        if ty != Type::Ptr {
            self.visible.push(value);
        }
        value
    }

    fn constant(&mut self, ty: Type, bits: u64) -> Value {
        self.define(ty, Op::Const(bits))
    }

    /// Some value of a type: a visible one, a conversion of one, or a constant.
    fn value(&mut self, ty: Type) -> Value {
        let candidates: Vec<_> = self
            .visible
            .iter()
            .copied()
            .filter(|&value| self.kernel.value_type(value) == ty)
            .collect();
        if !candidates.is_empty() && self.chance(85) {
            // Rather recent ones.
            let recent = candidates.len().min(6);
            return self.pick(&candidates[candidates.len() - recent..]);
        }
        if !self.visible.is_empty() && self.chance(50) {
            let visible = self.visible.clone();
            let from = self.pick(&visible);
            return self.define(ty, Op::Convert(from));
        }
        let bits = self.random_bits(ty);
        self.constant(ty, bits)
    }

    fn slot(&mut self, fits: fn(SlotKind) -> bool) -> Option<SlotId> {
        let candidates: Vec<_> =
            self.kernel.slot_ids().filter(|&slot| fits(self.kernel.slot(slot).kind)).collect();
        (!candidates.is_empty()).then(|| self.pick(&candidates))
    }

    fn slot_type(&self, slot: SlotId) -> Type {
        self.kernel.slot(slot).ty
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

    fn instructions(&mut self, count: usize, depth: usize) {
        for _ in 0..count {
            match self.below(100) {
                0..30 => self.arithmetic(),
                30..38 => self.call(),
                38..70 => self.access(),
                70..82 => self.array(),
                82..84 => self.check(),
                84..92 if depth < 3 => self.branch(count / 3, depth),
                92..97 if depth < 2 => self.counted_loop(count / 4, depth),
                _ => self.arithmetic(),
            }
        }
    }

    fn arithmetic(&mut self) {
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
    fn call(&mut self) {
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
    fn access(&mut self) {
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

    fn array(&mut self) {
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

    fn check(&mut self) {
        let ty = self.number_type();
        let (x, y) = (self.value(ty), self.value(Type::Bool));
        let same = self.define(Type::Bool, Op::Compare(CompareOp::Equal, x, x));
        let either = self.define(Type::Bool, Op::Binary(BinaryOp::Or, same, y));
        self.emit(Vec::new(), Op::Assert(either));
    }

    /// Make a region: its instructions, and yields of the given types.
    fn region(
        &mut self,
        parameters: Vec<Value>,
        size: usize,
        depth: usize,
        yields: &[Type],
    ) -> Region {
        let (visible, pointers) = (self.visible.len(), self.pointers.len());
        self.visible.extend(&parameters);
        self.open.push(Vec::new());
        self.instructions(size, depth + 1);
        let yields = yields.iter().map(|&ty| self.value(ty)).collect();
        let instructions = self.open.pop().unwrap_or_default();
        self.visible.truncate(visible);
        self.pointers.truncate(pointers);
        Region { parameters, instructions, yields }
    }

    fn branch(&mut self, size: usize, depth: usize) {
        let condition = self.value(Type::Bool);
        let types: Vec<_> = (0..self.below(3)).map(|_| self.number_type()).collect();
        let then_size = self.below(size + 2);
        let then = self.region(Vec::new(), then_size, depth, &types);
        let otherwise_size = self.below(size + 2);
        let otherwise = self.region(Vec::new(), otherwise_size, depth, &types);
        let results: Vec<_> = types.iter().map(|&ty| self.fresh(ty)).collect();
        self.emit(results.clone(), Op::If { condition, then, otherwise });
        self.visible.extend(results);
    }

    /// A loop of at most 4 passes; how many may differ between lanes.
    fn counted_loop(&mut self, size: usize, depth: usize) {
        let any = self.value(Type::U32);
        let four = self.constant(Type::U32, 5);
        let limit = self.define(Type::U32, Op::Binary(BinaryOp::Remainder, any, four));
        let (zero, one) = (self.constant(Type::U32, 0), self.constant(Type::U32, 1));
        let types: Vec<_> = (0..self.below(3)).map(|_| self.number_type()).collect();
        let mut init = vec![zero];
        init.extend(types.iter().map(|&ty| self.value(ty)).collect::<Vec<_>>());
        let mut all = vec![Type::U32];
        all.extend(&types);
        let mut parameters = || all.iter().map(|&ty| self.fresh(ty)).collect::<Vec<_>>();
        let (tested, passed, results) = (parameters(), parameters(), parameters());
        let counter = tested[0];
        let condition_size = self.below(3);
        let mut condition = self.region(tested, condition_size, depth, &[]);
        let holds = self.fresh(Type::Bool);
        condition.instructions.push(Instruction {
            results: vec![holds],
            op: Op::Compare(CompareOp::Less, counter, limit),
        });
        condition.yields.push(holds);
        let counter = passed[0];
        let body_size = 1 + self.below(size + 2);
        let mut body = self.region(passed, body_size, depth, &types);
        let next = self.fresh(Type::U32);
        body.instructions
            .push(Instruction { results: vec![next], op: Op::Binary(BinaryOp::Add, counter, one) });
        body.yields.insert(0, next);
        self.emit(results.clone(), Op::Loop { init, condition, body });
        self.visible.extend(results);
    }

    /// Emit every event slot, and write what was computed last somewhere.
    fn finish(&mut self) {
        for slot in self.kernel.slot_ids() {
            let kind = self.kernel.slot(slot).kind;
            match kind {
                SlotKind::Events if self.chance(90) => {
                    let condition = self.value(Type::Bool);
                    self.emit(Vec::new(), Op::Emit(slot, condition));
                }
                SlotKind::Variable { writable: true, .. } => {
                    let value = self.value(self.slot_type(slot));
                    self.emit(Vec::new(), Op::Write(slot, value));
                }
                _ => {}
            }
        }
    }
}

//! Steps of the operations without regions.

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{BinaryOp, Op, SlotId, Type, Value};

use super::{Assembler, Detail, DetailKind, Kind, Operand, Step, is_wide};
use crate::steps::access::{Action, Place, RingKind};
use crate::steps::sum::PARTIALS;
use crate::steps::vector::VectorOp;
use crate::tape::select;

impl Assembler<'_> {
    /// An operation with one result.
    pub(super) fn value(&mut self, op: &Op, result: Value, index: usize) {
        let ty = self.ty(result);
        match op {
            Op::Const(bits) => {
                let place = self.constant(ty, *bits);
                self.places.insert(result, place);
            }
            Op::AddressOf(slot) => {
                let place = self.constant(ty, mlgenn_ir::evaluate::pointer(slot.0, 0));
                self.places.insert(result, place);
            }
            Op::Unary(op, x) => {
                let kind = select::unary(*op, self.ty(*x));
                self.compute(kind, DetailKind::Unary(*op), &[*x], result, index);
            }
            Op::Binary(op, x, y) => {
                let kind = select::binary(*op, self.ty(*x), self.ty(*y));
                self.compute(kind, DetailKind::Binary(*op), &[*x, *y], result, index);
            }
            Op::Compare(op, x, y) => match select::compare(*op, self.ty(*x)) {
                Some((kind, true)) => {
                    let kind = Some(kind);
                    self.compute(kind, DetailKind::Compare(*op), &[*y, *x], result, index);
                }
                choice => {
                    let kind = choice.map(|(kind, _)| kind);
                    self.compute(kind, DetailKind::Compare(*op), &[*x, *y], result, index);
                }
            },
            Op::Select(condition, x, y) => {
                let kind = (!is_wide(ty)).then_some(Kind::Vector(VectorOp::Select));
                self.compute(kind, DetailKind::Select, &[*condition, *x, *y], result, index);
            }
            Op::Convert(x) => {
                let kind = if self.lane_type(result) == ty {
                    select::convert(self.ty(*x), ty)
                } else {
                    Some(Kind::Vector(VectorOp::Copy))
                };
                self.compute(kind, DetailKind::Convert, &[*x], result, index);
            }
            Op::Math(function, arguments) => {
                let first = arguments.first().map_or(ty, |&value| self.ty(value));
                let kind = select::math(*function, first);
                self.compute(kind, DetailKind::Math(*function), arguments, result, index);
            }
            Op::Random { function, key, element, timestep, draw, arguments } => {
                let mut all = vec![*key, *element, *timestep, *draw];
                all.extend(arguments);
                self.compute(None, DetailKind::Random(*function), &all, result, index);
            }
            Op::Read(_) if self.deferred.contains_key(&result) => {}
            Op::Read(slot) => self.read(*slot, result),
            Op::ReadDelayed { slot, delay } => {
                let delay = self.place(*delay);
                let d = self.destination(result, false);
                self.access(*slot, Action::Load, d, Some((RingKind::History, delay)));
            }
            Op::LoadElement(slot, at) => {
                let (b, c) = (self.slot_operand(*slot), self.place(*at));
                let kind = Kind::Indexed { ty, index: self.lane_type(*at), action: Action::Load };
                let d = self.destination(result, false);
                self.push(kind, d, &[Operand::default(), b, c], slot.0);
            }
            Op::LoadPointer(pointer) => {
                self.compute(None, DetailKind::LoadPointer, &[*pointer], result, index);
            }
            _ => {}
        }
    }

    /// Compute a value from others: by a step of that kind, or else lane by lane.
    pub(super) fn compute(
        &mut self,
        kind: Option<Kind>,
        detail: DetailKind,
        arguments: &[Value],
        result: Value,
        index: usize,
    ) {
        let sources: Vec<_> = arguments.iter().map(|&value| self.place(value)).collect();
        if let Some(kind) = kind
            && self.step_of(kind).is_some()
        {
            let mut kind = kind;
            let mut sources = sources;
            if let Kind::Vector(op) = &mut kind {
                if self.is_fusing() && !self.analysis.uniform[result.0 as usize] {
                    let values = arguments.iter().copied().map(Some);
                    let mut operands: Vec<_> = sources.into_iter().zip(values).collect();
                    self.fuse(op, &mut operands);
                    sources = operands.into_iter().map(|(operand, _)| operand).collect();
                }
                // Such a step may put its result where a source was.
                arguments.iter().for_each(|&value| self.release_if_last(value, index));
            }
            let d = self.destination(result, true);
            self.push_value(kind, d, &sources, 0, Some(result));
            return;
        }
        let direct = !matches!(detail, DetailKind::LoadPointer);
        let d = self.destination(result, direct);
        self.push_detail(detail, arguments, Some((d, self.ty(result))));
    }

    pub(super) fn push_detail(
        &mut self,
        kind: DetailKind,
        arguments: &[Value],
        result: Option<(Operand, Type)>,
    ) {
        let arguments =
            arguments.iter().map(|&value| (self.place(value), self.ty(value))).collect();
        let index = self.program.details.len();
        let step = match (&kind, result) {
            (&DetailKind::Random(function), Some((d, Type::F32 | Type::U32)))
                if !d.is_uniform() && self.step_of(Kind::Random(function)).is_some() =>
            {
                Kind::Random(function)
            }
            _ => Kind::Evaluate,
        };
        let detail = Detail { kind, arguments, result: result.map(|(_, ty)| ty) };
        self.program.details.push(detail);
        let d = result.map_or(Operand::default(), |(d, _)| d);
        self.push(step, d, &[], index as u32);
    }

    /// Copy lanes.
    pub(super) fn copy(&mut self, ty: Type, d: Operand, from: Operand) {
        if d != from {
            let kind = if is_wide(ty) { Kind::WideCopy } else { Kind::Vector(VectorOp::Copy) };
            self.push(kind, d, &[from], 0);
        }
    }

    pub(super) fn read(&mut self, slot: SlotId, result: Value) {
        let ty = self.ty(result);
        let place = self.slot_operand(slot);
        if !self.is_in_place(slot) {
            let d = self.destination(result, false);
            if d.is_uniform() && ty.bytes() == 4 {
                self.program.broadcasts.push((place, d));
            } else {
                self.access(slot, Action::Load, d, None);
            }
        } else if self.analysis.is_written_between(
            self.kernel,
            slot,
            self.analysis.defined[result.0 as usize],
            self.analysis.last_use[result.0 as usize],
        ) {
            let d = self.destination(result, false);
            self.copy(ty, d, place);
        } else {
            self.places.insert(result, place);
        }
    }

    /// Access to the element of each lane: `lanes` are what is loaded, stored or added.
    pub(super) fn access(
        &mut self,
        slot: SlotId,
        action: Action,
        lanes: Operand,
        ring: Option<(RingKind, Operand)>,
    ) {
        let kind = Kind::Lanes(self.kernel.slot(slot).ty, action);
        let pattern = self.patterns[slot.0 as usize];
        let place = Place { slot: slot.0 as u16, pattern, ring: ring.map(|(ring, _)| ring) }.pack();
        let delay = ring.map_or(Operand::default(), |(_, delay)| delay);
        let memory = self.slot_operand(slot);
        if action == Action::Load {
            self.push(kind, lanes, &[Operand::default(), memory, delay], place);
        } else {
            self.push(kind, memory, &[lanes, memory, delay], place);
        }
    }

    /// An operation without result.
    pub(super) fn effect(&mut self, op: &Op) {
        match op {
            Op::Write(slot, value) => {
                let from = self.place(*value);
                if self.is_in_place(*slot) {
                    self.copy(self.ty(*value), self.slot_operand(*slot), from);
                } else {
                    self.access(*slot, Action::Store, from, None);
                }
            }
            Op::Accumulate(slot, value) => self.accumulate(*slot, *value),
            Op::AccumulateDelayed { slot, value, delay } => {
                let delay = (RingKind::Accumulator, self.place(*delay));
                self.access(*slot, Action::Add, self.place(*value), Some(delay));
            }
            Op::Emit(slot, condition) => {
                let condition = self.place(*condition);
                self.push(Kind::Emit, self.slot_operand(*slot), &[condition], 0);
            }
            Op::StoreElement(slot, index, value) => {
                self.element(*slot, *index, *value, Action::Store);
            }
            Op::AccumulateElement(slot, index, value) => {
                self.element(*slot, *index, *value, Action::Add);
            }
            Op::StorePointer(pointer, value) => {
                self.push_detail(DetailKind::StorePointer, &[*pointer, *value], None);
            }
            Op::AtomicOr(pointer, bits) => {
                self.push_detail(DetailKind::AtomicOr, &[*pointer, *bits], None);
            }
            Op::Assert(condition) => {
                self.push_detail(DetailKind::Assert, &[*condition], None);
            }
            Op::Print { format, arguments } => {
                self.push_detail(DetailKind::Print(format.clone()), arguments, None);
            }
            _ => {}
        }
    }

    pub(super) fn element(&mut self, slot: SlotId, index: Value, value: Value, action: Action) {
        let ty = self.kernel.slot(slot).ty;
        let memory = self.slot_operand(slot);
        let kind = Kind::Indexed { ty, index: self.lane_type(index), action };
        self.push(kind, memory, &[self.place(value), memory, self.place(index)], slot.0);
    }

    pub(super) fn accumulate(&mut self, slot: SlotId, value: Value) {
        let ty = self.kernel.slot(slot).ty;
        let from = self.place(value);
        let memory = self.slot_operand(slot);
        if self.patterns[slot.0 as usize] == Pattern::Uniform {
            let bytes = PARTIALS * if is_wide(ty) { 8 } else { 4 };
            let partials = self.allocate_shared(bytes);
            let start = partials.offset as usize;
            self.program.zeroed.push(start..start + bytes);
            // Sums have lanes of their own: this step belongs to the tape, not to the prologue.
            let step = Operand { step: if is_wide(ty) { 8 } else { 4 }, ..partials };
            self.push(Kind::AddLanes { ty, all: self.depth == 0 }, step, &[from], 0);
            if let Some(run) = self.step_of(Kind::Finish(ty)) {
                let nothing = Operand::default();
                let finish = Step {
                    run,
                    d: memory,
                    a: step,
                    b: memory,
                    c: nothing,
                    e: nothing,
                    immediate: 0,
                };
                self.program.epilogue.push(finish);
            }
            return;
        }
        let add = match ty {
            Type::F32 => Some(Kind::Vector(VectorOp::AddF32)),
            Type::I32 | Type::U32 => Some(Kind::Vector(VectorOp::AddI32)),
            Type::F64 | Type::I64 | Type::U64 => Some(Kind::WideBinary(BinaryOp::Add, ty)),
            _ => None,
        };
        match add {
            Some(kind) if self.is_in_place(slot) => {
                self.push(kind, memory, &[memory, from], 0);
            }
            _ => self.access(slot, Action::Add, from, None),
        }
    }
}

//! From a kernel to a tape.

use std::collections::HashMap;
use std::sync::OnceLock;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{BinaryOp, Instruction, Kernel, Op, Region, SlotId, SlotKind, Type, Value};

use super::analysis::{Analysis, may_share, outer_values, uses};
use super::program::{BlockProgram, Branch, Constant, Detail, DetailKind, LoopPlan, Pack};
use super::registers::{Registers, register_bytes};
use super::schedule::schedule;
use super::select::{self, Kind};
use super::{Operand, Step};
use crate::simd::Level;
use crate::steps::access::{Action, Place, RingKind};
use crate::steps::sum::PARTIALS;
use crate::steps::vector::VectorOp;

/// Bytes of a number that all lanes share.
const SHARED_BYTES: usize = 64;

/// Compile a kernel; `shared_memory` says whether writable slots may be bound to the same memory.
pub(crate) fn assemble(
    kernel: &Kernel,
    patterns: &[Pattern],
    level: Level,
    shared_memory: bool,
) -> BlockProgram {
    let scheduled = if shared_memory { kernel.clone() } else { schedule(kernel, patterns) };
    let kernel = &scheduled;
    let analysis = Analysis::new(kernel, patterns, shared_memory);
    let mut assembler = Assembler {
        kernel,
        patterns,
        registers: Registers::default(),
        places: HashMap::new(),
        position: 0,
        regions: 0,
        home: 0,
        depth: 0,
        steps: Vec::new(),
        made: Vec::new(),
        narrow: narrow_indices(kernel, &analysis),
        analysis,
        program: BlockProgram {
            kernel: kernel.clone(),
            patterns: patterns.to_vec(),
            level,
            prologue: Vec::new(),
            broadcasts: Vec::new(),
            steps: Vec::new(),
            epilogue: Vec::new(),
            details: Vec::new(),
            branches: Vec::new(),
            loops: Vec::new(),
            constants: Vec::new(),
            register_bytes: 0,
            uniform_bytes: 0,
            zeroed: Vec::new(),
            advances: Vec::new(),
            apart: Vec::new(),
            careful: OnceLock::new(),
        },
    };
    assembler.region(&kernel.body);
    assembler.push_broadcasts();
    let Assembler { mut program, steps, registers, .. } = assembler;
    program.steps = steps;
    if !shared_memory {
        let slots = || kernel.slot_ids();
        let pairs = slots().flat_map(|a| slots().map(move |b| (a, b)));
        let apart = pairs.filter(|&(a, b)| a < b && may_share(kernel, a, b));
        program.apart = apart.map(|(a, b)| (a.0 as usize, b.0 as usize)).collect();
    }
    program.register_bytes = registers.bytes();
    for slot in kernel.slot_ids() {
        let base = Operand::SLOTS as usize + slot.0 as usize;
        let blocks = mlgenn_ir::launch::BLOCK_LANES;
        if kernel.slot(slot).kind == SlotKind::Events {
            program.advances.push((base, blocks / 32 * 4));
        } else if patterns[slot.0 as usize] == Pattern::Contiguous {
            program.advances.push((base, blocks * kernel.slot(slot).ty.bytes()));
        }
    }
    program
}

/// What a step of the tape does, for fusing it with a later one.
#[derive(Clone, Copy, Debug)]
struct Made {
    kind: Kind,
    /// The value that it computes.
    result: Option<Value>,
}

/// How many steps back an operation may lie that is fused with another one.
const FUSION_WINDOW: usize = 16;

struct Assembler<'a> {
    kernel: &'a Kernel,
    patterns: &'a [Pattern],
    analysis: Analysis,
    /// Types of `i64` values that are kept in 32 bits.
    narrow: HashMap<Value, Type>,
    registers: Registers,
    /// Where values are, in the current frame.
    places: HashMap<Value, Operand>,
    /// Position of the current instruction in the order of the text.
    position: usize,
    /// Number of regions so far, and that of the current one.
    regions: usize,
    home: usize,
    /// How many frames of packed lanes are around.
    depth: usize,
    /// The tape that is being made.
    steps: Vec<Step>,
    /// What the steps of the tape do.
    made: Vec<Made>,
    program: BlockProgram,
}

/// Whether writing one operand may change another.
fn overlap(written: Operand, read: Operand) -> bool {
    written.base == read.base
        && (read.is_slot()
            || !written.is_uniform()
                && !read.is_uniform()
                // Registers are as wide as their steps say.
                && written.offset < read.offset + register_bytes(read)
                && read.offset < written.offset + register_bytes(written))
}

/// Indices of array elements that were converted from 32 bits, and from what.
fn narrow_indices(kernel: &Kernel, analysis: &Analysis) -> HashMap<Value, Type> {
    let mut narrow = HashMap::new();
    kernel.body.for_each_instruction(&mut |instruction| {
        if let (Op::Convert(from), &[result]) = (&instruction.op, &instruction.results[..])
            && kernel.value_type(result) == Type::I64
            && matches!(kernel.value_type(*from), Type::I32 | Type::U32)
            && analysis.only_index[result.0 as usize]
        {
            narrow.insert(result, kernel.value_type(*from));
        }
    });
    narrow
}

/// Whether lanes of that type have 64 bits.
fn is_wide(ty: Type) -> bool {
    ty.bytes() == 8
}

impl Assembler<'_> {
    fn ty(&self, value: Value) -> Type {
        self.kernel.value_type(value)
    }

    fn place(&self, value: Value) -> Operand {
        // The verifier has checked that values are defined before they are used.
        self.places.get(&value).copied().unwrap_or_default()
    }

    fn slot_operand(&self, slot: SlotId) -> Operand {
        let step = match self.patterns[slot.0 as usize] {
            Pattern::Contiguous => self.kernel.slot(slot).ty.bytes() as u16,
            _ => 0,
        };
        Operand { base: Operand::SLOTS + slot.0 as u16, step, offset: 0 }
    }

    fn step_of(&self, kind: Kind) -> Option<super::StepFn> {
        kind.step(self.program.level)
    }

    /// Append a step to the tape, or to the prologue if all lanes share its result.
    fn push(&mut self, kind: Kind, d: Operand, sources: &[Operand], immediate: u32) {
        self.push_value(kind, d, sources, immediate, None);
    }

    fn push_value(
        &mut self,
        kind: Kind,
        d: Operand,
        sources: &[Operand],
        immediate: u32,
        result: Option<Value>,
    ) {
        let Some(run) = self.step_of(kind) else { return };
        let source = |i: usize| sources.get(i).copied().unwrap_or_default();
        let [a, b, c, e] = [0, 1, 2, 3].map(source);
        let step = Step { run, d, a, b, c, e, immediate };
        if d.base == Operand::UNIFORMS && d.is_uniform() {
            self.program.prologue.push(step);
        } else {
            self.steps.push(step);
            self.made.push(Made { kind, result });
        }
    }

    /// Make an operation and those that compute its operands one, as far as there are such
    /// operations; takes the latter from the tape.
    fn fuse(&mut self, op: &mut VectorOp, operands: &mut Vec<(Operand, Option<Value>)>) {
        let mut position = 0;
        while position < operands.len() {
            let found = operands[position].1.and_then(|value| self.fusible(value));
            if let Some((index, inner)) = found
                && let Some(fused) = op.fuse(position, inner)
            {
                let step = self.steps.remove(index);
                self.made.remove(index);
                let inner = [step.a, step.b, step.c, step.e].into_iter().take(2);
                operands.splice(position..=position, inner.map(|operand| (operand, None)));
                *op = fused;
                // Operands before may fit now.
                position = 0;
            } else {
                position += 1;
            }
        }
    }

    /// Index and operation of the step that computes a value, if the value is used once, is not
    /// written to memory and the operation may as well be done at the end of the tape.
    fn fusible(&self, value: Value) -> Option<(usize, VectorOp)> {
        if self.analysis.uses[value.0 as usize] != 1 {
            return None;
        }
        let start = self.made.len().saturating_sub(FUSION_WINDOW);
        let index = start + self.made[start..].iter().position(|m| m.result == Some(value))?;
        let Kind::Vector(op) = self.made[index].kind else { return None };
        let step = self.steps[index];
        let sources = [step.a, step.b];
        let later = || self.steps[index + 1..].iter().zip(&self.made[index + 1..]);
        let moves = step.d.base == Operand::REGISTERS
            && later().all(|(later, made)| {
                let control = matches!(made.kind, Kind::Branch | Kind::Loop);
                // Writing slots that share memory would have to be looked at as well.
                let slot = later.d.is_slot() && self.analysis.shared_memory;
                !control && !slot && sources.iter().all(|source| !overlap(later.d, *source))
            });
        moves.then_some((index, op))
    }

    /// Reading the variables that all lanes share comes first.
    fn push_broadcasts(&mut self) {
        if !self.program.broadcasts.is_empty() {
            let shared = Operand { base: Operand::UNIFORMS, ..Operand::default() };
            self.push(Kind::Broadcast, shared, &[], 0);
            self.program.prologue.rotate_right(1);
        }
    }

    /// Somewhere for a number that all lanes share.
    fn allocate_shared(&mut self, bytes: usize) -> Operand {
        let offset = self.program.uniform_bytes;
        self.program.uniform_bytes += bytes;
        Operand { base: Operand::UNIFORMS, step: 0, offset: offset as u32 }
    }

    /// Somewhere for the result of an instruction; `direct` if it may already go into the memory
    /// that it is written to later.
    fn destination(&mut self, value: Value, direct: bool) -> Operand {
        let place = if self.analysis.uniform[value.0 as usize] {
            self.allocate_shared(SHARED_BYTES)
        } else if direct && let Some(slot) = self.written_directly(value) {
            self.slot_operand(slot)
        } else {
            self.registers.allocate(self.lane_type(value))
        };
        self.places.insert(value, place);
        place
    }

    /// Type of the lanes of a value in registers. Indices that were converted from 32 bits and are
    /// used as such only stay as they were.
    fn lane_type(&self, value: Value) -> Type {
        self.narrow.get(&value).copied().unwrap_or_else(|| self.ty(value))
    }

    /// The slot that a value can be put into when it is computed, instead of when it is written.
    fn written_directly(&self, value: Value) -> Option<SlotId> {
        let &(written, slot) = self.analysis.direct_writes.get(&value)?;
        if !self.is_in_place(slot) {
            return None;
        }
        let (analysis, kernel) = (&self.analysis, self.kernel);
        let defined = analysis.defined[value.0 as usize];
        let last_use = analysis.last_use[value.0 as usize];
        let free = !analysis.is_read_between(kernel, slot, defined, written)
            && !analysis.is_written_between(kernel, slot, defined, written)
            && !analysis.is_written_between(kernel, slot, written, last_use)
            && !self.is_in_use_after(slot, defined);
        free.then_some(slot)
    }

    /// Whether an earlier read of the slot, or of memory that it may share, is used in place after
    /// a position.
    fn is_in_use_after(&self, slot: SlotId, position: usize) -> bool {
        self.places.iter().any(|(value, place)| {
            place.base >= Operand::SLOTS
                && self.analysis.last_use[value.0 as usize] > position
                && self.analysis.may_share(
                    self.kernel,
                    slot,
                    SlotId(u32::from(place.base - Operand::SLOTS)),
                )
        })
    }

    /// Whether lanes can be used where they lie.
    fn is_in_place(&self, slot: SlotId) -> bool {
        let ty = self.kernel.slot(slot).ty;
        self.depth == 0 && self.patterns[slot.0 as usize] == Pattern::Contiguous && ty.bytes() >= 4
    }

    /// The instructions of a region; leaves the places of what it yields.
    fn region(&mut self, region: &Region) {
        self.regions += 1;
        let outer = std::mem::replace(&mut self.home, self.regions);
        for (index, instruction) in region.instructions.iter().enumerate() {
            self.position += 1;
            self.instruction(instruction, index);
            uses(&instruction.op, &mut |value| self.release_if_last(value, index));
            for &result in &instruction.results {
                if self.analysis.last_index[result.0 as usize].is_none() {
                    self.registers.release(self.place(result));
                }
            }
        }
        self.position += 1;
        self.home = outer;
    }

    /// Release the register of a value if the instruction is the last of its region to use it.
    fn release_if_last(&mut self, value: Value, index: usize) {
        if self.is_last_use(value, index)
            && let Some(place) = self.places.remove(&value)
        {
            self.registers.release(place);
        }
    }

    fn instruction(&mut self, instruction: &Instruction, index: usize) {
        let result = instruction.results.first().copied();
        match (&instruction.op, result) {
            (Op::If { condition, then, otherwise }, _) => {
                self.branches(instruction, index, *condition, then, otherwise);
            }
            (Op::Loop { init, condition, body }, _) => {
                self.run_loop(instruction, init, condition, body);
            }
            (op, Some(result)) => self.value(op, result, index),
            (op, None) => self.effect(op),
        }
    }

    /// An operation with one result.
    fn value(&mut self, op: &Op, result: Value, index: usize) {
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
    fn compute(
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
                if !self.analysis.uniform[result.0 as usize] {
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

    fn push_detail(
        &mut self,
        kind: DetailKind,
        arguments: &[Value],
        result: Option<(Operand, Type)>,
    ) {
        let arguments =
            arguments.iter().map(|&value| (self.place(value), self.ty(value))).collect();
        let index = self.program.details.len();
        let detail = Detail { kind, arguments, result: result.map(|(_, ty)| ty) };
        self.program.details.push(detail);
        let d = result.map_or(Operand::default(), |(d, _)| d);
        self.push(Kind::Evaluate, d, &[], index as u32);
    }

    fn constant(&mut self, ty: Type, bits: u64) -> Operand {
        let lanes = if is_wide(ty) {
            let mut lanes = [0; 16];
            lanes[..2].copy_from_slice(&[bits as u32, (bits >> 32) as u32].map(u32::to_le));
            if cfg!(target_endian = "big") {
                lanes[..2].copy_from_slice(&[(bits >> 32) as u32, bits as u32]);
            }
            lanes
        } else if ty == Type::Bool {
            [0u32.wrapping_sub(bits as u32 & 1); 16]
        } else {
            [bits as u32; 16]
        };
        let index = self.program.constants.len();
        self.program.constants.push(Constant(lanes));
        let offset = (index * size_of::<Constant>()) as u32;
        Operand { base: Operand::CONSTANTS, step: 0, offset }
    }

    /// Copy lanes.
    fn copy(&mut self, ty: Type, d: Operand, from: Operand) {
        if d != from {
            let kind = if is_wide(ty) { Kind::WideCopy } else { Kind::Vector(VectorOp::Copy) };
            self.push(kind, d, &[from], 0);
        }
    }

    fn read(&mut self, slot: SlotId, result: Value) {
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
    fn access(
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
    fn effect(&mut self, op: &Op) {
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

    fn element(&mut self, slot: SlotId, index: Value, value: Value, action: Action) {
        let ty = self.kernel.slot(slot).ty;
        let memory = self.slot_operand(slot);
        let kind = Kind::Indexed { ty, index: self.lane_type(index), action };
        self.push(kind, memory, &[self.place(value), memory, self.place(index)], slot.0);
    }

    fn accumulate(&mut self, slot: SlotId, value: Value) {
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

    /// Make the tape of a frame of packed lanes.
    fn frame<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let snapshot = self.registers.snapshot();
        let places = self.places.clone();
        let steps = std::mem::take(&mut self.steps);
        let made_before = std::mem::take(&mut self.made);
        self.depth += 1;
        let made = make(self);
        self.depth -= 1;
        self.steps = steps;
        self.made = made_before;
        self.places = places;
        self.registers.restore(snapshot);
        made
    }

    /// Registers in the current frame for values from outside; how they get there.
    fn pack(&mut self, values: Vec<Value>, packs: &mut Vec<Pack>) {
        for value in values {
            let from = self.place(value);
            if !from.is_uniform() {
                let to = self.registers.allocate(self.lane_type(value));
                packs.push(Pack { from, to, outer: true });
                self.places.insert(value, to);
            }
        }
    }

    fn results(&mut self, instruction: &Instruction) -> Vec<Operand> {
        let results = instruction.results.iter();
        results.map(|&result| self.destination(result, false)).collect()
    }

    fn branches(
        &mut self,
        instruction: &Instruction,
        index: usize,
        condition: Value,
        then: &Region,
        otherwise: &Region,
    ) {
        let condition = self.place(condition);
        // A region that does nothing gives its yields to all lanes; the other one comes after it.
        let simple = [otherwise, then].into_iter().find(|region| region.instructions.is_empty());
        let mut results = Vec::new();
        let mut taken = Vec::new();
        for (position, &result) in instruction.results.iter().enumerate() {
            let given = simple.and_then(|region| region.yields.get(position).copied());
            if let Some(value) = given
                && !taken.contains(&value)
                && self.can_take_register(value, index, [then, otherwise])
            {
                taken.push(value);
                results.push(self.place(value));
                self.places.insert(result, self.place(value));
                continue;
            }
            let to = self.destination(result, false);
            if let Some(value) = given {
                let from = self.place(value);
                self.copy(self.ty(value), to, from);
            }
            results.push(to);
        }
        for (region, wanted) in [(then, true), (otherwise, false)] {
            if simple.is_some_and(|simple| std::ptr::eq(simple, region)) {
                // Counts its positions.
                self.region(region);
                continue;
            }
            let branch = self.frame(|this| {
                let outer_places = this.places.clone();
                let lanes = this.registers.allocate(Type::U32);
                let positions = this.registers.allocate(Type::U32);
                let mut packs = Vec::new();
                this.pack(outer_values(&[region], false), &mut packs);
                this.region(region);
                let results = results.iter().zip(&region.yields).map(|(&to, value)| {
                    let outer = outer_places.get(value);
                    let from = outer.copied().unwrap_or_else(|| this.place(*value));
                    Pack { from, to, outer: outer.is_some() }
                });
                let results = results.collect();
                let steps = std::mem::take(&mut this.steps);
                Branch { condition, wanted, lanes, positions, packs, steps, results }
            });
            let index = self.program.branches.len();
            self.program.branches.push(branch);
            self.push(Kind::Branch, Operand::default(), &[], index as u32);
        }
        // Their registers belong to the results now.
        taken.iter().for_each(|value| {
            self.places.remove(value);
        });
    }

    /// Whether a result of an `If` can take over the register of a value that a region yields.
    fn can_take_register(&self, value: Value, index: usize, regions: [&Region; 2]) -> bool {
        let place = self.place(value);
        let yields = regions.into_iter().flat_map(|region| &region.yields);
        place.base == Operand::REGISTERS
            && !place.is_uniform()
            && self.is_last_use(value, index)
            && yields.filter(|&&yielded| yielded == value).count() == 1
    }

    /// Whether an instruction of the current region is the last one to use a value of it.
    fn is_last_use(&self, value: Value, index: usize) -> bool {
        self.analysis.last_index[value.0 as usize] == Some(index)
            && self.analysis.home[value.0 as usize] == self.home
    }

    fn run_loop(
        &mut self,
        instruction: &Instruction,
        init: &[Value],
        condition: &Region,
        body: &Region,
    ) {
        let results = self.results(instruction);
        let plan = self.frame(|this| {
            let lanes = this.registers.allocate(Type::U32);
            let positions = this.registers.allocate(Type::U32);
            let first: Vec<_> = init.iter().map(|&value| this.place(value)).collect();
            let mut packs = Vec::new();
            this.pack(outer_values(&[condition, body], true), &mut packs);
            let mut parameters = Vec::new();
            for ((from, tested), passed) in
                first.into_iter().zip(&condition.parameters).zip(&body.parameters)
            {
                let to = this.registers.allocate(this.ty(*tested));
                packs.push(Pack { from, to, outer: true });
                this.places.insert(*tested, to);
                this.places.insert(*passed, to);
                parameters.push(to);
            }
            this.region(condition);
            let mut holds = condition.yields.first().map_or(Operand::default(), |&v| this.place(v));
            if packs.iter().any(|pack| pack.to == holds) {
                // Masks must not move while lanes are packed by them.
                let mask = this.registers.allocate(Type::Bool);
                this.copy(Type::Bool, mask, holds);
                holds = mask;
            }
            let condition_steps = std::mem::take(&mut this.steps);
            this.made.clear();
            this.region(body);
            this.next_parameters(&body.parameters, &body.yields, &parameters);
            let body_steps = std::mem::take(&mut this.steps);
            let results = parameters.iter().zip(&results);
            let results = results.map(|(&from, &to)| Pack { from, to, outer: false }).collect();
            LoopPlan {
                lanes,
                positions,
                packs,
                condition_steps,
                condition: holds,
                body_steps,
                results,
            }
        });
        let index = self.program.loops.len();
        self.program.loops.push(plan);
        self.push(Kind::Loop, Operand::default(), &[], index as u32);
    }

    /// Put what the body of a loop yields into the registers of the parameters, all at once.
    fn next_parameters(&mut self, values: &[Value], yields: &[Value], parameters: &[Operand]) {
        let mut moves = Vec::new();
        for ((&value, &next), &to) in values.iter().zip(yields).zip(parameters) {
            let (ty, mut from) = (self.ty(value), self.place(next));
            if from != to && parameters.contains(&from) {
                let saved = self.registers.allocate(ty);
                self.copy(ty, saved, from);
                from = saved;
            }
            moves.push((ty, to, from));
        }
        for (ty, to, from) in moves {
            self.copy(ty, to, from);
        }
    }
}

//! One function for a whole kernel with branches: lanes go through both regions of an `If` under
//! masks, and a region that none of the lanes of a vector takes is jumped over.
//!
//! Vectors of lanes go through the kernel one after the other. That gives what running each
//! operation for all lanes before the next gives if lanes do not meet in memory: they may touch
//! elements of their own alone, or only read.

use std::collections::HashMap;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{Domain, Instruction, Kernel, Op, Region, SlotId, SlotKind, Type, Value};

use super::graph::{Binary, Compare, Graph, Id, Node, Width};
use super::record::record;
use crate::steps::vector::VectorOp;
use crate::tape::{Access, ArrayAccesses, BlockProgram, Kind, Operand, select};

/// Bytes of a vector.
const VECTOR_BYTES: usize = 64;

/// Operations of a region without effects that is rather computed for all lanes than jumped over.
const CHEAP: usize = 6;

/// Whether there is anything in a kernel that cannot be a straight run of steps.
pub(super) fn has_branches(kernel: &Kernel, patterns: &[Pattern]) -> bool {
    let mut found = patterns.contains(&Pattern::Gather);
    kernel.body.for_each_op(&mut |op| {
        found |= matches!(op, Op::If { .. } | Op::LoadElement(..) | Op::StoreElement(..));
    });
    found
}

/// The graph of a kernel, and what it needs from the program; `None` if it has an operation
/// without machine code. `apart` says whether lanes touch elements of their own alone.
pub(super) fn graph(
    kernel: &Kernel,
    patterns: &[Pattern],
    apart: bool,
    program: &mut BlockProgram,
) -> Option<Graph> {
    let stored = |slot: &SlotId| {
        let mut found = false;
        kernel.body.for_each_op(&mut |op| match op {
            Op::Write(to, _) | Op::Accumulate(to, _) | Op::StoreElement(to, ..) => {
                found |= to == slot;
            }
            _ => {}
        });
        found
    };
    let mut whole = Whole {
        kernel,
        patterns,
        apart,
        written: kernel.slot_ids().filter(stored).collect(),
        graph: Graph::new(true),
        values: HashMap::new(),
        reads: HashMap::new(),
        indices: HashMap::new(),
        known: HashMap::new(),
        mask: None,
        arrays: ArrayAccesses::default(),
        program,
    };
    whole.region(&kernel.body)?;
    let Whole { mut graph, arrays, .. } = whole;
    graph.remove_unused();
    if !arrays.accesses.is_empty() {
        program.arrays = Some(arrays);
    }
    Some(graph)
}

struct Whole<'a> {
    kernel: &'a Kernel,
    patterns: &'a [Pattern],
    apart: bool,
    /// Slots that the kernel writes.
    written: Vec<SlotId>,
    graph: Graph,
    values: HashMap<Value, Id>,
    /// What was read from slots that nothing writes, to be looked up where it is needed: maybe in a
    /// region that hardly any lanes go through.
    reads: HashMap<Value, SlotId>,
    /// Indices of array elements that were converted from 32 bits, and whether those had a sign.
    indices: HashMap<Value, (Id, bool)>,
    /// What is known to be in variables.
    known: HashMap<SlotId, Id>,
    /// The lanes of the region; `None` for all.
    mask: Option<Id>,
    arrays: ArrayAccesses,
    program: &'a mut BlockProgram,
}

impl Whole<'_> {
    fn ty(&self, value: Value) -> Type {
        self.kernel.value_type(value)
    }

    fn value(&mut self, value: Value) -> Option<Id> {
        match self.reads.get(&value) {
            Some(&slot) => self.read(slot),
            None => self.values.get(&value).copied(),
        }
    }

    fn region(&mut self, region: &Region) -> Option<()> {
        region.instructions.iter().try_for_each(|instruction| self.instruction(instruction))
    }

    fn instruction(&mut self, instruction: &Instruction) -> Option<()> {
        if let Op::If { condition, then, otherwise } = &instruction.op {
            return self.branches(&instruction.results, *condition, then, otherwise);
        }
        let Some(&result) = instruction.results.first() else {
            return self.effect(&instruction.op);
        };
        if let Op::Convert(from) = instruction.op
            && self.ty(result) == Type::I64
        {
            let signed = match self.ty(from) {
                Type::I32 => true,
                Type::U32 => false,
                _ => return None,
            };
            let index = self.value(from)?;
            self.indices.insert(result, (index, signed));
            return Some(());
        }
        if let Op::Read(slot) = instruction.op
            && !self.written.contains(&slot)
        {
            self.reads.insert(result, slot);
            return Some(());
        }
        let id = self.result(&instruction.op, self.ty(result))?;
        self.values.insert(result, id);
        Some(())
    }

    /// An operation with one result.
    fn result(&mut self, op: &Op, ty: Type) -> Option<Id> {
        if ty.bytes() == 8 {
            return None;
        }
        match op {
            Op::Const(bits) if ty == Type::Bool => {
                Some(self.graph.splat(0u32.wrapping_sub(*bits as u32 & 1)))
            }
            Op::Const(bits) => Some(self.graph.splat(*bits as u32)),
            Op::Read(slot) => self.read(*slot),
            Op::LoadElement(slot, index) => self.load_element(*slot, *index),
            _ => self.pure(op, ty),
        }
    }

    /// An operation on vectors, as the tape would do it.
    fn pure(&mut self, op: &Op, ty: Type) -> Option<Id> {
        let (kind, arguments) = match op {
            Op::Unary(op, x) => (select::unary(*op, self.ty(*x))?, vec![*x]),
            Op::Binary(op, x, y) => (select::binary(*op, self.ty(*x), self.ty(*y))?, vec![*x, *y]),
            Op::Compare(op, x, y) => match select::compare(*op, self.ty(*x))? {
                (kind, true) => (kind, vec![*y, *x]),
                (kind, false) => (kind, vec![*x, *y]),
            },
            Op::Select(condition, x, y) => {
                (Kind::Vector(VectorOp::Select), vec![*condition, *x, *y])
            }
            Op::Convert(x) => (select::convert(self.ty(*x), ty)?, vec![*x]),
            Op::Math(function, arguments) => {
                let first = arguments.first().map_or(ty, |&value| self.ty(value));
                (select::math(*function, first)?, arguments.clone())
            }
            _ => return None,
        };
        let Kind::Vector(op) = kind else { return None };
        let mut sources = [0; 4];
        for (source, argument) in sources.iter_mut().zip(arguments) {
            *source = self.value(argument)?;
        }
        record(&mut self.graph, op, sources)
    }

    fn effect(&mut self, op: &Op) -> Option<()> {
        match op {
            Op::Write(slot, value) => {
                let value = self.value(*value)?;
                self.write(*slot, value)
            }
            Op::Accumulate(slot, value) => {
                let add = match self.kernel.slot(*slot).ty {
                    Type::F32 => Binary::AddF32,
                    Type::I32 | Type::U32 => Binary::AddI32,
                    _ => return None,
                };
                let (old, value) = (self.read(*slot)?, self.value(*value)?);
                let sum = self.graph.binary(add, old, value);
                self.write(*slot, sum)
            }
            Op::Emit(slot, condition) => {
                let condition = self.value(*condition)?;
                let mask = self.graph.mask(condition);
                self.graph.push(Node::Emit(operand(*slot, 0), mask));
                Some(())
            }
            Op::StoreElement(slot, index, value) => self.store_element(*slot, *index, *value),
            _ => None,
        }
    }

    fn branches(
        &mut self,
        results: &[Value],
        condition: Value,
        then: &Region,
        otherwise: &Region,
    ) -> Option<()> {
        let condition = self.value(condition)?;
        let condition = self.graph.mask(condition);
        let regions = [then, otherwise];
        let is_cheap = regions.map(|region| self.is_cheap(region));
        if is_cheap == [true, true] {
            regions.into_iter().try_for_each(|region| self.region(region))?;
            for (index, &result) in results.iter().enumerate() {
                let yields =
                    (self.value(then.yields[index])?, self.value(otherwise.yields[index])?);
                let id = self.graph.select(condition, yields.0, yields.1);
                self.values.insert(result, id);
            }
            return Some(());
        }
        // What a cheap region gives is there for all lanes before the other one changes it.
        let cheap = regions.into_iter().zip(is_cheap).find(|(_, is_cheap)| *is_cheap);
        if let Some((region, _)) = cheap {
            self.region(region)?;
        }
        let mut changing = Vec::new();
        for index in 0..results.len() {
            let start = match cheap {
                Some((region, _)) => self.value(region.yields[index])?,
                None => self.graph.splat(0),
            };
            let start = self.graph.vector(start);
            changing.push(self.graph.push(Node::Changing(start)));
        }
        for ((region, is_cheap), wanted) in regions.into_iter().zip(is_cheap).zip([true, false]) {
            if is_cheap {
                continue;
            }
            let taken = if wanted { condition } else { self.graph.not(condition) };
            let active = self.graph.pure(Node::Active(taken, self.mask));
            let start = self.graph.push(Node::Enter(active));
            let outer_mask = self.mask.replace(active);
            let outer_known = self.known.clone();
            self.region(region)?;
            for (&changing, &value) in changing.iter().zip(&region.yields) {
                let value = self.value(value)?;
                let value = self.graph.vector(value);
                self.graph.push(Node::Change(changing, active, value));
            }
            self.graph.push(Node::Leave);
            self.graph.forget(start);
            self.mask = outer_mask;
            // What was loaded in the region is not there for other lanes.
            self.known.retain(|slot, id| outer_known.get(slot) == Some(id));
        }
        self.values.extend(results.iter().copied().zip(changing));
        Some(())
    }

    /// Whether a region has no effects and few operations.
    fn is_cheap(&self, region: &Region) -> bool {
        let mut operations = 0;
        region.instructions.iter().all(|instruction| {
            operations += usize::from(!matches!(instruction.op, Op::Const(_)));
            let pure = matches!(
                instruction.op,
                Op::Const(_)
                    | Op::Unary(..)
                    | Op::Binary(..)
                    | Op::Compare(..)
                    | Op::Select(..)
                    | Op::Convert(_)
            );
            pure && operations <= CHEAP
        })
    }

    fn shared_bytes(&mut self, bytes: usize) -> u32 {
        let offset = self.program.uniform_bytes;
        self.program.uniform_bytes += bytes;
        offset as u32
    }

    fn pattern(&self, slot: SlotId) -> Pattern {
        self.patterns[slot.0 as usize]
    }

    fn read(&mut self, slot: SlotId) -> Option<Id> {
        if let Some(&id) = self.known.get(&slot) {
            return Some(id);
        }
        let ty = self.kernel.slot(slot).ty;
        let width = Width::of(ty)?;
        let is_variable = matches!(
            self.kernel.slot(slot).kind,
            SlotKind::Variable { .. } | SlotKind::Accumulator { .. }
        );
        if !is_variable {
            return None;
        }
        let id = match self.pattern(slot) {
            Pattern::Uniform if width == Width::Bits32 && !self.written.contains(&slot) => {
                self.graph.pure(Node::Shared(operand(slot, 0)))
            }
            Pattern::Contiguous => self.graph.push(Node::Load(operand(slot, width as u16), width)),
            Pattern::Gather => {
                let list = self.list(slot);
                self.gather(slot, width, list, self.mask)
            }
            _ => return None,
        };
        let id = if ty == Type::Bool { self.is_set(id) } else { id };
        self.known.insert(slot, id);
        Some(id)
    }

    /// The lanes of a vector whose bits are not all clear.
    fn is_set(&mut self, lanes: Id) -> Id {
        let zero = self.graph.splat(0);
        let clear = self.graph.compare(Compare::EqualI32, lanes, zero);
        self.graph.not(clear)
    }

    fn write(&mut self, slot: SlotId, value: Id) -> Option<()> {
        let ty = self.kernel.slot(slot).ty;
        let width = Width::of(ty)?;
        let mut stored = value;
        if ty == Type::Bool {
            let one = self.graph.splat(1);
            stored = self.graph.binary(Binary::And, value, one);
        }
        let stored = self.graph.vector(stored);
        let to = operand(slot, width as u16);
        match (self.pattern(slot), self.mask) {
            (Pattern::Contiguous, mask) => {
                self.graph.push(Node::Store(to, width, stored, mask));
            }
            (Pattern::Gather, mask) if self.apart && self.is_own(slot) => {
                let list = self.list(slot);
                self.graph.push(Node::Scatter(operand(slot, 0), width, list, stored, mask));
            }
            _ => return None,
        }
        // Narrow elements keep some of the bits only, and other lanes keep what they have.
        if self.mask.is_none() && width == Width::Bits32 {
            self.known.insert(slot, value);
        } else {
            self.known.remove(&slot);
        }
        Some(())
    }

    /// Whether lanes that are apart have elements of their own of a variable.
    fn is_own(&self, slot: SlotId) -> bool {
        self.kernel.slot(slot).kind.domain() == Some(Domain::Neuron)
    }

    /// The element of each lane of a gathered slot.
    fn list(&mut self, slot: SlotId) -> Id {
        if !self.program.lists.contains(&slot.0) {
            self.program.lists.push(slot.0);
        }
        let base = Operand::SLOTS + (self.kernel.slots.len() as u32 + slot.0) as u16;
        self.graph.pure(Node::Load(Operand { base, step: 4, offset: 0 }, Width::Bits32))
    }

    fn gather(&mut self, slot: SlotId, width: Width, index: Id, mask: Option<Id>) -> Id {
        let index = self.graph.vector(index);
        let lanes = self.graph.push(Node::Gather(operand(slot, 0), width, index, mask));
        match width {
            Width::Bits32 => lanes,
            Width::Bits16 => self.low_bits(lanes, 0xffff),
            Width::Bits8 => self.low_bits(lanes, 0xff),
        }
    }

    fn low_bits(&mut self, lanes: Id, bits: u32) -> Id {
        let bits = self.graph.splat(bits);
        self.graph.binary(Binary::And, lanes, bits)
    }

    fn load_element(&mut self, slot: SlotId, index: Value) -> Option<Id> {
        let ty = self.kernel.slot(slot).ty;
        let width = Width::of(ty)?;
        if self.written.contains(&slot) && !self.apart {
            return None;
        }
        let (index, good) = self.checked(slot, index)?;
        let id = self.gather(slot, width, index, Some(good));
        Some(if ty == Type::Bool { self.is_set(id) } else { id })
    }

    fn store_element(&mut self, slot: SlotId, index: Value, value: Value) -> Option<()> {
        let ty = self.kernel.slot(slot).ty;
        let width = Width::of(ty)?;
        if !self.apart {
            return None;
        }
        let mut value = self.value(value)?;
        let (index, good) = self.checked(slot, index)?;
        if ty == Type::Bool {
            let one = self.graph.splat(1);
            value = self.graph.binary(Binary::And, value, one);
        }
        let value = self.graph.vector(value);
        self.graph.push(Node::Scatter(operand(slot, 0), width, index, value, Some(good)));
        Some(())
    }

    /// An index of an array, and the lanes that may use it.
    fn checked(&mut self, slot: SlotId, index: Value) -> Option<(Id, Id)> {
        let &(index, signed) = self.indices.get(&index)?;
        let index = self.graph.vector(index);
        let number = slot.0 as usize;
        let known = self.arrays.lengths.iter().find(|(other, _)| *other == number);
        let offset = match known {
            Some(&(_, offset)) => offset,
            None => {
                let offset = self.shared_bytes(VECTOR_BYTES) as usize;
                self.arrays.lengths.push((number, offset));
                offset
            }
        };
        if self.arrays.accesses.is_empty() {
            self.arrays.report = self.shared_bytes(ArrayAccesses::REPORT_BYTES) as usize;
        }
        let place = Operand { base: Operand::UNIFORMS, step: 0, offset: offset as u32 };
        let length = self.graph.pure(Node::Shared(place));
        let below = self.graph.compare(Compare::LessU32, index, length);
        let good = self.graph.pure(Node::Active(below, self.mask));
        let access = self.arrays.accesses.len() as u32;
        self.arrays.accesses.push(Access { slot: number, signed });
        self.graph.push(Node::Report(access, index, self.mask, good));
        Some((index, good))
    }
}

fn operand(slot: SlotId, step: u16) -> Operand {
    Operand { base: Operand::SLOTS + slot.0 as u16, step, offset: 0 }
}

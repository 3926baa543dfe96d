//! Memory as the interpreter sees it: slots of a kernel bound by a launch.

use super::SlotId;
use crate::buffer::Buffer;
use crate::evaluate;
use crate::kernel::{Kernel, Region, SlotKind};
use crate::launch::{Fault, LaneSum, Launch, Operand, Pattern};
use crate::op::{BinaryOp, Op};
use crate::types::Type;

/// The operands of a launch.
pub(super) struct Memory<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) patterns: &'a [Pattern],
    pub(super) launch: &'a Launch<'a>,
}

/// Add to an element of a buffer.
pub(super) fn add(buffer: &Buffer, index: usize, bits: u64) {
    if let Some(old) = buffer.load(index) {
        buffer.store(index, evaluate::binary(BinaryOp::Add, buffer.ty(), old, bits));
    }
}

impl<'a> Memory<'a> {
    fn operand(&self, slot: SlotId) -> &'a Operand<'a> {
        &self.launch.operands[slot.0 as usize]
    }

    pub(super) fn is_uniform(&self, slot: SlotId) -> bool {
        self.patterns[slot.0 as usize] == Pattern::Uniform
    }

    /// Element of a lane.
    fn element(&self, slot: SlotId, lane: usize) -> usize {
        let operand = self.operand(slot);
        operand.offset
            + match self.patterns[slot.0 as usize] {
                Pattern::Contiguous => lane,
                Pattern::Gather => operand.indices[lane] as usize,
                Pattern::Uniform | Pattern::Whole => 0,
            }
    }

    /// Bits of an element as a value: those of a `bool` are 0 or 1.
    fn value(&self, slot: SlotId, bits: Option<u64>) -> u64 {
        let bits = bits.unwrap_or(0);
        if self.kernel.slot(slot).ty == Type::Bool { u64::from(bits != 0) } else { bits }
    }

    pub(super) fn read(&self, slot: SlotId, lane: usize) -> u64 {
        self.value(slot, self.operand(slot).buffer.load(self.element(slot, lane)))
    }

    pub(super) fn write(&self, slot: SlotId, lane: usize, bits: u64) {
        self.operand(slot).buffer.store(self.element(slot, lane), bits);
    }

    pub(super) fn accumulate(&self, slot: SlotId, lane: usize, bits: u64) {
        add(self.operand(slot).buffer, self.element(slot, lane), bits);
    }

    pub(super) fn accumulate_delayed(&self, slot: SlotId, lane: usize, bits: u64, delay: u32) {
        let Operand { buffer, ring, .. } = self.operand(slot);
        let due = (u64::from(ring.current) + u64::from(delay)) % u64::from(ring.slots);
        add(buffer, self.element(slot, lane) + due as usize * ring.stride, bits);
    }

    pub(super) fn read_delayed(&self, slot: SlotId, lane: usize, delay: i32) -> u64 {
        let Operand { buffer, ring, .. } = self.operand(slot);
        let past = (i64::from(ring.current) - i64::from(delay)).rem_euclid(i64::from(ring.slots));
        self.value(slot, buffer.load(self.element(slot, lane) + past as usize * ring.stride))
    }

    pub(super) fn emit(&self, slot: SlotId, lane: usize, condition: bool) {
        let Operand { buffer, offset, .. } = self.operand(slot);
        let word = offset + lane / 32;
        // The first lane of a word clears the others: those that exist follow.
        let old = if lane.is_multiple_of(32) { 0 } else { buffer.load(word).unwrap_or(0) };
        buffer.store(word, old | u64::from(condition) << (lane % 32));
    }

    /// Buffer and position of an element of an array; a fault outside.
    fn locate(&self, slot: SlotId, index: i64) -> Option<(&'a Buffer, usize)> {
        let operand = self.operand(slot);
        match usize::try_from(index) {
            Ok(position) if position < operand.length => {
                Some((operand.buffer, operand.offset + position))
            }
            _ => {
                self.launch.watch.raise(Fault::IndexOutOfRange {
                    kernel: self.kernel.name.clone(),
                    array: self.kernel.slot(slot).name.clone(),
                    index,
                    length: operand.length,
                });
                None
            }
        }
    }

    pub(super) fn load(&self, slot: SlotId, index: i64) -> u64 {
        let bits = self.locate(slot, index).and_then(|(buffer, position)| buffer.load(position));
        self.value(slot, bits)
    }

    pub(super) fn store(&self, slot: SlotId, index: i64, bits: u64) {
        if let Some((buffer, position)) = self.locate(slot, index) {
            buffer.store(position, bits);
        }
    }

    pub(super) fn accumulate_element(&self, slot: SlotId, index: i64, bits: u64) {
        if let Some((buffer, position)) = self.locate(slot, index) {
            add(buffer, position, bits);
        }
    }

    /// Array and element of a pointer to values of type `ty`; a fault if there is none.
    ///
    /// Types of the same width reach each other's bits.
    fn follow(&self, pointer: u64, ty: Type, write: bool) -> Option<(SlotId, i64)> {
        let (slot, index) = evaluate::split_pointer(pointer);
        let good = self.kernel.slots.get(slot as usize).is_some_and(|slot| {
            matches!(slot.kind, SlotKind::Array { writable } if writable || !write)
                && slot.ty.bytes() == ty.bytes()
        });
        if !good {
            let kernel = self.kernel.name.clone();
            self.launch.watch.raise(Fault::BadPointer { kernel });
            return None;
        }
        Some((SlotId(slot), index))
    }

    pub(super) fn load_pointer(&self, pointer: u64, ty: Type) -> u64 {
        let Some((slot, index)) = self.follow(pointer, ty, false) else { return 0 };
        let bits = self.load(slot, index);
        if ty == Type::Bool { u64::from(bits != 0) } else { bits }
    }

    pub(super) fn store_pointer(&self, pointer: u64, ty: Type, bits: u64) {
        if let Some((slot, index)) = self.follow(pointer, ty, true) {
            self.store(slot, index, bits);
        }
    }

    pub(super) fn atomic_or(&self, pointer: u64, bits: u64) {
        let Some((slot, index)) = self.follow(pointer, Type::U32, true) else { return };
        if let Some((buffer, position)) = self.locate(slot, index) {
            buffer.store(position, buffer.load(position).unwrap_or(0) | bits);
        }
    }

    /// Make a sum for every `Accumulate` on a uniform operand, in order.
    pub(super) fn find_sums(&self, region: &'a Region, sums: &mut Vec<Sum<'a>>) {
        for instruction in &region.instructions {
            if let Op::Accumulate(slot, _) = instruction.op
                && self.is_uniform(slot)
            {
                let total = match self.kernel.slot(slot).ty {
                    Type::F32 => Total::F32(LaneSum::new()),
                    Type::F64 => Total::F64(LaneSum::new()),
                    ty => Total::Integer(ty, 0),
                };
                sums.push(Sum { instruction: &instruction.op, slot, total });
            }
            for region in instruction.op.regions().into_iter().flatten() {
                self.find_sums(region, sums);
            }
        }
    }

    /// Add a sum to its element, unless it is zero (sums are never negative zeros).
    pub(super) fn add_sum(&self, sum: Sum<'_>) {
        let bits = match sum.total {
            Total::F32(total) => u64::from(total.finish().to_bits()),
            Total::F64(total) => total.finish().to_bits(),
            Total::Integer(_, total) => total,
        };
        if bits != 0 {
            self.accumulate(sum.slot, 0, bits);
        }
    }
}

/// Sum over all lanes of one `Accumulate` instruction.
pub(super) struct Sum<'a> {
    /// Identifies the instruction.
    pub(super) instruction: &'a Op,
    slot: SlotId,
    total: Total,
}

enum Total {
    F32(LaneSum<f32>),
    F64(LaneSum<f64>),
    Integer(Type, u64),
}

impl Sum<'_> {
    pub(super) fn add(&mut self, lane: usize, bits: u64) {
        match &mut self.total {
            Total::F32(total) => total.add(lane, f32::from_bits(bits as u32)),
            Total::F64(total) => total.add(lane, f64::from_bits(bits)),
            Total::Integer(ty, total) => {
                *total = evaluate::binary(BinaryOp::Add, *ty, *total, bits);
            }
        }
    }
}

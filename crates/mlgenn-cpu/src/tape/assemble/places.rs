//! Where values are put: registers, numbers that lanes share, constants, or the memory of a slot.

use std::collections::HashMap;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{Kernel, Op, SlotId, Type, Value};

use super::{Analysis, Assembler, Constant, Operand, is_wide};

/// Bytes of a number that all lanes share.
const SHARED_BYTES: usize = 64;

impl Assembler<'_> {
    /// Somewhere for a number that all lanes share.
    pub(super) fn allocate_shared(&mut self, bytes: usize) -> Operand {
        let offset = self.program.uniform_bytes;
        self.program.uniform_bytes += bytes;
        Operand { base: Operand::UNIFORMS, step: 0, offset: offset as u32 }
    }

    /// Somewhere for the result of an instruction; `direct` if it may already go into the memory
    /// that it is written to later.
    pub(super) fn destination(&mut self, value: Value, direct: bool) -> Operand {
        let place = if self.analysis.uniform[value.0 as usize] {
            self.allocate_shared(SHARED_BYTES)
        } else if direct && let Some(slot) = self.written_directly(value, None) {
            self.slot_operand(slot)
        } else {
            self.registers.allocate(self.lane_type(value))
        };
        self.places.insert(value, place);
        place
    }

    /// Type of the lanes of a value in registers. Indices that were converted from 32 bits and are
    /// used as such only stay as they were.
    pub(super) fn lane_type(&self, value: Value) -> Type {
        self.narrow.get(&value).copied().unwrap_or_else(|| self.ty(value))
    }

    /// The slot that a value can be put into when it is computed, instead of when it is written.
    /// If what was there is `replaced`, that value may still be used up to the position with it.
    pub(super) fn written_directly(
        &self,
        value: Value,
        replaced: Option<(Value, usize)>,
    ) -> Option<SlotId> {
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
            && !self.is_in_use_after(slot, defined, replaced);
        free.then_some(slot)
    }

    /// Whether an earlier read of the slot, or of memory that it may share, is used in place after
    /// a position; `replaced`, if it is what is in the slot, after a position of its own.
    fn is_in_use_after(
        &self,
        slot: SlotId,
        position: usize,
        replaced: Option<(Value, usize)>,
    ) -> bool {
        self.places.iter().any(|(&value, place)| {
            let allowed = match replaced {
                Some((replaced, end)) if value == replaced && *place == self.slot_operand(slot) => {
                    end
                }
                _ => position,
            };
            place.base >= Operand::SLOTS
                && self.analysis.last_use[value.0 as usize] > allowed
                && self.analysis.may_share(
                    self.kernel,
                    slot,
                    SlotId(u32::from(place.base - Operand::SLOTS)),
                )
        })
    }

    /// Whether lanes can be used where they lie.
    pub(super) fn is_in_place(&self, slot: SlotId) -> bool {
        let ty = self.kernel.slot(slot).ty;
        self.depth == 0 && self.patterns[slot.0 as usize] == Pattern::Contiguous && ty.bytes() >= 4
    }

    pub(super) fn slot_operand(&self, slot: SlotId) -> Operand {
        let step = match self.patterns[slot.0 as usize] {
            Pattern::Contiguous => self.kernel.slot(slot).ty.bytes() as u16,
            _ => 0,
        };
        Operand { base: Operand::SLOTS + slot.0 as u16, step, offset: 0 }
    }

    pub(super) fn constant(&mut self, ty: Type, bits: u64) -> Operand {
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
}

/// Indices of array elements that were converted from 32 bits, and from what.
pub(super) fn narrow_indices(kernel: &Kernel, analysis: &Analysis) -> HashMap<Value, Type> {
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

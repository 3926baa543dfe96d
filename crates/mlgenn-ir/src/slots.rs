//! Which operations use which slots, and dropping slots that nothing uses.

use crate::kernel::{Kernel, Region, SlotId};
use crate::op::Op;

impl Op {
    /// The slot that the operation itself names.
    pub fn slot(&self) -> Option<SlotId> {
        match self {
            Self::Read(slot)
            | Self::Write(slot, _)
            | Self::Accumulate(slot, _)
            | Self::AccumulateDelayed { slot, .. }
            | Self::ReadDelayed { slot, .. }
            | Self::Emit(slot, _)
            | Self::AddressOf(slot)
            | Self::LoadElement(slot, _)
            | Self::StoreElement(slot, _, _)
            | Self::AccumulateElement(slot, _, _) => Some(*slot),
            _ => None,
        }
    }

    /// The slot that the operation itself names.
    pub fn slot_mut(&mut self) -> Option<&mut SlotId> {
        match self {
            Self::Read(slot)
            | Self::Write(slot, _)
            | Self::Accumulate(slot, _)
            | Self::AccumulateDelayed { slot, .. }
            | Self::ReadDelayed { slot, .. }
            | Self::Emit(slot, _)
            | Self::AddressOf(slot)
            | Self::LoadElement(slot, _)
            | Self::StoreElement(slot, _, _)
            | Self::AccumulateElement(slot, _, _) => Some(slot),
            _ => None,
        }
    }
}

impl Region {
    /// Call `f` with every operation, also of the regions inside.
    pub fn for_each_op<'a>(&'a self, f: &mut impl FnMut(&'a Op)) {
        for instruction in &self.instructions {
            f(&instruction.op);
            for region in instruction.op.regions().into_iter().flatten() {
                region.for_each_op(f);
            }
        }
    }

    /// Call `f` with every operation, also of the regions inside.
    pub(crate) fn for_each_op_mut(&mut self, f: &mut impl FnMut(&mut Op)) {
        for instruction in &mut self.instructions {
            f(&mut instruction.op);
            match &mut instruction.op {
                Op::If { then, otherwise, .. } => {
                    then.for_each_op_mut(f);
                    otherwise.for_each_op_mut(f);
                }
                Op::Loop { condition, body, .. } => {
                    condition.for_each_op_mut(f);
                    body.for_each_op_mut(f);
                }
                _ => {}
            }
        }
    }
}

impl Kernel {
    /// Drop slots that no operation names and renumber the rest; returns the old ids of those
    /// that are left. Variables and arrays that nothing writes become read-only.
    pub fn prune_slots(&mut self) -> Vec<SlotId> {
        use crate::kernel::SlotKind;
        let mut used = vec![false; self.slots.len()];
        let mut written = vec![false; self.slots.len()];
        let mut through_pointer = false;
        self.body.for_each_op(&mut |op| {
            if let Some(slot) = op.slot() {
                used[slot.0 as usize] = true;
                written[slot.0 as usize] |=
                    matches!(op, Op::Write(..) | Op::StoreElement(..) | Op::AccumulateElement(..));
            }
            through_pointer |= matches!(op, Op::StorePointer(..) | Op::AtomicOr(..));
        });
        let mut renumbered = vec![SlotId(0); self.slots.len()];
        let mut kept = Vec::new();
        for slot in self.slot_ids() {
            if used[slot.0 as usize] {
                renumbered[slot.0 as usize] = SlotId(kept.len() as u32);
                kept.push(slot);
            }
        }
        self.body.for_each_op_mut(&mut |op| {
            if let Some(slot) = op.slot_mut() {
                *slot = renumbered[slot.0 as usize];
            }
        });
        self.slots = kept
            .iter()
            .map(|&slot| {
                let mut slot_kept = self.slot(slot).clone();
                match &mut slot_kept.kind {
                    SlotKind::Variable { writable, .. } => *writable = written[slot.0 as usize],
                    SlotKind::Array { writable } => {
                        *writable = written[slot.0 as usize] || through_pointer;
                    }
                    _ => {}
                }
                slot_kept
            })
            .collect();
        kept
    }
}

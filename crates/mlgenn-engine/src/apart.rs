//! Kernels whose lanes touch elements of their own alone, so that it makes no difference which lane
//! comes first.

use mlgenn_ir::own_elements::{Lanes, lanes_own_elements};
use mlgenn_ir::{Domain, Op, SlotId, SlotKind};
use mlgenn_model::layout::Copies;
use mlgenn_model::plan::{Index, Plan, PlannedKernel, SlotBinding};

use crate::lanes::LaneMap;

/// Whether the lanes of a kernel, which are neurons, are apart, see
/// [`mlgenn_ir::launch::Executor::compile_apart`].
pub(crate) fn is_apart(plan: &Plan, planned: &PlannedKernel, map: LaneMap) -> bool {
    let several = match map {
        LaneMap::Neurons => false,
        LaneMap::BlockOfNeurons | LaneMap::BlockAhead | LaneMap::ActiveNeurons => {
            plan.network.batch_size > 1
        }
        _ => return false,
    };
    let Some(size) = size(plan, planned) else { return false };
    has_own_elements(plan, planned, size)
        && planned.bindings.iter().enumerate().all(|(index, binding)| match binding {
            SlotBinding::Array { array, .. } => {
                let is_variable = planned.kernel.slots[index].kind.domain().is_some();
                let is_own = plan.layout.array(*array).copies == Copies::Member;
                !several || !is_variable || is_own || !writes(planned, SlotId(index as u32))
            }
            _ => true,
        })
}

/// Whether each lane of a kernel over populations of that size touches elements of its own alone of
/// the arrays that it stores to.
pub(crate) fn has_own_elements(plan: &Plan, planned: &PlannedKernel, size: usize) -> bool {
    let slot = |wanted: Index| {
        let found = planned.bindings.iter().position(|b| *b == SlotBinding::Index(wanted));
        found.map(|index| SlotId(index as u32))
    };
    let lanes = Lanes {
        neuron: slot(Index::Neuron),
        member: slot(Index::Member),
        size: size as u64,
        members: plan.network.batch_size as u64,
    };
    lanes_own_elements(&planned.kernel, lanes) && !meets_itself(planned)
}

/// Whether an array whose elements the kernel stores to is behind another slot, too.
fn meets_itself(planned: &PlannedKernel) -> bool {
    let bound = |slot: usize| match planned.bindings[slot] {
        SlotBinding::Array { array, .. }
        | SlotBinding::AllCopies { array }
        | SlotBinding::Ring { array } => Some(array),
        _ => None,
    };
    let is_stored = |slot: usize| {
        let is_array = matches!(planned.kernel.slots[slot].kind, SlotKind::Array { .. });
        is_array && writes(planned, SlotId(slot as u32))
    };
    let slots = 0..planned.bindings.len();
    slots.clone().filter(|&slot| is_stored(slot)).any(|slot| {
        let array = bound(slot);
        slots.clone().any(|other| other != slot && array.is_some() && bound(other) == array)
    })
}

fn writes(planned: &PlannedKernel, wanted: SlotId) -> bool {
    let mut found = false;
    planned.kernel.body.for_each_op(&mut |op| match op {
        Op::Write(slot, _)
        | Op::Accumulate(slot, _)
        | Op::AccumulateDelayed { slot, .. }
        | Op::StoreElement(slot, ..)
        | Op::AccumulateElement(slot, ..) => found |= *slot == wanted,
        _ => {}
    });
    found
}

/// The number of neurons of a population or elements of an update, if variables agree on it.
fn size(plan: &Plan, planned: &PlannedKernel) -> Option<usize> {
    let mut sizes =
        planned.kernel.slots.iter().zip(&planned.bindings).filter_map(|(slot, binding)| {
            match (slot.kind, binding) {
                (
                    SlotKind::Variable { domain: Domain::Neuron, .. },
                    SlotBinding::Array { array, .. },
                ) => Some(plan.layout.array(*array).elements()),
                _ => None,
            }
        });
    let size = sizes.next()?;
    sizes.all(|other| other == size).then_some(size)
}

#[cfg(test)]
#[path = "apart_tests.rs"]
mod tests;

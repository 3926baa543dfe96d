//! Sums over the events of presynaptic neurons that need not be taken while timesteps run.
//!
//! What an event of neuron i adds to the sum of synapse (i, j), such as a gradient, is often a
//! number of the postsynaptic neuron alone. Then a backend may keep that number of each timestep,
//! and add up those at which there were events later: a product of events and numbers.

use mlgenn_ir::SlotId;
use mlgenn_ir::row_update::{Addition, RowUpdate};

use super::SynapseGroupPlan;
use super::kernel::{PlannedKernel, SlotBinding};
use super::sleep::bound_array;
use crate::layout::{ArrayId, Copies, Layout};

/// Find them.
pub(super) fn find(layout: &Layout, groups: &mut [SynapseGroupPlan]) {
    let users: Vec<ArrayId> =
        groups.iter().flat_map(SynapseGroupPlan::kernels).flat_map(|k| k.body.arrays()).collect();
    let alone = |array: ArrayId| users.iter().filter(|&&user| user == array).count() == 1;
    for group in groups.iter_mut().filter(|group| group.is_dense()) {
        let event = group.pre_event.as_mut().map(|(kernel, _)| kernel);
        for kernel in event.into_iter().chain(&mut group.pre_spike) {
            kernel.event_sum = event_sum(layout, &kernel.body, alone);
        }
    }
}

/// Whether all sums per block of batch members are such.
pub(super) fn are_all(layout: &Layout, groups: &[SynapseGroupPlan]) -> bool {
    groups.iter().flat_map(SynapseGroupPlan::kernels).all(|kernel| {
        let sums = block_slots(layout, &kernel.body).count();
        sums == usize::from(kernel.event_sum.is_some())
    })
}

/// Slots that are bound to sums per block.
fn block_slots<'a>(
    layout: &'a Layout,
    planned: &'a PlannedKernel,
) -> impl Iterator<Item = (SlotId, ArrayId)> + 'a {
    let slots = planned.kernel.slot_ids().zip(&planned.bindings);
    let arrays = slots.filter_map(|(slot, binding)| Some((slot, bound_array(binding)?)));
    arrays.filter(|(_, array)| layout.array(*array).copies == Copies::Block)
}

/// The sum per block of a kernel, if it is what is added to rows.
fn event_sum(
    layout: &Layout,
    planned: &PlannedKernel,
    alone: impl Fn(ArrayId) -> bool,
) -> Option<Addition> {
    let addition = RowUpdate::of(&planned.kernel)?.add?;
    let mut sums = block_slots(layout, planned);
    let (Some((slot, array)), None) = (sums.next(), sums.next()) else { return None };
    let in_array =
        matches!(planned.bindings[addition.vector.0 as usize], SlotBinding::Array { .. });
    (slot == addition.matrix && alone(array) && in_array).then_some(addition)
}

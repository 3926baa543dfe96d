//! Sums over the events of presynaptic neurons that need not be taken while timesteps run.
//!
//! What an event of neuron i adds to the sum of synapse (i, j), such as a gradient, is often a
//! number of the postsynaptic neuron alone. Then a backend may keep that number of each timestep,
//! and add up those at which there were events later: a product of events and numbers.

use mlgenn_ir::additions::additions;
use mlgenn_ir::{Domain, Op, SlotId, SlotKind, Type};

use super::kernel::{PlannedKernel, SlotBinding};
use super::sleep::bound_array;
use super::{SynapseGroupPlan, SynapseKernel};
use crate::layout::{ArrayId, Copies, Layout};

/// A sum that a kernel adds to at events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSum {
    /// The variable of synapses that is added to, stored once per block of batch members.
    pub sum: SlotId,
    /// The variable of postsynaptic neurons that is added.
    pub value: SlotId,
    /// Whether it is subtracted.
    pub negative: bool,
}

/// Find them.
pub(super) fn find(layout: &Layout, groups: &mut [SynapseGroupPlan]) {
    let users: Vec<ArrayId> =
        groups.iter().flat_map(kernels).flat_map(|k| k.body.arrays()).collect();
    let alone = |array: ArrayId| users.iter().filter(|&&user| user == array).count() == 1;
    for group in groups.iter_mut().filter(|group| group.is_dense()) {
        let event = group.pre_event.as_mut().map(|(kernel, _)| kernel);
        for kernel in event.into_iter().chain(&mut group.pre_spike) {
            kernel.event_sums = event_sums(layout, &kernel.body, alone).unwrap_or_default();
        }
    }
}

/// Whether sums per block of batch members are added to by anything else.
pub(super) fn are_all(layout: &Layout, groups: &[SynapseGroupPlan]) -> bool {
    groups.iter().flat_map(kernels).all(|kernel| {
        let sums = block_slots(layout, &kernel.body).count();
        sums == kernel.event_sums.len()
    })
}

fn kernels(group: &SynapseGroupPlan) -> impl Iterator<Item = &SynapseKernel> {
    let events = [&group.pre_event, &group.post_event].into_iter().flatten();
    let others = [&group.pre_spike, &group.post_spike, &group.dynamics].into_iter().flatten();
    events.map(|(kernel, _)| kernel).chain(others)
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

/// The sums of a kernel, if it does nothing else with any of those per block.
fn event_sums(
    layout: &Layout,
    planned: &PlannedKernel,
    alone: impl Fn(ArrayId) -> bool,
) -> Option<Vec<EventSum>> {
    let kernel = &planned.kernel;
    let found = additions(kernel);
    let sum = |(slot, array): (SlotId, ArrayId)| {
        let addition = found.get(&slot).filter(|_| alone(array))?;
        let read = kernel.body.instructions.iter().find_map(|instruction| match instruction.op {
            Op::Read(value) if instruction.results.first() == Some(&addition.value) => Some(value),
            _ => None,
        });
        let value = read.filter(|value| {
            let kind = kernel.slot(*value).kind;
            kind == SlotKind::Variable { domain: Domain::Post, writable: false }
                && matches!(planned.bindings[value.0 as usize], SlotBinding::Array { .. })
        })?;
        let single = [slot, value].iter().all(|slot| kernel.slot(*slot).ty == Type::F32);
        single.then_some(EventSum { sum: slot, value, negative: addition.negative })
    };
    block_slots(layout, planned).map(sum).collect()
}

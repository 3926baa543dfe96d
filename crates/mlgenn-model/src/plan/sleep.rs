//! Which populations consist of neurons that know when they have to be looked at next.

use std::collections::BTreeSet;

use mlgenn_ir::{Kernel, Op, SlotId, SlotKind, Type, passes};

use super::kernel::{PlannedKernel, Scalar, SlotBinding};
use super::{PopulationPlan, SynapseGroupPlan, SynapseKernel};
use crate::layout::{ArrayId, Layout};

/// Kernels of neurons that know for how many timesteps they can be left alone.
#[derive(Clone, Debug)]
pub struct SleepPlan {
    /// Says for how many timesteps each neuron can be left alone.
    pub sleep: PlannedKernel,
    /// The neuron update, which says so too.
    pub update: PlannedKernel,
}

/// Plan the sleep of the neurons of a population, see [`passes::sleep`]: possible if its guard looks
/// at nothing that synapses change, or that changes from slot to slot of a ring.
pub(super) fn plan_sleep(
    population: &PopulationPlan,
    groups: &[SynapseGroupPlan],
    layout: &Layout,
    dt: f64,
) -> Option<SleepPlan> {
    population.guard.as_ref()?;
    let update = &population.update;
    // Its slots are those of the update and one more.
    let guard = passes::guard(&update.kernel)?;
    let used = used_slots(&guard);
    let changed = changed_by_synapses(groups);
    let mut time = None;
    let mut moving = Vec::new();
    for (index, binding) in update.bindings.iter().enumerate() {
        let slot = SlotId(index as u32);
        if !used.contains(&slot) {
            continue;
        }
        match binding {
            SlotBinding::Scalar(Scalar::Time) => {
                time = Some(slot).filter(|slot| guard.slot(*slot).ty == Type::F32);
            }
            SlotBinding::Array { array, .. } => {
                if changed.contains(array) || layout.array(*array).ring.is_some() {
                    return None;
                }
            }
            SlotBinding::Index(_) => {}
            _ => moving.push(slot),
        }
    }
    let sleep = passes::sleep(&guard, time?, &moving, dt)?;
    let both = passes::then_sleep(&update.kernel, &sleep);
    let bindings = update.bindings.iter().copied().chain([SlotBinding::Sleep]);
    let planned = |kernel| PlannedKernel { kernel, bindings: bindings.clone().collect() }.pruned();
    Some(SleepPlan { sleep: planned(sleep), update: planned(both) })
}

fn used_slots(kernel: &Kernel) -> BTreeSet<SlotId> {
    let mut used = BTreeSet::new();
    kernel.body.for_each_op(&mut |op| match op {
        Op::Read(slot) | Op::ReadDelayed { slot, .. } | Op::AddressOf(slot) => {
            used.insert(*slot);
        }
        Op::LoadElement(slot, _) => {
            used.insert(*slot);
        }
        _ => {}
    });
    used
}

/// Arrays that the kernels of synapses write or add to.
fn changed_by_synapses(groups: &[SynapseGroupPlan]) -> BTreeSet<ArrayId> {
    let mut changed = BTreeSet::new();
    for group in groups {
        changed.insert(group.out_post);
        changed.extend(group.out_pre);
        for planned in group.kernels().flat_map(SynapseKernel::parts) {
            changed.extend(planned.written());
        }
    }
    changed
}

impl PlannedKernel {
    /// Arrays that the kernel may change.
    pub fn written(&self) -> BTreeSet<ArrayId> {
        let mut slots = BTreeSet::new();
        let mut pointers = false;
        self.kernel.body.for_each_op(&mut |op| match op {
            Op::Write(slot, _)
            | Op::Accumulate(slot, _)
            | Op::AccumulateDelayed { slot, .. }
            | Op::StoreElement(slot, ..)
            | Op::AccumulateElement(slot, ..) => {
                slots.insert(*slot);
            }
            Op::StorePointer(..) | Op::AtomicOr(..) => pointers = true,
            _ => {}
        });
        let written = self.bindings.iter().enumerate().filter(|(index, _)| {
            let slot = SlotId(*index as u32);
            let is_array = matches!(self.kernel.slot(slot).kind, SlotKind::Array { .. });
            slots.contains(&slot) || pointers && is_array
        });
        written.filter_map(|(_, binding)| bound_array(binding)).collect()
    }

    /// Arrays that the kernel is bound to.
    pub fn arrays(&self) -> impl Iterator<Item = ArrayId> + '_ {
        self.bindings.iter().filter_map(bound_array)
    }
}

pub(super) fn bound_array(binding: &SlotBinding) -> Option<ArrayId> {
    match binding {
        SlotBinding::Array { array, .. }
        | SlotBinding::AllCopies { array }
        | SlotBinding::Ring { array } => Some(*array),
        _ => None,
    }
}

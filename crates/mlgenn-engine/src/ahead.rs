//! Neurons that are updated ahead of time.
//!
//! Input neurons wait for the times of their spikes, and nothing that happens meanwhile makes a
//! difference to them. So at the start of a stretch of timesteps they go through all of it: every
//! launch takes each neuron to the next timestep in which it is due, whichever that is, and what is
//! left to do in a timestep is to hand out the events that were found for it. As long as many are on
//! their way, launches are for all neurons of a block, which lie side by side in memory; the others
//! are left out under a mask.

use std::collections::BTreeSet;

use mlgenn_ir::launch::Executor;
use mlgenn_ir::passes::where_number;
use mlgenn_ir::{Domain, Op, SlotId, SlotKind, Type};
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{
    Plan, PlannedKernel, Scalar, SlotBinding, SynapseGroupPlan, SynapseKernel,
};

use crate::active::Active;
use crate::apart::has_own_elements;
use crate::bind::BoundKernel;
use crate::compiled::updated;
use crate::lanes::LaneMap;
use crate::worker::ActiveLanes;

/// Most words for the events of a queue in a stretch of timesteps, for each block: 16 MiB.
pub(crate) const MOST_WORDS: usize = 1 << 22;

/// Programs of neurons that can be updated ahead of time.
pub(crate) struct AheadPrograms {
    /// Updates neurons that are listed, each at a time of its own, and asks how long they sleep next.
    pub(crate) update: BoundKernel,
    /// The same for all neurons of a block. If there is such a program, both leave neurons alone
    /// that have no time, which costs little.
    pub(crate) all: Option<BoundKernel>,
    /// Arrays that are ahead of time, or must not change.
    arrays: BTreeSet<ArrayId>,
}

impl AheadPrograms {
    /// Compile the update of a population that sleeps, if nothing else is concerned by it.
    pub(crate) fn new(executor: &dyn Executor, plan: &Plan, index: usize) -> Option<Self> {
        let population = updated(executor, &plan.populations[index]);
        let planned = with_own_times(&population.sleep.as_ref()?.update);
        if plan.time != Type::F32 || !is_self_contained(plan, population.size, &planned) {
            return None;
        }
        let arrays: BTreeSet<_> = planned.arrays().collect();
        let written = planned.written();
        let others = plan.populations.iter().enumerate().filter(|(other, _)| *other != index);
        let others = others.map(|(_, other)| &updated(executor, other).update);
        let groups = || plan.synapse_groups.iter();
        let kernels = groups().flat_map(SynapseGroupPlan::kernels).flat_map(SynapseKernel::parts);
        let meets = others.chain(kernels).any(|other| {
            other.arrays().any(|array| written.contains(&array))
                || other.written().iter().any(|array| arrays.contains(array))
        });
        let mut outputs =
            groups().flat_map(|group| [group.out_post].into_iter().chain(group.out_pre));
        if meets || outputs.any(|output| arrays.contains(&output)) {
            return None;
        }
        let with_time = executor.has_masks().then(|| only_with_time(&planned)).flatten();
        let listed = with_time.as_ref().unwrap_or(&planned);
        let update = BoundKernel::new(executor, plan, listed, LaneMap::ActiveNeurons);
        let all = with_time.map(|all| BoundKernel::new(executor, plan, &all, LaneMap::BlockAhead));
        Some(Self { update, all, arrays })
    }

    /// Number of arrays that neurons have to do with, at least 1.
    pub(crate) fn num_arrays(&self) -> usize {
        self.arrays.len().max(1)
    }

    /// Whether it has to do with an array.
    pub(crate) fn has_array(&self, array: ArrayId) -> bool {
        self.arrays.contains(&array)
    }
}

/// The same kernel, but for a time of its own for each lane.
fn with_own_times(planned: &PlannedKernel) -> PlannedKernel {
    let mut planned = planned.clone();
    for (slot, binding) in planned.kernel.slots.iter_mut().zip(&planned.bindings) {
        if *binding == SlotBinding::Scalar(Scalar::Time) {
            slot.kind = SlotKind::Variable { domain: Domain::Neuron, writable: false };
        }
    }
    planned
}

/// The same kernel for those lanes whose time is a number.
fn only_with_time(planned: &PlannedKernel) -> Option<PlannedKernel> {
    let time = SlotBinding::Scalar(Scalar::Time);
    let slot = planned.bindings.iter().position(|binding| *binding == time)?;
    let kernel = where_number(&planned.kernel, SlotId(slot as u32));
    Some(PlannedKernel { kernel, ..planned.clone() })
}

/// Whether lanes depend on nothing but time and what is their own.
fn is_self_contained(plan: &Plan, size: usize, planned: &PlannedKernel) -> bool {
    let mut good = true;
    planned.kernel.body.for_each_op(&mut |op| {
        good &= !matches!(
            op,
            Op::Accumulate(..)
                | Op::AccumulateDelayed { .. }
                | Op::AccumulateElement(..)
                | Op::StorePointer(..)
                | Op::AtomicOr(..)
                | Op::Print { .. }
        );
    });
    good &= has_own_elements(plan, planned, size);
    good && planned.bindings.iter().all(|binding| match binding {
        SlotBinding::Array { array, .. } => plan.layout.array(*array).ring.is_none(),
        SlotBinding::Scalar(Scalar::Time)
        | SlotBinding::Index(_)
        | SlotBinding::Sleep
        | SlotBinding::Events(_) => true,
        _ => false,
    })
}

/// The neurons of a population in a stretch of timesteps that they have gone through already.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Whether they have.
    pub(crate) is_made: bool,
    /// The timestep of the stretch in which each neuron is due next: of all neurons of the block,
    /// later of those that are listed.
    pub(crate) days: Vec<u32>,
    /// Those that are due before its end.
    due: Active,
    /// Of each event queue.
    pub(crate) events: Vec<DatedEvents>,
}

impl Ahead {
    /// Start a stretch of so many timesteps.
    pub(crate) fn begin(&mut self) {
        self.is_made = false;
    }

    /// List those of all neurons of the block that are due before the end of a stretch. Batch
    /// members have `size` of them.
    pub(crate) fn list(
        &mut self,
        executor: &dyn Executor,
        end: u32,
        size: usize,
        times: &mut [f32],
        lanes: &mut ActiveLanes,
    ) {
        self.due.list_due(executor, &self.days, end);
        lanes.list_ascending(&self.due, size as u32);
        self.keep_due(times);
    }

    /// Keep those on the list that are due before the end of a stretch.
    pub(crate) fn shorten(
        &mut self,
        executor: &dyn Executor,
        end: u32,
        times: &mut [f32],
        lanes: &mut ActiveLanes,
    ) {
        self.due.list_due(executor, &self.days, end);
        (0..).zip(&*self.due).for_each(|(to, &from)| lanes.copy(from as usize, to));
        lanes.truncate(self.due.len());
        self.keep_due(times);
    }

    fn keep_due(&mut self, times: &mut [f32]) {
        for (to, &from) in (0..).zip(&*self.due) {
            self.days[to] = self.days[from as usize];
            times[to] = times[from as usize];
        }
        self.days.truncate(self.due.len());
    }
}

/// Events of a queue: a bit for each neuron of a block and timestep of a stretch.
#[derive(Debug, Default)]
pub(crate) struct DatedEvents {
    /// Words of a timestep.
    words: usize,
    bits: Vec<u32>,
}

impl DatedEvents {
    /// No events in a stretch of so many timesteps, with so many words each.
    pub(crate) fn clear(&mut self, stretch: usize, words: usize) {
        self.words = words;
        self.bits.clear();
        self.bits.resize(stretch * words, 0);
    }

    /// There is an event in a timestep of the stretch.
    pub(crate) fn push(&mut self, day: u32, bit: u32) {
        self.bits[day as usize * self.words + bit as usize / 32] |= 1 << (bit % 32);
    }

    /// The words of the events in a timestep.
    pub(crate) fn on(&self, day: usize) -> &[u32] {
        &self.bits[day * self.words..(day + 1) * self.words]
    }
}

#[cfg(test)]
mod tests {
    use mlgenn_ir::Interpreter;

    use super::*;

    #[test]
    fn events_are_found_by_timestep() {
        let mut events = DatedEvents::default();
        events.clear(2, 1);
        events.push(1, 31);
        events.clear(4, 2);
        for (day, bit) in [(3, 5), (1, 37), (3, 2), (0, 9), (1, 1)] {
            events.push(day, bit);
        }
        let on: Vec<_> = (0..4).map(|day| events.on(day)).collect();
        assert_eq!(on, [[1 << 9, 0], [1 << 1, 1 << 5], [0, 0], [1 << 5 | 1 << 2, 0]]);
    }

    #[test]
    fn neurons_leave_at_the_end_of_the_stretch() {
        let (mut ahead, mut lanes) = (Ahead::default(), ActiveLanes::default());
        ahead.days = vec![1, 3, 10, u32::MAX, 9, 10];
        let mut times = [0.1, 0.3, 1.0, f32::NAN, 0.9, 1.0];
        ahead.list(&Interpreter, 10, 3, &mut times, &mut lanes);
        assert_eq!((&*lanes.distances, &*ahead.days), (&[0, 1, 4][..], &[1, 3, 9][..]));
        assert_eq!((&*lanes.members, &*lanes.neurons), (&[0, 0, 1][..], &[0, 1, 1][..]));
        assert_eq!(times[..3], [0.1, 0.3, 0.9]);
        ahead.days = vec![10, 5, u32::MAX];
        ahead.shorten(&Interpreter, 10, &mut times, &mut lanes);
        assert_eq!((&*lanes.distances, &*ahead.days), (&[1][..], &[5][..]));
        assert_eq!((&*lanes.members, &*lanes.neurons, times[0]), (&[0][..], &[1][..], 0.3));
    }
}

//! Times of the last spikes or spike-like events of each neuron.

use mlgenn_ir::{CompareOp, Domain, Value};

use super::kernel::{Composer, RingPosition};
use crate::layout::{ArrayId, Layout};

/// Times of the last and last but one spike or spike-like event of each neuron.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventTimes {
    /// Time of the last one.
    pub(crate) last: Option<ArrayId>,
    /// Time of the last but one, as long as the last one is being delivered; after that of the
    /// last one.
    pub(crate) before: Option<ArrayId>,
    /// Time of an event in the last timestep, or the most negative number: `before` must not
    /// depend on `last`, which custom updates may set.
    pub(crate) fresh: Option<ArrayId>,
}

impl Composer {
    /// The time of the last spike or event as of the last timestep.
    pub(super) fn previous_time(&mut self, layout: &Layout, name: &str, array: ArrayId) -> Value {
        let slot = self.array(layout, name, array, Domain::Neuron, previous(layout, array));
        self.builder.read(slot)
    }

    /// Remember when neurons spiked or had an event.
    pub(super) fn store_times(
        &mut self,
        layout: &Layout,
        times: EventTimes,
        condition: Value,
        time: Value,
    ) {
        let Some(last) = times.last else { return };
        let at = RingPosition::Current;
        if let (Some(before), Some(fresh)) = (times.before, times.fresh) {
            let old = self.previous_time(layout, "time_before", before);
            let slot = self.array(layout, "fresh_time", fresh, Domain::Neuron, at);
            let builder = &mut self.builder;
            let fresh_time = builder.read(slot);
            let never = builder.constant(layout.array(fresh).ty, layout.array(fresh).fill);
            let was_fresh = builder.compare(CompareOp::Greater, fresh_time, never);
            let new = builder.select(was_fresh, fresh_time, old);
            let next_fresh = builder.select(condition, time, never);
            builder.write(slot, next_fresh);
            let slot = self.array(layout, "time_before_next", before, Domain::Neuron, at);
            self.builder.write(slot, new);
        }
        let old = self.previous_time(layout, "last_time", last);
        let slot = self.array(layout, "last_time_next", last, Domain::Neuron, at);
        let new = self.builder.select(condition, time, old);
        self.builder.write(slot, new);
    }
}

/// Where the last timestep's values of an array lie during a neuron update.
fn previous(layout: &Layout, array: ArrayId) -> RingPosition {
    match layout.array(array).ring {
        Some(_) => RingPosition::Previous,
        None => RingPosition::Current,
    }
}

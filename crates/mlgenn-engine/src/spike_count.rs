//! Numbers of spikes that custom updates read, and setting them.

use std::sync::Arc;

use mlgenn_ir::Buffer;
use mlgenn_model::Plan;
use mlgenn_model::plan::{SpikeCount, SpikeCountWrite};

/// Spikes of a population as custom updates see them.
pub(crate) struct Spikes<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) buffers: &'a [Arc<Buffer>],
    pub(crate) rings: &'a [u32],
}

impl Spikes<'_> {
    /// Count the spikes of a batch member in the last timestep.
    pub(crate) fn count(&self, spikes: &SpikeCount, member: usize) {
        let (_, current) = self.slots(spikes);
        let words = self.words(spikes, member, current);
        let count: u32 = words.iter().map(|word| word.count_ones()).sum();
        self.buffers[spikes.count.0].store(member, u64::from(count));
    }

    /// Drop the spikes of a batch member beyond the number that an update has set.
    pub(crate) fn drop_beyond(&self, spikes: &SpikeCount, member: usize) {
        let (slots, current) = self.slots(spikes);
        let slots = match spikes.written {
            SpikeCountWrite::Never => return,
            SpikeCountWrite::LastTimestep => current..current + 1,
            SpikeCountWrite::AllSlots => 0..slots,
        };
        let count = self.buffers[spikes.count.0].load(member).unwrap_or(0);
        for slot in slots {
            let mut left = count;
            for word in self.words(spikes, member, slot) {
                while u64::from(word.count_ones()) > left {
                    // The highest bit: the last neuron.
                    *word &= !(1 << (31 - word.leading_zeros()));
                }
                left -= u64::from(word.count_ones());
            }
        }
    }

    /// Number of delay slots of the spikes, and the one that was written last.
    fn slots(&self, spikes: &SpikeCount) -> (usize, usize) {
        let array = self.plan.layout.array(self.plan.event_queues[spikes.queue.0].array);
        (array.slots, array.ring.map_or(0, |ring| self.rings[ring.0]) as usize)
    }

    fn words(&self, spikes: &SpikeCount, member: usize, slot: usize) -> &mut [u32] {
        let id = self.plan.event_queues[spikes.queue.0].array;
        let array = self.plan.layout.array(id);
        let words = array.elements();
        let start = (member * array.slots + slot) * words;
        self.buffers[id.0].words(start, words).unwrap_or_default()
    }
}

//! Which arrays a network writes by itself.

use std::collections::BTreeSet;

use super::custom_update::CustomUpdatePlan;
use super::{Plan, PopulationPlan, SynapseKernel};
use crate::layout::ArrayId;

impl Plan {
    /// Arrays that timesteps, custom updates and custom connectivity updates may write.
    pub fn written(&self) -> BTreeSet<ArrayId> {
        let mut written = BTreeSet::new();
        for population in &self.populations {
            population.add_written(&mut written);
        }
        written.extend(self.event_queues.iter().map(|queue| queue.array));
        for group in &self.synapse_groups {
            written.insert(group.out_post);
            written.extend(group.out_pre);
            written.extend(group.den_delay.map(|(array, _)| array));
            let kernels = group.kernels().flat_map(SynapseKernel::parts);
            written.extend(kernels.flat_map(|planned| planned.written()));
        }
        for update in self.custom_updates.values().flatten() {
            written.extend(update.kernel.written());
            written.extend(update.written_around());
        }
        for update in self.custom_connectivity_updates.values().flatten() {
            let kernels = update.host.iter().chain(&update.rows);
            written.extend(kernels.flat_map(|planned| planned.written()));
            if update.changes_connectivity {
                let group = Some(update.synapse_group);
                let arrays = self.layout.arrays();
                let own = arrays.filter(|(_, array)| array.synapse_group == group);
                written.extend(own.map(|(id, _)| id));
            }
        }
        written
    }
}

impl PopulationPlan {
    fn add_written(&self, written: &mut BTreeSet<ArrayId>) {
        written.extend(self.update.written());
        if let Some(sleep) = &self.sleep {
            written.extend(sleep.update.written());
        }
        if let Some(population) = &self.without_traces {
            population.add_written(written);
        }
    }
}

impl CustomUpdatePlan {
    /// Arrays that it writes before and after its kernel; numbers of spikes may drop some of them.
    pub fn written_around(&self) -> impl Iterator<Item = ArrayId> {
        let reductions = self.reductions.iter().map(|reduction| reduction.target);
        let transpose = self.transpose.map(|transpose| transpose.to);
        let counts = self.spike_counts.iter().map(|count| count.count);
        reductions.chain(self.broadcasts.iter().copied()).chain(transpose).chain(counts)
    }
}

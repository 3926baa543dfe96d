//! Updating the neurons of a block of batch members, and what becomes of their events.

use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{EventQueueId, PopulationPlan};

use crate::bind::{BoundKernel, Place, block_words};
use crate::compiled::PopulationPrograms;
use crate::schedule::BlockStep;

impl BlockStep<'_> {
    /// Update all populations.
    pub(crate) fn neuron_updates(&mut self) {
        let model = self.shared.model;
        for (population, programs) in model.plan.populations.iter().zip(&model.populations) {
            if let Some(guard) = &programs.guard {
                self.update_active(population, programs, guard);
            } else {
                self.update_all(population, programs);
            }
            for queue in &programs.update.queues {
                self.record(*queue);
            }
        }
    }

    /// Update every neuron of a population.
    fn update_all(&self, population: &PopulationPlan, programs: &PopulationPrograms) {
        let mut operands = Vec::with_capacity(64);
        let update = &programs.update;
        let members = self.shared.model.plan.blocks.members(self.block);
        let around = self.surroundings();
        let Some(lanes) = &programs.block_lanes else {
            for member in members {
                let place = Place { member, block: self.block, ..Place::default() };
                self.launch(update, &around, &place, population.size, &mut operands);
            }
            return;
        };
        let count = members.len() * population.size;
        let place = Place {
            member: members.start,
            block: self.block,
            members_of_lanes: &lanes.members[..count],
            neurons_of_lanes: &lanes.neurons[..count],
            ..Place::default()
        };
        self.launch(update, &around, &place, count, &mut operands);
        for (ordinal, queue) in update.queues.iter().enumerate() {
            self.hand_out_events(ordinal, *queue, population.size);
        }
    }

    /// Update those neurons of a population that may do anything at all.
    fn update_active(
        &mut self,
        population: &PopulationPlan,
        programs: &PopulationPrograms,
        guard: &BoundKernel,
    ) {
        let members = self.shared.model.plan.blocks.members(self.block);
        match &programs.block_lanes {
            Some(lanes) => {
                let count = members.len() * population.size;
                let all = Place {
                    member: members.start,
                    block: self.block,
                    members_of_lanes: &lanes.members[..count],
                    neurons_of_lanes: &lanes.neurons[..count],
                    ..Place::default()
                };
                self.update_found(population.size, &programs.update, guard, &all, members.len());
            }
            None => {
                for member in members {
                    let all = Place { member, block: self.block, ..Place::default() };
                    self.update_found(population.size, &programs.update, guard, &all, 1);
                }
            }
        }
    }

    /// Update those neurons of some batch members that a guard finds among all of them.
    fn update_found(
        &mut self,
        size: usize,
        update: &BoundKernel,
        guard: &BoundKernel,
        all: &Place<'_>,
        members: usize,
    ) {
        let count = members * size;
        self.launch(guard, &self.surroundings(), all, count, &mut Vec::with_capacity(16));
        self.worker.active_lanes.list(count, size);
        let active = &self.worker.active_lanes;
        let found = active.neurons.len();
        if found > 0 {
            let place = Place {
                member: all.member,
                block: self.block,
                members_of_lanes: &active.members,
                neurons_of_lanes: &active.neurons,
                distances_of_lanes: &active.distances,
                ..Place::default()
            };
            self.launch(update, &self.surroundings(), &place, found, &mut Vec::with_capacity(64));
        }
        let plan = &self.shared.model.plan;
        for (ordinal, queue) in update.queues.iter().enumerate() {
            let id = plan.event_queues[queue.0].array;
            let words = size.div_ceil(32);
            for member in all.member..all.member + members {
                if let Some(own) = self.queue_words(id, member, words) {
                    own.fill(0);
                }
            }
            let start = ordinal * block_words(plan, *queue);
            let Some(bits) = self.worker.events.words(start, found.div_ceil(32)) else { continue };
            for_each_bit(bits, |lane| {
                let member = all.member + active.members[lane] as usize;
                let neuron = active.neurons[lane] as usize;
                if let Some(own) = self.queue_words(id, member, words) {
                    own[neuron / 32] |= 1 << (neuron % 32);
                }
            });
        }
    }

    /// Move the events of all lanes of a block to the queues of the batch members.
    fn hand_out_events(&self, ordinal: usize, queue: EventQueueId, size: usize) {
        let plan = &self.shared.model.plan;
        let stride = block_words(plan, queue);
        let Some(bits) = self.worker.events.words(ordinal * stride, stride) else { return };
        let id = plan.event_queues[queue.0].array;
        let words = size.div_ceil(32);
        for (nth, member) in plan.blocks.members(self.block).enumerate() {
            let Some(own) = self.queue_words(id, member, words) else { continue };
            for (index, word) in own.iter_mut().enumerate() {
                let bit = nth * size + index * 32;
                let (from, shift) = (bit / 32, bit % 32);
                let mut value = bits[from] >> shift;
                if shift > 0 && from + 1 < bits.len() {
                    value |= bits[from + 1] << (32 - shift);
                }
                let left = size - index * 32;
                if left < 32 {
                    value &= (1 << left) - 1;
                }
                *word = value;
            }
        }
    }

    /// The events of a batch member in the slot that is being written.
    fn queue_words(&self, id: ArrayId, member: usize, words: usize) -> Option<&mut [u32]> {
        let array = self.shared.model.plan.layout.array(id);
        let slot = array.ring.map_or(0, |ring| self.worker.rings[ring.0]) as usize;
        self.shared.buffers[id.0].words((member * array.slots + slot) * words, words)
    }

    fn record(&self, queue: EventQueueId) {
        let Some(recording) = &self.shared.recordings[queue.0] else { return };
        let plan = &self.shared.model.plan;
        let id = plan.event_queues[queue.0].array;
        let words = plan.layout.array(id).elements();
        for member in plan.blocks.members(self.block) {
            if let Some(events) = self.queue_words(id, member, words) {
                recording.store(self.steps_made, member, events);
            }
        }
    }
}

/// Call `f` with the position of every bit that is set.
pub(crate) fn for_each_bit(words: &[u32], mut f: impl FnMut(usize)) {
    for (index, word) in words.iter().enumerate() {
        let mut left = *word;
        while left != 0 {
            f(index * 32 + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
}

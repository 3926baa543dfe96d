//! Going ahead of time with the neurons of a block of batch members, see [`mod@crate::ahead`].

use std::ops::Range;

use crate::ahead::{Ahead, AheadPrograms};
use crate::bind::{BoundKernel, Operands, block_words};
use crate::compiled::{PopulationPrograms, SleepPrograms};
use crate::neuron_update::{for_each_bit, places};
use crate::schedule::BlockStep;

impl BlockStep<'_> {
    /// Update a population whose neurons go ahead of time: all of them in the first timestep of a
    /// stretch, for the whole stretch; later hand out their events.
    pub(crate) fn update_ahead(
        &mut self,
        index: usize,
        programs: &PopulationPrograms,
        (guard, sleep): (&BoundKernel, &SleepPrograms),
        programs_ahead: &AheadPrograms,
    ) {
        let population = &self.shared.model.plan.populations[index];
        if self.worker.ahead[index].is_made {
            self.hand_out_dated(index, &programs_ahead.update);
            return;
        }
        self.update_active(population, programs, guard);
        let mut ahead = std::mem::take(&mut self.worker.ahead[index]);
        ahead.is_made = true;
        let members = self.shared.model.plan.blocks.members(self.block);
        // Neurons that sleep are all in one launch.
        for (all, count) in places(population, programs, members, self.block, self.member) {
            self.launch(&sleep.all, &self.surroundings(), &all, count, &mut Operands::new());
            if let Some(timesteps) = self.worker.memory.sleep.words(0, count) {
                let (span, lanes) = ((self.now, self.stretch), &mut self.worker.active_lanes);
                ahead.set_out(span, timesteps, population.size, lanes);
            }
        }
        self.go_ahead(&programs_ahead.update, &mut ahead);
        self.worker.ahead[index] = ahead;
    }

    /// Take neurons through the stretch.
    fn go_ahead(&mut self, update: &BoundKernel, ahead: &mut Ahead) {
        let plan = &self.shared.model.plan;
        let first = self.timestep - self.now as u64;
        let member = plan.blocks.members(self.block).start;
        ahead.events.resize_with(update.queues.len(), Default::default);
        ahead.events.iter_mut().for_each(|events| events.clear());
        while !ahead.days.is_empty() && !self.shared.watch.should_stop() {
            let lanes = ahead.days.len();
            self.worker.set_own_times(plan, first, &ahead.days);
            let place = self.listed_lanes(member);
            self.launch(update, &self.surroundings(), &place, lanes, &mut Operands::new());
            for (ordinal, (queue, events)) in
                update.queues.iter().zip(&mut ahead.events).enumerate()
            {
                let start = ordinal * block_words(plan, *queue);
                let array = plan.layout.array(plan.event_queues[queue.0].array);
                let stride = (32 * array.slots * array.elements()) as u32;
                let words = self.worker.memory.events.words(start, lanes.div_ceil(32));
                let active = &self.worker.active_lanes;
                for_each_bit(words.unwrap_or_default(), |lane| {
                    let bit = active.members[lane] * stride + active.neurons[lane];
                    events.push(ahead.days[lane], bit);
                });
            }
            match self.worker.memory.sleep.words(0, lanes) {
                Some(timesteps) => {
                    ahead.go_on(self.stretch, timesteps, &mut self.worker.active_lanes)
                }
                None => return,
            }
        }
        ahead.events.iter_mut().for_each(|events| events.sort(self.stretch));
    }

    /// Set the bits of the events that were found for this timestep.
    fn hand_out_dated(&self, index: usize, update: &BoundKernel) {
        let plan = &self.shared.model.plan;
        let members: Range<usize> = plan.blocks.members(self.block);
        for (queue, events) in update.queues.iter().zip(&self.worker.ahead[index].events) {
            let id = plan.event_queues[queue.0].array;
            let array = plan.layout.array(id);
            let (words, stride) = (array.elements(), array.slots * array.elements());
            let slot = array.ring.map_or(0, |ring| self.worker.rings[ring.0]) as usize;
            let all = (members.len() - 1) * stride + words;
            let start = members.start * stride + slot * words;
            let Some(own) = self.shared.buffers[id.0].words(start, all) else { continue };
            own.chunks_mut(stride).for_each(|own| own[..words].fill(0));
            for &bit in events.on(self.now) {
                own[bit as usize / 32] |= 1 << (bit % 32);
            }
        }
    }
}

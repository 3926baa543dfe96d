//! Going ahead of time with the neurons of a block of batch members, see [`mod@crate::ahead`].

use mlgenn_ir::days::{Days, Pass};

use crate::ahead::{Ahead, AheadPrograms};
use crate::bind::{BoundKernel, Operands, Place, block_words};
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
        let words = members.len() * population.size.div_ceil(32);
        // Neurons that sleep are all in one launch.
        for (all, count) in places(population, programs, members, self.block, self.member) {
            self.launch(&sleep.all, &self.surroundings(), &all, count, &mut Operands::new());
            let update = &programs_ahead.update;
            ahead.events.resize_with(update.queues.len(), Default::default);
            ahead.events.iter_mut().for_each(|events| events.clear(self.stretch, words));
            ahead.days.clear();
            ahead.days.resize(count, 0);
            let mut due = self.run_days(&mut ahead, Pass::SetOut(self.now as u32));
            if let Some(launched) = &programs_ahead.all
                && count == all.members_of_lanes.len()
            {
                // Neurons that are listed have to gather what all of them have side by side.
                let some = programs_ahead.num_arrays();
                while due > count / some && !self.shared.watch.should_stop() {
                    due = self.go_on_together(launched, &all, &mut ahead, population.size);
                }
            }
            if let Some(times) = self.worker.memory.own_times.floats(0, count) {
                let executor = self.shared.model.backend.executor();
                let lanes = &mut self.worker.active_lanes;
                ahead.list(executor, self.stretch as u32, population.size, times, lanes);
            }
        }
        self.go_ahead(programs_ahead, &mut ahead, population.size);
        self.worker.ahead[index] = ahead;
    }

    /// Neurons sleep for as long as the last launch said; how many of them are due again before the
    /// end of the stretch.
    fn run_days(&self, ahead: &mut Ahead, pass: Pass) -> usize {
        let (memory, count) = (&self.worker.memory, ahead.days.len());
        let (Some(times), Some(timesteps)) =
            (memory.own_times.floats(0, count), memory.sleep.words(0, count))
        else {
            return 0;
        };
        self.shared.model.backend.executor().run_days(Days {
            pass,
            timesteps,
            days: &mut ahead.days,
            times,
            end: self.stretch as u32,
            first: self.timestep - self.now as u64,
            dt: self.shared.model.plan.network.dt as f32,
        })
    }

    /// Take all neurons to the timestep in which they are due next; how many are due before the end
    /// of the stretch after that.
    fn go_on_together(
        &self,
        update: &BoundKernel,
        all: &Place<'_>,
        ahead: &mut Ahead,
        size: usize,
    ) -> usize {
        let plan = &self.shared.model.plan;
        let count = ahead.days.len();
        self.launch(update, &self.surroundings(), all, count, &mut Operands::new());
        for (ordinal, (queue, events)) in update.queues.iter().zip(&mut ahead.events).enumerate() {
            let stride = event_stride(size);
            let start = ordinal * block_words(plan, *queue);
            let words = self.worker.memory.events.words(start, count.div_ceil(32));
            let (mut next, mut bits) = (size, 0);
            for_each_bit(words.unwrap_or_default(), |lane| {
                while lane >= next {
                    (next, bits) = (next + size, bits + stride);
                }
                events.push(ahead.days[lane], bits + (lane + size - next) as u32);
            });
        }
        self.run_days(ahead, Pass::GoOn)
    }

    /// Take neurons that are listed through the stretch.
    fn go_ahead(&mut self, programs: &AheadPrograms, ahead: &mut Ahead, size: usize) {
        let plan = &self.shared.model.plan;
        let executor = self.shared.model.backend.executor();
        let member = plan.blocks.members(self.block).start;
        let mut due = ahead.days.len();
        while due > 0 && !self.shared.watch.should_stop() {
            let listed = ahead.days.len();
            // Those that have left are kept for a while if they are left alone.
            let most = if programs.all.is_some() { listed * 3 / 4 } else { listed - 1 };
            if due <= most
                && let Some(times) = self.worker.memory.own_times.floats(0, listed)
            {
                let lanes = &mut self.worker.active_lanes;
                ahead.shorten(executor, self.stretch as u32, times, lanes);
            }
            let lanes = ahead.days.len();
            let place = self.listed_lanes(member);
            let update = &programs.update;
            self.launch(update, &self.surroundings(), &place, lanes, &mut Operands::new());
            for (ordinal, (queue, events)) in
                update.queues.iter().zip(&mut ahead.events).enumerate()
            {
                let start = ordinal * block_words(plan, *queue);
                let stride = event_stride(size);
                let words = self.worker.memory.events.words(start, lanes.div_ceil(32));
                let active = &self.worker.active_lanes;
                for_each_bit(words.unwrap_or_default(), |lane| {
                    let bit = active.members[lane] * stride + active.neurons[lane];
                    events.push(ahead.days[lane], bit);
                });
            }
            due = self.run_days(ahead, Pass::GoOn);
        }
    }

    /// Set the bits of the events that were found for this timestep.
    fn hand_out_dated(&self, index: usize, update: &BoundKernel) {
        for (queue, events) in update.queues.iter().zip(&self.worker.ahead[index].events) {
            let Some(mut own) = self.events(*queue, 0) else { continue };
            let found = events.on(self.now).chunks(own.words.max(1));
            own.members().zip(found).for_each(|(own, found)| own.copy_from_slice(found));
        }
    }
}

/// Bits from the events of one batch member to those of the next, if members have so many neurons.
fn event_stride(size: usize) -> u32 {
    32 * size.div_ceil(32) as u32
}

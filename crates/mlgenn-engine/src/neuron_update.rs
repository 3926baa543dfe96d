//! Updating the neurons of a block of batch members, and what becomes of their events.

use std::ops::Range;

use mlgenn_ir::launch::Repeated;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{EventQueueId, PopulationPlan};

use crate::bind::{BoundKernel, Operands, Place, Surroundings, block_words};
use crate::calendar::SHORTEST_STRETCH;
use crate::compiled::{PopulationPrograms, SleepPrograms};
use crate::schedule::{BlockStep, STRETCH_UNIT, Shared};
use crate::team::Member;

/// Prepare the updates that a block makes in every timestep of a stretch, of each population.
pub(crate) fn repeat_updates<'a>(
    shared: &Shared<'a>,
    around: &Surroundings<'a>,
    block: usize,
    stretch: usize,
    member: &Member<'_>,
) -> Vec<Vec<Repeated<'a>>> {
    if stretch < SHORTEST_STRETCH {
        return Vec::new();
    }
    let (model, watch) = (shared.model, shared.watch);
    let populations = model.plan.populations.iter().zip(&model.populations);
    let repeated = populations.map(|(population, programs)| {
        if programs.guard.is_some() || !programs.update.is_fixed() {
            return Vec::new();
        }
        let members = model.plan.blocks.members(block);
        places(population, programs, members, block, member)
            .map(|(place, lanes)| programs.update.repeat(around, &place, lanes, watch))
            .collect()
    });
    repeated.collect()
}

/// The launches that update all neurons of the members of a block, or the share of them that a
/// thread has, and their lanes.
pub(crate) fn places<'a>(
    population: &PopulationPlan,
    programs: &'a PopulationPrograms,
    members: Range<usize>,
    block: usize,
    thread: &Member<'_>,
) -> impl Iterator<Item = (Place<'a>, usize)> + use<'a> {
    let (size, whole) = (population.size, programs.block_lanes.is_some());
    let share = match programs.can_be_cut() {
        true => thread.share(size, STRETCH_UNIT),
        false => 0..size,
    };
    let step = if whole { members.len().max(1) } else { 1 };
    members.clone().step_by(step).map(move |member| {
        let lanes = if whole { members.len() * size } else { share.len() };
        let lists = programs.block_lanes.as_ref();
        let place = Place {
            member,
            block,
            stretch: share.start,
            members_of_lanes: lists.map_or(&[], |lists| &lists.members[..lanes]),
            neurons_of_lanes: lists.map_or(&[], |lists| &lists.neurons[..lanes]),
            ..Place::default()
        };
        (place, lanes)
    })
}

impl BlockStep<'_> {
    /// Update all populations.
    pub(crate) fn neuron_updates(&mut self) {
        let model = self.shared.model;
        let populations = model.plan.populations.iter().zip(&model.populations);
        for (index, (population, programs)) in populations.enumerate() {
            if self.member.is_first() || programs.can_be_cut() {
                self.update(index, population, programs);
            }
            self.member.meet();
            if self.member.is_first() {
                for queue in &programs.update.queues {
                    self.record(*queue);
                }
            }
        }
    }

    /// Update a population, or the share of it that this thread has.
    fn update(&mut self, index: usize, population: &PopulationPlan, programs: &PopulationPrograms) {
        match (&programs.guard, &programs.sleep) {
            (Some(guard), Some(sleep)) if self.stretch >= SHORTEST_STRETCH => {
                match &programs.ahead {
                    Some(ahead) if self.shared.ahead[index] => {
                        self.update_ahead(index, programs, (guard, sleep), ahead);
                    }
                    _ => self.update_due(index, programs, guard, sleep),
                }
            }
            (Some(guard), _) => self.update_active(population, programs, guard),
            (None, _) => self.update_all(index, population, programs),
        }
    }

    /// Update every neuron of a population.
    fn update_all(&self, index: usize, population: &PopulationPlan, programs: &PopulationPrograms) {
        let update = &programs.update;
        let launches = self.repeated.get(index).filter(|launches| !launches.is_empty());
        if let Some(launches) = launches {
            launches.iter().for_each(|launch| launch());
        } else {
            let around = self.surroundings();
            let members = self.shared.model.plan.blocks.members(self.block);
            for (place, lanes) in places(population, programs, members, self.block, self.member) {
                self.launch(update, &around, &place, lanes, &mut Operands::new());
            }
        }
        if programs.block_lanes.is_none() {
            return;
        }
        for &ordinal in &update.handed_out {
            self.hand_out_events(ordinal, update.queues[ordinal], population.size);
        }
    }

    /// Update those neurons of a population that may do anything at all.
    pub(crate) fn update_active(
        &mut self,
        population: &PopulationPlan,
        programs: &PopulationPrograms,
        guard: &BoundKernel,
    ) {
        let members = self.shared.model.plan.blocks.members(self.block);
        for (all, lanes) in places(population, programs, members, self.block, self.member) {
            let members = all.member..all.member + lanes / population.size.max(1);
            self.update_found(population.size, &programs.update, guard, &all, members);
        }
    }

    /// Update those neurons of a population that are due, by its calendar.
    fn update_due(
        &mut self,
        index: usize,
        programs: &PopulationPrograms,
        guard: &BoundKernel,
        sleep: &SleepPrograms,
    ) {
        let model = self.shared.model;
        let population = &model.plan.populations[index];
        let members = model.plan.blocks.members(self.block);
        if !self.worker.calendars[index].is_kept() {
            self.update_active(population, programs, guard);
            // Neurons that sleep are all in one launch.
            for (all, count) in places(population, programs, members, self.block, self.member) {
                self.launch(&sleep.all, &self.surroundings(), &all, count, &mut Operands::new());
                if let Some(timesteps) = self.worker.memory.sleep.words(0, count) {
                    self.worker.calendars[index].make(self.now, timesteps);
                }
            }
            return;
        }
        let mut due = self.worker.calendars[index].take(self.now);
        if sleep.in_order {
            due.sort_unstable();
        }
        self.worker.active_lanes.list_distances(&due, population.size as u32);
        self.update_listed(population.size, &sleep.update, members);
        if let Some(timesteps) = self.worker.memory.sleep.words(0, due.len()) {
            for (&neuron, &timesteps) in due.iter().zip(&*timesteps) {
                self.worker.calendars[index].sleep(self.now, neuron, timesteps);
            }
        }
        self.worker.calendars[index].give_back(self.now, due);
    }

    /// The neurons that are listed as active.
    pub(crate) fn listed_lanes(&self, member: usize) -> Place<'_> {
        let active = &self.worker.active_lanes;
        Place {
            member,
            block: self.block,
            members_of_lanes: &active.members,
            neurons_of_lanes: &active.neurons,
            distances_of_lanes: &active.distances,
            ..Place::default()
        }
    }

    /// Update those neurons of some batch members that a guard finds among all of them.
    fn update_found(
        &mut self,
        size: usize,
        update: &BoundKernel,
        guard: &BoundKernel,
        all: &Place<'_>,
        members: Range<usize>,
    ) {
        let count = members.len() * size;
        self.launch(guard, &self.surroundings(), all, count, &mut Operands::new());
        if let Some(words) = self.worker.memory.active.words(0, count.div_ceil(32)) {
            self.worker.active_lanes.list(words, size as u32);
        }
        self.update_listed(size, update, members);
    }

    /// Update the neurons that are listed as active, and hand out their events.
    fn update_listed(&self, size: usize, update: &BoundKernel, members: Range<usize>) {
        let active = &self.worker.active_lanes;
        let found = active.neurons.len();
        if found > 0 {
            let place = self.listed_lanes(members.start);
            self.launch(update, &self.surroundings(), &place, found, &mut Operands::new());
        }
        let plan = &self.shared.model.plan;
        for (ordinal, queue) in update.queues.iter().enumerate() {
            let id = plan.event_queues[queue.0].array;
            let words = size.div_ceil(32);
            for member in members.clone() {
                if let Some(own) = self.queue_words(id, member, words) {
                    own.fill(0);
                }
            }
            let start = ordinal * block_words(plan, *queue);
            let Some(bits) = self.worker.memory.events.words(start, found.div_ceil(32)) else {
                continue;
            };
            for_each_bit(bits, |lane| {
                let member = members.start + active.members[lane] as usize;
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
        let Some(bits) = self.worker.memory.events.words(ordinal * stride, stride) else { return };
        let Some(mut events) = self.events(queue, 0) else { return };
        if bits.iter().fold(0, |any, word| any | *word) == 0 {
            events.clear();
            return;
        }
        for (nth, own) in events.members().enumerate() {
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

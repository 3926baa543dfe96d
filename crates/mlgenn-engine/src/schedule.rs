//! What happens in a timestep, for one block of batch members.
//!
//! 1. dendritic delay rings advance;
//! 2. synapse dynamics;
//! 3. presynaptic updates, events before spikes;
//! 4. postsynaptic updates, events before spikes;
//! 5. population rings advance, neuron updates.
//!
//! Steps 2 to 4 see the state that the last timestep left. Batch members do not meet, so that a
//! block goes through many timesteps on its own.

use std::sync::Arc;

use mlgenn_ir::launch::{AddRows, BLOCK_LANES, Launch, Repeated, Watch};
use mlgenn_ir::row_update::{RowUpdate, Start, UpdateRows};
use mlgenn_ir::run_lists::AddRuns;
use mlgenn_ir::spiking_rows::AddSpikingRows;
use mlgenn_ir::target_lists::{AddToTargets, Weights};
use mlgenn_ir::{Buffer, SlotId};
use mlgenn_model::layout::Copies;
use mlgenn_model::plan::{Added, EventQueueId, SynapseGroupPlan, SynapseKernel};

use crate::bind::{BoundKernel, Operands, Place, Surroundings};
use crate::compiled::{CompiledModel, SynapsePrograms};
use crate::connectivity_index::ConnectivityIndex;
use crate::distinct_weights::DistinctWeights;
use crate::recording::Recording;
use crate::team::Member;
use crate::worker::{Worker, elapsed};

/// Threads cut neurons between multiples of this: whole words of spikes, whole cache lines.
pub(crate) const STRETCH_UNIT: usize = BLOCK_LANES;

/// State that all blocks share.
pub(crate) struct Shared<'a> {
    pub(crate) model: &'a CompiledModel,
    pub(crate) buffers: &'a [Arc<Buffer>],
    pub(crate) index: &'a [ConnectivityIndex],
    /// Weights in column-major order, where they are needed so.
    pub(crate) columns: &'a [Option<Buffer>],
    pub(crate) recordings: &'a [Option<Recording>],
    /// Whether the neurons of each population may go ahead of time.
    pub(crate) ahead: &'a [bool],
    pub(crate) keys: &'a Buffer,
    pub(crate) watch: &'a Watch,
}

/// One block of batch members in one timestep.
pub(crate) struct BlockStep<'a> {
    pub(crate) shared: &'a Shared<'a>,
    pub(crate) worker: &'a mut Worker,
    pub(crate) block: usize,
    /// Ring pointers at the start of the timestep.
    pub(crate) rings: &'a [u32],
    pub(crate) timestep: u64,
    pub(crate) steps_made: u64,
    /// Which timestep of the stretch that the block goes through on its own, and how many it has.
    pub(crate) now: usize,
    pub(crate) stretch: usize,
    /// Which of the threads that go through it together this is.
    pub(crate) member: &'a Member<'a>,
    /// Neuron updates that are made in every timestep of it, of each population, if there are any.
    pub(crate) repeated: &'a [Vec<Repeated<'a>>],
}

/// Events of the members of a block: a bit for each neuron.
pub(crate) struct BlockEvents<'a> {
    bits: &'a mut [u32],
    /// Words of each member.
    pub(crate) words: usize,
    /// From the words of one member to those of the next.
    stride: usize,
}

impl BlockEvents<'_> {
    /// The words of each member.
    pub(crate) fn members(&mut self) -> impl Iterator<Item = &mut [u32]> {
        let (words, stride) = (self.words, self.stride.max(1));
        self.bits.chunks_mut(stride).map(move |own| &mut own[..words])
    }

    /// Whether there are any.
    fn any(&mut self) -> bool {
        // Without a branch for each word, so that vector units can do it.
        let any = |bits: &[u32]| bits.iter().fold(0, |any, word| any | word) != 0;
        if self.words == self.stride { any(self.bits) } else { self.members().any(|own| any(own)) }
    }

    /// There are none from now on.
    pub(crate) fn clear(&mut self) {
        if self.words == self.stride {
            self.bits.fill(0);
        } else {
            self.members().for_each(|own| own.fill(0));
        }
    }
}

impl<'a> BlockStep<'a> {
    /// The events of the members of the block `delay` timesteps before the last one.
    pub(crate) fn events(&self, queue: EventQueueId, delay: u32) -> Option<BlockEvents<'a>> {
        let plan = &self.shared.model.plan;
        let id = plan.event_queues[queue.0].array;
        let array = plan.layout.array(id);
        let (words, stride) = (array.elements(), array.slots * array.elements());
        let current = array.ring.map_or(0, |ring| self.worker.rings[ring.0]);
        let slots = array.slots as u32;
        let slot = if slots == 1 { 0 } else { (current + slots - delay % slots) % slots };
        let members = plan.blocks.members(self.block);
        let start = members.start * stride + slot as usize * words;
        let all = (members.len() - 1) * stride + words;
        let bits = self.shared.buffers[id.0].words(start, all)?;
        Some(BlockEvents { bits, words, stride })
    }
}

impl BlockStep<'_> {
    /// Run the timestep.
    pub(crate) fn run(mut self) {
        let plan = &self.shared.model.plan;
        self.worker.set_time(plan, self.timestep);
        self.worker.memory.steps_made.store(0, self.steps_made);
        self.worker.rings.copy_from_slice(self.rings);
        for group in &plan.synapse_groups {
            if let Some((_, ring)) = group.den_delay {
                advance(&mut self.worker.rings, plan.layout.rings(), ring.0);
            }
        }
        let start = self.worker.clock.start();
        self.synapse_dynamics();
        self.worker.clock.synapse_dynamics += elapsed(start);
        let start = self.worker.clock.start();
        self.presynaptic_updates();
        self.worker.clock.presynaptic_update += elapsed(start);
        let start = self.worker.clock.start();
        self.postsynaptic_updates();
        self.worker.clock.postsynaptic_update += elapsed(start);
        for population in &plan.populations {
            advance(&mut self.worker.rings, plan.layout.rings(), population.ring.0);
        }
        self.member.meet();
        let start = self.worker.clock.start();
        self.neuron_updates();
        self.worker.clock.neuron_update += elapsed(start);
    }

    fn synapse_dynamics(&mut self) {
        let model = self.shared.model;
        for (index, (group, programs)) in
            model.plan.synapse_groups.iter().zip(&model.groups).enumerate()
        {
            if let Some(linear) = &programs.linear {
                self.linear_dynamics(index, linear);
                continue;
            }
            let (Some(kernel), Some(programs)) = (&group.dynamics, &programs.dynamics) else {
                continue;
            };
            for member in model.plan.blocks.members(self.block) {
                self.worker.active.list_all(group.num_pre);
                self.run_rows(index, kernel, programs, member);
            }
        }
    }

    fn presynaptic_updates(&mut self) {
        let model = self.shared.model;
        let plan = &model.plan;
        for (index, (group, programs)) in plan.synapse_groups.iter().zip(&model.groups).enumerate()
        {
            let spikes = plan.populations[group.source].spikes;
            if self.add_spikes_of_block(group) {
                continue;
            }
            let delay = group.axonal_delay;
            let pre_event =
                group.pre_event.as_ref().filter(|(_, queue)| self.has_any(*queue, delay));
            let pre_spike = group.pre_spike.as_ref().filter(|_| self.has_any(spikes, delay));
            if pre_event.is_none() && pre_spike.is_none() {
                continue;
            }
            for member in plan.blocks.members(self.block) {
                if let (Some((kernel, queue)), Some(programs)) = (pre_event, &programs.pre_event) {
                    self.collect(*queue, member, delay);
                    self.run_rows(index, kernel, programs, member);
                }
                if let (Some(kernel), Some(programs)) = (pre_spike, &programs.pre_spike) {
                    self.collect(spikes, member, delay);
                    self.run_rows(index, kernel, programs, member);
                }
            }
        }
    }

    /// Add the weights of the neurons that spiked for all members of the block, if that is all that
    /// spikes do, and there is one matrix for all members; false if not.
    fn add_spikes_of_block(&mut self, group: &SynapseGroupPlan) -> bool {
        let adds = group.pre_spike.as_ref().and_then(|kernel| kernel.adds);
        let (Some(Added::Weight(weights)), None, true) = (adds, &group.pre_event, group.is_dense())
        else {
            return false;
        };
        let plan = &self.shared.model.plan;
        if plan.layout.array(weights).copies != Copies::Shared {
            return false;
        }
        let spikes = plan.populations[group.source].spikes;
        let Some(spikes) = self.events(spikes, group.axonal_delay) else { return false };
        let add = AddSpikingRows {
            spikes: spikes.bits,
            words: spikes.words,
            stride: spikes.stride,
            matrix: &self.shared.buffers[weights.0],
            matrix_offset: 0,
            columns: group.num_post,
            out: &self.shared.buffers[group.out_post.0],
            out_offset: plan.blocks.members(self.block).start * group.num_post,
        };
        let list = self.worker.active.room(add.list_length());
        self.shared.model.backend.executor().add_spiking_rows(&add, list);
        true
    }

    fn postsynaptic_updates(&mut self) {
        let model = self.shared.model;
        let plan = &model.plan;
        for (index, (group, programs)) in plan.synapse_groups.iter().zip(&model.groups).enumerate()
        {
            let spikes = plan.populations[group.target].spikes;
            for member in plan.blocks.members(self.block) {
                if let (Some((_, queue)), Some(programs)) =
                    (&group.post_event, &programs.post_event)
                {
                    self.collect(*queue, member, group.back_prop_delay);
                    self.run_columns(index, group, programs, member);
                }
                if let Some(programs) = &programs.post_spike {
                    self.collect(spikes, member, group.back_prop_delay);
                    self.run_columns(index, group, programs, member);
                }
            }
        }
    }

    /// Whether any member of the block had an event `delay` timesteps before the last one.
    fn has_any(&self, queue: EventQueueId, delay: u32) -> bool {
        self.events(queue, delay).is_none_or(|mut events| events.any())
    }

    /// List the neurons that had an event `delay` timesteps before the last one.
    fn collect(&mut self, queue: EventQueueId, member: usize, delay: u32) {
        self.worker.active.clear();
        let first = self.shared.model.plan.blocks.members(self.block).start;
        let Some(mut events) = self.events(queue, delay) else { return };
        let Some(bits) = events.members().nth(member - first) else { return };
        self.worker.active.list_bits(self.shared.model.backend.executor(), bits);
    }

    /// Run a kernel for the rows of the active neurons.
    fn run_rows(
        &self,
        index: usize,
        kernel: &SynapseKernel,
        programs: &SynapsePrograms,
        member: usize,
    ) {
        if self.worker.active.is_empty() {
            return;
        }
        let group = &self.shared.model.plan.synapse_groups[index];
        if let Some(added) = kernel.adds
            && self.add(index, added, member)
        {
            return;
        }
        let buffers = self.shared.buffers;
        let around = self.surroundings();
        let mut operands = Operands::new();
        let mut place = Place { member, block: self.block, ..Place::default() };
        if let Some(prologue) = &programs.prologue {
            self.launch(prologue, &around, &place, group.num_post, &mut operands);
        }
        if group.is_dense() {
            if let Some(update) = &programs.row_update
                && self.update_rows(update, group.num_post, |slot| {
                    let operand = programs.body.operand(slot, &around, &place);
                    Start { buffer: operand.buffer, offset: operand.offset }
                })
            {
                return;
            }
            // Rows differ in nothing but where they start.
            programs.body.operands(&around, &place, &mut operands);
            let (operands, watch) = (&operands, self.shared.watch);
            let launch = Launch { lanes: group.num_post, operands, watch };
            let steps = programs.body.row_steps(group.row_stride);
            programs.body.program.launch_rows(&launch, &steps, &self.worker.active);
            return;
        }
        for &row in &*self.worker.active {
            let lanes = place.enter_row(group, buffers, row as usize);
            self.launch(&programs.body, &around, &place, lanes, &mut operands);
        }
    }

    /// Update the rows of the active neurons in the direct way; false if operands are too small.
    fn update_rows<'a>(
        &self,
        update: &RowUpdate,
        columns: usize,
        place: impl Fn(SlotId) -> Start<'a>,
    ) -> bool {
        self.shared.model.backend.executor().update_rows(&UpdateRows {
            rows: &self.worker.active,
            columns,
            add: update.add.map(|add| (place(add.matrix), place(add.vector), add.subtract)),
            sum: update.sum.map(|sum| (place(sum.matrix), place(sum.vector), place(sum.out))),
        })
    }

    /// Add the weights of the rows of the active neurons to the output of a group, if there is a
    /// direct way.
    fn add(&self, index: usize, added: Added, member: usize) -> bool {
        let group = &self.shared.model.plan.synapse_groups[index];
        let executor = self.shared.model.backend.executor();
        let (out, out_offset) = (&*self.shared.buffers[group.out_post.0], member * group.num_post);
        let rows = &self.worker.active;
        let lookup = &self.shared.index[index];
        let to_targets = |weights| match &lookup.targets {
            Some(lists) => {
                let targets = self.member.share(group.num_post, STRETCH_UNIT);
                let add = AddToTargets { lists, weights, rows, targets, out, out_offset };
                executor.add_to_targets(&add);
                true
            }
            None => false,
        };
        let weights = match added {
            Added::Constant(weight) => return to_targets(Weights::Same(weight)),
            Added::Weight(weights) => weights,
        };
        let array = self.shared.model.plan.layout.array(weights);
        let copy = match array.copies {
            Copies::Shared => 0,
            Copies::Member => member,
            Copies::Block => self.block,
        };
        let (matrix, matrix_offset) = (&*self.shared.buffers[weights.0], copy * array.elements());
        if group.is_dense() {
            let columns = group.num_post;
            let rows = AddRows { matrix, matrix_offset, columns, rows, out, out_offset };
            executor.add_rows(&rows);
            return true;
        }
        let Some(lists) = &lookup.runs else {
            let (offset, stride) = (matrix_offset, group.row_stride);
            return to_targets(Weights::Each { buffer: matrix, offset, stride });
        };
        let distinct = lookup.distinct_weights.as_ref().and_then(DistinctWeights::runs);
        let (lists, weights, weights_offset) = match distinct {
            Some((lists, weights)) => (lists, weights, 0),
            None => (lists, matrix, matrix_offset),
        };
        executor.add_runs(&AddRuns { lists, weights, weights_offset, rows, out, out_offset });
        true
    }

    /// Run a kernel for the columns of the active neurons.
    fn run_columns(
        &self,
        index: usize,
        group: &SynapseGroupPlan,
        programs: &SynapsePrograms,
        member: usize,
    ) {
        if self.worker.active.is_empty() {
            return;
        }
        let around = self.surroundings();
        let mut operands = Operands::new();
        let mut place = Place { member, block: self.block, ..Place::default() };
        for &column in &*self.worker.active {
            place.line = column as usize;
            let lanes = if group.is_dense() {
                place.row_start = place.line;
                place.synapses = &self.shared.model.groups[index].row_starts;
                group.num_pre
            } else {
                let columns = &self.shared.index[index].columns;
                let entries = columns.starts[place.line]..columns.starts[place.line + 1];
                place.synapses = &columns.synapses[entries.clone()];
                place.others = &columns.sources[entries.clone()];
                place.columns = &columns.positions[entries];
                place.synapses.len()
            };
            self.launch(&programs.body, &around, &place, lanes, &mut operands);
        }
    }

    pub(crate) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            buffers: self.shared.buffers,
            rings: &self.worker.rings,
            memory: &self.worker.memory,
            steps_made: &self.worker.memory.steps_made,
            iota: &self.shared.model.iota,
            keys: self.shared.keys,
        }
    }

    pub(crate) fn launch<'b>(
        &self,
        kernel: &BoundKernel,
        around: &Surroundings<'b>,
        place: &Place<'b>,
        lanes: usize,
        operands: &mut Operands<'b>,
    ) {
        kernel.operands(around, place, operands);
        kernel.program.launch(&Launch { lanes, operands, watch: self.shared.watch });
    }
}

/// Move a ring pointer on.
pub(crate) fn advance(rings: &mut [u32], slots: &[usize], ring: usize) {
    let next = rings[ring] + 1;
    rings[ring] = if next as usize == slots[ring] { 0 } else { next };
}

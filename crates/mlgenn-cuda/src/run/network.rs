//! The launches of a network.

use std::cell::RefCell;
use std::collections::BTreeSet;

use mlgenn_ir::{Kernel, Type};
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{ConnectivityPlan, RingPosition, SpikeCountWrite, SynapseGroupPlan};

use super::custom_update::value_bytes;
use super::memory::{Memory, State};
use super::tables::{Copied, Tables};
use super::trial::TrialLaunch;
use super::update_groups::UpdateGroups;
use crate::abi::{LaunchHead, Slot, type_code};
use crate::driver::{Arena, DeviceError, Part, Step};
use crate::emit::{NetworkEntry, NetworkProgram, Scheduled, Stage, SynapticStage};

/// The launches of a network whose arrays are in the memory of a GPU.
pub(super) struct NetworkLaunches {
    /// A timestep, if there is no trial.
    pub(super) timestep: Vec<Step>,
    /// Many timesteps at once.
    pub(super) trial: Option<TrialLaunch>,
    /// Custom updates, row code of connectivity updates, and transposes.
    pub(super) updates: UpdateGroups,
    /// The kernels, by the numbers that faults have.
    pub(super) kernels: Vec<Kernel>,
    /// Arrays that the launches write.
    pub(super) written: BTreeSet<ArrayId>,
}

impl NetworkLaunches {
    /// Prepare the launches of a network; `memory` says where its arrays are.
    pub(super) fn new(
        plan: &Plan,
        program: &NetworkProgram,
        arena: &RefCell<Arena>,
        memory: &Memory,
        state: State,
    ) -> Result<Self, DeviceError> {
        let tables = Tables { plan, arena, memory, state };
        let entries = &program.entries;
        let trial = program.trial.as_ref().map(|trial| tables.trial(trial, entries)).transpose()?;
        Ok(Self {
            timestep: if trial.is_some() { Vec::new() } else { tables.timestep(entries)? },
            trial,
            updates: tables.update_groups(program)?,
            kernels: entries.iter().map(|entry| entry.planned.kernel.clone()).collect(),
            written: written(plan, entries),
        })
    }

    /// The launches of a network as they would be on a GPU, with addresses which nothing can be done
    /// with.
    pub(super) fn without_gpu(
        plan: &Plan,
        program: &NetworkProgram,
    ) -> Result<(Self, RefCell<Arena>), DeviceError> {
        let arena = RefCell::new(Arena::without_gpu());
        let place = |array: ArrayId| {
            let description = plan.layout.array(array);
            let length = plan.copies(array) * description.slots * description.elements();
            let bytes = length * description.ty.bytes();
            Ok((arena.borrow_mut().allocate(bytes.max(8))?, length))
        };
        let memory = Memory::new(plan, &arena, 0, 1, place)?;
        let state = State::new(plan, &arena)?;
        let launches = Self::new(plan, program, &arena, &memory, state)?;
        Ok((launches, arena))
    }

    /// Names of all functions that can be launched.
    fn functions(&self, arena: &RefCell<Arena>) -> Result<BTreeSet<String>, DeviceError> {
        let trial = self.trial.as_ref().map(|trial| trial.steps(arena, 1)).transpose()?;
        let steps = self.timestep.iter().chain(trial.iter().flatten()).chain(self.updates.steps());
        let names = steps.map(|step| step.function.clone());
        // What is recorded is not known before it runs.
        Ok(names.chain([Scheduled::Record, Scheduled::CountUp].map(Scheduled::name)).collect())
    }
}

/// The text that is compiled for a network: all that can be launched, and nothing else. Needs no GPU.
///
/// # Errors
///
/// If the network is too large to be laid out.
pub fn text(plan: &Plan, program: &NetworkProgram) -> Result<String, DeviceError> {
    let (launches, arena) = NetworkLaunches::without_gpu(plan, program)?;
    Ok(program.text(&launches.functions(&arena)?))
}

/// Arrays that launches of a network write.
fn written(plan: &Plan, entries: &[NetworkEntry]) -> BTreeSet<ArrayId> {
    let mut written: BTreeSet<_> =
        entries.iter().flat_map(|entry| entry.planned.written()).collect();
    written.extend(plan.event_queues.iter().map(|queue| queue.array));
    for update in plan.custom_updates.values().flatten() {
        written.extend(update.written_around());
        let dropped = |written| written != SpikeCountWrite::Never;
        let queues = update.spike_counts.iter().filter(|count| dropped(count.written));
        written.extend(queues.map(|count| plan.event_queues[count.queue.0].array));
    }
    written
}

/// Launches as a part of the timestep.
pub(super) fn part_of(part: Part, steps: Vec<Step>) -> impl Iterator<Item = Step> {
    steps.into_iter().map(move |step| Step { part, ..step })
}

impl Tables<'_> {
    /// The launches of a timestep.
    fn timestep(&self, entries: &[NetworkEntry]) -> Result<Vec<Step>, DeviceError> {
        let plan = self.plan;
        let mut steps = Vec::new();
        let dendritic = plan.synapse_groups.iter().filter_map(|group| group.den_delay);
        steps.extend(self.advance(dendritic.map(|(_, ring)| ring.0))?);
        for (number, entry) in entries.iter().enumerate() {
            if let Stage::Prologue(stage, group) | Stage::Synapses(stage, group) = entry.stage {
                let part = match stage {
                    SynapticStage::Dynamics => Part::SynapseDynamics,
                    SynapticStage::PreEvent | SynapticStage::PreSpike => Part::PresynapticUpdate,
                    SynapticStage::PostEvent | SynapticStage::PostSpike => Part::PostsynapticUpdate,
                };
                steps.extend(part_of(part, self.synaptic(number, entry, group)?));
            }
        }
        steps.extend(self.advance(plan.populations.iter().map(|population| population.ring.0))?);
        for (number, entry) in entries.iter().enumerate() {
            let Stage::Neurons(population) = entry.stage else { continue };
            let lanes = plan.populations[population].size as u32;
            let head = LaunchHead { lanes, ..LaunchHead::default() };
            let update = self.entry(number, entry, head, None, &self.members())?;
            steps.extend(part_of(Part::NeuronUpdate, update));
        }
        for (queue, rows) in plan.event_queues.iter().zip(&self.memory.events) {
            if let Some(rows) = rows {
                let timesteps = self.memory.recording_timesteps;
                steps.push(self.record(queue.array, *rows, timesteps, self.state.steps_made)?);
            }
        }
        steps.push(self.next_timestep()?);
        Ok(steps)
    }

    /// All batch members, block by block.
    pub(super) fn members(&self) -> Copied {
        Copied { copies: self.plan.network.batch_size, per_block: self.plan.blocks.largest() }
    }

    fn synaptic(
        &self,
        number: usize,
        entry: &NetworkEntry,
        group: usize,
    ) -> Result<Vec<Step>, DeviceError> {
        let sizes = entry.sizes(self.plan);
        let head = LaunchHead {
            lanes: sizes.lanes as u32,
            rows: sizes.rows as u32,
            ..self.synapses(group)
        };
        let events = entry.events(self.plan).map(|source| {
            let array = self.plan.event_queues[source.queue.0].array;
            self.memory.ring(self.plan, &self.state, array, RingPosition::Back(source.delay))
        });
        self.entry(number, entry, head, events, &self.members())
    }

    /// The head of launches over the synapses of a group: sizes and lists.
    pub(super) fn synapses(&self, index: usize) -> LaunchHead {
        let group: &SynapseGroupPlan = &self.plan.synapse_groups[index];
        let mut head = LaunchHead {
            rows: group.num_pre as u32,
            columns: group.num_post as u32,
            stride: group.row_stride as u32,
            ..LaunchHead::default()
        };
        if let ConnectivityPlan::Sparse { row_length, indices, .. } = &group.connectivity {
            let entries = group.kernel.as_ref().map_or(0, |k| self.memory.address(k.indices));
            let columns = self.memory.columns[index].unwrap_or_default();
            head.lists = [
                self.memory.address(*row_length),
                self.memory.address(*indices),
                entries,
                columns.starts,
                columns.sources,
                columns.synapses,
            ];
        }
        head
    }

    /// The launch that copies the current delay slot of an array to row `counter % timesteps` of
    /// `rows`.
    pub(super) fn record(
        &self,
        array: ArrayId,
        rows: u64,
        timesteps: usize,
        counter: u64,
    ) -> Result<Step, DeviceError> {
        let description = self.plan.layout.array(array);
        let (lanes, copies) = (description.elements(), self.plan.copies(array));
        let head = LaunchHead {
            lanes: lanes as u32,
            members: copies as u32,
            rows: timesteps as u32,
            ty: type_code(description.ty),
            ..LaunchHead::default()
        };
        let slot = |data: u64| Slot { data, ..Slot::default() };
        let from = self.memory.ring(self.plan, &self.state, array, RingPosition::Current);
        self.step(
            Scheduled::Record.name(),
            [lanes, copies],
            head,
            &[from, slot(rows), slot(counter)],
        )
    }

    /// The launch that counts.
    pub(super) fn count(&self, counter: u64) -> Result<Step, DeviceError> {
        let slot = Slot { data: counter, ..Slot::default() };
        let head = LaunchHead { lanes: 1, ..LaunchHead::default() };
        self.step(Scheduled::CountUp.name(), [1, 1], head, &[slot])
    }

    /// Move some rings on; nothing if there are none.
    fn advance(&self, rings: impl Iterator<Item = usize>) -> Result<Option<Step>, DeviceError> {
        let sizes = self.plan.layout.rings();
        let mut moves = vec![0u32; sizes.len()];
        rings.for_each(|ring| moves[ring] = 1);
        if moves.iter().all(|&moved| moved == 0) {
            return Ok(None);
        }
        let sizes: Vec<_> = sizes.iter().map(|&slots| slots as u32).collect();
        let slot = |data: u64| Slot { data, ..Slot::default() };
        let slots = [
            slot(self.state.rings),
            slot(self.upload_u32(&sizes)?),
            slot(self.upload_u32(&moves)?),
        ];
        let head = LaunchHead { lanes: moves.len() as u32, ..LaunchHead::default() };
        self.step(Scheduled::AdvanceRings.name(), [moves.len(), 1], head, &slots).map(Some)
    }

    fn next_timestep(&self) -> Result<Step, DeviceError> {
        let (ty, dt) = (self.plan.time, self.plan.network.dt);
        let bits = match ty {
            Type::F64 => dt.to_bits(),
            _ => u64::from((dt as f32).to_bits()),
        };
        let slot = |data: u64| Slot { data, ..Slot::default() };
        let slots = [
            slot(self.state.timestep),
            slot(self.state.time),
            slot(self.upload(&value_bytes(ty, bits))?),
            slot(self.state.steps_made),
        ];
        let head = LaunchHead { lanes: 1, ty: type_code(ty), ..LaunchHead::default() };
        self.step(Scheduled::NextTimestep.name(), [1, 1], head, &slots)
    }
}

//! The state of a network, and running it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use mlgenn_ir::launch::Watch;
use mlgenn_ir::{Buffer, Type};
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{ConnectivityPlan, EventQueueId};

use crate::arrays::{Arrays, allocate};
use crate::bind::Surroundings;
use crate::blocks::runs_any;
use crate::compiled::CompiledModel;
use crate::connectivity_index::ConnectivityIndex;
use crate::custom_connectivity_update::ConnectivityUpdates;
use crate::custom_update::{CustomUpdates, is_local, only_updates};
use crate::error::EngineError;
use crate::history::Behind;
use crate::linear::columns_of_weights;
use crate::load::{initialise, keys};
use crate::mirror::{Access, Mirrors};
use crate::pace::Pace;
use crate::random_key::arbitrary_seed;
use crate::recording::{Recording, SpikeTrain};
use crate::run_plan::{RunPlan, StepUpdate};
use crate::stopwatch::{Stopwatch, UpdateTimes};
use crate::worker::{Clock, Worker};

/// Most timesteps that blocks run without waiting for each other, so that an interrupted run has
/// counted few timesteps that were not made.
pub(crate) const STRETCH: usize = 1024;

/// The state of a network that is being simulated.
pub struct Simulation {
    pub(crate) model: Arc<CompiledModel>,
    pub(crate) buffers: Vec<Arc<Buffer>>,
    pub(crate) index: Vec<ConnectivityIndex>,
    /// Weights in column-major order, as of the last timestep, where they are needed so.
    pub(crate) columns: Vec<Option<Buffer>>,
    pub(crate) recordings: Vec<Option<Recording>>,
    /// Where the arrays are, if not in the buffers.
    pub(crate) device: Option<Mutex<Mirrors>>,
    /// Of all random numbers.
    pub(crate) seed: u64,
    pub(crate) keys: Buffer,
    pub(crate) workers: Vec<Mutex<Worker>>,
    /// For threads that go through a single block together with the first: theirs.
    pub(crate) helpers: Vec<Mutex<Worker>>,
    /// How long timesteps take.
    pub(crate) pace: Pace,
    pub(crate) watch: Arc<Watch>,
    /// Ring pointers: the slot written last.
    pub(crate) rings: Vec<u32>,
    pub(crate) timestep: u64,
    pub(crate) steps_made: u64,
    pub(crate) clock: Clock,
    /// Of each custom update group, by its name.
    pub(crate) custom_update_times: IndexMap<String, UpdateTimes>,
    init_time: Duration,
    init_sparse_time: Duration,
    /// How often custom connectivity updates have run; one element.
    pub(crate) connectivity_runs: Buffer,
}

/// Memory of an array and its shape.
#[derive(Clone, Debug)]
pub struct ArrayView {
    /// The memory, in the order `[copies][slots][elements]`.
    pub buffer: Arc<Buffer>,
    /// Number of copies.
    pub copies: usize,
    /// Whether there are copies for the batch, even if it is of size 1.
    pub per_member: bool,
    /// Number of delay slots.
    pub slots: usize,
    /// Number of elements in each slot.
    pub elements: usize,
}

/// Arrays recorded in a run: `[timesteps][copies][elements]`.
#[derive(Debug, Default)]
pub struct Recorded {
    pub(crate) arrays: IndexMap<String, RecordedArray>,
}

#[derive(Debug)]
pub(crate) struct RecordedArray {
    pub(crate) source: ArrayId,
    buffer: Arc<Buffer>,
    copies: usize,
    elements: usize,
}

impl Recorded {
    /// What was recorded of an array: memory, copies, elements.
    pub fn get(&self, path: &str) -> Option<(&Arc<Buffer>, usize, usize)> {
        self.arrays.get(path).map(|array| (&array.buffer, array.copies, array.elements))
    }

    /// The arrays that are recorded, in order.
    pub(crate) fn sources(&self) -> impl Iterator<Item = ArrayId> + '_ {
        self.arrays.values().map(|array| array.source)
    }

    /// Where they are recorded.
    pub(crate) fn buffers(&self) -> impl Iterator<Item = &Buffer> {
        self.arrays.values().map(|array| &*array.buffer)
    }
}

impl Simulation {
    /// Allocate and initialise the state of a network.
    ///
    /// `arrays` holds the extra global parameters and initial values that are given as arrays, by
    /// path; `recording_timesteps` is how many timesteps of spikes are kept.
    ///
    /// # Errors
    ///
    /// If memory is short, arrays are missing or of the wrong size, or connectivity is impossible.
    pub fn new(
        model: Arc<CompiledModel>,
        arrays: &Arrays,
        recording_timesteps: Option<usize>,
    ) -> Result<Self, EngineError> {
        let start = Instant::now();
        let plan = model.plan();
        let buffers: Vec<_> = allocate(plan, arrays)?.into_iter().map(Arc::new).collect();
        let seed = match plan.network.seed {
            0 => arbitrary_seed(),
            seed => seed,
        };
        let keys = keys(plan, seed)?;
        let (index, init_sparse_time) = initialise(&model, &buffers, arrays, &keys, seed)?;
        let recordings = plan
            .event_queues
            .iter()
            .map(|queue| {
                if !queue.recorded {
                    return Ok(None);
                }
                let Some(timesteps) = recording_timesteps.filter(|&timesteps| timesteps > 0) else {
                    return Err(EngineError::Recording(format!(
                        "{} is recorded, but the number of timesteps to keep is not given",
                        queue.path
                    )));
                };
                let words = plan.layout.array(queue.array).elements();
                Recording::new(timesteps, plan.network.batch_size, words).map(Some)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let enabled = plan.network.timing_enabled;
        let workers = (0..plan.blocks.count())
            .map(|_| {
                let mut worker = Worker::new(plan)?;
                worker.clock.enabled = enabled;
                Ok(Mutex::new(worker))
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        let rings = vec![0; plan.layout.rings().len()];
        let columns = columns_of_weights(&model, &buffers)?;
        let mut simulation = Self {
            buffers,
            columns,
            index,
            recordings,
            device: None,
            seed,
            keys,
            workers,
            helpers: Vec::new(),
            pace: Pace::default(),
            watch: Arc::new(Watch::new()),
            rings,
            timestep: 0,
            steps_made: 0,
            clock: Clock::default(),
            custom_update_times: IndexMap::new(),
            init_time: if enabled { start.elapsed() } else { Duration::ZERO },
            init_sparse_time: if enabled { init_sparse_time } else { Duration::ZERO },
            connectivity_runs: Buffer::new(Type::U32, 1)?,
            model,
        };
        simulation.load_on_device(arrays, recording_timesteps)?;
        Ok(simulation)
    }

    /// The network.
    pub fn model(&self) -> &Arc<CompiledModel> {
        &self.model
    }

    /// Through this a run can be stopped from another thread.
    pub fn watch(&self) -> Arc<Watch> {
        self.watch.clone()
    }

    /// Number of timesteps made, or whatever it was set to.
    pub fn timestep(&self) -> u64 {
        self.timestep
    }

    /// Set the counter of timesteps; nothing else changes.
    pub fn set_timestep(&mut self, timestep: u64) {
        self.catch_up();
        self.timestep = timestep;
    }

    /// Forget all spikes and spike-like events that are on their way.
    pub fn clear_events(&mut self) {
        for queue in &self.model.plan.event_queues {
            let buffer = &self.buffers[queue.array.0];
            buffer.fill(0, buffer.len(), 0);
            if let Some(mut mirrors) = self.mirrors() {
                mirrors.replace(queue.array);
            }
        }
    }

    /// Run one timestep.
    ///
    /// # Errors
    ///
    /// See [`Simulation::run`].
    pub fn step(&mut self) -> Result<(), EngineError> {
        self.run(&RunPlan::timesteps(1)).map(|_| ())
    }

    /// Run a plan.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownGroup`] or [`EngineError::Unknown`] before anything has run;
    /// [`EngineError::Fault`] or [`EngineError::Interrupted`] in the middle of it.
    pub fn run(&mut self, plan: &RunPlan) -> Result<Recorded, EngineError> {
        self.run_or_start(plan, true)
    }

    /// As [`Simulation::run`], but on a device it may return before all is done: whatever looks at
    /// results waits for them, and faults come to light then.
    ///
    /// # Errors
    ///
    /// See [`Simulation::run`].
    pub fn start(&mut self, plan: &RunPlan) -> Result<Recorded, EngineError> {
        self.run_or_start(plan, false)
    }

    fn run_or_start(&mut self, plan: &RunPlan, wait: bool) -> Result<Recorded, EngineError> {
        for update in plan.begin.iter().chain(&plan.end) {
            self.check_group(&update.group)?;
        }
        if self.device.is_some() {
            return self.run_on_device(plan, wait);
        }
        self.index.iter_mut().for_each(|index| index.refresh(&self.buffers));
        let recorded = self.start_recording(plan)?;
        let global = |updates: &[StepUpdate]| -> Vec<StepUpdate> {
            let updates = updates.iter().filter(|update| !is_local(&self.model, &update.group));
            updates.cloned().collect()
        };
        let (global_begin, global_end) = (global(&plan.begin), global(&plan.end));
        let mut step = 0;
        while step < plan.timesteps {
            if runs_any(&global_begin, step) {
                self.run_updates(&plan.begin, step);
            }
            // Blocks go on alone up to a timestep with an update that concerns all of them.
            let first = step;
            let longest = self.longest_stretch();
            loop {
                step += 1;
                let stop = step == plan.timesteps
                    || step - first == longest
                    || runs_any(&global_end, step - 1)
                    || runs_any(&global_begin, step);
                if stop {
                    break;
                }
            }
            let local_begin = !runs_any(&global_begin, first);
            let local_end = !runs_any(&global_end, step - 1);
            self.gather_helpers(step - first)?;
            self.run_blocks(plan, first..step, (local_begin, local_end), &recorded);
            self.check_watch()?;
            if !local_end {
                self.run_updates(&plan.end, step - 1);
                self.record(&recorded, step - 1);
            }
            self.check_watch()?;
        }
        if self.model.dependents.are_viewed(&self.buffers) {
            self.catch_up();
        }
        Ok(recorded)
    }

    /// Bring synapses with linear dynamics up to date.
    fn catch_up(&self) {
        if self.model.dependents.is_empty() {
            return;
        }
        self.model.backend.for_each(self.workers.len(), &|block| {
            let mut worker = self.workers[block].lock().unwrap_or_else(PoisonError::into_inner);
            worker.histories.catch_up(&self.behind(&self.rings), block);
        });
    }

    pub(crate) fn behind<'a>(&'a self, rings: &'a [u32]) -> Behind<'a> {
        Behind { model: &self.model, buffers: &self.buffers, rings, watch: &self.watch }
    }

    /// So many timesteps were made.
    pub(crate) fn count_timesteps(&mut self, count: u64) {
        self.timestep += count;
        self.steps_made += count;
        for (ring, slots) in self.rings.iter_mut().zip(self.model.plan.layout.rings()) {
            *ring = ((u64::from(*ring) + count) % *slots as u64) as u32;
        }
    }

    pub(crate) fn run_block_updates(
        &self,
        updates: &[StepUpdate],
        step: usize,
        block: usize,
        worker: &mut Worker,
        rings: &[u32],
        timestep: u64,
    ) {
        if !updates.iter().any(|update| update.runs_at(step)) {
            return;
        }
        let mut groups = updates.iter().filter(|update| update.runs_at(step));
        if groups.any(|update| self.model.dependents.has_update(&update.group)) {
            worker.histories.catch_up(&self.behind(rings), block);
        }
        worker.set_time(&self.model.plan, timestep);
        let custom = self.custom_updates(worker, rings);
        let due = || updates.iter().filter(|update| update.runs_at(step));
        for update in due() {
            custom.run_block(&update.group, block);
        }
        for update in due() {
            for &population in self.model.disturbs.get(&update.group).into_iter().flatten() {
                worker.calendars[population].disturb();
            }
        }
    }

    pub(crate) fn custom_updates<'a>(
        &'a self,
        worker: &'a Worker,
        rings: &'a [u32],
    ) -> CustomUpdates<'a> {
        CustomUpdates {
            model: &self.model,
            buffers: &self.buffers,
            around: Surroundings {
                buffers: &self.buffers,
                rings,
                memory: &worker.memory,
                steps_made: &worker.memory.steps_made,
                iota: &self.model.iota,
                keys: &self.keys,
            },
            watch: &self.watch,
        }
    }

    fn run_updates(&mut self, updates: &[StepUpdate], step: usize) {
        let groups: Vec<_> =
            updates.iter().filter(|u| u.runs_at(step)).map(|u| &*u.group).collect();
        self.run_groups(&groups);
    }

    /// Run the custom updates of groups, one group after the other. Groups that follow each other
    /// go over elements together, unless their times are measured.
    fn run_groups(&mut self, groups: &[&str]) {
        let model = self.model.clone();
        let together = |a: &&str, b: &&str| {
            !model.plan.network.timing_enabled
                && [a, b].iter().all(|group| only_updates(&model, group))
        };
        for groups in groups.chunk_by(together) {
            match groups {
                [group] => self.run_update(group),
                _ => self.run_together(groups),
            }
        }
    }

    fn run_together(&mut self, groups: &[&str]) {
        if groups.iter().any(|group| self.model.dependents.has_update(group)) {
            self.catch_up();
        }
        let worker = self.workers[0].lock().unwrap_or_else(PoisonError::into_inner);
        worker.set_time(&self.model.plan, self.timestep);
        self.custom_updates(&worker, &self.rings).run(groups);
    }

    fn run_update(&mut self, group: &str) {
        let model = self.model.clone();
        if model.dependents.has_update(group) {
            self.catch_up();
        }
        let mut times = self.custom_update_times.shift_remove(group).unwrap_or_default();
        let mut stopwatch = Stopwatch::new(model.plan.network.timing_enabled);
        let changed = {
            let worker = self.workers[0].lock().unwrap_or_else(PoisonError::into_inner);
            worker.set_time(&model.plan, self.timestep);
            let updates = self.custom_updates(&worker, &self.rings);
            let connectivity = ConnectivityUpdates {
                model: &model,
                around: Surroundings { steps_made: &self.connectivity_runs, ..updates.around },
                watch: &self.watch,
            };
            connectivity.run_host(group);
            times.host += stopwatch.lap();
            updates.run(&[group]);
            connectivity.run_rows(group)
        };
        times.update += stopwatch.lap();
        if model.plan.custom_connectivity_updates.contains_key(group) {
            let runs = self.connectivity_runs.load(0).unwrap_or(0);
            self.connectivity_runs.store(0, runs + 1);
        }
        for group in changed {
            self.index[group] = ConnectivityIndex::new(&model, group, &self.buffers);
        }
        times.remap += stopwatch.lap();
        {
            let worker = self.workers[0].lock().unwrap_or_else(PoisonError::into_inner);
            self.custom_updates(&worker, &self.rings).run_transposes(group);
        }
        times.transpose += stopwatch.lap();
        self.custom_update_times.insert(group.to_owned(), times);
    }

    /// Run the custom updates of a group.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownGroup`]; [`EngineError::Fault`].
    pub fn custom_update(&mut self, group: &str) -> Result<(), EngineError> {
        self.custom_update_groups(&[group])
    }

    /// Run the custom updates of several groups. Results are those of one group after the other,
    /// but it takes less time where a group goes on with what another has computed. After a fault
    /// nothing is said about which of them have run.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownGroup`] before anything has run; [`EngineError::Fault`].
    pub fn custom_update_groups(&mut self, groups: &[&str]) -> Result<(), EngineError> {
        self.update(groups, true)
    }

    /// As [`Simulation::custom_update_groups`], but on a device they may go on when this returns. A
    /// fault is then reported by the next run, or whoever looks at an array that the device has
    /// written.
    ///
    /// # Errors
    ///
    /// See [`Simulation::custom_update_groups`].
    pub fn start_custom_update_groups(&mut self, groups: &[&str]) -> Result<(), EngineError> {
        self.update(groups, false)
    }

    fn update(&mut self, groups: &[&str], wait: bool) -> Result<(), EngineError> {
        groups.iter().try_for_each(|group| self.check_group(group))?;
        if self.device.is_some() {
            return self.custom_updates_on_device(groups, wait);
        }
        self.run_groups(groups);
        self.check_watch()
    }

    fn check_group(&self, group: &str) -> Result<(), EngineError> {
        let groups = &self.model.plan.custom_updates;
        if groups.contains_key(group) {
            return Ok(());
        }
        Err(EngineError::UnknownGroup {
            name: group.to_owned(),
            available: groups.keys().cloned().collect(),
        })
    }

    pub(crate) fn check_watch(&self) -> Result<(), EngineError> {
        if !self.watch.should_stop() {
            return Ok(());
        }
        let stopped = self.watch.is_stopped();
        match self.watch.take_fault() {
            Some(fault) => Err(fault.into()),
            None if stopped => Err(EngineError::Interrupted),
            None => Ok(()),
        }
    }

    pub(crate) fn start_recording(&self, plan: &RunPlan) -> Result<Recorded, EngineError> {
        let mut recorded = Recorded::default();
        for path in &plan.record {
            let source = self.find(path)?;
            let array = self.model.plan.layout.array(source);
            let (copies, elements) = (self.model.plan.copies(source), array.elements());
            let buffer = Buffer::new(array.ty, plan.timesteps * copies * elements)?;
            let array = RecordedArray { source, buffer: Arc::new(buffer), copies, elements };
            recorded.arrays.insert(path.clone(), array);
        }
        Ok(recorded)
    }

    fn record(&self, recorded: &Recorded, step: usize) {
        let mut sources = recorded.arrays.values().map(|array| array.source);
        if sources.any(|source| self.model.dependents.has_array(source)) {
            self.catch_up();
        }
        for block in 0..self.model.plan.blocks.count() {
            self.record_block(recorded, step, block, &self.rings);
        }
    }

    pub(crate) fn record_block(
        &self,
        recorded: &Recorded,
        step: usize,
        block: usize,
        rings: &[u32],
    ) {
        for record in recorded.arrays.values() {
            let array = self.model.plan.layout.array(record.source);
            let copies = match array.copies {
                Copies::Shared if block > 0 => continue,
                Copies::Shared => 0..1,
                Copies::Member => self.model.plan.blocks.members(block),
                Copies::Block => block..block + 1,
            };
            let slot = array.ring.map_or(0, |ring| rings[ring.0]) as usize;
            let elements = record.elements;
            for copy in copies {
                let from = (copy * array.slots + slot) * elements;
                if let Some(bytes) = self.buffers[record.source.0].to_bytes(from, elements) {
                    let to = (step * record.copies + copy) * elements;
                    record.buffer.copy_from_bytes(to, &bytes);
                }
            }
        }
    }

    fn find(&self, path: &str) -> Result<ArrayId, EngineError> {
        let layout = &self.model.plan.layout;
        layout.find(path).ok_or_else(|| EngineError::Unknown {
            what: "array",
            name: path.to_owned(),
            available: layout.arrays().map(|(_, array)| array.path.clone()).collect(),
        })
    }

    /// The memory of an array. Writes are seen by the next timestep.
    ///
    /// If the array is on a device this is its mirror. It is copied to the device before every run
    /// and back afterwards, until it is dropped.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn array(&self, path: &str) -> Result<ArrayView, EngineError> {
        self.array_for(path, Access::ReadWrite)
    }

    /// As [`Simulation::array`], for some of its uses only, which saves copies if the array is on a
    /// device.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn array_for(&self, path: &str, access: Access) -> Result<ArrayView, EngineError> {
        let id = self.find(path)?;
        if self.model.dependents.has_array(id) {
            self.catch_up();
        }
        self.show(id, access)?;
        if access != Access::Read {
            let weights = self.index.iter().filter_map(|index| index.distinct_weights.as_ref());
            weights.for_each(|weights| weights.hand_out(id));
        }
        let array = self.model.plan.layout.array(id);
        let buffer = self.buffers[id.0].clone();
        let copies = self.model.plan.copies(id);
        let elements = buffer.len() / (copies * array.slots);
        let per_member = array.copies != Copies::Shared;
        Ok(ArrayView { buffer, copies, per_member, slots: array.slots, elements })
    }

    /// Number of delay slots of an array.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn num_slots(&self, path: &str) -> Result<usize, EngineError> {
        Ok(self.model.plan.layout.array(self.find(path)?).slots)
    }

    /// The delay slot of an array that was written last.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn current_slot(&self, path: &str) -> Result<usize, EngineError> {
        let array = self.model.plan.layout.array(self.find(path)?);
        Ok(array.ring.map_or(0, |ring| self.rings[ring.0]) as usize)
    }

    /// Change a dynamic parameter.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`] if there is no dynamic parameter with that path.
    pub fn set_dynamic_param(&mut self, path: &str, value: f64) -> Result<(), EngineError> {
        let layout = &self.model.plan.layout;
        let id = layout.find(path).filter(|_| is_dynamic_param(path)).ok_or_else(|| {
            let paths = layout.arrays().map(|(_, array)| array.path.clone());
            EngineError::Unknown {
                what: "dynamic parameter",
                name: path.to_owned(),
                available: paths.filter(|path| is_dynamic_param(path)).collect(),
            }
        })?;
        let buffer = &self.buffers[id.0];
        let bits = mlgenn_ir::evaluate::convert(Type::F64, buffer.ty(), value.to_bits());
        if buffer.load(0) == Some(bits) {
            return Ok(());
        }
        if self.model.dependents.has_array(id) {
            self.catch_up();
        }
        buffer.store(0, bits);
        if let Some(mut mirrors) = self.mirrors() {
            mirrors.touch(id);
        }
        Ok(())
    }

    /// Recorded spikes or events, of each batch member; `path` is `neuron.P.spikes`,
    /// `syn.S.pre_events` or `syn.S.post_events`.
    ///
    /// # Errors
    ///
    /// If nothing of that name is recorded, or fewer timesteps were made than are kept.
    pub fn spikes(&self, path: &str) -> Result<Vec<SpikeTrain>, EngineError> {
        let plan = &self.model.plan;
        let queue = plan.event_queues.iter().position(|queue| queue.path == path);
        let recording = queue.and_then(|queue| self.recordings[queue].as_ref());
        let Some(recording) = recording else {
            let recorded = plan.event_queues.iter().filter(|queue| queue.recorded);
            return Err(EngineError::Unknown {
                what: "recording",
                name: path.to_owned(),
                available: recorded.map(|queue| queue.path.clone()).collect(),
            });
        };
        if let (Some(mut mirrors), Some(queue)) = (self.mirrors(), queue) {
            mirrors.state.events(EventQueueId(queue), recording.buffer())?;
        }
        recording.spikes(path, self.timestep, self.steps_made, plan.network.dt)
    }

    /// Pre- and postsynaptic neuron of each synapse of a group, in order of rows.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn indices(&self, group: &str) -> Result<(Vec<u32>, Vec<u32>), EngineError> {
        let plan = &self.model.plan;
        let index = plan.synapse_group(group).ok_or_else(|| EngineError::Unknown {
            what: "synapse group",
            name: group.to_owned(),
            available: plan.synapse_groups.iter().map(|group| group.name.clone()).collect(),
        })?;
        let group = &plan.synapse_groups[index];
        if let ConnectivityPlan::Sparse { row_length, indices, .. } = group.connectivity {
            [row_length, indices]
                .into_iter()
                .try_for_each(|array| self.show(array, Access::Read))?;
        }
        let (mut pre, mut post) = (Vec::new(), Vec::new());
        for row in 0..group.num_pre {
            match &group.connectivity {
                ConnectivityPlan::Dense => post.extend(0..group.num_post as u32),
                ConnectivityPlan::Sparse { row_length, indices, .. } => {
                    let length = self.buffers[row_length.0].load(row).unwrap_or(0) as usize;
                    let start = row * group.row_stride;
                    if let Some(targets) = self.buffers[indices.0].words(start, length) {
                        post.extend_from_slice(targets);
                    }
                }
            }
            pre.resize(post.len(), row as u32);
        }
        Ok((pre, post))
    }

    /// Seconds spent in each kind of kernel since loading, summed over threads; zero unless
    /// `timing_enabled`.
    pub fn times(&self) -> IndexMap<String, f64> {
        let clock = self.times_on_device().unwrap_or_else(|| self.clock.clone());
        let mut times = IndexMap::from([
            ("neuron_update_time".to_owned(), clock.neuron_update.as_secs_f64()),
            ("presynaptic_update_time".to_owned(), clock.presynaptic_update.as_secs_f64()),
            ("postsynaptic_update_time".to_owned(), clock.postsynaptic_update.as_secs_f64()),
            ("synapse_dynamics_time".to_owned(), clock.synapse_dynamics.as_secs_f64()),
            ("init_time".to_owned(), self.init_time.as_secs_f64()),
            ("init_sparse_time".to_owned(), self.init_sparse_time.as_secs_f64()),
        ]);
        let mut custom_updates = self.custom_update_times.clone();
        self.add_times_on_device(&mut custom_updates);
        for (group, update) in &custom_updates {
            for (part, time) in [
                ("time", update.update),
                ("transpose_time", update.transpose),
                ("remap_time", update.remap),
                ("host_time", update.host),
            ] {
                times.insert(format!("custom_update_{part}.{group}"), time.as_secs_f64());
            }
        }
        times
    }
}

/// Whether the path of an array is that of a dynamic parameter.
fn is_dynamic_param(path: &str) -> bool {
    matches!(path.split('.').nth(2), Some("params" | "psm_params"))
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation")
            .field("model", &self.model)
            .field("timestep", &self.timestep)
            .finish_non_exhaustive()
    }
}

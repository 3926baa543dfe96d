//! The state of a network, and running it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use mlgenn_ir::launch::Watch;
use mlgenn_ir::{Buffer, Type};

use crate::arrays::{Arrays, allocate};
use crate::blocks::runs_any;
use crate::compiled::CompiledModel;
use crate::connectivity_index::ConnectivityIndex;
use crate::custom_update::is_local;
use crate::deferred::Deferred;
use crate::error::EngineError;
use crate::history::Behind;
use crate::linear::columns_of_weights;
use crate::load::{initialise, keys};
use crate::mirror::Mirrors;
use crate::pace::Pace;
use crate::random_key::arbitrary_seed;
use crate::recorded::Recorded;
use crate::recording::Recording;
use crate::run_plan::{RunPlan, StepUpdate};
use crate::stages::stage;
use crate::stopwatch::UpdateTimes;
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
    /// Custom updates that wait for the next run.
    pub(crate) deferred: Mutex<Vec<Deferred>>,
    /// Of each custom update group, by its name.
    pub(crate) custom_update_times: IndexMap<String, UpdateTimes>,
    init_time: Duration,
    init_sparse_time: Duration,
    /// How often custom connectivity updates have run; one element.
    pub(crate) connectivity_runs: Buffer,
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
        let seed = match plan.network.seed {
            0 => arbitrary_seed(),
            seed => seed,
        };
        let keys = keys(plan, seed)?;
        let (buffers, (index, init_sparse_time)) = stage("arrays", || {
            let buffers: Vec<_> = allocate(plan, arrays)?.into_iter().map(Arc::new).collect();
            let made = initialise(&model, &buffers, arrays, &keys, seed)?;
            Ok::<_, EngineError>((buffers, made))
        })?;
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
            deferred: Mutex::default(),
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
        if plan.timesteps == 0 || runs_any(&global_begin, 0) {
            self.settle()?;
        }
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
            let deferred = self.take_deferred();
            self.run_blocks(plan, first..step, (local_begin, local_end), &recorded, &deferred);
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
    pub(crate) fn catch_up(&self) {
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

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation")
            .field("model", &self.model)
            .field("timestep", &self.timestep)
            .finish_non_exhaustive()
    }
}

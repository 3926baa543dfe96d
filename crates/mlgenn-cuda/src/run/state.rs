//! The state of a network on a GPU.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use mlgenn_engine::{
    DeviceLoad, DeviceState, DeviceTimes, EngineError, Progress, Timesteps, stage,
};
use mlgenn_ir::launch::Watch as HostWatch;
use mlgenn_ir::{Buffer, Type};
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{ConnectivityPlan, EventQueueId};

use super::columns::Columns;
use super::memory::{Memory, State};
use super::network::NetworkLaunches;
use super::recording::Recording;
use super::trial::TrialLaunch;
use crate::abi::Watch;
use crate::driver::{Arena, DeviceError, Gpu, Launches, Module, Part, Step, Times};
use crate::emit::NetworkProgram;

/// Numbers of timesteps that have launches of their own; others are made of powers of two.
const MOST_TRIALS: usize = 16;

/// Everything that a simulation has on a GPU.
///
/// Launches come before the memory that they use, so that they are dropped first.
pub(super) struct GpuState {
    /// Prepared launches of timesteps with custom updates around them.
    timesteps: HashMap<Timesteps, Launches>,
    /// Prepared launches of custom updates and transposes on their own.
    updates: HashMap<(String, Part), Launches>,
    network: NetworkLaunches,
    recording: Option<Recording>,
    plan: Arc<Plan>,
    module: Arc<Module>,
    memory: Memory,
    state: State,
    timing: Option<Timing>,
    /// Prepared launches of so many timesteps at once.
    trials: HashMap<usize, Launches>,
    /// Timesteps that were put off.
    pending: usize,
    /// Prepared launches of custom updates that run together.
    groups: HashMap<Vec<String>, Launches>,
    arena: RefCell<Arena>,
}

/// Place everything in an arena: arrays with their contents, what the schedule needs, and launches.
fn lay_out(
    plan: &Plan,
    program: &NetworkProgram,
    load: &DeviceLoad<'_>,
    arena: &RefCell<Arena>,
) -> Result<(Memory, State, NetworkLaunches), DeviceError> {
    let keys = load.keys.with_bytes(|bytes| arena.borrow_mut().upload(bytes))?;
    let place = |array: ArrayId| {
        let mirror = &load.mirrors[array.0];
        let mut arena = arena.borrow_mut();
        // Memory is zero already.
        let address = if load.zero[array.0] {
            arena.allocate((mirror.len() * mirror.ty().bytes()).max(8))
        } else {
            mirror.with_bytes(|bytes| arena.upload(bytes))
        };
        Ok((address?, mirror.len()))
    };
    let memory = Memory::new(plan, arena, keys, load.recording_timesteps, place)?;
    let state = State::new(plan, arena)?;
    let launches = NetworkLaunches::new(plan, program, arena, &memory, state)?;
    Ok((memory, state, launches))
}

/// Times measured so far.
#[derive(Default)]
struct Timing {
    timesteps: Times,
    custom_updates: IndexMap<String, (Duration, Duration)>,
}

impl From<DeviceError> for EngineError {
    fn from(error: DeviceError) -> Self {
        Self::Device(error.to_string())
    }
}

impl GpuState {
    pub(super) fn new(
        plan: &Arc<Plan>,
        program: &NetworkProgram,
        module: &Arc<Module>,
        load: &DeviceLoad<'_>,
    ) -> Result<Self, EngineError> {
        // Once to see how much memory it takes, as allocating it piece by piece takes its time.
        let rehearsal = RefCell::new(Arena::without_gpu());
        stage("rehearsal", || lay_out(plan, program, load, &rehearsal))?;
        let bytes = rehearsal.into_inner().bytes();
        let arena = stage("memory", || Arena::new(module.gpu().clone(), bytes))?;
        let arena = RefCell::new(arena);
        let (memory, state, network) = stage("contents", || {
            let laid_out = lay_out(plan, program, load, &arena)?;
            arena.borrow_mut().flush()?;
            Ok::<_, DeviceError>(laid_out)
        })?;
        let mut this = Self {
            timesteps: HashMap::new(),
            updates: HashMap::new(),
            network,
            recording: None,
            plan: plan.clone(),
            module: module.clone(),
            memory,
            state,
            timing: load.timing.then(Timing::default),
            trials: HashMap::new(),
            pending: 0,
            groups: HashMap::new(),
            arena,
        };
        for group in 0..plan.synapse_groups.len() {
            this.connectivity_changed(group, load.mirrors)?;
        }
        Ok(this)
    }

    fn gpu(&self) -> &Gpu {
        self.module.gpu()
    }

    fn launches(&self, steps: &[Step]) -> Result<Launches, DeviceError> {
        stage("functions", || Launches::new(&self.module, steps, self.state.watch))
    }

    /// The launches of a timestep and of what is around it.
    fn steps_of(&self, timesteps: &Timesteps) -> Result<Vec<Step>, DeviceError> {
        let mut steps = self.network.updates.together(&timesteps.begin);
        match &self.network.trial {
            Some(trial) => steps.extend(self.trial_steps(trial, 1)?),
            None => steps.extend(self.network.timestep.iter().cloned()),
        }
        steps.extend(self.network.updates.together(&timesteps.end));
        if let Some(recording) = self.recording.as_ref().filter(|_| timesteps.record) {
            steps.extend(recording.steps.iter().cloned());
        }
        Ok(steps)
    }

    fn trial_steps(&self, trial: &TrialLaunch, timesteps: usize) -> Result<Vec<Step>, DeviceError> {
        let steps = trial.steps(&self.arena, timesteps)?;
        self.arena.borrow_mut().flush()?;
        Ok(steps)
    }

    /// Run timesteps without anything between them, later if there are few: those that follow may
    /// go with them. Gives how many are under way.
    fn run_trials(
        &mut self,
        longest: usize,
        count: usize,
        watch: &HostWatch,
    ) -> Result<usize, DeviceError> {
        let mut left = count;
        while self.pending + left >= longest {
            if watch.should_stop() {
                return Ok(count - left);
            }
            left -= longest - self.pending;
            self.pending = longest;
            self.catch_up()?;
        }
        self.pending += left;
        Ok(count)
    }

    /// Start what was put off.
    fn catch_up(&mut self) -> Result<(), DeviceError> {
        let mut left = std::mem::take(&mut self.pending);
        while left > 0 {
            // Each number of timesteps has tables of its own: not too many.
            let known = self.trials.contains_key(&left) || self.trials.len() < MOST_TRIALS;
            let timesteps = if known { left } else { 1 << left.ilog2() };
            self.run_trial(timesteps)?;
            left -= timesteps;
        }
        Ok(())
    }

    fn run_trial(&mut self, timesteps: usize) -> Result<(), DeviceError> {
        let Some(trial) = &self.network.trial else { return Ok(()) };
        let mut launches = match self.trials.remove(&timesteps) {
            Some(launches) => launches,
            None => self.launches(&self.trial_steps(trial, timesteps)?)?,
        };
        let done = launches.run(1, &|| false);
        self.trials.insert(timesteps, launches);
        done.map(|_| ())
    }

    /// Run the custom updates of groups, one after the other.
    fn update_groups(&mut self, groups: &[String], watch: &HostWatch) -> Result<(), DeviceError> {
        if groups.is_empty() {
            return Ok(());
        }
        self.catch_up()?;
        let mut launches = match self.groups.remove(groups) {
            Some(launches) => launches,
            None => self.launches(&self.network.updates.together(groups))?,
        };
        let done = launches.run(1, &|| watch.should_stop());
        self.groups.insert(groups.to_vec(), launches);
        done.map(|_| ())
    }

    /// Run timesteps one by one, measuring each part.
    fn run_timed(
        &mut self,
        timesteps: &Timesteps,
        count: usize,
        watch: &HostWatch,
    ) -> Result<usize, EngineError> {
        for made in 0..count {
            if watch.should_stop() {
                return Ok(made);
            }
            for group in &timesteps.begin {
                self.custom_update(group, watch)?;
                self.transpose(group, watch)?;
            }
            let alone = Timesteps::default();
            let mut launches = match self.timesteps.remove(&alone) {
                Some(launches) => launches,
                None => self.launches(&self.steps_of(&alone)?)?,
            };
            let times = launches.run_timed(1, &|| watch.should_stop());
            self.timesteps.insert(alone, launches);
            if let Some(timing) = &mut self.timing {
                timing.timesteps.add(&times?);
            }
            for group in &timesteps.end {
                self.custom_update(group, watch)?;
                self.transpose(group, watch)?;
            }
            if timesteps.record {
                self.record()?;
            }
        }
        Ok(count)
    }

    /// Start custom updates or transposes of a group.
    fn start_updates(
        &mut self,
        group: &str,
        part: Part,
        watch: &HostWatch,
    ) -> Result<(), EngineError> {
        self.catch_up()?;
        let key = (group.to_owned(), part);
        let mut launches = match self.updates.remove(&key) {
            Some(launches) => launches,
            None => {
                let updates = &self.network.updates;
                self.launches(&match part {
                    Part::Transpose => updates.transposes(group),
                    _ => updates.updates(group),
                })?
            }
        };
        let stop = || watch.should_stop();
        let done = match &mut self.timing {
            None => launches.run(1, &stop).map(|_| ()),
            Some(timing) => launches.run_timed(1, &stop).map(|times| {
                let sum = timing.custom_updates.entry(group.to_owned()).or_default();
                sum.0 += times.of(Part::CustomUpdate);
                sum.1 += times.of(Part::Transpose);
            }),
        };
        self.updates.insert(key, launches);
        Ok(done?)
    }
}

impl DeviceState for GpuState {
    fn push(&mut self, array: ArrayId, mirror: &Buffer) -> Result<(), EngineError> {
        self.catch_up()?;
        let address = self.memory.address(array);
        Ok(mirror.with_bytes(|bytes| self.gpu().write(address, bytes))?)
    }

    fn pull(&mut self, array: ArrayId, mirror: &Buffer) -> Result<(), EngineError> {
        self.catch_up()?;
        let address = self.memory.address(array);
        Ok(mirror.with_bytes_mut(|bytes| self.gpu().read(address, bytes))?)
    }

    fn written(&self) -> &BTreeSet<ArrayId> {
        &self.network.written
    }

    fn set_keys(&mut self, keys: &Buffer) -> Result<(), EngineError> {
        self.catch_up()?;
        Ok(keys.with_bytes(|bytes| self.gpu().write(self.memory.keys, bytes))?)
    }

    fn set_progress(&mut self, progress: &Progress) -> Result<(), EngineError> {
        self.catch_up()?;
        let (timestep, dt) = (progress.timestep, self.plan.network.dt);
        let time = match self.plan.time {
            Type::F64 => (timestep as f64 * dt).to_bits(),
            // The product is taken in the type of `timepoint`, as code would.
            _ => u64::from((timestep as f32 * dt as f32).to_bits()),
        };
        let mut bytes = progress.steps_made.to_ne_bytes().to_vec();
        // A number of four bytes comes first, as all machines with such GPUs are little-endian.
        bytes.extend(time.to_le_bytes());
        bytes.extend((timestep as u32).to_ne_bytes());
        bytes.extend((progress.connectivity_runs as u32).to_ne_bytes());
        bytes.extend(progress.rings.iter().flat_map(|ring| ring.to_ne_bytes()));
        Ok(self.gpu().write(self.state.steps_made, &bytes)?)
    }

    fn connectivity_changed(
        &mut self,
        group: usize,
        mirrors: &[Arc<Buffer>],
    ) -> Result<(), EngineError> {
        self.catch_up()?;
        let plan = &self.plan.synapse_groups[group];
        let (ConnectivityPlan::Sparse { row_length, indices, .. }, Some(lists)) =
            (&plan.connectivity, self.memory.columns[group])
        else {
            return Ok(());
        };
        let words = |array: &ArrayId| {
            let mirror = &mirrors[array.0];
            mirror.words(0, mirror.len()).map_or(&[][..], |words| words)
        };
        let columns =
            Columns::new(words(row_length), words(indices), plan.row_stride, plan.num_post);
        let gpu = self.gpu();
        for (address, list) in [
            (lists.starts, &columns.starts),
            (lists.sources, &columns.sources),
            (lists.synapses, &columns.synapses),
        ] {
            let bytes: Vec<u8> = list.iter().flat_map(|word| word.to_ne_bytes()).collect();
            gpu.write(address, &bytes)?;
        }
        Ok(())
    }

    fn start_recording(&mut self, arrays: &[ArrayId], timesteps: usize) -> Result<(), EngineError> {
        self.catch_up()?;
        if let Some(recording) = &self.recording
            && recording.is_for(arrays, timesteps)
        {
            return Ok(recording.restart()?);
        }
        // Launches that record elsewhere.
        self.timesteps.retain(|timesteps, _| !timesteps.record);
        self.updates.remove(&(String::new(), Part::Schedule));
        self.recording = None;
        if !arrays.is_empty() {
            let gpu = self.module.gpu();
            let (memory, state) = (&self.memory, self.state);
            self.recording =
                Some(Recording::new(&self.plan, gpu, memory, state, arrays, timesteps)?);
        }
        Ok(())
    }

    fn record(&mut self) -> Result<(), EngineError> {
        self.catch_up()?;
        let Some(recording) = &self.recording else { return Ok(()) };
        let key = (String::new(), Part::Schedule);
        let mut launches = match self.updates.remove(&key) {
            Some(launches) => launches,
            None => self.launches(&recording.steps)?,
        };
        let done = launches.run(1, &|| false);
        self.updates.insert(key, launches);
        done?;
        Ok(())
    }

    fn recorded(&mut self, nth: usize, to: &Buffer) -> Result<(), EngineError> {
        self.catch_up()?;
        if let Some(recording) = &self.recording {
            recording.read(nth, to)?;
        }
        Ok(())
    }

    fn events(&mut self, queue: EventQueueId, to: &Buffer) -> Result<(), EngineError> {
        self.catch_up()?;
        if let Some(Some(address)) = self.memory.events.get(queue.0) {
            to.with_bytes_mut(|bytes| self.gpu().read(*address, bytes))?;
        }
        Ok(())
    }

    fn run(
        &mut self,
        timesteps: &Timesteps,
        count: usize,
        watch: &HostWatch,
    ) -> Result<usize, EngineError> {
        if self.timing.is_some() {
            return self.run_timed(timesteps, count, watch);
        }
        let plain = timesteps.begin.is_empty() && timesteps.end.is_empty();
        if let Some(TrialLaunch { longest, .. }) = self.network.trial
            && !timesteps.record
            && (plain || count == 1)
        {
            self.update_groups(&timesteps.begin, watch)?;
            let made = self.run_trials(longest, count, watch)?;
            self.update_groups(&timesteps.end, watch)?;
            return Ok(made);
        }
        self.catch_up()?;
        if !self.timesteps.contains_key(timesteps) {
            let launches = self.launches(&self.steps_of(timesteps)?)?;
            self.timesteps.insert(timesteps.clone(), launches);
        }
        match self.timesteps.get_mut(timesteps) {
            Some(launches) => Ok(launches.run(count, &|| watch.should_stop())?),
            None => Ok(0),
        }
    }

    fn custom_update(&mut self, group: &str, watch: &HostWatch) -> Result<(), EngineError> {
        self.start_updates(group, Part::CustomUpdate, watch)
    }

    fn custom_updates(&mut self, groups: &[String], watch: &HostWatch) -> Result<(), EngineError> {
        Ok(self.update_groups(groups, watch)?)
    }

    fn transpose(&mut self, group: &str, watch: &HostWatch) -> Result<(), EngineError> {
        self.start_updates(group, Part::Transpose, watch)
    }

    fn start(&mut self) -> Result<(), EngineError> {
        Ok(self.catch_up()?)
    }

    fn wait(&mut self, watch: &HostWatch) -> Result<(), EngineError> {
        self.catch_up()?;
        let gpu = self.gpu();
        gpu.wait(&|| watch.should_stop(), self.state.watch)?;
        let mut bytes = [0; size_of::<Watch>()];
        gpu.read(self.state.watch, &mut bytes)?;
        let seen = Watch::from_bytes(&bytes);
        if seen != Watch::default() {
            gpu.write(self.state.watch, &[0; size_of::<Watch>()])?;
        }
        let kernel = self.network.kernels.get(seen.kernel as usize);
        if let Some(fault) = kernel.and_then(|kernel| seen.to_fault(kernel)) {
            watch.raise(fault);
        }
        Ok(())
    }

    fn times(&self) -> DeviceTimes {
        let Some(timing) = &self.timing else { return DeviceTimes::default() };
        let updates = timing.custom_updates.iter();
        DeviceTimes {
            neuron_update: timing.timesteps.of(Part::NeuronUpdate),
            presynaptic_update: timing.timesteps.of(Part::PresynapticUpdate),
            postsynaptic_update: timing.timesteps.of(Part::PostsynapticUpdate),
            synapse_dynamics: timing.timesteps.of(Part::SynapseDynamics),
            custom_updates: updates
                .map(|(group, (update, transpose))| (group.clone(), *update, *transpose))
                .collect(),
        }
    }
}

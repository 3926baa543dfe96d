//! Running a plan on a device.

use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::ConnectivityPlan;

use crate::arrays::Arrays;
use crate::bind::Surroundings;
use crate::custom_connectivity_update::ConnectivityUpdates;
use crate::device::{DeviceLoad, Timesteps};
use crate::error::EngineError;
use crate::load::untouched;
use crate::mirror::{Access, Mirrors};
use crate::passes::joins_others;
use crate::recorded::Recorded;
use crate::run_plan::{RunPlan, StepUpdate};
use crate::simulation::Simulation;
use crate::stopwatch::{Stopwatch, UpdateTimes};
use crate::worker::Clock;

impl Simulation {
    /// Allocate everything on the device of the backend, if it has one.
    pub(crate) fn load_on_device(
        &mut self,
        arrays: &Arrays,
        recording_timesteps: Option<usize>,
    ) -> Result<(), EngineError> {
        let Some(model) = &self.model.on_device else { return Ok(()) };
        let load = DeviceLoad {
            mirrors: &self.buffers,
            zero: &untouched(&self.model.plan, arrays),
            keys: &self.keys,
            recording_timesteps: recording_timesteps.unwrap_or(0),
            timing: self.model.plan.network.timing_enabled,
        };
        let state = model.load(&load)?;
        self.device = Some(Mutex::new(Mirrors::new(state, self.buffers.len())));
        Ok(())
    }

    /// Whether the arrays are on a device.
    pub fn is_on_device(&self) -> bool {
        self.device.is_some()
    }

    /// Make the mirror of an array fit for what it is looked at for.
    pub(crate) fn show(&self, array: ArrayId, access: Access) -> Result<(), EngineError> {
        let Some(mut mirrors) = self.mirrors() else { return Ok(()) };
        if access == Access::Overwrite {
            mirrors.replace(array);
            return Ok(());
        }
        if mirrors.is_behind(array) {
            // Faults of custom updates that nobody has waited for come to light here.
            mirrors.wait(&self.watch)?;
            mirrors.pull(array, &self.buffers[array.0])?;
            self.check_watch()?;
        }
        if access == Access::ReadWrite {
            mirrors.touch(array);
        }
        Ok(())
    }

    /// What is on the device, if there is one.
    pub(crate) fn mirrors(&self) -> Option<MutexGuard<'_, Mirrors>> {
        let mirrors = self.device.as_ref()?;
        Some(mirrors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Run a plan on the device; without waiting, if nobody looks on.
    pub(crate) fn run_on_device(
        &mut self,
        plan: &RunPlan,
        wait: bool,
    ) -> Result<Recorded, EngineError> {
        let recorded = self.start_recording(plan)?;
        self.begin_on_device();
        let sources: Vec<_> = recorded.sources().collect();
        self.to_device(|mirrors| mirrors.state.start_recording(&sources, plan.timesteps))?;
        let mut step = 0;
        while step < plan.timesteps && !self.watch.should_stop() {
            let (begin, end) = groups_at(plan, step);
            let [on_host, then_on_host] = [&begin, &end].map(|groups| self.any_on_host(groups));
            if on_host {
                begin.iter().try_for_each(|group| self.update_on_device(group))?;
            }
            let alone = on_host || then_on_host;
            let count = if alone { 1 } else { next_change(plan, step) - step };
            let timesteps = Timesteps {
                begin: if on_host { Vec::new() } else { begin },
                end: if then_on_host { Vec::new() } else { end.clone() },
                record: !then_on_host && !sources.is_empty(),
            };
            self.timesteps_on_device(&timesteps, count)?;
            step += count;
            if then_on_host {
                end.iter().try_for_each(|group| self.update_on_device(group))?;
                self.to_device(|mirrors| mirrors.state.record())?;
            }
        }
        let is_seen = self.mirrors().is_some_and(|it| it.holds_any_behind(&self.buffers));
        if !wait && !is_seen && sources.is_empty() {
            if let Some(mut mirrors) = self.mirrors() {
                mirrors.state.start()?;
            }
            return Ok(recorded);
        }
        self.wait_for_device()?;
        if let Some(mut mirrors) = self.mirrors() {
            for (nth, buffer) in recorded.buffers().enumerate() {
                mirrors.state.recorded(nth, buffer)?;
            }
        }
        self.check_watch()?;
        Ok(recorded)
    }

    /// Run the custom updates of groups on the device; without waiting, if nobody looks on.
    pub(crate) fn custom_updates_on_device(
        &mut self,
        groups: &[&str],
        wait: bool,
    ) -> Result<(), EngineError> {
        self.begin_on_device();
        let model = self.model.clone();
        let joins = |group: &str| joins_others(&model.plan, group);
        for groups in groups.chunk_by(|a, b| joins(a) && joins(b)) {
            match groups {
                [group] => self.update_on_device(group)?,
                _ => self.update_together_on_device(groups)?,
            }
        }
        let is_seen = self.mirrors().is_some_and(|it| it.holds_any_behind(&self.buffers));
        if wait || is_seen {
            self.wait_for_device()?;
        }
        self.check_watch()
    }

    /// Time spent in each kind of kernel on the device.
    pub(crate) fn times_on_device(&self) -> Option<Clock> {
        let times = self.mirrors()?.state.times();
        Some(Clock {
            enabled: true,
            neuron_update: times.neuron_update,
            presynaptic_update: times.presynaptic_update,
            postsynaptic_update: times.postsynaptic_update,
            synapse_dynamics: times.synapse_dynamics,
        })
    }

    /// Add the time that custom updates took on the device.
    pub(crate) fn add_times_on_device(&self, times: &mut IndexMap<String, UpdateTimes>) {
        let Some(mirrors) = self.mirrors() else { return };
        for (group, update, transpose) in mirrors.state.times().custom_updates {
            let times = times.entry(group).or_default();
            times.update += update;
            times.transpose += transpose;
        }
    }

    fn begin_on_device(&self) {
        if let Some(mut mirrors) = self.mirrors() {
            mirrors.begin(&self.buffers);
        }
    }

    fn timesteps_on_device(
        &mut self,
        timesteps: &Timesteps,
        count: usize,
    ) -> Result<(), EngineError> {
        let watch = self.watch.clone();
        let mut started = 0;
        self.to_device(|mirrors| {
            started = mirrors.state.run(timesteps, count, &watch)?;
            Ok(())
        })?;
        self.count_timesteps(started as u64);
        self.ran_on_device(false)
    }

    fn update_together_on_device(&mut self, groups: &[&str]) -> Result<(), EngineError> {
        let watch = self.watch.clone();
        let groups: Vec<_> = groups.iter().map(|&group| group.to_owned()).collect();
        self.to_device(|mirrors| mirrors.state.custom_updates(&groups, &watch))?;
        self.ran_on_device(false)
    }

    fn update_on_device(&mut self, group: &str) -> Result<(), EngineError> {
        let watch = self.watch.clone();
        if !self.model.plan.custom_connectivity_updates.contains_key(group) {
            self.to_device(|mirrors| {
                mirrors.state.custom_update(group, &watch)?;
                mirrors.state.transpose(group, &watch)
            })?;
            return self.ran_on_device(false);
        }
        let mut times = self.custom_update_times.shift_remove(group).unwrap_or_default();
        let mut stopwatch = Stopwatch::new(self.model.plan.network.timing_enabled);
        self.host_code(group)?;
        times.host += stopwatch.lap();
        self.to_device(|mirrors| mirrors.state.custom_update(group, &watch))?;
        self.ran_on_device(true)?;
        // The device does not count these; it is told before it runs the next time.
        let runs = self.connectivity_runs.load(0).unwrap_or(0);
        self.connectivity_runs.store(0, runs + 1);
        stopwatch.lap();
        self.remap(group)?;
        times.remap += stopwatch.lap();
        self.custom_update_times.insert(group.to_owned(), times);
        self.to_device(|mirrors| mirrors.state.transpose(group, &watch))?;
        self.ran_on_device(false)
    }

    /// Run the host code of connectivity updates, on the mirrors.
    fn host_code(&mut self, group: &str) -> Result<(), EngineError> {
        self.wait_for_device()?;
        let model = self.model.clone();
        let updates = model.plan.custom_connectivity_updates.get(group).into_iter().flatten();
        for array in updates.filter_map(|update| update.host.as_ref()).flat_map(|k| k.arrays()) {
            self.show(array, Access::ReadWrite)?;
        }
        let worker = self.workers[0].lock().unwrap_or_else(PoisonError::into_inner);
        worker.set_time(&model.plan, self.timestep);
        let around = self.custom_updates(&worker, &self.rings).around;
        let around = Surroundings { steps_made: &self.connectivity_runs, ..around };
        ConnectivityUpdates { model: &model, around, watch: &self.watch }.run_host(group);
        Ok(())
    }

    /// List synapses by column where connectivity updates of a group may have changed them.
    fn remap(&mut self, group: &str) -> Result<(), EngineError> {
        let model = self.model.clone();
        let updates = model.plan.custom_connectivity_updates.get(group).into_iter().flatten();
        let mut changed: Vec<_> = updates
            .filter(|update| update.changes_connectivity && update.rows.is_some())
            .map(|update| update.synapse_group)
            .collect();
        changed.dedup();
        changed.into_iter().try_for_each(|group| self.push_connectivity(group))
    }

    /// Tell the device about the connectivity of a synapse group.
    pub(crate) fn push_connectivity(&self, group: usize) -> Result<(), EngineError> {
        let Some(mut mirrors) = self.mirrors() else { return Ok(()) };
        let plan = &self.model.plan.synapse_groups[group].connectivity;
        if let ConnectivityPlan::Sparse { row_length, indices, .. } = plan {
            for array in [row_length, indices] {
                mirrors.pull(*array, &self.buffers[array.0])?;
            }
            mirrors.state.connectivity_changed(group, &self.buffers)?;
        }
        Ok(())
    }

    /// Do something on the device, which is up to date.
    fn to_device(
        &self,
        work: impl FnOnce(&mut Mirrors) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let Some(mut mirrors) = self.mirrors() else { return Ok(()) };
        mirrors.push(&self.buffers, self.progress())?;
        work(&mut mirrors)
    }

    /// Something was started on the device; wait for it if mirrors are needed at once.
    fn ran_on_device(&self, wait: bool) -> Result<(), EngineError> {
        let Some(mut mirrors) = self.mirrors() else { return Ok(()) };
        mirrors.has_run(self.progress());
        if wait {
            mirrors.wait(&self.watch)?;
        }
        Ok(())
    }

    /// Wait for the device; mirrors that somebody holds are up to date then.
    fn wait_for_device(&self) -> Result<(), EngineError> {
        let Some(mut mirrors) = self.mirrors() else { return Ok(()) };
        mirrors.wait(&self.watch)?;
        mirrors.pull_held(&self.buffers)
    }

    /// Whether any of these groups needs the host.
    fn any_on_host(&self, groups: &[String]) -> bool {
        let updates = &self.model.plan.custom_connectivity_updates;
        groups.iter().any(|group| updates.contains_key(group))
    }
}

/// The first timestep after one that has other groups, or the end.
fn next_change(plan: &RunPlan, step: usize) -> usize {
    let only = plan.begin.iter().chain(&plan.end).filter_map(|update| update.at);
    let changes = only.flat_map(|at| [at, at + 1]).filter(|&change| change > step);
    changes.min().map_or(plan.timesteps, |change| change.min(plan.timesteps))
}

/// Groups to run before and after a timestep.
fn groups_at(plan: &RunPlan, step: usize) -> (Vec<String>, Vec<String>) {
    let groups = |updates: &[StepUpdate]| {
        let due = updates.iter().filter(|update| update.runs_at(step));
        due.map(|update| update.group.clone()).collect()
    };
    (groups(&plan.begin), groups(&plan.end))
}

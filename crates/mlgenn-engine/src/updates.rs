//! Running the custom updates of a simulation, group by group.

use std::sync::PoisonError;

use crate::bind::Surroundings;
use crate::connectivity_index::ConnectivityIndex;
use crate::custom_connectivity_update::ConnectivityUpdates;
use crate::custom_update::CustomUpdates;
use crate::error::EngineError;
use crate::passes::joins_others;
use crate::run_plan::StepUpdate;
use crate::simulation::Simulation;
use crate::stopwatch::Stopwatch;
use crate::worker::Worker;

impl Simulation {
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

    pub(crate) fn run_updates(&mut self, updates: &[StepUpdate], step: usize) {
        let groups: Vec<_> =
            updates.iter().filter(|u| u.runs_at(step)).map(|u| &*u.group).collect();
        self.run_groups(&groups);
    }

    /// Run the custom updates of groups, one group after the other. Groups that follow each other
    /// go over elements together, unless their times are measured.
    fn run_groups(&mut self, groups: &[&str]) {
        let model = self.model.clone();
        let joins = |group: &str| joins_others(&model.plan, group);
        for groups in groups.chunk_by(|a, b| joins(a) && joins(b)) {
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

    /// As [`Simulation::custom_update_groups`], but they may go on when this returns, or wait for
    /// the next run. A fault is then reported by that, or whoever looks at an array that they write.
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
        match groups {
            [group] if !wait && self.may_defer(group) => self.defer_group(group),
            _ => {
                self.settle()?;
                self.run_groups(groups);
                self.check_watch()
            }
        }
    }

    pub(crate) fn check_group(&self, group: &str) -> Result<(), EngineError> {
        let groups = &self.model.plan.custom_updates;
        if groups.contains_key(group) {
            return Ok(());
        }
        Err(EngineError::UnknownGroup {
            name: group.to_owned(),
            available: groups.keys().cloned().collect(),
        })
    }
}

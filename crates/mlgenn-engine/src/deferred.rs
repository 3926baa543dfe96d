//! Custom updates that wait for the next run.
//!
//! Updates that concern batch members one by one, such as what resets neurons at the beginning of a
//! batch, go through memory that the following run goes through again. If nobody waits for them,
//! each block of members makes them itself when its timesteps begin: its state comes into the cache
//! once, and all threads take part. Whatever else looks at what they write, or writes what they look
//! at, makes them run first, so that nobody can tell.

use std::sync::{Arc, MutexGuard, PoisonError};

use mlgenn_model::layout::ArrayId;

use crate::custom_update::concerns_members;
use crate::error::EngineError;
use crate::mirror::Access;
use crate::passes::joins_others;
use crate::simulation::Simulation;
use crate::update_program::Update;
use crate::worker::Worker;

/// So many updates wait at most.
const MOST: usize = 64;

/// A custom update that was asked for and has not run.
#[derive(Clone, Debug)]
pub(crate) struct Deferred {
    group: String,
    /// Which update of the group.
    index: usize,
    /// The timestep in which it was asked for.
    timestep: u64,
}

impl Simulation {
    /// Run the updates of a group, or have them wait for the next run if they can.
    pub(crate) fn defer_group(&self, group: &str) -> Result<(), EngineError> {
        if self.deferred().len() >= MOST {
            self.settle()?;
        }
        let model = self.model.clone();
        let updates = model.plan.custom_updates.get(group).into_iter().flatten();
        let programs = model.custom_updates.get(group).into_iter().flatten();
        for (index, update) in updates.zip(programs).enumerate() {
            let deferred = Deferred { group: group.to_owned(), index, timestep: self.timestep };
            if self.can_wait(update) {
                self.deferred().push(deferred);
            } else {
                self.settle_where(|earlier| is_contested(earlier, update))?;
                self.run_now(&[deferred]);
            }
        }
        self.check_watch()
    }

    /// Whether the updates of a group are such that some may wait.
    pub(crate) fn may_defer(&self, group: &str) -> bool {
        joins_others(&self.model.plan, group) && self.model.dependents.is_empty()
    }

    /// Whether nobody can tell if an update runs now or with the next timestep.
    fn can_wait(&self, (update, program): Update<'_>) -> bool {
        let is_held = |array: &ArrayId| Arc::strong_count(&self.buffers[array.0]) > 1;
        concerns_members(&self.model, update)
            && update.spike_counts.is_empty()
            && !program.effects.touched().iter().any(is_held)
    }

    /// Run the updates that wait for the next run.
    pub(crate) fn settle(&self) -> Result<(), EngineError> {
        self.settle_where(|_| true)
    }

    /// Somebody looks at an array: run updates first that have to do with it.
    pub(crate) fn settle_for(&self, array: ArrayId, access: Access) -> Result<(), EngineError> {
        self.settle_where(|(_, program)| {
            let reads = access == Access::Read;
            program.effects.writes(array) || !reads && program.effects.touched().contains(&array)
        })
    }

    /// Run those that are looked for, and before them whatever they have to come after.
    fn settle_where(&self, which: impl Fn(Update<'_>) -> bool) -> Result<(), EngineError> {
        let mut now = Vec::new();
        let mut later = Vec::new();
        for deferred in self.take_deferred().into_iter().rev() {
            let Some(update) = self.find_update(&deferred) else { continue };
            let mut found = now.iter().filter_map(|deferred| self.find_update(deferred));
            let runs = which(update) || found.any(|found| is_contested(update, found));
            if runs { now.push(deferred) } else { later.push(deferred) }
        }
        later.reverse();
        *self.deferred() = later;
        if now.is_empty() {
            return Ok(());
        }
        now.reverse();
        self.run_now(&now);
        self.check_watch()
    }

    fn run_now(&self, updates: &[Deferred]) {
        let worker = self.workers[0].lock().unwrap_or_else(PoisonError::into_inner);
        for deferred in updates {
            worker.set_time(&self.model.plan, deferred.timestep);
            if let Some(update) = self.find_update(deferred) {
                self.custom_updates(&worker, &self.rings).run_alone(update);
            }
        }
    }

    /// Run updates that have waited for a run, for a block of batch members.
    pub(crate) fn run_deferred(&self, updates: &[Deferred], block: usize, worker: &Worker) {
        for deferred in updates {
            worker.set_time(&self.model.plan, deferred.timestep);
            if let Some(update) = self.find_update(deferred) {
                self.custom_updates(worker, &self.rings).run_block_alone(update, block);
            }
        }
    }

    /// The updates that wait for the next run, which they do no longer.
    pub(crate) fn take_deferred(&self) -> Vec<Deferred> {
        std::mem::take(&mut *self.deferred())
    }

    fn deferred(&self) -> MutexGuard<'_, Vec<Deferred>> {
        self.deferred.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find_update(&self, deferred: &Deferred) -> Option<Update<'_>> {
        let update = self.model.plan.custom_updates.get(&deferred.group)?.get(deferred.index)?;
        let program = self.model.custom_updates.get(&deferred.group)?.get(deferred.index)?;
        Some((update, program))
    }
}

/// Whether it matters which of two updates comes first.
fn is_contested(a: Update<'_>, b: Update<'_>) -> bool {
    a.1.effects.contested(&b.1.effects).next().is_some()
}

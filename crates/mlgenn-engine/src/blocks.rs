//! Running blocks of batch members through timesteps: each on one thread, or a single one on
//! several.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use mlgenn_model::plan::{SynapseGroupPlan, SynapseKernel};

use crate::ahead::{Ahead, AheadPrograms, MOST_WORDS};
use crate::bind::Surroundings;
use crate::connectivity_index::ConnectivityIndex;
use crate::deferred::Deferred;
use crate::error::EngineError;
use crate::linear::update_columns;
use crate::neuron_update::repeat_updates;
use crate::pace::TRIAL;
use crate::recorded::Recorded;
use crate::run_plan::{RunPlan, StepUpdate};
use crate::schedule::{BlockStep, STRETCH_UNIT, Shared, advance};
use crate::simulation::{STRETCH, Simulation};
use crate::team::{Member, Team, start_of_share};
use crate::worker::Worker;

impl Simulation {
    /// Whether threads could go through timesteps together: there is one batch member, and synapses
    /// do nothing but add weights, which can be cut by targets.
    fn can_be_shared(&self) -> bool {
        let plan = &self.model.plan;
        let can_be_cut = |(group, index): (&SynapseGroupPlan, &ConnectivityIndex)| {
            let adds = |kernel: &SynapseKernel| kernel.adds.is_some() && index.targets.is_some();
            group.pre_spike.as_ref().is_none_or(adds)
                && group.pre_event.is_none()
                && group.post_spike.is_none()
                && group.post_event.is_none()
                && group.dynamics.is_none()
        };
        self.model.backend.threads() > 1
            && plan.network.batch_size == 1
            && plan.synapse_groups.iter().zip(&self.index).all(can_be_cut)
    }

    /// Most timesteps to make at once, not to learn too late how many threads are good.
    pub(crate) fn longest_stretch(&self) -> usize {
        if self.pace.is_trial() && self.can_be_shared() { TRIAL } else { STRETCH }
    }

    /// Have a helper for each thread that should share so many timesteps with the first.
    pub(crate) fn gather_helpers(&mut self, steps: usize) -> Result<(), EngineError> {
        let threads = match self.can_be_shared() {
            true => self.pace.threads(self.model.backend.threads(), steps),
            false => 1,
        };
        self.helpers.truncate(threads - 1);
        while self.helpers.len() < threads - 1 {
            self.helpers.push(Mutex::new(Worker::new(&self.model.plan)?));
        }
        if threads > 1 {
            for (group, index) in self.model.plan.synapse_groups.iter().zip(&mut self.index) {
                let cut = |number| start_of_share(number, threads, group.num_post, STRETCH_UNIT);
                if let Some(lists) = &mut index.targets {
                    lists.cut_at((1..threads).map(cut));
                }
            }
        }
        Ok(())
    }

    /// Populations whose neurons can go through some timesteps ahead of time: nothing that happens
    /// or is recorded between these has to do with them.
    fn may_go_ahead(
        &self,
        plan: &RunPlan,
        steps: &std::ops::Range<usize>,
        (local_begin, local_end): (bool, bool),
        recorded: &Recorded,
    ) -> Vec<bool> {
        let begins = steps.clone().skip(usize::from(!local_begin));
        let ends = steps.clone().take(steps.len() - usize::from(!local_end));
        let between = plan
            .begin
            .iter()
            .filter(|update| begins.clone().any(|step| update.runs_at(step)))
            .chain(plan.end.iter().filter(|update| ends.clone().any(|step| update.runs_at(step))));
        let kernels =
            between.filter_map(|update| self.model.plan.custom_updates.get(&update.group));
        let used: Vec<_> = kernels
            .flatten()
            .flat_map(|update| update.kernel.arrays())
            .chain(recorded.arrays.values().map(|array| array.source))
            .collect();
        let populations = self.model.plan.populations.iter().zip(&self.model.populations);
        let may = |ahead: &AheadPrograms| !used.iter().any(|array| ahead.has_array(*array));
        let members = self.model.plan.blocks.largest();
        let fits = |size: usize| members * size.div_ceil(32) * steps.len() <= MOST_WORDS;
        populations
            .map(|(population, programs)| {
                fits(population.size) && programs.ahead.as_ref().is_some_and(may)
            })
            .collect()
    }

    /// Run all blocks through some timesteps. `local` says whether the updates before the first
    /// and after the last one are left to the blocks, which make those first that were deferred.
    pub(crate) fn run_blocks(
        &mut self,
        plan: &RunPlan,
        steps: std::ops::Range<usize>,
        (local_begin, local_end): (bool, bool),
        recorded: &Recorded,
        deferred: &[Deferred],
    ) {
        update_columns(&self.model, &self.buffers, &self.columns);
        let recorded_late =
            recorded.arrays.values().any(|array| self.model.dependents.has_array(array.source));
        let ahead = self.may_go_ahead(plan, &steps, (local_begin, local_end), recorded);
        let shared = Shared {
            model: &self.model,
            buffers: &self.buffers,
            index: &self.index,
            columns: &self.columns,
            recordings: &self.recordings,
            ahead: &ahead,
            keys: &self.keys,
            watch: &self.watch,
        };
        let slots = self.model.plan.layout.rings();
        let (first_timestep, first_made) = (self.timestep, self.steps_made);
        let start_rings = &self.rings;
        let workers = &self.workers;
        let go = |block: usize, worker: &Mutex<Worker>, member: &Member<'_>| {
            let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
            let mut rings = start_rings.clone();
            worker.calendars.iter_mut().for_each(|calendar| calendar.begin(steps.len()));
            worker.ahead.iter_mut().for_each(Ahead::begin);
            let memory = worker.memory.clone();
            let around = Surroundings {
                buffers: &self.buffers,
                rings: start_rings,
                memory: &memory,
                steps_made: &memory.steps_made,
                iota: &self.model.iota,
                keys: &self.keys,
            };
            let repeated = repeat_updates(&shared, &around, block, steps.len(), member);
            member.alone(!deferred.is_empty(), || self.run_deferred(deferred, block, &worker));
            for step in steps.clone() {
                if !member.goes_on(|| self.watch.should_stop()) {
                    return;
                }
                let done = (step - steps.start) as u64;
                if step > steps.start || local_begin {
                    let timestep = first_timestep + done;
                    member.alone(runs_any(&plan.begin, step), || {
                        let worker = &mut worker;
                        self.run_block_updates(&plan.begin, step, block, worker, &rings, timestep);
                    });
                }
                BlockStep {
                    shared: &shared,
                    worker: &mut worker,
                    block,
                    rings: &rings,
                    timestep: first_timestep + done,
                    steps_made: first_made + done,
                    now: done as usize,
                    stretch: steps.len(),
                    member,
                    repeated: &repeated,
                }
                .run();
                for ring in 0..slots.len() {
                    advance(&mut rings, slots, ring);
                }
                if step + 1 < steps.end || local_end {
                    let timestep = first_timestep + done + 1;
                    let anything = runs_any(&plan.end, step) || !recorded.arrays.is_empty();
                    member.alone(anything, || {
                        let worker = &mut worker;
                        self.run_block_updates(&plan.end, step, block, worker, &rings, timestep);
                        if recorded_late {
                            worker.histories.catch_up(&self.behind(&rings), block);
                        }
                        self.record_block(recorded, step, block, &rings);
                    });
                }
            }
        };
        let team = Team::new(1 + self.helpers.len());
        let together = || {
            let workers = || workers.iter().chain(&self.helpers);
            self.model.backend.together(1 + self.helpers.len(), &|number| {
                if let Some(worker) = workers().nth(number) {
                    go(0, worker, &team.member(number));
                }
            })
        };
        let start = Instant::now();
        let mut threads = 1 + self.helpers.len();
        if threads == 1 || !together() {
            threads = 1;
            let one = Team::new(1);
            let work = |block: usize| go(block, &workers[block], &one.member(0));
            let look = || {
                self.watch.should_stop();
            };
            self.model.backend.for_each_while(workers.len(), &work, &look);
        }
        self.pace.record(threads, steps.len(), start.elapsed());
        self.count_timesteps(steps.len() as u64);
        for worker in &mut self.workers {
            let worker = worker.get_mut().unwrap_or_else(PoisonError::into_inner);
            self.clock.absorb(&mut worker.clock);
        }
    }
}

/// Whether some update runs at a timestep.
pub(crate) fn runs_any(updates: &[StepUpdate], step: usize) -> bool {
    updates.iter().any(|update| update.runs_at(step))
}

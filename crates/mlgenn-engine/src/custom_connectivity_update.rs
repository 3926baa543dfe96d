//! Running custom connectivity updates.

use mlgenn_ir::launch::{Launch, Watch};
use mlgenn_model::plan::CustomConnectivityUpdatePlan;

use crate::bind::{BoundKernel, Operands, Place, Surroundings};
use crate::compiled::CompiledModel;
use crate::custom_update::WORTH_THREADS;
use crate::lanes::LaneMap;

/// Rows that one work item updates.
const ROWS: usize = 64;

/// Programs of a custom connectivity update.
pub(crate) struct ConnectivityPrograms {
    host: Option<BoundKernel>,
    rows: Option<BoundKernel>,
}

impl ConnectivityPrograms {
    pub(crate) fn new(
        executor: &dyn mlgenn_ir::launch::Executor,
        plan: &mlgenn_model::Plan,
        update: &CustomConnectivityUpdatePlan,
    ) -> Self {
        let bind = |kernel| BoundKernel::new(executor, plan, kernel, LaneMap::Neurons);
        Self { host: update.host.as_ref().map(bind), rows: update.rows.as_ref().map(bind) }
    }
}

/// Runs custom connectivity updates. The steps made of the surroundings are the number of
/// runs before.
pub(crate) struct ConnectivityUpdates<'a> {
    pub(crate) model: &'a CompiledModel,
    pub(crate) around: Surroundings<'a>,
    pub(crate) watch: &'a Watch,
}

impl ConnectivityUpdates<'_> {
    /// Run the host code of a group.
    pub(crate) fn run_host(&self, group: &str) {
        for (_, programs) in self.updates(group) {
            if let Some(host) = &programs.host {
                self.launch(host, 0, 1);
            }
        }
    }

    /// Run the row code of a group; returns the synapse groups whose connectivity may have
    /// changed.
    pub(crate) fn run_rows(&self, group: &str) -> Vec<usize> {
        let mut changed = Vec::new();
        for (update, programs) in self.updates(group) {
            let Some(rows) = &programs.rows else { continue };
            let synapses = &self.model.plan.synapse_groups[update.synapse_group];
            let work = |item: usize| {
                let first = item * ROWS;
                self.launch(rows, first, ROWS.min(synapses.num_pre - first));
            };
            let items = synapses.num_pre.div_ceil(ROWS);
            if synapses.num_pre * synapses.row_stride < WORTH_THREADS {
                (0..items).for_each(work);
            } else {
                self.model.backend.for_each(items, &work);
            }
            if update.changes_connectivity && !changed.contains(&update.synapse_group) {
                changed.push(update.synapse_group);
            }
        }
        changed
    }

    fn updates(
        &self,
        group: &str,
    ) -> impl Iterator<Item = (&CustomConnectivityUpdatePlan, &ConnectivityPrograms)> {
        let updates = self.model.plan.custom_connectivity_updates.get(group);
        let programs = self.model.connectivity_updates.get(group);
        updates.into_iter().flatten().zip(programs.into_iter().flatten())
    }

    fn launch(&self, kernel: &BoundKernel, first: usize, lanes: usize) {
        let place = Place { stretch: first, ..Place::default() };
        let mut operands = Operands::new();
        kernel.operands(&self.around, &place, &mut operands);
        kernel.program.launch(&Launch { lanes, operands: &operands, watch: self.watch });
    }
}

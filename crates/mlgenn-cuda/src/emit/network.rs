//! Entries for everything that a network runs.

use mlgenn_model::Plan;
use mlgenn_model::layout::Copies;
use mlgenn_model::plan::{CustomUpdatePlan, CustomUpdateSize, PlannedKernel, SynapseKernel};

use super::entry::Entry;
use super::planned::{dynamics_shape, members_of, planned_entry, presynaptic_shape};
use super::shape::{Connectivity, Members, Shape, Trigger};

/// When a function of a network is launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In every timestep, before a synaptic kernel of the group, for the postsynaptic neurons.
    Prologue(SynapticStage, usize),
    /// In every timestep, for the synapses of a group.
    Synapses(SynapticStage, usize),
    /// In every timestep, for the neurons of a population.
    Neurons(usize),
    /// When its group is run: a custom update, by group name and position.
    CustomUpdate(String, usize),
    /// When its group is run: host code of a custom connectivity update.
    ConnectivityHost(String, usize),
    /// When its group is run: row code of a custom connectivity update.
    ConnectivityRows(String, usize),
}

/// The kernels of a synapse group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynapticStage {
    /// Synapse dynamics.
    Dynamics,
    /// At presynaptic spike-like events.
    PreEvent,
    /// At presynaptic spikes.
    PreSpike,
    /// At postsynaptic spike-like events.
    PostEvent,
    /// At postsynaptic spikes.
    PostSpike,
}

/// A function of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkEntry {
    /// When it is launched.
    pub stage: Stage,
    /// What its threads do.
    pub shape: Shape,
    /// Which copies they go through.
    pub members: Members,
    /// The kernel, and what its slots are bound to.
    pub planned: PlannedKernel,
    /// Its text.
    pub entry: Entry,
}

/// All functions of a network, in the order in which they run.
pub fn network_entries(plan: &Plan) -> Vec<NetworkEntry> {
    let mut entries = Entries { plan, entries: Vec::new() };
    entries.synapses();
    for (index, population) in plan.populations.iter().enumerate() {
        let members = members_of(plan, &population.update);
        entries.add(Stage::Neurons(index), &population.update, Shape::Lanes, members);
    }
    entries.custom_updates();
    for (group, updates) in &plan.custom_connectivity_updates {
        for (index, update) in updates.iter().enumerate() {
            for (kernel, stage) in [
                (&update.host, Stage::ConnectivityHost(group.clone(), index)),
                (&update.rows, Stage::ConnectivityRows(group.clone(), index)),
            ] {
                if let Some(kernel) = kernel {
                    entries.add(stage, kernel, Shape::Lanes, Members::Each);
                }
            }
        }
    }
    entries.entries
}

struct Entries<'a> {
    plan: &'a Plan,
    entries: Vec<NetworkEntry>,
}

impl Entries<'_> {
    fn add(&mut self, stage: Stage, kernel: &PlannedKernel, shape: Shape, members: Members) {
        let entry = planned_entry(self.entries.len(), self.plan, kernel, shape, members);
        self.entries.push(NetworkEntry { stage, shape, members, planned: kernel.clone(), entry });
    }

    fn synapses(&mut self) {
        use SynapticStage::{Dynamics, PostEvent, PostSpike, PreEvent, PreSpike};
        for stage in [Dynamics, PreEvent, PreSpike, PostEvent, PostSpike] {
            for (index, group) in self.plan.synapse_groups.iter().enumerate() {
                let connectivity =
                    if group.is_dense() { Connectivity::Dense } else { Connectivity::Sparse };
                let kernel: Option<&SynapseKernel> = match stage {
                    Dynamics => group.dynamics.as_ref(),
                    PreEvent => group.pre_event.as_ref().map(|(kernel, _)| kernel),
                    PreSpike => group.pre_spike.as_ref(),
                    PostEvent => group.post_event.as_ref().map(|(kernel, _)| kernel),
                    PostSpike => group.post_spike.as_ref(),
                };
                let Some(kernel) = kernel else { continue };
                if let Some(prologue) = &kernel.prologue {
                    let members = members_of(self.plan, prologue);
                    self.add(Stage::Prologue(stage, index), prologue, Shape::Lanes, members);
                }
                let body = &kernel.body;
                let shape = match stage {
                    Dynamics => dynamics_shape(body, connectivity),
                    PreEvent | PreSpike => presynaptic_shape(body, connectivity, Trigger::Events),
                    PostEvent | PostSpike => Shape::ByPre { connectivity },
                };
                let members = members_of(self.plan, body);
                self.add(Stage::Synapses(stage, index), body, shape, members);
            }
        }
    }

    fn custom_updates(&mut self) {
        let plan = self.plan;
        for (group, updates) in &plan.custom_updates {
            for (index, update) in updates.iter().enumerate() {
                let shape = match update.size {
                    CustomUpdateSize::Elements(_) | CustomUpdateSize::Matrix { .. } => Shape::Lanes,
                    CustomUpdateSize::Rows { group } => {
                        let dense = plan.synapse_groups[group].is_dense();
                        let connectivity =
                            if dense { Connectivity::Dense } else { Connectivity::Sparse };
                        Shape::Synapses { connectivity }
                    }
                };
                let over_copies = update
                    .reductions
                    .iter()
                    .any(|reduction| reduces_over_copies(plan, update, reduction.target));
                let members = if over_copies { Members::All } else { Members::Each };
                let stage = Stage::CustomUpdate(group.clone(), index);
                self.add(stage, &update.kernel, shape, members);
            }
        }
    }
}

/// Whether a reduction of a custom update is taken over its copies, not over its lanes.
pub fn reduces_over_copies(
    plan: &Plan,
    update: &CustomUpdatePlan,
    target: mlgenn_model::layout::ArrayId,
) -> bool {
    let array = plan.layout.array(target);
    match update.size {
        CustomUpdateSize::Elements(size) => {
            array.copies == Copies::Shared
                && (update.copies != Copies::Shared || array.elements() == size)
        }
        _ => true,
    }
}

//! Entries for everything that a network runs.

use std::collections::BTreeSet;

use mlgenn_engine::UpdateEffects;
use mlgenn_ir::row_update::Addition;
use mlgenn_model::Plan;
use mlgenn_model::plan::{EventQueueId, PlannedKernel, SynapseGroupPlan, SynapseKernel};

use super::elements;
use super::entry::{Entry, Form};
use super::joined::{JoinedEntry, joined_entries};
use super::planned::{adds_once, dynamics_shape, members_of, planned_entry, presynaptic_shape};
use super::scheduled::Scheduled;
use super::shape::{Connectivity, Members, Shape, Trigger};
use super::trial::Trial;
use super::{COLUMN_PARTS, PARTIAL_SUMS, prelude};

/// Synapses of a postsynaptic neuron, on average, that are worth a warp.
const LONG_COLUMN: usize = 2 * COLUMN_PARTS;

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
    /// The sum over events that can be taken later.
    pub event_sum: Option<Addition>,
    /// For custom updates: what they do to arrays.
    pub effects: Option<UpdateEffects>,
    /// Its text.
    pub entry: Entry,
}

/// What the threads of a launch are numbered over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Lanes of a batch member.
    pub lanes: usize,
    /// Neurons that may have events.
    pub rows: usize,
    /// Postsynaptic neurons.
    pub columns: usize,
    /// Elements of a row of synapses.
    pub stride: usize,
}

/// Events that a synaptic function waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSource {
    /// The queue.
    pub queue: EventQueueId,
    /// Timesteps by which they are held back.
    pub delay: u32,
}

impl NetworkEntry {
    /// Whether it runs in every timestep.
    pub fn is_in_timestep(&self) -> bool {
        matches!(self.stage, Stage::Prologue(..) | Stage::Synapses(..) | Stage::Neurons(_))
    }

    /// Whether it runs over the synapses of a sparse group.
    pub fn is_sparse(&self, plan: &Plan) -> bool {
        match self.stage {
            Stage::Synapses(_, group) | Stage::Prologue(_, group) => {
                !plan.synapse_groups[group].is_dense()
            }
            _ => false,
        }
    }

    /// The sizes of what runs in every timestep.
    pub fn sizes(&self, plan: &Plan) -> Sizes {
        match self.stage {
            Stage::Prologue(_, group) | Stage::Synapses(_, group) => {
                let group = &plan.synapse_groups[group];
                let (num_pre, num_post) = (group.num_pre, group.num_post);
                let (lanes, rows) = match self.shape {
                    Shape::Lanes | Shape::ByPost { .. } => (num_post, num_pre),
                    Shape::ByPre { .. } => (num_pre, num_post),
                    Shape::RowPart { .. } => (num_pre * PARTIAL_SUMS, num_pre),
                    Shape::ColumnPart => (num_post * COLUMN_PARTS, num_pre),
                    Shape::Synapses { .. } => (num_pre * group.row_stride, num_pre),
                };
                Sizes { lanes, rows, columns: num_post, stride: group.row_stride }
            }
            Stage::Neurons(population) => {
                Sizes { lanes: plan.populations[population].size, ..Sizes::default() }
            }
            _ => Sizes::default(),
        }
    }

    /// The events that it waits for.
    pub fn events(&self, plan: &Plan) -> Option<EventSource> {
        let Stage::Synapses(stage, index) = self.stage else { return None };
        if !self.shape.has_events() {
            return None;
        }
        let group = &plan.synapse_groups[index];
        let source = |queue, delay| EventSource { queue, delay };
        match stage {
            SynapticStage::Dynamics => None,
            SynapticStage::PreEvent => {
                group.pre_event.as_ref().map(|(_, queue)| source(*queue, group.axonal_delay))
            }
            SynapticStage::PreSpike => {
                Some(source(plan.populations[group.source].spikes, group.axonal_delay))
            }
            SynapticStage::PostEvent => {
                group.post_event.as_ref().map(|(_, queue)| source(*queue, group.back_prop_delay))
            }
            SynapticStage::PostSpike => {
                Some(source(plan.populations[group.target].spikes, group.back_prop_delay))
            }
        }
    }
}

/// Everything that a network runs.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkProgram {
    /// All functions, in the order in which they run.
    pub entries: Vec<NetworkEntry>,
    /// Functions that do what several custom updates do.
    pub joined: Vec<JoinedEntry>,
    /// What takes batch members through many timesteps in one launch, if that is worth while.
    pub trial: Option<Trial>,
}

impl NetworkProgram {
    /// Write the functions of a network.
    pub fn new(plan: &Plan) -> Self {
        let entries = network_entries(plan);
        let joined = joined_entries(plan, &entries);
        let trial = Trial::new(plan, &entries);
        Self { entries, joined, trial }
    }

    /// The translation unit: what all networks have in common, then the functions of this one that
    /// are launched, by their names.
    pub fn text(&self, launched: &BTreeSet<String>) -> String {
        let mut text = prelude();
        text.push_str(include_str!("../prelude/schedule.cuh"));
        if self.trial.is_some() {
            text.push('\n');
            text.push_str(include_str!("../prelude/trial.cuh"));
        }
        for function in Scheduled::all().filter(|it| launched.contains(&it.name())) {
            text.push('\n');
            text.push_str(&function.text());
        }
        text.push_str("\n// The functions of this network\n");
        let entries = self.entries.iter().map(|entry| &entry.entry);
        let joined = self.joined.iter().map(|joined| &joined.entry);
        for entry in entries.chain(joined).filter(|it| launched.contains(&it.name)) {
            text.push('\n');
            text.push_str(&entry.text);
        }
        if let Some(trial) = &self.trial {
            text.push('\n');
            text.push_str(&trial.text);
        }
        text
    }
}

/// All functions of a network, in the order in which they run.
fn network_entries(plan: &Plan) -> Vec<NetworkEntry> {
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

/// Whether postsynaptic neurons have so many synapses that the threads of a warp share them.
fn has_long_columns(group: &SynapseGroupPlan) -> bool {
    let synapses = group.num_pre * group.row_stride;
    !group.is_dense() && synapses >= LONG_COLUMN * group.num_post
}

struct Entries<'a> {
    plan: &'a Plan,
    entries: Vec<NetworkEntry>,
}

impl Entries<'_> {
    fn add(&mut self, stage: Stage, kernel: &PlannedKernel, shape: Shape, members: Members) {
        let number = self.entries.len();
        let entry =
            planned_entry(number, self.plan, kernel, shape, members, Form::Launched, Vec::new());
        self.push(stage, kernel, shape, members, entry);
    }

    fn push(
        &mut self,
        stage: Stage,
        kernel: &PlannedKernel,
        shape: Shape,
        members: Members,
        entry: Entry,
    ) {
        let (planned, event_sum, effects) = (kernel.clone(), None, None);
        self.entries.push(NetworkEntry {
            stage,
            shape,
            members,
            planned,
            event_sum,
            effects,
            entry,
        });
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
                    PreEvent | PreSpike if has_long_columns(group) && adds_once(body) => {
                        Shape::ColumnPart
                    }
                    PreEvent | PreSpike => presynaptic_shape(body, connectivity, Trigger::Events),
                    PostEvent | PostSpike => Shape::ByPre { connectivity },
                };
                let members = members_of(self.plan, body);
                self.add(Stage::Synapses(stage, index), body, shape, members);
                if let Some(entry) = self.entries.last_mut() {
                    entry.event_sum = kernel.event_sum;
                }
            }
        }
    }

    fn custom_updates(&mut self) {
        let plan = self.plan;
        for (group, updates) in &plan.custom_updates {
            for (index, update) in updates.iter().enumerate() {
                let stage = Stage::CustomUpdate(group.clone(), index);
                let (shape, members) = elements::shape_of(plan, update);
                if members == Members::All {
                    let entry = elements::over_copies(self.entries.len(), plan, update);
                    self.push(stage, &update.kernel, shape, members, entry);
                } else {
                    self.add(stage, &update.kernel, shape, members);
                }
                if let Some(entry) = self.entries.last_mut() {
                    entry.effects = Some(UpdateEffects::new(plan, update));
                }
            }
        }
    }
}

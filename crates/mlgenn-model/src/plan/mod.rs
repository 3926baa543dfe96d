//! From the description of a network to its arrays and kernels.
//!
//! [`Plan::new`] validates a [`Network`], lays out its arrays and composes one kernel for each
//! thing that happens in a timestep. Backends execute the plan; they never see model code.

mod accumulator;
mod blocks;
mod connectivity;
mod custom_connectivity_update;
mod custom_update;
mod custom_update_kernel;
mod event_sum;
mod event_times;
mod group_arrays;
mod init;
mod kernel;
mod linear;
mod neuron_update;
mod population_arrays;
mod reference;
mod row_update;
mod scope;
mod sleep;
mod synapse;
mod usage;
mod values;
mod weights;
mod written;

use indexmap::IndexMap;
use mlgenn_ir::Type;
use mlgenn_ir::row_update::Addition;
use mlgenn_lang::NumericType;

use crate::description::{Network, Precision};
use crate::error::ModelError;
use crate::layout::{ArrayId, Copies, Layout, RingId};
use crate::validate::validate;

pub use blocks::Blocks;
pub use connectivity::{ConnectivityPlan, SparseFrom};
pub use custom_connectivity_update::CustomConnectivityUpdatePlan;
pub use custom_update::{
    CustomUpdatePlan, CustomUpdateSize, Reduce, Reduction, SpikeCount, SpikeCountWrite, Transpose,
};
pub use init::{InitFrom, InitOver, InitPlan};
pub use kernel::{EventQueueId, Index, PlannedKernel, RingPosition, Scalar, SlotBinding};
pub use linear::{HistorySlot, LinearPlan, Position, RowSumPlan, TracesPlan};
pub use sleep::SleepPlan;
pub use weights::KernelPlan;

/// Choices that do not change results (but for rounding, and the order of sums over the batch).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Keep gradients and other sums over the batch once per batch member instead of once per
    /// block of members: costs memory and time, shows the share of each example.
    pub accumulate_per_member: bool,
    /// Run the dynamics of every synapse in every timestep, even where they are linear, see
    /// [`LinearPlan`]: costs time, rounds as the code says.
    pub dynamics_per_synapse: bool,
    /// Cut the batch into as many blocks as there is memory for, for a device that runs hundreds
    /// of them side by side. Sums over the batch are taken in another order then.
    pub many_blocks: bool,
}

/// Everything a backend needs to know of a network.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The description.
    pub network: Network,
    /// All arrays.
    pub layout: Layout,
    /// How batch members are grouped.
    pub blocks: Blocks,
    /// Type of `scalar`.
    pub scalar: Type,
    /// Type of `timepoint`.
    pub time: Type,
    /// Populations, in the order of the description.
    pub populations: Vec<PopulationPlan>,
    /// Synapse groups, in the order of the description.
    pub synapse_groups: Vec<SynapseGroupPlan>,
    /// Queues of spikes and spike-like events.
    pub event_queues: Vec<EventQueue>,
    /// Custom updates by name of their group, in the order of the description. Groups of custom
    /// connectivity updates are listed too, if only with an empty list.
    pub custom_updates: IndexMap<String, Vec<CustomUpdatePlan>>,
    /// Custom connectivity updates by name of their group.
    pub custom_connectivity_updates: IndexMap<String, Vec<CustomConnectivityUpdatePlan>>,
    /// What initialises variables, in order.
    pub initialisers: Vec<InitPlan>,
    /// Number of streams of random numbers; streams are numbered from 0.
    pub streams: u32,
}

/// A population of a [`Plan`].
#[derive(Clone, Debug)]
pub struct PopulationPlan {
    /// Name.
    pub name: String,
    /// Number of neurons.
    pub size: usize,
    /// Ring of its delayed variables and events.
    pub ring: RingId,
    /// The neuron update.
    pub update: PlannedKernel,
    /// Says which neurons the update may change anything about, if that is worth knowing: the
    /// update need not run for the others, which have no events either.
    pub guard: Option<PlannedKernel>,
    /// How its neurons sleep, if the guard depends on nothing but the neuron and time.
    pub sleep: Option<SleepPlan>,
    /// Its spikes.
    pub spikes: EventQueueId,
    /// The same population, but for traces that are brought up to date with the synapses that have
    /// them: what backends update that make use of [`LinearPlan`].
    pub without_traces: Option<Box<PopulationPlan>>,
}

/// Spikes, or spike-like events, of the neurons of a population.
///
/// The array has one bit per neuron in `u32` words, lowest bit first.
#[derive(Clone, Debug)]
pub struct EventQueue {
    /// Population whose neurons raise the events, by index.
    pub population: usize,
    /// The bits.
    pub array: ArrayId,
    /// Whether the events of every timestep are kept.
    pub recorded: bool,
    /// Name under which they are read back: `neuron.P.spikes`, `syn.S.pre_events`, ….
    pub path: String,
}

/// A synapse group of a [`Plan`].
#[derive(Clone, Debug)]
pub struct SynapseGroupPlan {
    /// Name.
    pub name: String,
    /// Source population, by index.
    pub source: usize,
    /// Target population, by index.
    pub target: usize,
    /// Number of presynaptic neurons.
    pub num_pre: usize,
    /// Number of postsynaptic neurons.
    pub num_post: usize,
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Accumulated output.
    pub out_post: ArrayId,
    /// Sum of `addToPre`, if the model uses it.
    pub out_pre: Option<ArrayId>,
    /// Dendritic delay buffer and its ring, if the model uses one.
    pub den_delay: Option<(ArrayId, RingId)>,
    /// Which pairs are connected.
    pub connectivity: ConnectivityPlan,
    /// The kernel, if there is one.
    pub kernel: Option<KernelPlan>,
    /// Whether synapses share the weights of the kernel, instead of each having its own.
    pub shares_kernel: bool,
    /// What runs at presynaptic spikes.
    pub pre_spike: Option<SynapseKernel>,
    /// What runs at presynaptic spike-like events, and their queue.
    pub pre_event: Option<(SynapseKernel, EventQueueId)>,
    /// What runs at postsynaptic spikes.
    pub post_spike: Option<SynapseKernel>,
    /// What runs at postsynaptic spike-like events, and their queue.
    pub post_event: Option<(SynapseKernel, EventQueueId)>,
    /// What runs for every synapse in every timestep.
    pub dynamics: Option<SynapseKernel>,
    /// Timesteps by which presynaptic spikes and events are held back.
    pub axonal_delay: u32,
    /// Timesteps by which postsynaptic spikes and events are held back.
    pub back_prop_delay: u32,
}

/// A kernel over synapses.
#[derive(Clone, Debug)]
pub struct SynapseKernel {
    /// What depends on the postsynaptic neuron alone, run over the postsynaptic neurons before
    /// the first row of a timestep, if that saves work.
    pub prologue: Option<PlannedKernel>,
    /// What is done for each synapse.
    pub body: PlannedKernel,
    /// If the body does nothing but add a number to the accumulated output: which.
    pub adds: Option<Added>,
    /// For dynamics: the same in linear form, if it has one.
    pub linear: Option<LinearPlan>,
    /// The sum over events that can be taken later; the body takes it too.
    pub event_sum: Option<Addition>,
}

/// What a synapse adds to the accumulated output of its group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// Its element of an array of `f32` weights.
    Weight(ArrayId),
    /// The same as all others of a sparse group.
    Constant(f32),
}

impl SynapseGroupPlan {
    /// Whether all pairs are connected.
    pub fn is_dense(&self) -> bool {
        matches!(self.connectivity, ConnectivityPlan::Dense)
    }

    /// What it runs over its synapses.
    pub fn kernels(&self) -> impl Iterator<Item = &SynapseKernel> {
        let events = [&self.pre_event, &self.post_event].into_iter().flatten();
        let others = [&self.pre_spike, &self.post_spike, &self.dynamics].into_iter().flatten();
        events.map(|(kernel, _)| kernel).chain(others)
    }
}

impl SynapseKernel {
    /// The prologue, if there is one, and the body.
    pub fn parts(&self) -> impl Iterator<Item = &PlannedKernel> {
        self.prologue.iter().chain([&self.body])
    }
}

impl Plan {
    /// Validate a network and plan its execution.
    ///
    /// # Errors
    ///
    /// [`ModelError`] says which object is wrong and what would be accepted.
    pub fn new(network: Network, options: PlanOptions) -> Result<Self, ModelError> {
        validate(&network)?;
        Planner::new(network, options)?.run()
    }

    /// Number of copies of an array.
    pub fn copies(&self, array: ArrayId) -> usize {
        match self.layout.array(array).copies {
            Copies::Shared => 1,
            Copies::Member => self.network.batch_size,
            Copies::Block => self.blocks.count(),
        }
    }

    /// The population of that name, by index.
    pub fn population(&self, name: &str) -> Option<usize> {
        self.populations.iter().position(|population| population.name == name)
    }

    /// The synapse group of that name, by index.
    pub fn synapse_group(&self, name: &str) -> Option<usize> {
        self.synapse_groups.iter().position(|group| group.name == name)
    }
}

/// A plan under construction.
pub(crate) struct Planner {
    pub(crate) network: Network,
    pub(crate) options: PlanOptions,
    pub(crate) layout: Layout,
    pub(crate) blocks: Blocks,
    pub(crate) precision: mlgenn_lang::Precision,
    pub(crate) rings: Vec<PopulationRing>,
    pub(crate) groups: Vec<group_arrays::GroupArrays>,
    /// Elements from one row to the next, of each synapse group planned so far.
    pub(crate) row_strides: Vec<usize>,
    /// The kernel of each synapse group planned so far.
    pub(crate) kernels: Vec<Option<KernelPlan>>,
    pub(crate) event_queues: Vec<EventQueue>,
    pub(crate) initialisers: Vec<InitPlan>,
    next_stream: u32,
}

/// Ring, spike queue and spike times of a population.
pub(crate) struct PopulationRing {
    pub(crate) ring: RingId,
    pub(crate) slots: usize,
    pub(crate) spikes: EventQueueId,
    pub(crate) spike_times: event_times::EventTimes,
}

impl Planner {
    fn new(network: Network, options: PlanOptions) -> Result<Self, ModelError> {
        let numeric = |precision| match precision {
            Precision::Float => NumericType::Float,
            Precision::Double => NumericType::Double,
        };
        let precision = mlgenn_lang::Precision {
            scalar: numeric(network.precision),
            time: numeric(network.time_precision.unwrap_or(network.precision)),
        };
        Ok(Self {
            blocks: Blocks::new(network.batch_size),
            network,
            options,
            layout: Layout::default(),
            precision,
            rings: Vec::new(),
            groups: Vec::new(),
            row_strides: Vec::new(),
            kernels: Vec::new(),
            event_queues: Vec::new(),
            initialisers: Vec::new(),
            next_stream: 0,
        })
    }

    fn run(mut self) -> Result<Plan, ModelError> {
        self.plan_rings()?;
        self.plan_group_arrays()?;
        self.plan_population_arrays()?;
        self.plan_spike_counts()?;
        self.plan_custom_connectivity_update_arrays()?;
        let custom_shapes = self.plan_custom_update_arrays()?;
        let mut populations = (0..self.network.populations.len())
            .map(|index| self.plan_population(index))
            .collect::<Result<Vec<_>, _>>()?;
        let mut synapse_groups = (0..self.network.synapse_groups.len())
            .map(|index| self.plan_synapse_group(index))
            .collect::<Result<Vec<_>, _>>()?;
        linear::settle(&self.layout, &mut synapse_groups, &mut populations);
        for population in &mut populations {
            let dt = self.network.dt;
            if let Some(without) = population.without_traces.as_deref_mut() {
                without.sleep = sleep::plan_sleep(without, &synapse_groups, &self.layout, dt);
            }
            population.sleep = sleep::plan_sleep(population, &synapse_groups, &self.layout, dt);
        }
        let mut custom_updates = self.plan_custom_updates(&custom_shapes)?;
        if !self.options.accumulate_per_member {
            let initialisers = &self.initialisers;
            let fixed = self.set_by_connectivity_updates()?;
            accumulator::choose(
                &mut self.layout,
                &synapse_groups,
                &mut custom_updates,
                initialisers,
                &fixed,
            );
        }
        event_sum::find(&self.layout, &mut synapse_groups);
        // Sums that are taken later need no copies side by side.
        if self.options.many_blocks && !event_sum::are_all(&self.layout, &synapse_groups) {
            let arrays = self.layout.arrays().filter(|(_, array)| array.copies == Copies::Block);
            let bytes = arrays.map(|(_, array)| array.slots * array.elements() * array.ty.bytes());
            self.blocks = Blocks::for_device(self.network.batch_size, bytes.sum());
        }
        let mut custom_connectivity_updates: IndexMap<String, Vec<_>> = IndexMap::new();
        for (group, update) in self.plan_custom_connectivity_updates()? {
            custom_connectivity_updates.entry(group).or_default().push(update);
        }
        Ok(Plan {
            blocks: self.blocks,
            scalar: self.precision.scalar.into(),
            time: self.precision.time.into(),
            network: self.network,
            layout: self.layout,
            populations,
            synapse_groups,
            event_queues: self.event_queues,
            custom_updates,
            custom_connectivity_updates,
            initialisers: self.initialisers,
            streams: self.next_stream,
        })
    }

    /// A stream of random numbers that nothing else uses.
    pub(crate) fn new_stream(&mut self) -> u32 {
        self.next_stream += 1;
        self.next_stream - 1
    }

    pub(crate) fn scalar(&self) -> Type {
        self.precision.scalar.into()
    }

    pub(crate) fn time(&self) -> Type {
        self.precision.time.into()
    }

    pub(crate) fn add_event_queue(&mut self, queue: EventQueue) -> EventQueueId {
        self.event_queues.push(queue);
        EventQueueId(self.event_queues.len() - 1)
    }

    pub(crate) fn population_index(&self, name: &str) -> usize {
        // `validate` has checked that every name exists.
        self.network.populations.iter().position(|p| p.name == name).unwrap_or_default()
    }
}

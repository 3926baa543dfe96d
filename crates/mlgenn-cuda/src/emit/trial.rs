//! The function that takes batch members through many timesteps without launches in between.
//!
//! A block of threads goes through the timesteps of a batch member on its own, as members do not
//! meet within a trial. This says which networks suit that, and how; [`super::trial_text`] writes it.

use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::EventQueueId;

use super::Connectivity;
use super::network::{EventSource, NetworkEntry, Sizes, Stage};
use super::resident::{Resident, resident};
use super::shape::{Members, Shape, Trigger};
use super::trial_text::{does_something, write};

/// Most threads of a block.
const MOST_THREADS: usize = 512;

/// Most timesteps of a launch.
const MOST_TIMESTEPS: usize = 256;

/// Lanes and synapses of a launch, of one batch member: an interrupt is answered between launches.
const MOST_WORK: usize = 1 << 20;

/// Bytes of what is kept in a launch for sums that are taken after it: they stay in the cache.
const MOST_KEPT: usize = 32 << 20;

/// Threads of a multiprocessor that have 64 registers each, and multiprocessors of a large GPU.
const RESIDENT_THREADS: usize = 1024;
const MULTIPROCESSORS: usize = 132;

/// Bytes that a block of threads can share on every GPU, and those of a multiprocessor that are left
/// beside its cache.
const SHARED_BY_BLOCK: usize = 48 << 10;
const SHARED: usize = 160 << 10;

/// Most neurons whose events are listed: their lists are in the memory that a block shares.
const MOST_LISTED: usize = 16 * 1024;

/// Lanes and synapses of a timestep up to which one block is enough for a batch member.
const LITTLE_WORK: usize = 1 << 16;

/// Batch members from which on blocks fill a GPU.
const MANY_BLOCKS: usize = 32;

/// The function, and what its words are.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Definitions of the function and of what it calls.
    pub text: String,
    /// Threads of a block.
    pub threads: usize,
    /// Most timesteps of a launch.
    pub longest: usize,
    /// Batch members that a block goes through, one after the other.
    pub members_per_block: usize,
    /// Sums that are taken after the timesteps.
    pub late_sums: Vec<LateSum>,
    /// Neurons of each queue whose events are kept for them.
    pub kept_events: Vec<usize>,
    /// What to hand over, in order.
    pub words: Vec<Word>,
}

/// A number that the function is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Address of the addresses of memory for sums, for an entry by number.
    Sums(usize),
    /// Address of a list of the synapses of an entry: see [`crate::abi::LaunchHead::lists`].
    List(usize, usize),
    /// Address of the first element of a slot of an entry.
    Data(usize, usize),
    /// Number of elements of a slot of an entry.
    Length(usize, usize),
    /// Address of an array.
    Address(ArrayId),
    /// Address of the recorded events of a queue.
    Recorded(EventQueueId),
    /// Timesteps of recorded events.
    RecordedTimesteps,
    /// Address of the values that are kept for a sum, by number.
    Values(usize),
    /// Address of the events that are kept for sums, by number.
    Events(usize),
}

/// A sum over events that is taken after the timesteps: see [`mlgenn_model::plan::SynapseKernel::event_sum`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateSum {
    /// The array that is added to.
    pub sum: ArrayId,
    /// Which of the events that are kept.
    pub events: usize,
    /// Sizes of the synapse group.
    pub sizes: Sizes,
}

/// How a trial is laid out.
pub(super) struct TrialLayout {
    /// Events that are listed in each timestep.
    pub(super) lists: Vec<EventSource>,
    /// Arrays that are in shared memory during a launch.
    pub(super) resident: Vec<Resident>,
    /// See [`Trial`].
    pub(super) threads: usize,
    /// See [`Trial`].
    pub(super) longest: usize,
    /// See [`Trial`].
    pub(super) members_per_block: usize,
    /// Blocks that a multiprocessor of a large GPU has at a time, by their threads.
    pub(super) side_by_side: usize,
}

/// Number of lanes and synapses that an entry goes through in a timestep if all neurons are silent
/// that it need not look at.
fn work(plan: &Plan, entry: &NetworkEntry) -> usize {
    let sizes = entry.sizes(plan);
    match entry.shape {
        Shape::ByPost { connectivity, trigger }
            if connectivity == Connectivity::Sparse || trigger == Trigger::Always =>
        {
            sizes.rows * sizes.stride
        }
        Shape::RowPart { trigger: Trigger::Always, .. } => sizes.rows * sizes.stride,
        Shape::ByPre { connectivity: Connectivity::Sparse } | Shape::ColumnPart => {
            sizes.rows * sizes.stride
        }
        _ => sizes.lanes,
    }
}

impl Trial {
    /// Write the function, if the network suits it.
    pub(super) fn new(plan: &Plan, entries: &[NetworkEntry]) -> Option<Self> {
        let stages: Vec<_> =
            entries.iter().enumerate().filter(|(_, entry)| entry.is_in_timestep()).collect();
        let sums_of_lanes =
            |entry: &NetworkEntry| !entry.entry.sums.is_empty() && !entry.shape.sums_of_rows();
        if plan.network.timing_enabled || stages.iter().any(|(_, entry)| sums_of_lanes(entry)) {
            return None;
        }
        let direct = stages
            .iter()
            .any(|(_, entry)| entry.members == Members::Block && entry.event_sum.is_none());
        let members_per_block = if direct { plan.blocks.largest() } else { 1 };
        let blocks = plan.network.batch_size.div_ceil(members_per_block.max(1));
        let work: usize = stages.iter().map(|(_, entry)| work(plan, entry)).sum();
        if work > LITTLE_WORK && blocks < MANY_BLOCKS {
            return None;
        }
        let mut lists: Vec<EventSource> = Vec::new();
        for source in stages.iter().filter_map(|(_, entry)| entry.events(plan)) {
            if !lists.contains(&source) {
                lists.push(source);
            }
        }
        let neurons = |source: &EventSource| queue_neurons(plan, source.queue);
        let listed = lists.iter().map(neurons).sum::<usize>();
        if listed > MOST_LISTED {
            return None;
        }
        // All blocks side by side, if possible.
        let side_by_side = blocks.div_ceil(MULTIPROCESSORS).max(1);
        let threads = threads(plan, &stages, side_by_side);
        let longest = longest(plan, &stages, work);
        let side_by_side = side_by_side.min(RESIDENT_THREADS / threads);
        let shared = SHARED_BY_BLOCK.min(SHARED / side_by_side);
        // Lists are of indices of 16 bits, and each has an end, a count and gaps around it.
        let room = shared.saturating_sub(2 * listed + 96 * lists.len());
        let entries = stages.iter().map(|(_, entry)| *entry).filter(|entry| does_something(entry));
        let resident = resident(plan, entries, room);
        let layout =
            TrialLayout { lists, resident, threads, longest, members_per_block, side_by_side };
        Some(write(plan, &stages, layout))
    }
}

/// Threads of a block, of which so many are side by side: as many as there are lanes of neurons, or
/// of what goes through the synapses of neurons, if there is room for them.
fn threads(plan: &Plan, stages: &[(usize, &NetworkEntry)], side_by_side: usize) -> usize {
    let most = (RESIDENT_THREADS / side_by_side / 32 * 32).clamp(128, MOST_THREADS);
    let lanes = |updates: bool| -> usize {
        let entries = stages.iter().map(|(_, entry)| entry);
        let by_neuron = entries.filter(|entry| entry.shape.is_by_neuron());
        let wanted = by_neuron.filter(|e| matches!(e.stage, Stage::Neurons(_)) == updates);
        wanted.map(|entry| entry.sizes(plan).lanes.next_multiple_of(32)).sum()
    };
    lanes(true).max(lanes(false)).clamp(64, most)
}

/// Most timesteps of a launch.
fn longest(plan: &Plan, stages: &[(usize, &NetworkEntry)], work: usize) -> usize {
    let kept = stages.iter().flat_map(|(_, entry)| {
        let columns = entry.sizes(plan).columns;
        entry.event_sum.iter().map(move |_| 4 * columns * plan.network.batch_size)
    });
    let kept: usize = kept.sum();
    let by_memory = match kept {
        0 => MOST_TIMESTEPS,
        // Sums over very few timesteps would cost more than the timesteps.
        kept => (MOST_KEPT / kept).max(8),
    };
    MOST_TIMESTEPS.min(MOST_WORK / work.max(1)).min(by_memory).max(1)
}

/// Number of neurons of the population of a queue.
pub(super) fn queue_neurons(plan: &Plan, queue: EventQueueId) -> usize {
    plan.populations[plan.event_queues[queue.0].population].size
}

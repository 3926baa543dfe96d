//! What one thread needs to run a block of batch members.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mlgenn_ir::{Buffer, Type};
use mlgenn_model::Plan;

use crate::active::Active;
use crate::ahead::Ahead;
use crate::bind::block_words;
use crate::calendar::Calendar;
use crate::error::EngineError;
use crate::history::Histories;
use crate::neuron_update::for_each_bit;

/// Memory of one block of batch members that kernels are bound to while it runs.
#[derive(Debug)]
pub(crate) struct BlockMemory {
    /// Time in ms of the current timestep; one element.
    pub(crate) time: Buffer,
    /// Number of timesteps made since loading; one element.
    pub(crate) steps_made: Buffer,
    /// Events of all lanes, for updates of a whole block.
    pub(crate) events: Buffer,
    /// What a guard says, one bit for each neuron that it looked at.
    pub(crate) active: Buffer,
    /// For how many timesteps neurons can be left alone.
    pub(crate) sleep: Buffer,
    /// Times in ms of neurons that are updated ahead of time.
    pub(crate) own_times: Buffer,
}

/// What belongs to one block of batch members while it runs.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Memory that kernels are bound to.
    pub(crate) memory: Arc<BlockMemory>,
    /// Ring pointers.
    pub(crate) rings: Vec<u32>,
    /// Neurons with events.
    pub(crate) active: Active,
    /// Neurons that a guard found.
    pub(crate) active_lanes: ActiveLanes,
    /// When the neurons of each population are due.
    pub(crate) calendars: Vec<Calendar>,
    /// The neurons of each population that are updated ahead of time.
    pub(crate) ahead: Vec<Ahead>,
    /// For synapses with linear dynamics.
    pub(crate) histories: Histories,
    /// Time spent.
    pub(crate) clock: Clock,
}

/// Neurons of the members of a block for which an update has to run.
#[derive(Debug, Default)]
pub(crate) struct ActiveLanes {
    /// Batch member of each, counted from the first.
    pub(crate) members: Vec<u32>,
    /// Neuron of each.
    pub(crate) neurons: Vec<u32>,
    /// Distance of each from the first neuron of the first member.
    pub(crate) distances: Vec<u32>,
}

impl ActiveLanes {
    /// List the neurons at some distances, members having `size` of them.
    pub(crate) fn list_distances(&mut self, distances: &[u32], size: u32) {
        self.clear();
        self.distances.extend_from_slice(distances);
        self.members.extend(distances.iter().map(|distance| distance / size));
        let lanes = distances.iter().zip(&self.members);
        self.neurons.extend(lanes.map(|(distance, member)| distance - member * size));
    }

    /// As [`Self::list_distances`], for distances in ascending order.
    pub(crate) fn list_ascending(&mut self, distances: &[u32], size: u32) {
        self.clear();
        self.distances.extend_from_slice(distances);
        self.place(size);
    }

    /// List the neurons whose bits are set, members having `size` of them.
    pub(crate) fn list(&mut self, words: &[u32], size: u32) {
        self.clear();
        for_each_bit(words, |distance| self.distances.push(distance as u32));
        self.place(size);
    }

    /// Add member and neuron of all distances, which are in ascending order.
    fn place(&mut self, size: u32) {
        let (mut member, mut start) = (0, 0);
        for &distance in &self.distances {
            while distance - start >= size {
                member += 1;
                start += size;
            }
            self.members.push(member);
            self.neurons.push(distance - start);
        }
    }

    /// Put a neuron in the place of another one.
    pub(crate) fn copy(&mut self, from: usize, to: usize) {
        self.members[to] = self.members[from];
        self.neurons[to] = self.neurons[from];
        self.distances[to] = self.distances[from];
    }

    /// Keep so many of them.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.members.truncate(count);
        self.neurons.truncate(count);
        self.distances.truncate(count);
    }

    pub(crate) fn clear(&mut self) {
        self.members.clear();
        self.neurons.clear();
        self.distances.clear();
    }
}

/// Most neurons that a guard looks at in one launch.
fn largest_guarded(plan: &Plan) -> usize {
    let populations = plan.populations.iter().filter(|population| {
        let without = population.without_traces.as_ref();
        population.guard.is_some() || without.is_some_and(|without| without.guard.is_some())
    });
    plan.blocks.largest() * populations.map(|population| population.size).max().unwrap_or(0)
}

impl Worker {
    pub(crate) fn new(plan: &Plan) -> Result<Self, EngineError> {
        // A kernel emits to the spikes of its population and the events of the groups around.
        let words = (0..plan.event_queues.len())
            .map(|queue| block_words(plan, mlgenn_model::plan::EventQueueId(queue)))
            .sum();
        let memory = BlockMemory {
            time: Buffer::new(plan.time, 1)?,
            steps_made: Buffer::new(Type::U32, 1)?,
            events: Buffer::new(Type::U32, words)?,
            active: Buffer::new(Type::U32, largest_guarded(plan).div_ceil(32))?,
            sleep: Buffer::new(Type::U32, largest_guarded(plan))?,
            own_times: Buffer::new(Type::F32, largest_guarded(plan))?,
        };
        Ok(Self {
            memory: Arc::new(memory),
            rings: vec![0; plan.layout.rings().len()],
            active: Active::default(),
            active_lanes: ActiveLanes::default(),
            calendars: plan.populations.iter().map(|_| Calendar::default()).collect(),
            ahead: plan.populations.iter().map(|_| Ahead::default()).collect(),
            histories: Histories::new(plan)?,
            clock: Clock::default(),
        })
    }

    /// Set the time.
    pub(crate) fn set_time(&self, plan: &Plan, timestep: u64) {
        let dt = plan.network.dt;
        let bits = match plan.time {
            Type::F64 => (timestep as f64 * dt).to_bits(),
            // The product is taken in the type of `timepoint`, as code would.
            _ => u64::from((timestep as f32 * dt as f32).to_bits()),
        };
        self.memory.time.store(0, bits);
    }
}

/// Time spent in each kind of kernel, if somebody wants to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    pub(crate) enabled: bool,
    pub(crate) neuron_update: Duration,
    pub(crate) presynaptic_update: Duration,
    pub(crate) postsynaptic_update: Duration,
    pub(crate) synapse_dynamics: Duration,
}

impl Clock {
    /// Start measuring.
    pub(crate) fn start(&self) -> Option<Instant> {
        self.enabled.then(Instant::now)
    }

    /// Add what another clock measured, and reset that.
    pub(crate) fn absorb(&mut self, other: &mut Self) {
        self.neuron_update += std::mem::take(&mut other.neuron_update);
        self.presynaptic_update += std::mem::take(&mut other.presynaptic_update);
        self.postsynaptic_update += std::mem::take(&mut other.postsynaptic_update);
        self.synapse_dynamics += std::mem::take(&mut other.synapse_dynamics);
    }
}

/// Time since a start.
pub(crate) fn elapsed(start: Option<Instant>) -> Duration {
    start.map_or(Duration::ZERO, |start| start.elapsed())
}

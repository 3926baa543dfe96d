//! Where the arrays of a network are on a device.

use std::cell::RefCell;

use mlgenn_ir::SlotKind;
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{RingPosition, Scalar, SlotBinding};

use crate::abi::{Slot, Watch};
use crate::driver::{Arena, DeviceError};
use crate::emit::Placement;

/// Addresses of what is allocated for a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Address of each array of the layout, and the number of its elements in all copies.
    pub(super) arrays: Vec<(u64, usize)>,
    /// Address of the keys of all streams of random numbers (`u64`): `[stream][batch]`.
    pub(super) keys: u64,
    /// Of each sparse synapse group: addresses of its lists by postsynaptic neuron.
    pub(super) columns: Vec<Option<ColumnLists>>,
    /// Of each recorded queue of events: address of `[timesteps][batch][words]`.
    pub(super) events: Vec<Option<u64>>,
    /// Timesteps of recorded events.
    pub(super) recording_timesteps: usize,
}

/// Addresses of the lists of [`super::columns::Columns`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ColumnLists {
    /// Where the synapses of each neuron start.
    pub(super) starts: u64,
    /// Presynaptic neurons.
    pub(super) sources: u64,
    /// Synapses.
    pub(super) synapses: u64,
}

/// Addresses of what the schedule itself needs, one after the other as in [`State::BYTES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Number of timesteps since loading (`u64`).
    pub(super) steps_made: u64,
    /// Time in ms, of the type of the plan.
    pub(super) time: u64,
    /// Number of the timestep (`u32`).
    pub(super) timestep: u64,
    /// Number of runs of connectivity updates (`u32`).
    pub(super) connectivity_runs: u64,
    /// Ring pointers (`u32`): the delay slot written last.
    pub(super) rings: u64,
    /// The watch.
    pub(super) watch: u64,
}

impl State {
    /// Bytes of all but rings and watch.
    pub(super) const BYTES: usize = 24;

    /// Allocate it.
    pub(super) fn new(plan: &Plan, arena: &RefCell<Arena>) -> Result<Self, DeviceError> {
        let mut arena = arena.borrow_mut();
        let address = arena.allocate(Self::BYTES + 4 * plan.layout.rings().len())?;
        Ok(Self {
            watch: arena.allocate(size_of::<Watch>())?,
            steps_made: address,
            time: address + 8,
            timestep: address + 16,
            connectivity_runs: address + 20,
            rings: address + Self::BYTES as u64,
        })
    }
}

impl Memory {
    /// Allocate everything; `place` gives address and length of each array.
    pub(super) fn new(
        plan: &Plan,
        arena: &RefCell<Arena>,
        keys: u64,
        recording_timesteps: usize,
        mut place: impl FnMut(ArrayId) -> Result<(u64, usize), DeviceError>,
    ) -> Result<Self, DeviceError> {
        let allocate = |bytes: usize| arena.borrow_mut().allocate(bytes.max(8));
        let mut memory = Self { keys, recording_timesteps, ..Self::default() };
        for (array, _) in plan.layout.arrays() {
            memory.arrays.push(place(array)?);
        }
        for group in &plan.synapse_groups {
            let lists = || -> Result<_, DeviceError> {
                let synapses = 4 * group.num_pre * group.row_stride;
                Ok(ColumnLists {
                    starts: allocate(4 * (group.num_post + 1))?,
                    sources: allocate(synapses)?,
                    synapses: allocate(synapses)?,
                })
            };
            memory.columns.push(if group.is_dense() { None } else { Some(lists()?) });
        }
        for queue in &plan.event_queues {
            let words = plan.layout.array(queue.array).elements() * plan.network.batch_size;
            let rows = || allocate(4 * words * recording_timesteps);
            memory.events.push(if queue.recorded { Some(rows()?) } else { None });
        }
        Ok(memory)
    }

    /// Address of an array.
    pub(super) fn address(&self, array: ArrayId) -> u64 {
        self.arrays.get(array.0).map_or(0, |(address, _)| *address)
    }

    /// Number of elements of an array in all copies.
    pub(super) fn len(&self, array: ArrayId) -> usize {
        self.arrays.get(array.0).map_or(0, |(_, elements)| *elements)
    }

    /// Where the slot of a kernel is that is bound so.
    pub(super) fn slot(
        &self,
        plan: &Plan,
        state: &State,
        kind: SlotKind,
        binding: SlotBinding,
    ) -> Slot {
        let plain = |data: u64| Slot { data, slots: 1, ..Slot::default() };
        match binding {
            SlotBinding::Array { array, at } => {
                let mut slot = self.ring(plan, state, array, at);
                if matches!(kind, SlotKind::Array { .. }) {
                    let elements = plan.layout.array(array).elements();
                    slot.length = if elements == 0 { self.len(array) } else { elements } as i64;
                }
                slot
            }
            SlotBinding::AllCopies { array } => {
                Slot { length: self.len(array) as i64, ..plain(self.address(array)) }
            }
            SlotBinding::Ring { array } => self.ring(plan, state, array, RingPosition::Current),
            SlotBinding::Events(queue) => {
                let array = plan.event_queues[queue.0].array;
                self.ring(plan, state, array, RingPosition::Current)
            }
            SlotBinding::Scalar(Scalar::Time) => plain(state.time),
            // Of its four bytes, which come first on all machines with such GPUs.
            SlotBinding::Scalar(Scalar::StepsMade) => plain(state.steps_made),
            SlotBinding::RandomKey { stream } => {
                let first = stream as usize * plan.network.batch_size;
                Slot { copy_step: 1, ..plain(self.keys + 8 * first as u64) }
            }
            // Not in memory; guards are not run.
            SlotBinding::Index(_) | SlotBinding::Active | SlotBinding::Sleep => plain(0),
        }
    }

    /// An array, in one delay slot of its ring if it has one.
    pub(super) fn ring(
        &self,
        plan: &Plan,
        state: &State,
        array: ArrayId,
        at: RingPosition,
    ) -> Slot {
        let place = Placement::new(plan, array, at);
        Slot {
            data: self.address(array),
            copy_step: place.copy_step as i64,
            ring_stride: place.ring_stride as i64,
            current: place.ring.map_or(0, |ring| state.rings + 4 * ring.0 as u64),
            slots: place.slots as u32,
            back: place.back as u32,
            ..Slot::default()
        }
    }
}

//! From planned kernels to programs, and from slots to memory.

use mlgenn_ir::launch::{Executor, Operand, Pattern, Program, Repeated, Ring, Watch};
use mlgenn_ir::passes::repeat;
use mlgenn_ir::{Buffer, Domain, SlotId, SlotKind};
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{
    EventQueueId, Index, Plan, PlannedKernel, Position, RingPosition, Scalar, SlotBinding,
};
use smallvec::SmallVec;

use crate::apart::is_apart;
use crate::lanes::{LaneMap, Unit, can_be_cut, has_own_times, reach};
pub(crate) use crate::place::{Place, Surroundings};

/// What the slots of a launch are bound to; kernels hardly ever have more.
pub(crate) type Operands<'a> = SmallVec<[Operand<'a>; 32]>;

/// A program, and where its slots are found.
pub(crate) struct BoundKernel {
    pub(crate) program: Box<dyn Program>,
    slots: Vec<BoundSlot>,
    /// Queues that the kernel emits to, in the order of its event slots.
    pub(crate) queues: Vec<EventQueueId>,
    /// Those whose events it leaves in the memory of the block instead.
    pub(crate) handed_out: Vec<usize>,
    /// Whether its lanes may be cut into stretches that run at the same time.
    pub(crate) can_be_cut: bool,
}

/// Where a slot is found.
struct BoundSlot {
    source: Source,
    unit: Unit,
    /// How many copies after that of the launch, see [`BoundKernel::for_copies`].
    ahead: usize,
    /// Whether lanes address any element.
    whole: bool,
}

/// What memory a slot is bound to.
enum Source {
    Array {
        array: ArrayId,
        copies: Copies,
        /// Elements of a slot; 0 stands for the length of the buffer (arrays given at load).
        elements: usize,
        slots: usize,
        ring: Option<usize>,
        at: RingPosition,
    },
    AllCopies {
        array: ArrayId,
    },
    WholeRing {
        array: ArrayId,
        elements: usize,
        slots: usize,
        ring: Option<usize>,
    },
    Time,
    StepsMade,
    Index(Index),
    Key {
        first: usize,
    },
    /// Words for the events of all lanes of a block, from one on.
    BlockEvents {
        start: usize,
    },
    /// Words for the lanes that a guard finds.
    Active,
    /// How long the lanes sleep.
    Sleep,
    /// The time of each lane.
    OwnTimes,
}

/// An array from its first element on, without a kernel.
pub(crate) struct BoundArray(BoundSlot);

impl BoundArray {
    pub(crate) fn new(plan: &Plan, (array, at): Position) -> Self {
        let kind = SlotKind::Variable { domain: Domain::Neuron, writable: false };
        Self(bind(plan, kind, &SlotBinding::Array { array, at }, LaneMap::Neurons).1)
    }

    /// The memory, and where the array starts.
    pub(crate) fn find<'a>(
        &self,
        around: &Surroundings<'a>,
        place: &Place<'a>,
    ) -> (&'a Buffer, usize) {
        let operand = self.0.operand(around, place);
        (operand.buffer, operand.offset)
    }
}

impl BoundKernel {
    /// Compile a planned kernel for one way of laying out lanes.
    pub(crate) fn new(
        executor: &dyn Executor,
        plan: &Plan,
        planned: &PlannedKernel,
        map: LaneMap,
    ) -> Self {
        let mut patterns = Vec::new();
        let mut slots = Vec::new();
        let (mut queues, mut handed_out) = (Vec::new(), Vec::new());
        for (slot, binding) in planned.kernel.slots.iter().zip(&planned.bindings) {
            let (pattern, mut slot) = bind(plan, slot.kind, binding, map);
            if let SlotBinding::Events(queue) = binding {
                let direct = match map {
                    LaneMap::BlockOfNeurons => lie_side_by_side(plan, *queue),
                    LaneMap::BlockAhead | LaneMap::ActiveNeurons => false,
                    _ => true,
                };
                if !direct {
                    let start = queues.len() * block_words(plan, *queue);
                    slot.source = Source::BlockEvents { start };
                }
                queues.push(*queue);
                if !direct {
                    handed_out.push(queues.len() - 1);
                }
            }
            patterns.push(pattern);
            slots.push(slot);
        }
        let can_be_cut = can_be_cut(&planned.kernel, &patterns);
        let program = if is_apart(plan, planned, map) {
            executor.compile_apart(&planned.kernel, &patterns)
        } else {
            executor.compile(&planned.kernel, &patterns)
        };
        Self { program, slots, queues, handed_out, can_be_cut }
    }

    /// As [`BoundKernel::new`], for a program that runs for so many copies of its arrays, one after
    /// the other in each lane, from that of the launch on.
    pub(crate) fn for_copies(
        executor: &dyn Executor,
        plan: &Plan,
        planned: &PlannedKernel,
        map: LaneMap,
        copies: usize,
    ) -> Self {
        let copied: Vec<_> = planned.bindings.iter().map(|it| has_copies(plan, it)).collect();
        let (kernel, origins) = repeat(&planned.kernel, &copied, copies);
        let bindings = origins.iter().map(|(slot, _)| planned.bindings[slot.0 as usize]).collect();
        let mut bound = Self::new(executor, plan, &PlannedKernel { kernel, bindings }, map);
        for (slot, (_, ahead)) in bound.slots.iter_mut().zip(origins) {
            slot.ahead = ahead;
        }
        bound
    }

    /// How many elements each operand moves on from one row of a dense matrix to the next.
    pub(crate) fn row_steps(&self, row_stride: usize) -> Vec<usize> {
        let step = |slot: &BoundSlot| match slot.unit {
            Unit::Line => 1,
            Unit::Row => row_stride,
            _ => 0,
        };
        self.slots.iter().map(step).collect()
    }

    /// Whether its slots are bound to the same memory in every timestep.
    pub(crate) fn is_fixed(&self) -> bool {
        self.slots.iter().all(|slot| match slot.source {
            Source::Array { ring, slots, .. } | Source::WholeRing { ring, slots, .. } => {
                ring.is_none() || slots == 1
            }
            _ => true,
        })
    }

    /// A launch that is made in many timesteps.
    pub(crate) fn repeat<'a>(
        &'a self,
        around: &Surroundings<'a>,
        place: &Place<'a>,
        lanes: usize,
        watch: &'a Watch,
    ) -> Repeated<'a> {
        let operands = self.slots.iter().map(|slot| slot.operand(around, place)).collect();
        self.program.repeat(lanes, operands, watch)
    }

    /// What one slot is bound to in one launch.
    pub(crate) fn operand<'a>(
        &self,
        slot: SlotId,
        around: &Surroundings<'a>,
        place: &Place<'a>,
    ) -> Operand<'a> {
        self.slots[slot.0 as usize].operand(around, place)
    }

    /// What each slot is bound to in one launch.
    pub(crate) fn operands<'a>(
        &self,
        around: &Surroundings<'a>,
        place: &Place<'a>,
        operands: &mut Operands<'a>,
    ) {
        operands.clear();
        operands.extend(self.slots.iter().map(|slot| slot.operand(around, place)));
    }
}

/// Whether copies of arrays differ in what a slot is bound to.
fn has_copies(plan: &Plan, binding: &SlotBinding) -> bool {
    match binding {
        SlotBinding::Array { array, .. } | SlotBinding::Ring { array } => {
            plan.layout.array(*array).copies != Copies::Shared
        }
        SlotBinding::Index(index) => *index == Index::Member,
        SlotBinding::RandomKey { .. } => true,
        _ => false,
    }
}

fn bind(plan: &Plan, kind: SlotKind, binding: &SlotBinding, map: LaneMap) -> (Pattern, BoundSlot) {
    let (pattern, unit) = reach(plan, kind, binding, map);
    let source = match binding {
        SlotBinding::Array { array, at } => {
            let description = plan.layout.array(*array);
            Source::Array {
                array: *array,
                copies: description.copies,
                elements: description.elements(),
                slots: description.slots,
                ring: description.ring.map(|ring| ring.0),
                at: *at,
            }
        }
        SlotBinding::AllCopies { array } => Source::AllCopies { array: *array },
        SlotBinding::Ring { array } => {
            let description = plan.layout.array(*array);
            Source::WholeRing {
                array: *array,
                elements: description.elements(),
                slots: description.slots,
                ring: description.ring.map(|ring| ring.0),
            }
        }
        SlotBinding::Scalar(Scalar::Time) if has_own_times(kind, binding) => Source::OwnTimes,
        SlotBinding::Scalar(Scalar::Time) => Source::Time,
        SlotBinding::Scalar(Scalar::StepsMade) => Source::StepsMade,
        SlotBinding::Index(index) => Source::Index(*index),
        SlotBinding::RandomKey { stream } => {
            Source::Key { first: *stream as usize * plan.network.batch_size }
        }
        SlotBinding::Active => Source::Active,
        SlotBinding::Sleep => Source::Sleep,
        SlotBinding::Events(queue) => {
            let array = plan.event_queues[queue.0].array;
            let description = plan.layout.array(array);
            Source::Array {
                array,
                copies: description.copies,
                elements: description.elements(),
                slots: description.slots,
                ring: description.ring.map(|ring| ring.0),
                at: RingPosition::Current,
            }
        }
    };
    let whole = matches!(kind, SlotKind::Array { .. });
    (pattern, BoundSlot { source, unit, ahead: 0, whole })
}

const NO_RING: Ring = Ring { slots: 1, current: 0, stride: 0 };

impl BoundSlot {
    fn operand<'a>(&self, around: &Surroundings<'a>, place: &Place<'a>) -> Operand<'a> {
        let (member, block) = (place.member + self.ahead, place.block + self.ahead);
        let indices = match self.unit {
            Unit::ByTarget | Unit::BySource => place.others,
            Unit::BySynapse => place.synapses,
            Unit::ByColumn => place.columns,
            Unit::ByKernelEntry => place.kernel_entries,
            Unit::ByMember => place.members_of_lanes,
            Unit::ByNeuron => place.neurons_of_lanes,
            Unit::ByDistance => place.distances_of_lanes,
            _ => &[],
        };
        let plain = |buffer: &'a Buffer, offset: usize| Operand {
            buffer,
            offset,
            indices,
            length: 0,
            ring: NO_RING,
        };
        match &self.source {
            Source::Array { array, copies, elements, slots, ring, at } => {
                let buffer = &*around.buffers[array.0];
                let slot = ring.map_or(0, |ring| {
                    let (slots, current) = (*slots as u32, around.rings[ring]);
                    let back = match at {
                        RingPosition::Current => 0,
                        RingPosition::Previous => 1,
                        RingPosition::Back(steps) => steps % slots,
                    };
                    ((current + slots - back) % slots) as usize
                });
                let copy = copy_of(*copies, member, block);
                let mut operand =
                    plain(buffer, (copy * slots + slot) * elements + self.start(place));
                if self.whole {
                    operand.length = if *elements == 0 { buffer.len() } else { *elements };
                }
                operand
            }
            Source::AllCopies { array } => {
                let buffer = &*around.buffers[array.0];
                Operand { length: buffer.len(), ..plain(buffer, 0) }
            }
            Source::WholeRing { array, elements, slots, ring } => {
                let buffer = &*around.buffers[array.0];
                let offset = member * slots * elements;
                let current = ring.map_or(0, |ring| around.rings[ring]);
                let ring = Ring { slots: *slots as u32, current, stride: *elements };
                let mut operand = plain(buffer, offset + self.start(place));
                operand.ring = ring;
                operand
            }
            Source::Time => plain(&around.memory.time, 0),
            Source::StepsMade => plain(around.steps_made, 0),
            Source::Index(Index::Member) => plain(around.iota, member),
            Source::Index(_) => plain(around.iota, self.start(place)),
            Source::Key { first } => plain(around.keys, first + member),
            Source::BlockEvents { start } => plain(&around.memory.events, *start),
            Source::Active => plain(&around.memory.active, 0),
            Source::Sleep => plain(&around.memory.sleep, 0),
            Source::OwnTimes => plain(&around.memory.own_times, 0),
        }
    }

    fn start(&self, place: &Place<'_>) -> usize {
        match self.unit {
            Unit::Line => place.line,
            Unit::Row => place.row_start,
            Unit::Stretch => place.stretch,
            Unit::StretchWord => place.stretch / 32,
            Unit::BySynapse => place.row_start,
            _ => 0,
        }
    }
}

/// Whether the events of the neurons of all members of a block follow one another.
fn lie_side_by_side(plan: &Plan, queue: EventQueueId) -> bool {
    let queue = &plan.event_queues[queue.0];
    plan.populations[queue.population].size.is_multiple_of(32)
        && plan.layout.array(queue.array).slots == 1
}

/// Words that the events of all lanes of the largest block need.
pub(crate) fn block_words(plan: &Plan, queue: EventQueueId) -> usize {
    let size = plan.populations[plan.event_queues[queue.0].population].size;
    (plan.blocks.largest() * size).div_ceil(32)
}

fn copy_of(copies: Copies, member: usize, block: usize) -> usize {
    match copies {
        Copies::Shared => 0,
        Copies::Member => member,
        Copies::Block => block,
    }
}

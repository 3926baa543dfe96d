//! How the lanes of a launch go through the elements of arrays.

use std::collections::BTreeSet;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{Domain, Kernel, Op, SlotId, SlotKind};
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{Plan, PlannedKernel, Scalar, SlotBinding};

/// How the lanes of a launch relate to neurons and synapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneMap {
    /// Lanes are the neurons (or elements) of one batch member.
    Neurons,
    /// Lanes are the neurons of all members of a block, one member after the other.
    BlockOfNeurons,
    /// The same, but events stay in the memory of the block.
    BlockAhead,
    /// Lanes are some neurons of the members of a block, by a list.
    ActiveNeurons,
    /// Lanes are the synapses of a row of a dense matrix.
    DenseRow,
    /// Lanes are the synapses of a row of a sparse matrix.
    SparseRow,
    /// Lanes are the synapses of a column of a dense matrix.
    DenseColumn,
    /// Lanes are the synapses of a column of a sparse matrix.
    SparseColumn,
    /// Lanes are a stretch of all synapses of a dense matrix, or of the entries of a kernel.
    Matrix,
}

/// Where in a slot of an array the lanes of a launch start, and how they go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// At the start.
    Start,
    /// At the row or column of the launch.
    Line,
    /// At the first synapse of the row.
    Row,
    /// At the element where the stretch starts.
    Stretch,
    /// At the word with the bit of the element where the stretch starts.
    StretchWord,
    /// At the start, lanes by the list of postsynaptic neurons of a sparse row.
    ByTarget,
    /// At the start, lanes by the list of kernel entries of a sparse row.
    ByKernelEntry,
    /// At the start, lanes by the list of synapses of the column.
    BySynapse,
    /// At the start, lanes by the list of presynaptic neurons of a sparse column.
    BySource,
    /// At the start, lanes by the list of positions in their rows of a sparse column.
    ByColumn,
    /// At the first member of the block, lanes by their member.
    ByMember,
    /// At the start, lanes by their neuron.
    ByNeuron,
    /// At the first neuron of the first member, lanes by how far they are from it.
    ByDistance,
}

/// How the lanes of a launch reach the elements of a slot.
pub(crate) fn reach(
    plan: &Plan,
    kind: SlotKind,
    binding: &SlotBinding,
    map: LaneMap,
) -> (Pattern, Unit) {
    let shared = match binding {
        SlotBinding::Array { array, .. } | SlotBinding::Ring { array } => {
            plan.layout.array(*array).copies == Copies::Shared
        }
        _ => false,
    };
    match kind.domain() {
        None if kind == SlotKind::Events && map == LaneMap::Neurons => {
            (Pattern::Whole, Unit::StretchWord)
        }
        None => (Pattern::Whole, Unit::Start),
        // Whatever the lanes are, their answers follow one another.
        Some(_) if *binding == SlotBinding::Sleep => (Pattern::Contiguous, Unit::Start),
        Some(_) if has_own_times(kind, binding) => (Pattern::Contiguous, Unit::Start),
        Some(domain) => lanes(domain, map, shared, binding),
    }
}

/// Arrays of which lanes do not have one element each, which no other lane touches.
pub(crate) fn not_by_lane(plan: &Plan, planned: &PlannedKernel, map: LaneMap) -> BTreeSet<ArrayId> {
    let bound = planned.kernel.slots.iter().zip(&planned.bindings);
    let arrays = bound.filter_map(|(slot, binding)| match binding {
        SlotBinding::Array { array, .. } => {
            let (_, unit) = reach(plan, slot.kind, binding, map);
            (!matches!(unit, Unit::Stretch | Unit::Row)).then_some(*array)
        }
        SlotBinding::AllCopies { array } | SlotBinding::Ring { array } => Some(*array),
        _ => None,
    });
    arrays.collect()
}

/// Whether each lane of a planned kernel writes elements of its own alone.
pub(crate) fn writes_apart(plan: &Plan, planned: &PlannedKernel, map: LaneMap) -> bool {
    let bound = planned.kernel.slots.iter().zip(&planned.bindings);
    let patterns: Vec<_> =
        bound.map(|(slot, binding)| reach(plan, slot.kind, binding, map).0).collect();
    can_be_cut(&planned.kernel, &patterns)
}

/// Whether each lane writes elements of its own alone.
pub(crate) fn can_be_cut(kernel: &Kernel, patterns: &[Pattern]) -> bool {
    let own = |slot: SlotId| patterns[slot.0 as usize] == Pattern::Contiguous;
    let mut good = true;
    kernel.body.for_each_op(&mut |op| {
        good &= match op {
            Op::Write(slot, _) | Op::Accumulate(slot, _) | Op::AccumulateDelayed { slot, .. } => {
                own(*slot)
            }
            Op::StoreElement(..)
            | Op::AccumulateElement(..)
            | Op::StorePointer(..)
            | Op::AtomicOr(..)
            | Op::Print { .. } => false,
            _ => true,
        };
    });
    good
}

/// Whether a slot is the time of each lane, see [`mod@crate::ahead`].
pub(crate) fn has_own_times(kind: SlotKind, binding: &SlotBinding) -> bool {
    *binding == SlotBinding::Scalar(Scalar::Time) && kind.domain() == Some(Domain::Neuron)
}

/// How lanes map to the elements of a domain.
fn lanes(domain: Domain, map: LaneMap, shared: bool, binding: &SlotBinding) -> (Pattern, Unit) {
    use Pattern::{Contiguous, Gather, Uniform};
    let index = matches!(binding, SlotBinding::Index(_));
    match (domain, map) {
        (Domain::Launch, _) => (Uniform, Unit::Start),
        (
            Domain::Member,
            LaneMap::BlockOfNeurons | LaneMap::BlockAhead | LaneMap::ActiveNeurons,
        ) => (Gather, Unit::ByMember),
        (Domain::Member, _) => (Uniform, Unit::Start),
        (
            Domain::Neuron,
            LaneMap::BlockOfNeurons | LaneMap::BlockAhead | LaneMap::ActiveNeurons,
        ) if shared || index => (Gather, Unit::ByNeuron),
        (Domain::Neuron, LaneMap::ActiveNeurons) => (Gather, Unit::ByDistance),
        (Domain::Neuron, _) => (Contiguous, Unit::Stretch),
        (Domain::Pre, LaneMap::DenseRow | LaneMap::SparseRow) => (Uniform, Unit::Line),
        (Domain::Pre, LaneMap::DenseColumn) => (Contiguous, Unit::Start),
        (Domain::Pre, LaneMap::SparseColumn) => (Gather, Unit::BySource),
        (Domain::Post, LaneMap::Neurons) => (Contiguous, Unit::Stretch),
        (Domain::Post, LaneMap::DenseRow) => (Contiguous, Unit::Start),
        (Domain::Post, LaneMap::SparseRow) => (Gather, Unit::ByTarget),
        (Domain::Post, LaneMap::DenseColumn | LaneMap::SparseColumn) => (Uniform, Unit::Line),
        (Domain::Synapse, LaneMap::DenseRow | LaneMap::SparseRow) if index => {
            (Contiguous, Unit::Start)
        }
        (Domain::Synapse, LaneMap::DenseRow | LaneMap::SparseRow) => (Contiguous, Unit::Row),
        (Domain::Synapse, LaneMap::DenseColumn) if index => (Uniform, Unit::Line),
        (Domain::Synapse, LaneMap::SparseColumn) if index => (Gather, Unit::ByColumn),
        (Domain::Synapse, LaneMap::DenseColumn | LaneMap::SparseColumn) => {
            (Gather, Unit::BySynapse)
        }
        (Domain::Synapse, _) => (Contiguous, Unit::Stretch),
        (Domain::Kernel, LaneMap::SparseRow) => (Gather, Unit::ByKernelEntry),
        (Domain::Pre | Domain::Post | Domain::Kernel, _) => (Uniform, Unit::Start),
    }
}

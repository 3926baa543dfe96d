//! Entries for the kernels of a plan.

use mlgenn_ir::{Domain, Op, SlotId, SlotKind};
use mlgenn_model::Plan;
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{Index, PlannedKernel, SlotBinding};

use super::access::{Access, Adding, CopyOf};
use super::entry::{Entry, Form, Writer};
use super::shape::{Connectivity, Members, Shape, Trigger};

/// A function that runs a kernel of a plan; `index` makes its name unique.
pub(super) fn planned_entry(
    index: usize,
    plan: &Plan,
    planned: &PlannedKernel,
    shape: Shape,
    members: Members,
    form: Form,
    left_out: Vec<SlotId>,
) -> Entry {
    let (accesses, copies) = reach(plan, planned, shape, members);
    let writer = Writer::new(index, &planned.kernel, &accesses, &copies, shape, members);
    writer.left_out(left_out).entry(form)
}

/// How a thread reaches the slots of a kernel, and which copies.
pub(super) fn reach(
    plan: &Plan,
    planned: &PlannedKernel,
    shape: Shape,
    members: Members,
) -> (Vec<Access>, Vec<CopyOf>) {
    let bound = planned.kernel.slots.iter().zip(&planned.bindings);
    let reached = bound.map(|(slot, binding)| {
        (access(slot.kind, *binding, shape), copy(plan, slot.kind, *binding, members))
    });
    reached.unzip()
}

/// How the presynaptic updates of a kernel are run: with a thread per postsynaptic neuron, so that
/// nothing is added in an arbitrary order, unless sums over rows are taken.
pub(super) fn presynaptic_shape(
    planned: &PlannedKernel,
    connectivity: Connectivity,
    trigger: Trigger,
) -> Shape {
    if adds_to(planned, Domain::Pre) {
        Shape::RowPart { connectivity, trigger }
    } else {
        Shape::ByPost { connectivity, trigger }
    }
}

/// How synapse dynamics are run: with a thread per synapse unless they add to neurons.
pub(super) fn dynamics_shape(planned: &PlannedKernel, connectivity: Connectivity) -> Shape {
    if adds_to(planned, Domain::Pre) || adds_to(planned, Domain::Post) {
        presynaptic_shape(planned, connectivity, Trigger::Always)
    } else {
        Shape::Synapses { connectivity }
    }
}

/// Whether all that a kernel does is to write to its synapse, and to add to each variable of the
/// postsynaptic neuron at most once: then [`Shape::ColumnPart`] suits it.
pub(super) fn adds_once(planned: &PlannedKernel) -> bool {
    let mut added = Vec::new();
    let mut others = false;
    let domain = |slot: SlotId| planned.kernel.slot(slot).kind.domain();
    planned.kernel.body.for_each_op(&mut |op| match op {
        Op::Accumulate(slot, _) if domain(*slot) == Some(Domain::Post) => added.push(*slot),
        Op::Write(slot, _) if domain(*slot) == Some(Domain::Synapse) => {}
        Op::If { .. } => {}
        // A loop may add often.
        Op::Loop { .. } => others = true,
        op => others |= op.has_effect(),
    });
    let count = added.len();
    added.sort();
    added.dedup();
    !others && count > 0 && added.len() == count
}

/// Whether the members of a block share sums that a kernel adds to, so that one thread has to go
/// through all of them.
pub(super) fn members_of(plan: &Plan, planned: &PlannedKernel) -> Members {
    let shared = planned.bindings.iter().any(|binding| {
        array_of(*binding).is_some_and(|array| plan.layout.array(array).copies == Copies::Block)
    });
    if shared { Members::Block } else { Members::Each }
}

fn adds_to(planned: &PlannedKernel, domain: Domain) -> bool {
    let mut adds = false;
    planned.kernel.body.for_each_op(&mut |op| {
        if let Op::Accumulate(slot, _) | Op::AccumulateDelayed { slot, .. } = op {
            adds |= planned.kernel.slot(*slot).kind.domain() == Some(domain);
        }
    });
    adds
}

fn array_of(binding: SlotBinding) -> Option<ArrayId> {
    match binding {
        SlotBinding::Array { array, .. } | SlotBinding::Ring { array } => Some(array),
        _ => None,
    }
}

fn access(kind: SlotKind, binding: SlotBinding, shape: Shape) -> Access {
    let value = |text: &str| Access::Value(text.to_owned());
    if let SlotBinding::Index(index) = binding {
        return match index {
            Index::Neuron => value("lane"),
            Index::Member => value("member"),
            Index::Pre => value("pre"),
            Index::Post if shape == Shape::Lanes => value("lane"),
            Index::Post => value("post"),
            Index::Column => value("(u32)(synapse - (u64)pre * launch->stride)"),
        };
    }
    let Some(domain) = kind.domain() else { return Access::Whole };
    let lanes = shape == Shape::Lanes;
    let index = match domain {
        Domain::Launch | Domain::Member => "0",
        Domain::Neuron => "lane",
        Domain::Post | Domain::Synapse if lanes => "lane",
        Domain::Pre | Domain::Kernel if lanes => "0",
        Domain::Pre => "pre",
        Domain::Post => "post",
        Domain::Synapse => "synapse",
        Domain::Kernel => "launch->entries[synapse]",
    };
    Access::Element { index: index.to_owned(), adding: adding(kind, domain, shape) }
}

fn adding(kind: SlotKind, domain: Domain, shape: Shape) -> Adding {
    let ring = matches!(kind, SlotKind::DelayedAccumulator { .. });
    let accumulator = matches!(kind, SlotKind::Accumulator { .. });
    let own = match (domain, shape) {
        (Domain::Neuron | Domain::Post | Domain::Synapse, Shape::Lanes) | (Domain::Synapse, _) => {
            return Adding::Alone;
        }
        (Domain::Post, Shape::ByPost { .. } | Shape::ColumnPart)
        | (Domain::Pre, Shape::ByPre { .. }) => true,
        _ => false,
    };
    let summed = match shape {
        Shape::Lanes => true,
        Shape::RowPart { .. } => domain == Domain::Pre,
        _ => false,
    };
    match (own, ring) {
        (true, false) if accumulator => Adding::Held,
        (true, _) => Adding::Alone,
        (false, false) if summed => Adding::Summed,
        (false, _) => Adding::Atomic,
    }
}

fn copy(plan: &Plan, kind: SlotKind, binding: SlotBinding, members: Members) -> CopyOf {
    let array = match binding {
        SlotBinding::Events(queue) => Some(plan.event_queues[queue.0].array),
        _ => array_of(binding),
    };
    let whole_ring = matches!(kind, SlotKind::DelayedAccumulator { .. } | SlotKind::History { .. });
    let ring = !whole_ring && array.is_some_and(|array| plan.layout.array(array).ring.is_some());
    let copy = match array.map(|array| plan.layout.array(array).copies) {
        Some(Copies::Shared) => "0",
        // In a loop over all copies these are numbered as members are.
        Some(Copies::Block) if members == Members::Block => "block",
        Some(_) => "member",
        None if matches!(binding, SlotBinding::RandomKey { .. }) => "member",
        None => "0",
    };
    CopyOf { copy, ring }
}

//! Sums over the batch that are stored once per block of batch members.
//!
//! A synapse variable such as a gradient is often only added to by synaptic code, and only summed
//! over the batch and zeroed by custom updates. Then nobody can tell whether each batch member has
//! its own copy, and one copy per block of members is enough: that saves memory and, above all,
//! keeps the sums in the cache.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use mlgenn_ir::{BinaryOp, Kernel, Op, Region, SlotId, SlotKind, Type, Value};

use super::kernel::{Index, PlannedKernel, SlotBinding};
use super::{CustomUpdatePlan, InitFrom, InitPlan, SynapseGroupPlan, SynapseKernel};
use crate::layout::{ArrayId, Copies, Layout};

/// Find such variables and store them per block; those in `fixed` stay as they are.
pub(super) fn choose(
    layout: &mut Layout,
    groups: &[SynapseGroupPlan],
    updates: &mut IndexMap<String, Vec<CustomUpdatePlan>>,
    initialisers: &[InitPlan],
    fixed: &BTreeSet<ArrayId>,
) {
    let starts_at_zero = |id: ArrayId| {
        initialisers.iter().any(|init| init.array == id && matches!(init.from, InitFrom::Bits(0)))
    };
    let mut candidates: BTreeSet<ArrayId> = layout
        .arrays()
        .filter(|(id, array)| {
            starts_at_zero(*id)
                && !fixed.contains(id)
                && array.synapse_group.is_some()
                && array.path.starts_with("syn.")
                && array.copies == Copies::Member
                && array.ty.is_float()
        })
        .map(|(id, _)| id)
        .collect();
    for group in groups {
        for planned in group.kernels().flat_map(SynapseKernel::parts) {
            candidates.retain(|array| {
                slots_of(planned, *array).all(|slot| only_adds(&planned.kernel, slot))
            });
        }
    }
    // Updates that run over the batch must have all their batched arrays stored alike.
    loop {
        let before = candidates.len();
        for update in updates.values().flatten() {
            let used: Vec<_> = candidates.iter().copied().filter(|a| refers(update, *a)).collect();
            let fits = used.iter().all(|array| only_sums(update, *array))
                && batched(layout, update).all(|array| candidates.contains(&array))
                && !uses_member(&update.kernel);
            if !fits {
                for array in used {
                    candidates.remove(&array);
                }
            }
        }
        if candidates.len() == before {
            break;
        }
    }
    // Without an update that sums, somebody looks at the variable itself.
    candidates.retain(|array| {
        updates.values().flatten().any(|update| refers(update, *array) && sums(update, *array))
    });
    for array in &candidates {
        layout.array_mut(*array).copies = Copies::Block;
    }
    for update in updates.values_mut().flatten() {
        if candidates.iter().any(|array| refers(update, *array)) {
            update.copies = Copies::Block;
        }
    }
}

fn slots_of(planned: &PlannedKernel, array: ArrayId) -> impl Iterator<Item = SlotId> + '_ {
    planned.bindings.iter().enumerate().filter_map(move |(index, binding)| match binding {
        SlotBinding::Array { array: bound, .. } | SlotBinding::Ring { array: bound }
            if *bound == array =>
        {
            Some(SlotId(index as u32))
        }
        _ => None,
    })
}

fn refers(update: &CustomUpdatePlan, array: ArrayId) -> bool {
    slots_of(&update.kernel, array).next().is_some()
        || update.transpose.is_some_and(|t| t.from == array || t.to == array)
}

fn batched<'a>(
    layout: &'a Layout,
    update: &'a CustomUpdatePlan,
) -> impl Iterator<Item = ArrayId> + 'a {
    update.kernel.bindings.iter().filter_map(|binding| match binding {
        SlotBinding::Array { array, .. } | SlotBinding::Ring { array } => {
            (layout.array(*array).copies == Copies::Member).then_some(*array)
        }
        _ => None,
    })
}

fn uses_member(planned: &PlannedKernel) -> bool {
    planned.bindings.iter().any(|binding| {
        matches!(binding, SlotBinding::Index(Index::Member) | SlotBinding::RandomKey { .. })
    })
}

/// Whether the only thing done to a slot is `x = x ± something else`, unconditionally, or any
/// accumulation.
fn only_adds(kernel: &Kernel, slot: SlotId) -> bool {
    if matches!(kernel.slot(slot).kind, SlotKind::Accumulator { .. }) {
        return true;
    }
    let mut reads = Vec::new();
    let mut writes = Vec::new();
    for instruction in &kernel.body.instructions {
        match &instruction.op {
            Op::Read(s) if *s == slot => reads.push(instruction.results[0]),
            Op::Write(s, value) if *s == slot => writes.push(*value),
            op if mentions(op, slot) => return false,
            _ => {}
        }
    }
    let (&[mut value], [read]) = (&writes[..], &reads[..]) else { return false };
    // Walk back from the value written to the value read; each step has one use.
    loop {
        if value == *read {
            return true;
        }
        let defined = kernel.body.instructions.iter().find(|i| i.results.contains(&value));
        let Some(Op::Binary(op, left, right)) = defined.map(|i| &i.op) else { return false };
        let uses_read = |v: Value| depends(kernel, v, *read);
        value = match op {
            BinaryOp::Add if !uses_read(*right) => *left,
            BinaryOp::Add if !uses_read(*left) => *right,
            BinaryOp::Subtract if !uses_read(*right) => *left,
            _ => return false,
        };
        if uses(&kernel.body, value) != 1 {
            return false;
        }
    }
}

/// Whether a value of the outermost region may be computed from another one.
fn depends(kernel: &Kernel, value: Value, on: Value) -> bool {
    if value == on {
        return true;
    }
    let defined = kernel.body.instructions.iter().find(|i| i.results.contains(&value));
    let Some(instruction) = defined else { return true };
    if instruction.op.regions().iter().any(Option::is_some) {
        return true;
    }
    let mut found = false;
    instruction.op.for_each_operand(|operand| found |= depends(kernel, operand, on));
    found
}

/// Number of uses of a value in a region and the regions inside.
fn uses(region: &Region, value: Value) -> usize {
    let mut count = region.yields.iter().filter(|v| **v == value).count();
    region.for_each_op(&mut |op| {
        op.for_each_operand(|operand| count += usize::from(operand == value));
        for inner in op.regions().into_iter().flatten() {
            count += inner.yields.iter().filter(|v| **v == value).count();
        }
    });
    count
}

/// Whether an operation, or one in its regions, names a slot.
fn mentions(op: &Op, slot: SlotId) -> bool {
    let mut found = op.slot() == Some(slot);
    for region in op.regions().into_iter().flatten() {
        region.for_each_op(&mut |op| found |= op.slot() == Some(slot));
    }
    found
}

/// Whether an update only sums an array over the batch, or sets it to a constant.
fn only_sums(update: &CustomUpdatePlan, array: ArrayId) -> bool {
    if update.transpose.is_some() || !update.broadcasts.is_empty() {
        return false;
    }
    let kernel = &update.kernel.kernel;
    let targets: Vec<SlotId> = update
        .reductions
        .iter()
        .filter(|reduction| reduction.reduce == super::Reduce::Sum)
        .flat_map(|reduction| slots_of(&update.kernel, reduction.target))
        .collect();
    slots_of(&update.kernel, array).all(|slot| {
        let mut read = None;
        for instruction in &kernel.body.instructions {
            match &instruction.op {
                Op::Read(s) if *s == slot => read = instruction.results.first().copied(),
                Op::Accumulate(target, value) if Some(*value) == read => {
                    if !targets.contains(target) {
                        return false;
                    }
                }
                Op::Write(s, value) if *s == slot => {
                    if !is_constant(kernel, *value) {
                        return false;
                    }
                }
                op => {
                    let mut used = false;
                    op.for_each_operand(|operand| used |= Some(operand) == read);
                    for region in op.regions().into_iter().flatten() {
                        used |= read.is_some_and(|read| uses(region, read) > 0);
                    }
                    if used || mentions(op, slot) {
                        return false;
                    }
                }
            }
        }
        true
    })
}

/// Whether an update sums an array over the batch.
fn sums(update: &CustomUpdatePlan, array: ArrayId) -> bool {
    let kernel = &update.kernel.kernel;
    slots_of(&update.kernel, array).any(|slot| {
        kernel.body.instructions.iter().any(|instruction| {
            matches!(&instruction.op, Op::Accumulate(_, value)
            if kernel.body.instructions.iter().any(|i| {
                i.results.contains(value) && matches!(i.op, Op::Read(s) if s == slot)
            }))
        })
    })
}

fn is_constant(kernel: &Kernel, value: Value) -> bool {
    kernel.value_type(value) != Type::Ptr
        && kernel
            .body
            .instructions
            .iter()
            .any(|i| i.results.contains(&value) && matches!(i.op, Op::Const(_)))
}

//! Splits a synaptic kernel: what depends only on one neuron is computed once for each neuron
//! instead of once for each synapse.

use std::collections::{HashMap, HashSet};

use super::dce::dce;
use super::rewrite::Replacements;
use crate::kernel::{Domain, Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::op::Op;

/// Split a kernel into a prologue, to be run for what `domain` has one element each, and a body
/// that reads what the prologue left; `None` if there is nothing to gain.
///
/// Operations outside control flow whose operands come from read-only slots of `domain`, `Launch`
/// and `Member` (histories included) and that depend on `domain` move to the prologue. It writes
/// what the rest needs of them to variable slots named `invariant0`, `invariant1`, … (with
/// underscores appended if a name is taken), writable in the prologue and read-only in the body.
///
/// The prologue has only the slots that it uses; the body has all slots of the kernel, with the
/// same ids, and the new ones after them. Values are equal to the bit.
pub fn split_invariant(kernel: &Kernel, domain: Domain) -> Option<(Kernel, Kernel)> {
    let classes = classify(kernel, domain);
    let crossing = crossing(kernel, &classes);
    if crossing.is_empty() {
        return None;
    }
    let mut body = kernel.clone();
    let mut prologue = Kernel { name: format!("{}, prologue", kernel.name), ..kernel.clone() };
    prologue.body.instructions.retain(|instruction| {
        instruction.results.iter().all(|value| classes.contains_key(value))
            && !instruction.results.is_empty()
    });
    let mut replacements = Replacements::default();
    let mut reads = Vec::new();
    for (i, &value) in crossing.iter().enumerate() {
        let mut name = format!("invariant{i}");
        while body.slots.iter().any(|slot| slot.name == name) {
            name.push('_');
        }
        let ty = kernel.value_type(value);
        let slot = |writable| Slot {
            name: name.clone(),
            ty,
            kind: SlotKind::Variable { domain, writable },
        };
        let id = SlotId(body.slots.len() as u32);
        prologue.slots.push(slot(true));
        body.slots.push(slot(false));
        let write = Op::Write(id, value);
        prologue.body.instructions.push(Instruction { results: Vec::new(), op: write });
        let read = super::rewrite::fresh(&mut body.values, ty);
        reads.push(Instruction { results: vec![read], op: Op::Read(id) });
        replacements.insert(value, read);
    }
    replacements.apply_to_region(&mut body.body);
    body.body.instructions.splice(0..0, reads);
    dce(&mut body);
    dce(&mut prologue);
    keep_used_slots(&mut prologue);
    Some((prologue, body))
}

/// Values that are the same for all synapses of an element of the domain, and whether they depend
/// on the element.
fn classify(kernel: &Kernel, domain: Domain) -> HashMap<Value, bool> {
    let mut classes = HashMap::new();
    for instruction in &kernel.body.instructions {
        let &[result] = instruction.results.as_slice() else { continue };
        let slot_domain = match &instruction.op {
            Op::Read(slot) => match kernel.slot(*slot).kind {
                SlotKind::Variable { domain, writable: false } => Some(domain),
                _ => continue,
            },
            Op::ReadDelayed { slot, .. } => kernel.slot(*slot).kind.domain(),
            Op::AddressOf(_) | Op::If { .. } | Op::Loop { .. } => continue,
            op if op.has_effect() => continue,
            _ => None,
        };
        let mut depends = slot_domain == Some(domain);
        let mut invariant =
            depends || matches!(slot_domain, None | Some(Domain::Launch | Domain::Member));
        instruction.op.for_each_operand(|value| match classes.get(&value) {
            Some(&operand_depends) => depends |= operand_depends,
            None => invariant = false,
        });
        if invariant {
            classes.insert(result, depends);
        }
    }
    classes
}

/// Results of operations of the prologue that the rest uses, in order.
fn crossing(kernel: &Kernel, classes: &HashMap<Value, bool>) -> Vec<Value> {
    let mut used = HashSet::new();
    for instruction in &kernel.body.instructions {
        let moves =
            instruction.results.first().is_some_and(|value| classes.get(value) == Some(&true));
        if !moves {
            instruction.op.for_each_operand(|value| {
                used.insert(value);
            });
            for region in instruction.op.regions().into_iter().flatten() {
                uses(region, &mut used);
            }
        }
    }
    let instructions = kernel.body.instructions.iter();
    let computed = instructions.filter(|instruction| !matches!(instruction.op, Op::Read(_)));
    computed
        .filter_map(|instruction| instruction.results.first().copied())
        .filter(|value| classes.get(value) == Some(&true) && used.contains(value))
        .collect()
}

fn uses(region: &Region, used: &mut HashSet<Value>) {
    region.for_each_instruction(&mut |instruction| {
        instruction.op.for_each_operand(|value| {
            used.insert(value);
        });
        for region in instruction.op.regions().into_iter().flatten() {
            used.extend(&region.yields);
        }
    });
    used.extend(&region.yields);
}

/// Remove slots that a straight-line kernel without arrays does not use.
fn keep_used_slots(kernel: &mut Kernel) {
    let mut used = vec![false; kernel.slots.len()];
    for instruction in &mut kernel.body.instructions {
        if let Some(slot) = slot_of(&mut instruction.op) {
            used[slot.0 as usize] = true;
        }
    }
    let mut ids = Vec::with_capacity(used.len());
    let mut count = 0;
    for &used in &used {
        ids.push(SlotId(count));
        count += u32::from(used);
    }
    for instruction in &mut kernel.body.instructions {
        if let Some(slot) = slot_of(&mut instruction.op) {
            *slot = ids[slot.0 as usize];
        }
    }
    let mut flags = used.into_iter();
    kernel.slots.retain(|_| flags.next() == Some(true));
}

/// The slot of an operation that a prologue may have.
fn slot_of(op: &mut Op) -> Option<&mut SlotId> {
    match op {
        Op::Read(slot) | Op::Write(slot, _) | Op::ReadDelayed { slot, .. } => Some(slot),
        _ => None,
    }
}

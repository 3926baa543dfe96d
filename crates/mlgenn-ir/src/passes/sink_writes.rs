//! Moves writes into the branch that changes a variable.
//!
//! After lowering, a branch that changes a variable yields the new value, the other one the old
//! value, and the write comes last, for all lanes. Inside the branch, the write concerns only the
//! lanes that take it: usually the few neurons that spike.
//!
//! It takes for granted that lanes have distinct elements in the domains of neurons and synapses.

use std::collections::HashMap;

use crate::kernel::{Domain, Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::op::Op;

/// Move writes into branches.
pub fn sink_writes(kernel: &mut Kernel) {
    let Kernel { slots, body, .. } = kernel;
    sink(slots, body, HashMap::new());
}

/// Values known to be what a slot holds.
type Known = HashMap<SlotId, Value>;

fn sink(slots: &[Slot], region: &mut Region, mut known: Known) {
    let mut index = 0;
    while index < region.instructions.len() {
        if matches!(region.instructions[index].op, Op::If { .. }) {
            sink_into(slots, region, index, &known);
        }
        let instruction = &mut region.instructions[index];
        let mut inside = known.clone();
        if matches!(instruction.op, Op::Loop { .. }) {
            // A loop comes back to its start after it wrote.
            for inner in instruction.op.regions().into_iter().flatten() {
                inside.retain(|slot, _| !writes(inner, *slot));
            }
        }
        for inner in instruction.op.regions_mut().into_iter().flatten() {
            sink(slots, inner, inside.clone());
        }
        let instruction = &region.instructions[index];
        for inner in instruction.op.regions().into_iter().flatten() {
            known.retain(|slot, _| !writes(inner, *slot));
        }
        match &instruction.op {
            Op::Read(slot) => {
                known.insert(*slot, instruction.results[0]);
            }
            Op::Write(slot, value) => {
                known.insert(*slot, *value);
            }
            _ => {}
        }
        index += 1;
    }
}

/// Move the writes of results of the `If` at `index` into it.
fn sink_into(slots: &[Slot], region: &mut Region, index: usize, known: &Known) {
    for result in (0..region.instructions[index].results.len()).rev() {
        let value = region.instructions[index].results[result];
        let Some((at, slot)) = written_at(region, index, value) else { continue };
        let between = &region.instructions[index..at];
        let mentioned = between.iter().any(|instruction| mentions(instruction, slot));
        if !is_per_lane(slots, slot) || mentioned || uses(region, value) != 1 {
            continue;
        }
        let Some(old) = known.get(&slot).copied() else { continue };
        let Instruction { results, op: Op::If { then, otherwise, .. } } =
            &mut region.instructions[index]
        else {
            continue;
        };
        let changed = if otherwise.yields[result] == old {
            &mut *then
        } else if then.yields[result] == old {
            &mut *otherwise
        } else {
            continue;
        };
        let op = Op::Write(slot, changed.yields[result]);
        changed.instructions.push(Instruction { results: Vec::new(), op });
        then.yields.remove(result);
        otherwise.yields.remove(result);
        results.remove(result);
        region.instructions.remove(at);
    }
}

/// Where a value is written to a slot, after an instruction of the region.
fn written_at(region: &Region, after: usize, value: Value) -> Option<(usize, SlotId)> {
    let mut rest = region.instructions.iter().enumerate().skip(after + 1);
    rest.find_map(|(at, instruction)| match instruction.op {
        Op::Write(slot, written) if written == value => Some((at, slot)),
        _ => None,
    })
}

/// Whether each lane has an element of its own.
fn is_per_lane(slots: &[Slot], slot: SlotId) -> bool {
    let domain = match slots[slot.0 as usize].kind {
        SlotKind::Variable { domain, .. } => domain,
        _ => return false,
    };
    matches!(domain, Domain::Neuron | Domain::Synapse)
}

fn writes(region: &Region, slot: SlotId) -> bool {
    let mut found = false;
    region.for_each_op(&mut |op| found |= matches!(op, Op::Write(s, _) if *s == slot));
    found
}

fn mentions(instruction: &Instruction, slot: SlotId) -> bool {
    let mut found = instruction.op.slot() == Some(slot);
    for region in instruction.op.regions().into_iter().flatten() {
        region.for_each_op(&mut |op| found |= op.slot() == Some(slot));
    }
    found
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_writes() {
        let text = r#"kernel "k"
slot x: f32 variable neuron writable
slot y: f32 variable neuron writable
begin
  %0: f32 = read x
  %1: f32 = read y
  %2: bool = less %0, %1
  %3: f32, %4: f32 = if %2 {
    %5: f32 = add %0, %1
    %6: f32 = multiply %5, %1
    yield %5, %6
  } else {
    yield %0, %5
  }
  write x, %3
  write y, %4
end
"#
        .replace("yield %0, %5\n", "yield %0, %0\n");
        let mut kernel: Kernel = text.parse().unwrap();
        sink_writes(&mut kernel);
        crate::verify::verify(&kernel).unwrap();
        let text = kernel.to_string();
        let branch = text.split("} else {").next().unwrap();
        assert!(branch.contains("write x"), "{text}");
        assert!(!branch.contains("write y"), "{text}");
    }
}

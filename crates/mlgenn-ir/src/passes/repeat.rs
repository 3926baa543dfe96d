//! A kernel that does several times what another does, each time with memory of its own. Sums over
//! copies of an array are taken that way: several copies are on their way from memory at once.

use super::cse::cse;
use super::dce::dce;
use super::rewrite::fresh;
use crate::kernel::{Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::op::{BinaryOp, Op};

/// The kernel that does what `kernel` does for each of `times` copies, one after the other in each
/// lane. For each copy but the first there is another slot for each of those that are `copied`.
///
/// Each lane must have elements of its own in whatever the kernel writes: a sum that several copies
/// add to is then a value, written once.
///
/// Also gives, for every slot, the slot of `kernel` that it stands for, and the copy.
pub fn repeat(kernel: &Kernel, copied: &[bool], times: usize) -> (Kernel, Vec<(SlotId, usize)>) {
    let mut repeated = kernel.clone();
    let mut origins: Vec<_> = kernel.slot_ids().map(|slot| (slot, 0)).collect();
    for copy in 1..times {
        let mut slots: Vec<_> = kernel.slot_ids().collect();
        for slot in kernel.slot_ids().filter(|slot| copied[slot.0 as usize]) {
            slots[slot.0 as usize] = SlotId(repeated.slots.len() as u32);
            let name = free_name(&repeated.slots, &kernel.slot(slot).name, copy);
            repeated.slots.push(Slot { name, ..kernel.slot(slot).clone() });
            origins.push((slot, copy));
        }
        let mut body = kernel.body.clone();
        shift(&mut body, repeated.values.len() as u32);
        body.for_each_op_mut(&mut |op| {
            if let Some(slot) = op.slot_mut() {
                *slot = slots[slot.0 as usize];
            }
        });
        repeated.values.extend_from_slice(&kernel.values);
        repeated.body.instructions.extend(body.instructions);
    }
    for slot in kernel.slot_ids().filter(|slot| !copied[slot.0 as usize]) {
        sum_in_values(&mut repeated, slot);
    }
    cse(&mut repeated);
    dce(&mut repeated);
    (repeated, origins)
}

/// Read an accumulator once, add to the value, and write it once, if nothing is added within `if`
/// or loops.
fn sum_in_values(kernel: &mut Kernel, slot: SlotId) {
    let Slot { ty, kind: SlotKind::Accumulator { domain }, .. } = *kernel.slot(slot) else {
        return;
    };
    let adds = |op: &Op| matches!(op, Op::Accumulate(to, _) if *to == slot);
    let mut all = 0;
    kernel.body.for_each_op(&mut |op| all += usize::from(adds(op)));
    if kernel.body.instructions.iter().filter(|it| adds(&it.op)).count() != all {
        return;
    }
    kernel.slots[slot.0 as usize].kind = SlotKind::Variable { domain, writable: true };
    let mut sum = fresh(&mut kernel.values, ty);
    let instructions = std::mem::take(&mut kernel.body.instructions);
    let body = &mut kernel.body.instructions;
    body.push(Instruction { results: vec![sum], op: Op::Read(slot) });
    for mut instruction in instructions {
        if let Op::Accumulate(to, value) = instruction.op
            && to == slot
        {
            let op = Op::Binary(BinaryOp::Add, sum, value);
            sum = fresh(&mut kernel.values, ty);
            instruction = Instruction { results: vec![sum], op };
        }
        body.push(instruction);
    }
    body.push(Instruction { results: Vec::new(), op: Op::Write(slot, sum) });
}

fn free_name(slots: &[Slot], name: &str, copy: usize) -> String {
    let mut free = format!("{name}_{copy}");
    while slots.iter().any(|slot| slot.name == free) {
        free.push('_');
    }
    free
}

/// Add to the numbers of all values of a region.
pub(super) fn shift(region: &mut Region, by: u32) {
    let add = |value: &mut Value| value.0 += by;
    region.parameters.iter_mut().for_each(add);
    for instruction in &mut region.instructions {
        instruction.results.iter_mut().for_each(add);
        instruction.op.for_each_operand_mut(add);
        for region in instruction.op.regions_mut().into_iter().flatten() {
            shift(region, by);
        }
    }
    region.yields.iter_mut().for_each(add);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Domain;
    use crate::types::Type;
    use crate::{KernelBuilder, verify};

    #[test]
    fn copies_have_slots_of_their_own_and_share_the_others() {
        let mut builder = KernelBuilder::new("reduce");
        let domain = Domain::Synapse;
        let gradient = SlotKind::Variable { domain, writable: true };
        let gradient = builder.slot("g", Type::F32, gradient);
        let sum = builder.slot("g_1", Type::F32, SlotKind::Accumulator { domain });
        let value = builder.read(gradient);
        let zero = builder.number(Type::F32, 0.0);
        builder.write(gradient, zero);
        builder.accumulate(sum, value);
        let (kernel, origins) = repeat(&builder.finish(), &[true, false], 3);
        verify(&kernel).unwrap_or_else(|error| panic!("{error}\n{kernel}"));
        assert_eq!(origins, [(gradient, 0), (sum, 0), (gradient, 1), (gradient, 2)]);
        let text = kernel.to_string();
        for (what, count) in [("read g_1\n", 1), ("add", 3), ("write g_1,", 1)] {
            assert_eq!(text.matches(what).count(), count, "{text}");
        }
        assert_eq!(text.matches("const").count(), 1, "{text}");
        for name in ["g", "g_1_", "g_2"] {
            assert_eq!(text.matches(&format!("write {name},")).count(), 1, "{text}");
        }
    }
}

//! Moves pure operations whose operands do not change in a loop in front of it.

use std::collections::HashSet;

use super::rewrite::is_pure;
use crate::kernel::{Kernel, Region, Slot, Value};
use crate::op::Op;

/// Hoist loop-invariant code.
pub fn hoist(kernel: &mut Kernel) {
    let Kernel { slots, body, .. } = kernel;
    hoist_region(slots, body);
}

fn hoist_region(slots: &[Slot], region: &mut Region) {
    let mut instructions = Vec::with_capacity(region.instructions.len());
    for mut instruction in region.instructions.drain(..) {
        for inner in instruction.op.regions_mut().into_iter().flatten() {
            hoist_region(slots, inner);
        }
        if let Op::Loop { condition, body, .. } = &mut instruction.op {
            for inner in [condition, body] {
                let mut inside: HashSet<Value> = inner.parameters.iter().copied().collect();
                inner.instructions.retain(|candidate| {
                    let mut moves = is_pure(slots, &candidate.op);
                    candidate.op.for_each_operand(|value| moves &= !inside.contains(&value));
                    if moves {
                        instructions.push(candidate.clone());
                    } else {
                        inside.extend(&candidate.results);
                    }
                    !moves
                });
            }
        }
        instructions.push(instruction);
    }
    region.instructions = instructions;
}

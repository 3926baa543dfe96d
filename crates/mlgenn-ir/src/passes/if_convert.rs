//! Turns an `If` whose regions are short, cheap and pure into selections.

use crate::kernel::{Instruction, Kernel, Region};
use crate::op::{BinaryOp, Op};

use super::rewrite::is_pure;
use crate::kernel::Slot;

/// Regions longer than this stay.
const MAX_OPERATIONS: usize = 4;

/// Convert branches to selections.
pub fn if_convert(kernel: &mut Kernel) {
    let Kernel { slots, body, .. } = kernel;
    convert_region(slots, body);
}

fn convert_region(slots: &[Slot], region: &mut Region) {
    let mut instructions = Vec::with_capacity(region.instructions.len());
    for mut instruction in region.instructions.drain(..) {
        for inner in instruction.op.regions_mut().into_iter().flatten() {
            convert_region(slots, inner);
        }
        match instruction.op {
            Op::If { condition, then, otherwise }
                if is_cheap(slots, &then) && is_cheap(slots, &otherwise) =>
            {
                instructions.extend(then.instructions);
                instructions.extend(otherwise.instructions);
                let yields = then.yields.into_iter().zip(otherwise.yields);
                for (result, (x, y)) in instruction.results.into_iter().zip(yields) {
                    let op = Op::Select(condition, x, y);
                    instructions.push(Instruction { results: vec![result], op });
                }
            }
            op => instructions.push(Instruction { op, ..instruction }),
        }
    }
    region.instructions = instructions;
}

fn is_cheap(slots: &[Slot], region: &Region) -> bool {
    let cost = |op: &Op| match op {
        Op::Const(_) => Some(0),
        Op::Binary(BinaryOp::Divide | BinaryOp::Remainder, ..) => None,
        Op::Unary(..)
        | Op::Binary(..)
        | Op::Compare(..)
        | Op::Select(..)
        | Op::Convert(_)
        | Op::AddressOf(_) => Some(1),
        Op::Read(_) if is_pure(slots, op) => Some(1),
        _ => None,
    };
    let total: Option<usize> = region.instructions.iter().map(|i| cost(&i.op)).sum();
    total.is_some_and(|total| total <= MAX_OPERATIONS)
}

//! Dead code elimination: removes operations without effect whose results nobody uses, and results
//! of `If` that nobody uses; then numbers the values anew.

use super::rewrite::renumber;
use crate::kernel::{Kernel, Region, Value};
use crate::op::Op;

/// Remove dead code.
pub fn dce(kernel: &mut Kernel) {
    let mut used = vec![false; kernel.values.len()];
    sweep(&mut kernel.body, &mut used);
    renumber(kernel);
}

/// Go through a region backwards: what is used after an instruction is known when it is reached.
fn sweep(region: &mut Region, used: &mut [bool]) {
    let mark = |values: &[Value], used: &mut [bool]| {
        for value in values {
            used[value.0 as usize] = true;
        }
    };
    mark(&region.yields, used);
    let mut kept = Vec::with_capacity(region.instructions.len());
    while let Some(mut instruction) = region.instructions.pop() {
        let needed = instruction.results.iter().any(|value| used[value.0 as usize]);
        if !needed && !instruction.op.has_effect() {
            continue;
        }
        if let Op::If { then, otherwise, .. } = &mut instruction.op {
            let keep: Vec<_> =
                instruction.results.iter().map(|value| used[value.0 as usize]).collect();
            for list in [&mut instruction.results, &mut then.yields, &mut otherwise.yields] {
                let mut flags = keep.iter();
                list.retain(|_| flags.next() != Some(&false));
            }
        }
        for inner in instruction.op.regions_mut().into_iter().flatten() {
            sweep(inner, used);
        }
        instruction.op.for_each_operand(|value| used[value.0 as usize] = true);
        kept.push(instruction);
    }
    kept.reverse();
    region.instructions = kept;
}

//! Random kernels.

use mlgenn_ir::SlotKind;
use mlgenn_ir::launch::Pattern;
use mlgenn_ir::passes::optimise;
use mlgenn_ir::testing::{Case, random_kernel_of};

use crate::compare::compare;

/// Give each lane elements of its own where it writes, so that lanes do not meet. `None` if they
/// meet in arrays, or add to a shared element more than once.
fn apart(mut case: Case) -> Option<Case> {
    let shares_array =
        case.kernel.slots.iter().any(|slot| slot.kind == SlotKind::Array { writable: true });
    if shares_array {
        return None;
    }
    let mut sums_in_loops = false;
    case.kernel.body.for_each_instruction(&mut |instruction| {
        if let mlgenn_ir::Op::Loop { body, condition, .. } = &instruction.op {
            for region in [body, condition] {
                region.for_each_instruction(&mut |instruction| {
                    sums_in_loops |= matches!(instruction.op, mlgenn_ir::Op::Accumulate(..));
                });
            }
        }
    });
    if sums_in_loops {
        return None;
    }
    let lanes = case.lanes;
    for (slot, binding) in case.kernel.slots.iter().zip(&mut case.slots) {
        let sum = matches!(slot.kind, SlotKind::Accumulator { .. });
        let written = sum
            || matches!(
                slot.kind,
                SlotKind::Variable { writable: true, .. } | SlotKind::DelayedAccumulator { .. }
            );
        if !written || (binding.pattern == Pattern::Uniform && sum) {
            continue;
        }
        match binding.pattern {
            Pattern::Uniform => binding.pattern = Pattern::Contiguous,
            Pattern::Gather => binding.indices = (0..lanes as u32).rev().collect(),
            Pattern::Contiguous | Pattern::Whole => continue,
        }
        binding.ring.stride = lanes + 1;
        let total = binding.offset + binding.ring.slots as usize * (lanes + 1);
        binding.contents = binding.contents.iter().copied().cycle().take(total).collect();
    }
    Some(case)
}

#[test]
fn one_lane() {
    let cases: Vec<_> = (0..150)
        .map(|seed| {
            let mut case = random_kernel_of(seed, (seed % 50) as usize, 1);
            if seed % 2 == 1 {
                optimise(&mut case.kernel);
            }
            case
        })
        .collect();
    assert!(compare(&cases) > 100);
}

#[test]
fn many_lanes() {
    let cases: Vec<_> = (1000..)
        .filter_map(|seed| apart(random_kernel_of(seed, (seed % 40) as usize, seed as usize % 300)))
        .take(120)
        .collect();
    assert!(compare(&cases) > 80);
}

//! Adding weights to the targets of sparse rows against the interpreter, to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::executors;
use mlgenn_ir::launch::Executor;
use mlgenn_ir::target_lists::{AddToTargets, TargetLists, Weights};
use mlgenn_ir::{Buffer, Interpreter, Type};

const ROWS: usize = 40;
const STRIDE: usize = 150;

/// Rows of 0 to 150 targets, the last of them as large as can be.
fn lists(num_targets: usize) -> TargetLists {
    let mut lists = TargetLists::new(num_targets, 0);
    for row in 0..ROWS {
        let length = if row % 7 == 0 { row % 3 } else { row * STRIDE / (ROWS - 1) };
        let last = num_targets - 1;
        let targets: Vec<u32> =
            (0..length).map(|i| (last - (length - 1 - i) * (row % 5 + 1)) as u32).collect();
        assert!(lists.push(&targets));
    }
    lists
}

fn filled(len: usize) -> Buffer {
    let buffer = Buffer::new(Type::F32, len).unwrap();
    for i in 0..len {
        let x = (i * 7919 % 10_007) as f32 / 3.0 - 1500.0;
        buffer.store(i, u64::from(x.to_bits()));
    }
    buffer
}

/// The vector after adding, cut by targets; `weights` are each synapse's own if they are of some
/// length.
fn run(
    executor: &dyn Executor,
    num_targets: usize,
    weights: usize,
    rows: &[u32],
    cuts: &[usize],
) -> Vec<u8> {
    let (out_offset, offset) = (5, 3);
    let (buffer, out) = (filled(weights), filled(num_targets + out_offset));
    let weights = match weights {
        0 => Weights::Same(0.3),
        _ => Weights::Each { buffer: &buffer, offset, stride: STRIDE },
    };
    let lists = &lists(num_targets);
    for cut in cuts.windows(2) {
        let targets = cut[0]..cut[1];
        let out = &out;
        executor.add_to_targets(&AddToTargets { lists, weights, rows, targets, out, out_offset });
    }
    out.to_bytes(0, out.len()).unwrap()
}

#[test]
fn sums_are_those_of_the_interpreter() {
    let all: Vec<u32> = (0..ROWS as u32).collect();
    for num_targets in [900, 1 << 16, 70_000] {
        // The second is too short for the last rows.
        for weights in [ROWS * STRIDE + 3, ROWS * STRIDE / 2, 0] {
            for rows in [&[][..], &[3], &[0, 7, 14, 39], &[2, 2, 30, 1], &all, &[99, 5, u32::MAX]] {
                let whole = [0, num_targets];
                let cuts = [0, num_targets - 200, num_targets - 60, num_targets - 3, usize::MAX];
                let expected = run(&Interpreter, num_targets, weights, rows, &whole);
                assert!(run(&Interpreter, num_targets, weights, rows, &cuts) == expected);
                for executor in executors() {
                    for cuts in [&whole[..], &cuts] {
                        let found = run(&executor, num_targets, weights, rows, cuts);
                        assert!(found == expected, "{}: {num_targets} {rows:?}", executor.name());
                    }
                }
            }
        }
    }
}

#[test]
fn short_vectors_are_left_alone() {
    let lists = lists(900);
    for out in [filled(899), Buffer::new(Type::U32, 900).unwrap()] {
        let before = out.to_bytes(0, out.len()).unwrap();
        for executor in executors() {
            let weights = Weights::Same(1.0);
            let rows = &[3, 4];
            let out = &out;
            executor.add_to_targets(&AddToTargets {
                lists: &lists,
                weights,
                rows,
                targets: 0..900,
                out,
                out_offset: 0,
            });
        }
        assert!(out.to_bytes(0, out.len()).unwrap() == before);
    }
}

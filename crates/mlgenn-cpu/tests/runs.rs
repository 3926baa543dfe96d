//! Adding runs of weights on every instruction set against the interpreter, to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::executors;
use mlgenn_ir::launch::{AddRuns, Executor, Run};
use mlgenn_ir::{Buffer, Interpreter, Type};

fn filled(len: usize) -> Buffer {
    let buffer = Buffer::new(Type::F32, len).unwrap();
    for i in 0..len {
        let x = (i * 7919 % 10_007) as f32 / 3.0 - 1500.0;
        buffer.store(i, u64::from(x.to_bits()));
    }
    buffer
}

fn run(executor: &dyn Executor, runs: &[Run], starts: &[u32], rows: &[u32]) -> Vec<u8> {
    let (weights, out) = (filled(500), filled(400));
    executor.add_runs(&AddRuns {
        weights: &weights,
        weights_offset: 7,
        starts,
        runs,
        rows,
        out: &out,
        out_offset: 3,
    });
    out.to_bytes(0, out.len()).unwrap()
}

#[test]
fn sums_are_those_of_the_interpreter() {
    // Runs of every length, overlapping; some are outside of one of the buffers.
    let runs: Vec<Run> = (0..120)
        .map(|i| Run { target: i * 5 % 390, weight: i * 7 % 480, length: i % 70 })
        .chain([
            Run { target: u32::MAX, weight: 0, length: 1 },
            Run { target: 0, weight: 490, length: 4 },
            Run { target: 395, weight: 0, length: 3 },
        ])
        .collect();
    let starts: Vec<u32> = (0..=runs.len() as u32).step_by(3).collect();
    let last = starts.len() as u32 - 1;
    for rows in [&[][..], &[0, 1, 2], &[5, 5, 30, 2], &(0..last).collect::<Vec<_>>(), &[last, 9]] {
        let expected = run(&Interpreter, &runs, &starts, rows);
        for executor in executors() {
            assert!(run(&executor, &runs, &starts, rows) == expected, "{}", executor.name());
        }
    }
}

#[test]
fn wrong_starts_are_harmless() {
    let runs = [Run { target: 0, weight: 0, length: 20 }];
    for executor in executors() {
        for starts in [&[][..], &[0], &[0, 9], &[1, 0], &[5, 7]] {
            let unchanged = filled(400).to_bytes(0, 400).unwrap();
            assert!(run(&executor, &runs, starts, &[0, 1, u32::MAX]) == unchanged);
        }
    }
}

//! Adding runs of weights on every instruction set against the interpreter, to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::executors;
use mlgenn_ir::launch::Executor;
use mlgenn_ir::run_lists::{AddRuns, Run, RunLists};
use mlgenn_ir::{Buffer, Interpreter, Type};

fn filled(len: usize) -> Buffer {
    let buffer = Buffer::new(Type::F32, len).unwrap();
    for i in 0..len {
        let x = (i * 7919 % 10_007) as f32 / 3.0 - 1500.0;
        buffer.store(i, u64::from(x.to_bits()));
    }
    buffer
}

/// 40 rows of 3 runs.
fn lists(length: impl Fn(u32) -> u32) -> RunLists {
    let mut lists = RunLists::new();
    for row in 0..40 {
        let run = |i: u32| Run { target: i * 5 % 250, weight: i * 7 % 350, length: length(i) };
        lists.push(&[run(3 * row), run(3 * row + 1), run(3 * row + 2)]);
    }
    lists
}

fn run(executor: &dyn Executor, lists: &RunLists, targets: usize, rows: &[u32]) -> Vec<u8> {
    let (weights, out) = (filled(500), filled(targets));
    let (weights, out) = (&weights, &out);
    executor.add_runs(&AddRuns { lists, weights, weights_offset: 7, rows, out, out_offset: 3 });
    out.to_bytes(0, out.len()).unwrap()
}

#[test]
fn sums_are_those_of_the_interpreter() {
    let all: Vec<u32> = (0..40).collect();
    let same = [0, 1, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128];
    let lists = same.map(|length| lists(move |_| length));
    let mixed = self::lists(|i| i % 70);
    for lists in lists.iter().chain([&mixed]) {
        for rows in [&[][..], &[0, 1, 2], &[5, 5, 30, 2], &all, &[40, 9, u32::MAX]] {
            let expected = run(&Interpreter, lists, 400, rows);
            for executor in executors() {
                assert!(run(&executor, lists, 400, rows) == expected, "{}", executor.name());
            }
        }
    }
}

#[test]
fn runs_outside_change_nothing() {
    let unchanged = filled(300).to_bytes(0, 300).unwrap();
    let long = lists(|_| 64);
    let mut heavy = RunLists::new();
    heavy.push(&[Run { target: 0, weight: 480, length: 14 }]);
    let mut far = RunLists::new();
    far.push(&[Run { target: u32::MAX, weight: 0, length: u32::MAX }]);
    for executor in executors() {
        for lists in [&long, &heavy, &far] {
            assert!(run(&executor, lists, 300, &[0, 1, u32::MAX]) == unchanged);
        }
    }
}

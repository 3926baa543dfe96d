//! Updates of rows on every instruction set against the definition, to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::executors;
use mlgenn_ir::launch::Executor;
use mlgenn_ir::row_update::{Start, UpdateRows};
use mlgenn_ir::{Buffer, Type};

const ROWS: usize = 12;

fn filled(len: usize, salt: usize) -> Buffer {
    let buffer = Buffer::new(Type::F32, len).unwrap();
    for i in 0..len {
        let x = ((i + salt) * 7919 % 10_007) as f32 / 3.0 - 1500.0;
        buffer.store(i, u64::from(x.to_bits()));
    }
    buffer
}

/// Bytes of the matrix that is changed and of the sums.
fn run(
    update: &dyn Fn(&UpdateRows<'_>) -> bool,
    columns: usize,
    rows: &[u32],
    (adds, sums): (Option<bool>, bool),
) -> (bool, Vec<u8>, Vec<u8>) {
    let (matrix, weights) = (filled(3 + ROWS * columns, 0), filled(ROWS * columns, 5));
    let (vector, other, out) = (filled(columns + 1, 9), filled(columns, 2), filled(ROWS, 4));
    let place = |buffer, offset| Start { buffer, offset };
    let done = update(&UpdateRows {
        rows,
        columns,
        add: adds.map(|subtract| (place(&matrix, 3), place(&vector, 1), subtract)),
        sum: sums.then(|| (place(&weights, 0), place(&other, 0), place(&out, 0))),
    });
    let bytes = |buffer: &Buffer| buffer.to_bytes(0, buffer.len()).unwrap();
    (done, bytes(&matrix), bytes(&out))
}

#[test]
fn results_are_those_of_the_definition() {
    let slow = |update: &UpdateRows<'_>| {
        update.run();
        true
    };
    for columns in (0..70).chain([100, 128, 255, 256, 700]) {
        for rows in [&[0, 1, 2, 3, 11][..], &[], &[5, 5, 7]] {
            for what in [(Some(true), true), (Some(false), false), (None, true)] {
                let expected = run(&slow, columns, rows, what);
                for executor in executors() {
                    let fast = |update: &UpdateRows<'_>| executor.update_rows(update);
                    let found = run(&fast, columns, rows, what);
                    assert!(found == expected, "{columns} columns, {}", executor.name());
                }
            }
        }
    }
}

#[test]
fn nothing_happens_outside_of_the_buffers() {
    for executor in executors() {
        let fast = |update: &UpdateRows<'_>| executor.update_rows(update);
        for rows in [&[ROWS as u32][..], &[0, u32::MAX]] {
            let (done, matrix, out) = run(&fast, 10, rows, (Some(true), true));
            assert!(!done);
            assert_eq!((matrix, out), {
                let (_, matrix, out) = run(&|_| false, 10, rows, (Some(true), true));
                (matrix, out)
            });
        }
    }
}

//! Adding rows of a matrix on every instruction set against the interpreter, to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::executors;
use mlgenn_ir::launch::{AddRows, Executor};
use mlgenn_ir::{Buffer, Interpreter, Type};

fn filled(len: usize) -> Buffer {
    let buffer = Buffer::new(Type::F32, len).unwrap();
    for i in 0..len {
        let x = (i * 7919 % 10_007) as f32 / 3.0 - 1500.0;
        buffer.store(i, u64::from(x.to_bits()));
    }
    buffer
}

fn run(executor: &dyn Executor, columns: usize, rows: &[u32], offsets: [usize; 2]) -> Vec<u8> {
    let [matrix_offset, out_offset] = offsets;
    let matrix = filled(matrix_offset + 20 * columns + columns / 2);
    let out = filled(out_offset + columns + 20);
    executor.add_rows(&AddRows {
        matrix: &matrix,
        matrix_offset,
        columns,
        rows,
        out: &out,
        out_offset,
    });
    out.to_bytes(0, out.len()).unwrap()
}

#[test]
fn sums_are_those_of_the_interpreter() {
    let all: Vec<u32> = (0..20).collect();
    // Rows outside are skipped; a row may come twice.
    let some = [19, 3, 3, 20, 0, u32::MAX, 7, 21];
    for columns in (0..300).chain([512, 777, 1024, 1100]) {
        for rows in [&all[..], &some, &[], &[5]] {
            for offsets in [[0, 0], [3, 5]] {
                let expected = run(&Interpreter, columns, rows, offsets);
                for executor in executors() {
                    let found = run(&executor, columns, rows, offsets);
                    assert!(found == expected, "{} columns, {}", columns, executor.name());
                }
            }
        }
    }
}

#[test]
fn nothing_happens_outside_of_the_buffers() {
    let matrix = filled(100);
    for executor in executors() {
        for (columns, matrix_offset, out_offset) in
            [(10, 0, 91), (10, 0, usize::MAX), (101, 0, 0), (10, 95, 0), (10, usize::MAX, 0)]
        {
            let out = filled(100);
            executor.add_rows(&AddRows {
                matrix: &matrix,
                matrix_offset,
                columns,
                rows: &[0, 1, u32::MAX],
                out: &out,
                out_offset,
            });
            assert_eq!(out.to_bytes(0, 100), filled(100).to_bytes(0, 100));
        }
        let integers = Buffer::new(Type::I32, 100).unwrap();
        executor.add_rows(&AddRows {
            matrix: &matrix,
            matrix_offset: 0,
            columns: 10,
            rows: &[1],
            out: &integers,
            out_offset: 0,
        });
        assert_eq!(integers.to_bytes(0, 100), Some(vec![0; 400]));
    }
}

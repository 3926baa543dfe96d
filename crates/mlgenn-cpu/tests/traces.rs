//! Linear dynamics: row sums against the interpreter, to the bit; traces against a simulation of
//! every timestep, and with the same bits on every instruction set.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::executors;
use mlgenn_ir::launch::Executor;
use mlgenn_ir::linear::Coefficient;
use mlgenn_ir::traces::{CatchUp, Jump, RowSums, Watched};
use mlgenn_ir::{Buffer, Interpreter, Type};

fn buffer(values: impl IntoIterator<Item = f32>) -> Buffer {
    let values: Vec<f32> = values.into_iter().collect();
    let buffer = Buffer::new(Type::F32, values.len()).unwrap();
    for (i, value) in values.iter().enumerate() {
        buffer.store(i, u64::from(value.to_bits()));
    }
    buffer
}

fn number(buffer: &Buffer, index: usize) -> f32 {
    f32::from_bits(buffer.load(index).unwrap() as u32)
}

/// Numbers that look random, between -1 and 1.
fn noise(seed: usize, len: usize) -> impl Iterator<Item = f32> {
    (0..len).map(move |i| {
        let hash = (i as u64 + 1 + 1000 * seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        hash as f32 / (1u32 << 23) as f32 - 1.0
    })
}

#[test]
fn row_sums_are_those_of_the_interpreter() {
    let run = |executor: &dyn Executor, rows: usize, columns: usize, shorter: usize| {
        let matrix = buffer(noise(1, rows * columns));
        let mut values: Vec<f32> = noise(2, columns + 3).collect();
        // A row sum of zero must leave negative zeros alone.
        if columns.is_multiple_of(3) {
            values.fill(-0.0);
        }
        let out = buffer(noise(3, rows + 2 - shorter).map(|x| if x < 0.0 { -0.0 } else { x }));
        executor.add_row_sums(&RowSums {
            matrix: &matrix,
            rows,
            columns,
            values: &buffer(values),
            values_offset: 3,
            out: &out,
            out_offset: 2,
        });
        out.to_bytes(0, out.len()).unwrap()
    };
    for columns in (0..40).chain([100, 333]) {
        for rows in (0..40).chain([128, 200]) {
            for shorter in [0, 1] {
                let expected = run(&Interpreter, rows, columns, shorter);
                for executor in executors() {
                    let found = run(&executor, rows, columns, shorter);
                    assert!(found == expected, "{rows} x {columns}, {}", executor.name());
                }
            }
        }
    }
}

#[test]
fn jumps_are_what_decay_does_not_explain() {
    for rows in [1, 3, 16, 37] {
        for executor in executors() {
            let before = buffer(vec![0.0; rows + 1]);
            let mut jumps = Vec::new();
            let mut traces = vec![0.0f32; rows];
            for step in 0..50 {
                for (row, trace) in traces.iter_mut().enumerate() {
                    *trace *= 0.9;
                    if (row * 7 + step as usize).is_multiple_of(11) {
                        *trace += 1.0;
                    }
                }
                executor.traces().unwrap().find_jumps(
                    &Watched {
                        traces: &buffer([5.0, 5.0].into_iter().chain(traces.iter().copied())),
                        offset: 2,
                        before: &before,
                        before_offset: 1,
                        rows,
                        decay: 0.9,
                        step,
                    },
                    &mut jumps,
                );
            }
            let mut expected = Vec::new();
            for step in 0..50 {
                for row in (0..rows as u32).filter(|row| (row * 7 + step).is_multiple_of(11)) {
                    expected.push((row, step));
                }
            }
            let found: Vec<_> = jumps.iter().map(|jump| (jump.row, jump.step)).collect();
            assert_eq!(found, expected);
            assert!(jumps.iter().all(|jump| (jump.size - 1.0).abs() < 1e-6));
        }
    }
}

/// Dynamics with so many states; coefficients that decay, some of them 0 or 1.
fn matrix(states: usize) -> Vec<Coefficient> {
    use Coefficient::{One, Output, Zero};
    match states {
        0 => vec![Output(0)],
        1 => vec![Output(0), One, Output(1), Output(2)],
        _ => vec![Output(0), Output(1), One, Zero, Output(2), Output(3), Output(4), One, Output(5)],
    }
}

#[test]
fn catching_up_is_what_every_timestep_does() {
    const ROWS: usize = 9;
    const DECAY: f32 = 0.8;
    for states in 0..=2 {
        for (steps, columns) in [(1, 1), (7, 5), (30, 16), (40, 63), (25, 150)] {
            let size = states + 1;
            let matrix = matrix(states);
            let stride = steps * columns;
            let coefficients: Vec<f32> = noise(4, 6 * stride).collect();
            let start: Vec<Vec<f32>> = (0..size)
                .map(|i| {
                    // Rows without jumps and state must stay as they are.
                    let numbers = noise(5 + i, ROWS * columns).enumerate();
                    let quiet = |at: usize| i > 0 && at / columns == ROWS - 1;
                    numbers.map(|(at, x)| if quiet(at) { 0.0 } else { x }).collect()
                })
                .collect();
            let mut jumps = Vec::new();
            let mut starts = vec![0];
            for row in 0..ROWS as u32 {
                let spikes =
                    (0..steps as u32).filter(|step| (step + row).is_multiple_of(3) && row % 4 != 0);
                jumps.extend(spikes.map(|step| Jump { row, step, size: 1.0 + 0.1 * row as f32 }));
                starts.push(jumps.len() as u32);
            }

            let mut expected: Vec<Vec<f64>> =
                start.iter().map(|m| m.iter().map(|&x| f64::from(x)).collect()).collect();
            for row in 0..ROWS {
                let mut trace = 0.0;
                for step in 0..steps {
                    trace *= f64::from(DECAY);
                    let mine = |jump: &&Jump| (jump.row, jump.step) == (row as u32, step as u32);
                    trace += jumps.iter().find(mine).map_or(0.0, |jump| f64::from(jump.size));
                    for column in 0..columns {
                        let entry = |i: usize| match matrix[i] {
                            Coefficient::Zero => 0.0,
                            Coefficient::One => 1.0,
                            Coefficient::Output(output) => {
                                f64::from(coefficients[output * stride + step * columns + column])
                            }
                        };
                        let at = row * columns + column;
                        let old: Vec<f64> =
                            (1..size).map(|i| expected[i][at]).chain([trace]).collect();
                        let next =
                            |r: usize| (0..size).map(|c| entry(r * size + c) * old[c]).sum::<f64>();
                        for state in 0..states {
                            expected[state + 1][at] = next(state);
                        }
                        expected[0][at] += next(states);
                    }
                }
            }

            let mut bits = None;
            for executor in executors() {
                let targets: Vec<Buffer> = start
                    .iter()
                    .map(|m| buffer([9.0].into_iter().chain(m.iter().copied())))
                    .collect();
                let scratch = CatchUp::scratch_elements(states, steps, columns);
                executor.traces().unwrap().catch_up(&CatchUp {
                    steps,
                    columns,
                    decay: DECAY,
                    matrix: &matrix,
                    coefficients: &buffer(coefficients.iter().copied()),
                    output_stride: stride,
                    states: &targets[1..].iter().map(|target| (target, 1)).collect::<Vec<_>>(),
                    sum: (&targets[0], 1),
                    jumps: &jumps,
                    starts: &starts,
                    scratch: &buffer(vec![f32::NAN; scratch]),
                });
                for (target, expected) in targets.iter().zip(&expected) {
                    assert_eq!(number(target, 0), 9.0);
                    let largest = expected.iter().fold(1.0, |max: f64, x| max.max(x.abs()));
                    for (at, expected) in expected.iter().enumerate() {
                        let found = f64::from(number(target, at + 1));
                        assert!(
                            (found - expected).abs() < 1e-5 * largest,
                            "{states} states, {steps} x {columns} at {at}: {found}, not {expected}"
                        );
                    }
                }
                let found: Vec<_> = targets
                    .iter()
                    .map(|target| target.to_bytes(0, target.len()).unwrap())
                    .collect();
                assert!(bits.get_or_insert_with(|| found.clone()) == &found, "{}", executor.name());
            }
        }
    }
}

//! Tests of the interpreter.

use super::*;
use crate::buffer::Buffer;
use crate::kernel::{Domain, Slot, SlotKind};
use crate::launch::{Operand, Ring, Watch};
use crate::op::{BinaryOp, CompareOp};

fn variable(name: &str, ty: Type, writable: bool) -> Slot {
    slot(name, ty, SlotKind::Variable { domain: Domain::Neuron, writable })
}

fn slot(name: &str, ty: Type, kind: SlotKind) -> Slot {
    Slot { name: name.to_owned(), ty, kind }
}

fn instruction(results: &[u32], op: Op) -> Instruction {
    Instruction { results: results.iter().map(|&value| Value(value)).collect(), op }
}

fn kernel(slots: Vec<Slot>, values: &[Type], instructions: Vec<Instruction>) -> Kernel {
    let body = Region { instructions, ..Region::default() };
    Kernel { name: "test".to_owned(), slots, values: values.to_vec(), body }
}

fn floats(values: &[f32]) -> Buffer {
    let buffer = Buffer::new(Type::F32, values.len()).unwrap();
    for (i, value) in values.iter().enumerate() {
        buffer.store(i, u64::from(value.to_bits()));
    }
    buffer
}

fn to_floats(buffer: &Buffer) -> Vec<f32> {
    (0..buffer.len()).map(|i| f32::from_bits(buffer.load(i).unwrap() as u32)).collect()
}

fn whole(buffer: &Buffer) -> Operand<'_> {
    let ring = Ring { slots: 1, current: 0, stride: 0 };
    Operand { buffer, offset: 0, indices: &[], length: buffer.len(), ring }
}

fn run(
    kernel: &Kernel,
    patterns: &[Pattern],
    lanes: usize,
    operands: &[Operand<'_>],
) -> Option<Fault> {
    let watch = Watch::new();
    Interpreter.compile(kernel, patterns).launch(&Launch { lanes, operands, watch: &watch });
    watch.take_fault()
}

#[test]
fn gathered_accumulation_adds_in_order() {
    let accumulator = SlotKind::Accumulator { domain: Domain::Post };
    let kernel = kernel(
        vec![variable("g", Type::F32, false), slot("out", Type::F32, accumulator)],
        &[Type::F32],
        vec![
            instruction(&[0], Op::Read(SlotId(0))),
            instruction(&[], Op::Accumulate(SlotId(1), Value(0))),
        ],
    );
    let weights = floats(&[1.0, 2.0, 4.0, 8.0]);
    let out = floats(&[0.0, 0.5]);
    let indices = [1, 0, 1, 1];
    let operands = [whole(&weights), Operand { indices: &indices, ..whole(&out) }];
    assert_eq!(run(&kernel, &[Pattern::Contiguous, Pattern::Gather], 4, &operands), None);
    assert_eq!(to_floats(&out), [2.0, 13.5]);
    // Shared by all lanes: one sum.
    assert_eq!(run(&kernel, &[Pattern::Contiguous, Pattern::Uniform], 4, &operands), None);
    assert_eq!(to_floats(&out), [17.0, 13.5]);
}

#[test]
fn uniform_sums_use_sixteen_partial_sums() {
    let accumulator = SlotKind::Accumulator { domain: Domain::Launch };
    let kernel = kernel(
        vec![variable("x", Type::F32, false), slot("sum", Type::F32, accumulator)],
        &[Type::F32],
        vec![
            instruction(&[0], Op::Read(SlotId(0))),
            instruction(&[], Op::Accumulate(SlotId(1), Value(0))),
        ],
    );
    let values: Vec<f32> = (0..1000).map(|i| 1.0 / (i as f32 + 1.0)).collect();
    let mut expected = crate::launch::LaneSum::new();
    for (i, &value) in values.iter().enumerate() {
        expected.add(i, value);
    }
    let (input, sum) = (floats(&values), floats(&[3.0]));
    let patterns = [Pattern::Contiguous, Pattern::Uniform];
    assert_eq!(run(&kernel, &patterns, 1000, &[whole(&input), whole(&sum)]), None);
    assert_eq!(to_floats(&sum), [3.0 + expected.finish()]);
}

#[test]
fn rings_count_from_the_current_slot() {
    let kernel = kernel(
        vec![
            slot("past", Type::F32, SlotKind::History { domain: Domain::Neuron }),
            slot("due", Type::F32, SlotKind::DelayedAccumulator { domain: Domain::Neuron }),
        ],
        &[Type::I32, Type::F32, Type::U32],
        vec![
            instruction(&[0], Op::Const(2)),
            instruction(&[1], Op::ReadDelayed { slot: SlotId(0), delay: Value(0) }),
            instruction(&[2], Op::Const(2)),
            instruction(
                &[],
                Op::AccumulateDelayed { slot: SlotId(1), value: Value(1), delay: Value(2) },
            ),
        ],
    );
    let past = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let due = floats(&[0.0; 6]);
    let ring = Ring { slots: 3, current: 1, stride: 2 };
    let operands = [Operand { ring, ..whole(&past) }, Operand { ring, ..whole(&due) }];
    assert_eq!(run(&kernel, &[Pattern::Contiguous; 2], 2, &operands), None);
    assert_eq!(to_floats(&due), [5.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
}

/// Counts down from the input: as many passes for each lane as its value.
fn countdown() -> Kernel {
    let (n, one, holds) = (Value(1), Value(2), Value(4));
    let condition = Region {
        parameters: vec![Value(3)],
        instructions: vec![
            instruction(&[8], Op::Const(0)),
            instruction(&[4], Op::Compare(CompareOp::Greater, Value(3), Value(8))),
        ],
        yields: vec![holds],
    };
    let body = Region {
        parameters: vec![Value(5)],
        instructions: vec![
            instruction(&[6], Op::Binary(BinaryOp::Subtract, Value(5), one)),
            instruction(&[], Op::Accumulate(SlotId(1), one)),
        ],
        yields: vec![Value(6)],
    };
    let i32s = [Type::I32; 10];
    let mut values = i32s.to_vec();
    values[4] = Type::Bool;
    kernel(
        vec![
            variable("n", Type::I32, false),
            slot("passes", Type::I32, SlotKind::Accumulator { domain: Domain::Neuron }),
        ],
        &values,
        vec![
            instruction(&[1], Op::Read(SlotId(0))),
            instruction(&[2], Op::Const(1)),
            instruction(&[7], Op::Loop { init: vec![n], condition, body }),
        ],
    )
}

#[test]
fn loops_run_for_each_lane_as_long_as_it_wants() {
    let n = Buffer::new(Type::I32, 300).unwrap();
    let passes = Buffer::new(Type::I32, 300).unwrap();
    for i in 0..300 {
        n.store(i, i as u64 % 7);
    }
    let patterns = [Pattern::Contiguous; 2];
    assert_eq!(run(&countdown(), &patterns, 300, &[whole(&n), whole(&passes)]), None);
    assert!((0..300).all(|i| passes.load(i) == Some(i as u64 % 7)));
}

#[test]
fn loops_end_when_asked() {
    let n = Buffer::new(Type::I32, 1).unwrap();
    let passes = Buffer::new(Type::I32, 1).unwrap();
    n.store(0, i32::MAX as u64);
    let watch = Watch::new();
    watch.stop();
    let operands = [whole(&n), whole(&passes)];
    Interpreter.compile(&countdown(), &[Pattern::Contiguous; 2]).launch(&Launch {
        lanes: 1,
        operands: &operands,
        watch: &watch,
    });
    assert_eq!(passes.load(0), Some(0));
}

#[test]
fn arrays_are_checked() {
    let array = SlotKind::Array { writable: true };
    let kernel = kernel(
        vec![
            slot("table", Type::F32, array),
            variable("index", Type::I64, false),
            variable("out", Type::F32, true),
        ],
        &[Type::I64, Type::F32, Type::Ptr, Type::Ptr],
        vec![
            instruction(&[0], Op::Read(SlotId(1))),
            instruction(&[2], Op::AddressOf(SlotId(0))),
            instruction(&[3], Op::Binary(BinaryOp::Add, Value(2), Value(0))),
            instruction(&[1], Op::LoadPointer(Value(3))),
            instruction(&[], Op::Write(SlotId(2), Value(1))),
            instruction(&[], Op::StorePointer(Value(3), Value(1))),
        ],
    );
    let table = floats(&[1.0, 2.0, 3.0, 4.0]);
    let out = floats(&[9.0; 4]);
    let index = Buffer::new(Type::I64, 4).unwrap();
    for (i, value) in [1, 0, 2, -1i64].into_iter().enumerate() {
        index.store(i, value as u64);
    }
    let patterns = [Pattern::Whole, Pattern::Contiguous, Pattern::Contiguous];
    let table = Operand { offset: 1, length: 2, ..whole(&table) };
    let fault = run(&kernel, &patterns, 4, &[table, whole(&index), whole(&out)]);
    let out_of_range = Fault::IndexOutOfRange {
        kernel: "test".to_owned(),
        array: "table".to_owned(),
        index: 2,
        length: 2,
    };
    assert_eq!(fault, Some(out_of_range));
    assert_eq!(to_floats(&out), [3.0, 2.0, 0.0, 0.0]);
}

#[test]
fn operands_must_cover_the_lanes() {
    let kernel = kernel(
        vec![variable("x", Type::F32, true), slot("spikes", Type::Bool, SlotKind::Events)],
        &[Type::F32],
        vec![instruction(&[0], Op::Const(0)), instruction(&[], Op::Write(SlotId(0), Value(0)))],
    );
    let x = floats(&[1.0; 40]);
    let spikes = Buffer::new(Type::U32, 2).unwrap();
    let good = [whole(&x), whole(&spikes)];
    let patterns = [Pattern::Contiguous, Pattern::Whole];
    assert_eq!(run(&kernel, &patterns, 0, &good), None);
    for (lanes, patterns, operands) in [
        (41, patterns, good),
        (40, [Pattern::Contiguous, Pattern::Contiguous], good),
        (40, [Pattern::Whole, Pattern::Whole], good),
        (40, [Pattern::Gather, Pattern::Whole], good),
        (1, [Pattern::Gather, Pattern::Whole], [Operand { indices: &[40], ..good[0] }, good[1]]),
        (1, patterns, [Operand { offset: usize::MAX, ..good[0] }, good[1]]),
        (33, patterns, [good[0], Operand { offset: 1, ..good[1] }]),
        (1, patterns, [good[1], good[0]]),
    ] {
        let fault = run(&kernel, &patterns, lanes, &operands);
        assert!(matches!(fault, Some(Fault::OperandOutOfRange { .. })), "{patterns:?}");
    }
    assert!(matches!(
        run(&kernel, &patterns, 1, &good[..1]),
        Some(Fault::OperandOutOfRange { .. })
    ));
    assert!(to_floats(&x).iter().all(|&x| x == 1.0));
}

#[test]
fn emitting_sets_bits_and_clears_others() {
    let kernel = kernel(
        vec![variable("x", Type::Bool, false), slot("spikes", Type::Bool, SlotKind::Events)],
        &[Type::Bool],
        vec![
            instruction(&[0], Op::Read(SlotId(0))),
            instruction(&[], Op::Emit(SlotId(1), Value(0))),
        ],
    );
    let x = Buffer::new(Type::Bool, 40).unwrap();
    let spikes = Buffer::new(Type::U32, 3).unwrap();
    x.store(3, 1);
    x.store(33, 7);
    spikes.fill(0, 3, u64::from(u32::MAX));
    let operands = [whole(&x), Operand { offset: 1, ..whole(&spikes) }];
    assert_eq!(run(&kernel, &[Pattern::Contiguous, Pattern::Whole], 40, &operands), None);
    assert_eq!([0, 1, 2].map(|i| spikes.load(i).unwrap()), [u64::from(u32::MAX), 8, 2]);
}

#[test]
fn rows_are_added_in_order() {
    let matrix = floats(&[9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let out = floats(&[0.5; 3]);
    let rows = AddRows {
        matrix: &matrix,
        matrix_offset: 1,
        columns: 2,
        rows: &[2, 0, 3, u32::MAX],
        out: &out,
        out_offset: 1,
    };
    Interpreter.add_rows(&rows);
    assert_eq!(to_floats(&out), [0.5, 6.5, 8.5]);
    Interpreter.add_rows(&AddRows { out_offset: 2, ..rows });
    assert_eq!(to_floats(&out), [0.5, 6.5, 8.5]);
}

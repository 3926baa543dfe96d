//! Tests of what is recognised as linear, and that the form is what the kernel does.

use super::*;
use crate::interpret::Interpreter;
use crate::launch::{Pattern, Ring};
use crate::testing::{Binding, Case};

const SLOTS: &str = "slot t: f32 variable launch
slot g: f32 variable synapse
slot s: f32 variable synapse writable
slot q: f32 variable synapse writable
slot sum: f32 variable synapse writable
slot z: f32 variable pre
slot y: f32 variable pre
slot a: f32 variable post
slot b: f32 variable post
slot out_pre: f32 accumulator pre
slot out_post: f32 accumulator post
";
const LANES: usize = 5;

fn parse(body: &str) -> Kernel {
    let text = format!("kernel \"k\"\n{SLOTS}begin\n{body}\nend");
    let mut kernel: Kernel = text.parse().unwrap();
    crate::verify(&kernel).unwrap();
    kernel.prune_slots();
    kernel
}

/// Memory for a slot, different numbers for each.
fn binding(name: &str, kind: SlotKind) -> Binding {
    let pattern = match kind.domain() {
        Some(Domain::Pre | Domain::Launch) => Pattern::Uniform,
        _ => Pattern::Contiguous,
    };
    let seed: u32 = name.bytes().map(u32::from).sum();
    let contents = (0..LANES as u32)
        .map(|lane| u64::from((((seed * 7 + lane * 13) % 31) as f32 / 8.0 - 1.4375).to_bits()));
    Binding {
        pattern,
        ty: Type::F32,
        contents: contents.collect(),
        offset: 0,
        indices: Vec::new(),
        length: 0,
        ring: Ring { slots: 1, current: 0, stride: 0 },
    }
}

fn run(kernel: &Kernel) -> Vec<Vec<f32>> {
    let slots = kernel.slots.iter().map(|slot| binding(&slot.name, slot.kind)).collect();
    let outcome = Case { kernel: kernel.clone(), lanes: LANES, slots }.run(&Interpreter).unwrap();
    assert_eq!(outcome.fault, None);
    let floats = |bits: &Vec<u64>| bits.iter().map(|&bits| f32::from_bits(bits as u32)).collect();
    outcome.contents.iter().map(floats).collect()
}

/// The form of a kernel, after checking it against what the kernel does.
fn checked(body: &str) -> LinearTraces {
    let kernel = parse(body);
    let found = linear_dynamics(&kernel).unwrap_or_else(|| panic!("not linear: {kernel}"));
    let traces = found.traces.unwrap();
    crate::verify(&traces.kernel).unwrap();
    let after = run(&kernel);
    let before = |slot: SlotId, lane: usize| {
        let slot = kernel.slot(slot);
        let binding = binding(&slot.name, slot.kind);
        let lane = if binding.pattern == Pattern::Uniform { 0 } else { lane };
        f32::from_bits(binding.contents[lane] as u32)
    };
    let computed = run(&traces.kernel);
    let output = |output: usize| {
        let slot = traces.slots.iter().position(|slot| *slot == CoefficientSlot::Output(output));
        &computed[slot.unwrap()]
    };
    let columns: Vec<_> = traces.states.iter().chain([&traces.trace]).collect();
    for (row, slot) in traces.states.iter().chain([&traces.sum]).enumerate() {
        for (lane, found) in after[slot.0 as usize].iter().enumerate() {
            let mut expected = if *slot == traces.sum { before(*slot, lane) } else { 0.0 };
            for (column, from) in columns.iter().enumerate() {
                expected += before(**from, lane)
                    * match traces.matrix[row * columns.len() + column] {
                        Coefficient::Zero => 0.0,
                        Coefficient::One => 1.0,
                        Coefficient::Output(i) => output(i)[lane],
                    };
            }
            assert!((found - expected).abs() < 1e-5, "row {row}, lane {lane}: {found} {expected}");
        }
    }
    traces
}

const LEAKY: &str = "%0: f32 = read sum\n%1: f32 = read s\n%2: f32 = read z\n%3: f32 = read a
%4: f32 = read b\n%5: f32 = const 0.9\n%6: f32 = multiply %3, %2\n%7: f32 = multiply %1, %5
%8: f32 = add %7, %6\n%9: f32 = multiply %8, %4\n%10: f32 = multiply %3, %6
%11: f32 = add %9, %10\n%12: f32 = add %0, %11\nwrite s, %8\nwrite sum, %12";

#[test]
fn one_state() {
    let traces = checked(LEAKY);
    assert_eq!((traces.states.len(), traces.matrix.len()), (1, 4));
}

#[test]
fn two_states() {
    let traces = checked(
        "%0: f32 = read sum\n%1: f32 = read s\n%2: f32 = read q\n%3: f32 = read z
%4: f32 = read a\n%5: f32 = read b\n%6: f32 = const 0.9\n%7: f32 = multiply %4, %3
%8: f32 = multiply %4, %2\n%9: f32 = subtract %7, %8\n%10: f32 = multiply %6, %2
%11: f32 = subtract %10, %8\n%12: f32 = add %7, %11\n%13: f32 = multiply %1, %6
%14: f32 = add %13, %9\n%15: f32 = multiply %14, %5\n%16: f32 = add %0, %15
write s, %14\nwrite q, %12\nwrite sum, %16",
    );
    assert_eq!(traces.states.len(), 2);
    // The second state does not depend on the first.
    assert!(traces.matrix.contains(&Coefficient::Zero));
}

#[test]
fn no_state_and_every_operation() {
    let traces = checked(
        "%0: f32 = read sum\n%1: f32 = read z\n%2: f32 = read a\n%3: f32 = read b
%4: bool = less %2, %3\n%5: f32 = const 0.0\n%6: f32 = select %4, %1, %5\n%7: f32 = negate %1
%8: f32 = divide %7, %3\n%9: f32 = subtract %6, %8\n%10: f32 = math exp %2
%11: f32 = multiply %9, %10\n%12: f32 = select %4, %11, %1\n%13: f32 = add %12, %1
%14: f32 = subtract %0, %13\nwrite sum, %14",
    );
    assert_eq!((traces.states.len(), traces.matrix.len()), (0, 1));
}

#[test]
fn sums_for_the_source_are_told_apart() {
    let row =
        "%0: f32 = read g\n%1: f32 = read a\n%2: f32 = multiply %0, %1\naccumulate out_pre, %2";
    let kernel = parse(row);
    let found = linear_dynamics(&kernel).unwrap();
    let name = |slot: SlotId| kernel.slot(slot).name.as_str();
    let row_sum = found.row_sum.unwrap();
    assert_eq!(name(row_sum.weights), "g");
    assert_eq!((name(row_sum.values), name(row_sum.out)), ("a", "out_pre"));
    assert_eq!(found.traces, None);
    let both = linear_dynamics(&parse(
        "%0: f32 = read g\n%1: f32 = read a\n%2: f32 = multiply %0, %1\naccumulate out_pre, %2
%3: f32 = read sum\n%4: f32 = read z\n%5: f32 = multiply %4, %1\n%6: f32 = add %3, %5
write sum, %6",
    ))
    .unwrap();
    assert!(both.row_sum.is_some() && both.traces.is_some());
}

#[test]
fn anything_else_is_refused() {
    let refused = [
        // The square of a trace; a constant; two traces; a weight that is not a state.
        "%0: f32 = read sum\n%1: f32 = read z\n%2: f32 = multiply %1, %1\n%3: f32 = add %0, %2
write sum, %3",
        "%0: f32 = read sum\n%1: f32 = read a\n%2: f32 = add %0, %1\nwrite sum, %2",
        "%0: f32 = read sum\n%1: f32 = read z\n%2: f32 = read y\n%3: f32 = add %1, %2
%4: f32 = add %0, %3\nwrite sum, %4",
        "%0: f32 = read sum\n%1: f32 = read g\n%2: f32 = read a\n%3: f32 = multiply %1, %2
%4: f32 = add %0, %3\nwrite sum, %4",
        // A condition on the synapse; the sum decays; there is no sum.
        "%0: f32 = read sum\n%1: f32 = read z\n%2: bool = less %0, %1\n%3: f32 = read a
%4: f32 = multiply %1, %3\n%5: f32 = select %2, %4, %0\nwrite sum, %5",
        "%0: f32 = read sum\n%1: f32 = read z\n%2: f32 = const 0.5\n%3: f32 = multiply %0, %2
%4: f32 = add %3, %1\nwrite sum, %4",
        "%0: f32 = read z\nwrite s, %0",
        // Sums for the target; of something else than a variable of the target.
        "%0: f32 = read g\n%1: f32 = read a\n%2: f32 = multiply %0, %1\naccumulate out_post, %2",
        "%0: f32 = read g\n%1: f32 = read a\n%2: f32 = multiply %1, %1\n%3: f32 = multiply %0, %2
accumulate out_pre, %3",
        "%0: f32 = read z\n%1: f32 = read a\n%2: f32 = multiply %0, %1\naccumulate out_pre, %2",
        // A weight that changes.
        "%0: f32 = read sum\n%1: f32 = read z\n%2: f32 = read a\n%3: f32 = multiply %1, %2
%4: f32 = add %0, %3\n%5: f32 = multiply %0, %2\naccumulate out_pre, %5\nwrite sum, %4",
    ];
    for body in refused {
        assert_eq!(linear_dynamics(&parse(body)), None, "{body}");
    }
}

//! Tests of the passes.

use proptest::prelude::*;

use super::*;
use crate::interpret::Interpreter;
use crate::kernel::{Domain, SlotKind};
use crate::launch::Pattern;
use crate::testing::{Binding, Case, random_kernel};
use crate::verify::verify;

/// The instructions of a kernel after some passes, without the lines around them.
fn after(passes: &[fn(&mut Kernel)], slots: &str, body: &str) -> String {
    let text = format!("kernel \"k\"\n{slots}begin\n{body}\nend");
    let mut kernel: Kernel = text.parse().unwrap();
    verify(&kernel).unwrap();
    for pass in passes {
        pass(&mut kernel);
        verify(&kernel).unwrap_or_else(|error| panic!("{error}\n{kernel}"));
    }
    let text = kernel.to_string();
    let start = text.find("begin\n").unwrap() + 6;
    text[start..text.len() - 3].lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

const SLOTS: &str = "slot x: f32 variable neuron
slot y: f32 variable neuron writable
slot n: i32 variable neuron
slot table: f32 array writable
slot fixed: f32 array
";

#[test]
fn constants_are_folded() {
    let body = "%0: f32 = const 2.0\n%1: f32 = const 3.0\n%2: f32 = multiply %0, %1
%3: f32 = math sqrt %2\n%4: bool = less %0, %1\n%5: f32 = select %4, %2, %3\nwrite y, %5";
    assert_eq!(after(&[fold, dce], SLOTS, body), "%0: f32 = const 6.0\nwrite y, %0");
}

#[test]
fn only_exact_identities_are_used() {
    for (op, constant, folds) in [
        ("add", "0.0", false),
        ("add", "-0.0", true),
        ("subtract", "0.0", true),
        ("subtract", "-0.0", false),
        ("multiply", "1.0", true),
        ("multiply", "0.0", false),
        ("divide", "1.0", true),
    ] {
        let body = format!(
            "%0: f32 = read x\n%1: f32 = const {constant}\n%2: f32 = {op} %0, %1\nwrite y, %2"
        );
        let folded = after(&[fold, dce], SLOTS, &body) == "%0: f32 = read x\nwrite y, %0";
        assert_eq!(folded, folds, "x {op} {constant}");
    }
}

#[test]
fn constant_branches_are_taken() {
    let body =
        "%0: f32 = read x\n%1: bool = const true\n%2: f32 = if %1 {\n%3: f32 = negate %0\nyield %3
} else {\nyield %0\n}\nwrite y, %2";
    let expected = "%0: f32 = read x\n%1: f32 = negate %0\nwrite y, %1";
    assert_eq!(after(&[fold, dce], SLOTS, body), expected);
}

#[test]
fn common_subexpressions_are_computed_once() {
    let body = "%0: f32 = read y\n%1: f32 = read y\n%2: f32 = math exp %0\n%3: f32 = math exp %1
%4: f32 = add %2, %3\nwrite y, %4\n%5: f32 = read y\nwrite y, %5";
    let expected = "%0: f32 = read y\n%1: f32 = math exp %0\n%2: f32 = add %1, %1\nwrite y, %2
%3: f32 = read y\nwrite y, %3";
    assert_eq!(after(&[cse, dce], SLOTS, body), expected);
}

#[test]
fn pointers_to_known_arrays_become_indices() {
    let body =
        "%0: i32 = read n\n%1: i64 = convert %0\n%2: ptr = address_of table\n%3: ptr = add %2, %1
%4: f32 = load_pointer %3\n%5: ptr = add %3, %1\nstore_pointer %5, %4";
    let expected = "%0: i32 = read n\n%1: i64 = convert %0\n%2: f32 = load_element table, %1
%3: i64 = add %1, %1\nstore_element table, %3, %2";
    assert_eq!(after(&[resolve_pointers, dce], SLOTS, body), expected);
    let body = "%0: ptr = address_of fixed\n%1: f32 = read x\nstore_pointer %0, %1";
    assert_eq!(after(&[resolve_pointers, dce], SLOTS, body), body);
}

#[test]
fn short_branches_become_selections() {
    let body =
        "%0: f32 = read x\n%1: bool = less %0, %0\n%2: f32 = if %1 {\n%3: f32 = negate %0\nyield %3
} else {\nyield %0\n}\nwrite y, %2";
    let expected = "%0: f32 = read x\n%1: bool = less %0, %0\n%2: f32 = negate %0
%3: f32 = select %1, %2, %0\nwrite y, %3";
    assert_eq!(after(&[if_convert, dce], SLOTS, body), expected);
    let body = body.replace("negate", "math exp");
    assert_eq!(after(&[if_convert], SLOTS, &body), body);
}

#[test]
fn invariant_code_leaves_loops() {
    let body = "%0: f32 = read x\n%1: f32 = loop %0 while %2: f32 {\n%3: f32 = math exp %0
%4: bool = less %2, %3\nyield %4\n} do %5: f32 {\n%6: f32 = read x\n%7: f32 = add %5, %6\nyield %7\n}";
    let expected = "%0: f32 = read x\n%3: f32 = math exp %0\n%6: f32 = read x
%1: f32 = loop %0 while %2: f32 {\n%4: bool = less %2, %3\nyield %4\n} do %5: f32 {
%7: f32 = add %5, %6\nyield %7\n}";
    assert_eq!(after(&[hoist], SLOTS, body), expected);
}

const SYNAPTIC: &str = "kernel \"s\"
slot g: f32 variable synapse writable
slot pre: f32 variable pre
slot post: f32 variable post
slot rate: f32 variable launch
begin
  %0: f32 = read g
  %1: f32 = read post
  %2: f32 = read rate
  %3: f32 = math exp %1
  %4: f32 = multiply %3, %2
  %5: f32 = read pre
  %6: f32 = multiply %4, %5
  %7: f32 = add %0, %6
  write g, %7
end";

#[test]
fn synaptic_kernels_are_split() {
    let kernel: Kernel = SYNAPTIC.parse().unwrap();
    let (prologue, body) = split_invariant(&kernel, Domain::Post).unwrap();
    verify(&prologue).unwrap();
    verify(&body).unwrap();
    assert_eq!(
        prologue.to_string(),
        "kernel \"s, prologue\"
slot post: f32 variable post
slot rate: f32 variable launch
slot invariant0: f32 variable post writable
begin
  %0: f32 = read post
  %1: f32 = read rate
  %2: f32 = math exp %0
  %3: f32 = multiply %2, %1
  write invariant0, %3
end"
    );
    assert_eq!(
        body.to_string(),
        "kernel \"s\"
slot g: f32 variable synapse writable
slot pre: f32 variable pre
slot post: f32 variable post
slot rate: f32 variable launch
slot invariant0: f32 variable post
begin
  %0: f32 = read invariant0
  %1: f32 = read g
  %2: f32 = read pre
  %3: f32 = multiply %0, %2
  %4: f32 = add %1, %3
  write g, %4
end"
    );
    assert_eq!(split_invariant(&kernel, Domain::Pre), None);
}

/// Make what a case shares between lanes match a prologue that runs with the same lanes: slots of
/// the domain are then contiguous, as are the new ones.
fn run_split(
    case: &Case,
    domain: Domain,
) -> Option<(crate::testing::Outcome, crate::testing::Outcome)> {
    let (prologue, body) = split_invariant(&case.kernel, domain)?;
    verify(&prologue).unwrap();
    verify(&body).unwrap();
    let by_name = |name: &str| case.kernel.slots.iter().position(|slot| slot.name == name);
    let lanes = case.lanes;
    let new = |ty| Binding {
        pattern: Pattern::Contiguous,
        ty,
        contents: vec![0; lanes],
        offset: 0,
        indices: Vec::new(),
        length: 0,
        ring: crate::launch::Ring { slots: 1, current: 0, stride: 0 },
    };
    let bind = |slot: &crate::kernel::Slot| match by_name(&slot.name) {
        Some(i) => case.slots[i].clone(),
        None => new(slot.ty),
    };
    let slots: Vec<_> = prologue.slots.iter().map(bind).collect();
    let first = Case { kernel: prologue.clone(), lanes, slots }.run(&Interpreter).unwrap();
    let mut slots: Vec<_> = body.slots.iter().map(bind).collect();
    for (slot, contents) in prologue.slots.iter().zip(first.contents) {
        let i = body.slots.iter().position(|other| other.name == slot.name).unwrap();
        slots[i].contents = contents;
    }
    let mut second = Case { kernel: body, lanes, slots }.run(&Interpreter).unwrap();
    second.contents.truncate(case.slots.len());
    Some((case.run(&Interpreter).unwrap(), second))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_pass_keeps_the_meaning(case in random_kernel()) {
        let expected = case.run(&Interpreter).unwrap();
        for (name, pass) in PASSES {
            let mut changed = case.clone();
            pass(&mut changed.kernel);
            if let Err(error) = verify(&changed.kernel) {
                panic!("{name}: {error}\n{}", changed.kernel);
            }
            prop_assert_eq!(&changed.run(&Interpreter).unwrap(), &expected, "{}", name);
        }
    }

    #[test]
    fn all_passes_keep_the_meaning(mut case in random_kernel()) {
        let expected = case.run(&Interpreter).unwrap();
        optimise(&mut case.kernel);
        prop_assert_eq!(case.run(&Interpreter).unwrap(), expected.clone());
        optimise(&mut case.kernel);
        prop_assert_eq!(case.run(&Interpreter).unwrap(), expected);
    }

    #[test]
    fn splitting_keeps_the_meaning(mut case in random_kernel()) {
        // Domains other than the one that is split are never read by the prologue, whatever their
        // pattern.
        for domain in [Domain::Post, Domain::Neuron] {
            if let Some((whole, split)) = run_split(&case, domain) {
                prop_assert_eq!(whole, split);
            }
        }
        optimise(&mut case.kernel);
        if let Some((whole, split)) = run_split(&case, Domain::Post) {
            prop_assert_eq!(whole, split);
        }
    }
}

#[test]
fn random_kernels_are_split_often_enough_to_test_it() {
    let split = (0..300)
        .map(|seed| crate::testing::random_kernel_of(seed, 50, 3).kernel)
        .filter(|kernel| split_invariant(kernel, Domain::Post).is_some())
        .count();
    assert!(split > 20, "{split}");
    let writable = SlotKind::Variable { domain: Domain::Post, writable: true };
    let mut kernel: Kernel = SYNAPTIC.parse().unwrap();
    kernel.slots[2].kind = writable;
    assert_eq!(split_invariant(&kernel, Domain::Post), None);
}

/// Found at random: a sum that no lane adds to must not turn a negative zero into a positive one.
#[test]
fn unreached_sums_leave_negative_zeros() {
    let mut case = crate::testing::random_kernel_of(2289605004296268543, 15, 542);
    let expected = case.run(&Interpreter).unwrap();
    optimise(&mut case.kernel);
    assert_eq!(case.run(&Interpreter).unwrap(), expected);
}

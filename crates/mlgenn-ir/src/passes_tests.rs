//! Tests of the passes.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::interpret::Interpreter;
use crate::kernel::SlotId;
use crate::kernel::{Domain, SlotKind};
use crate::launch::Pattern;
use crate::testing::{Binding, Case, Outcome, random_kernel};
use crate::types::Type::{Bool, F32, U8, U32};
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
fn conditions_survive_the_way_through_integers() {
    let body = "%0: i32 = read n\n%1: i32 = const 1\n%2: i32 = const 0\n%3: bool = less %0, %2
%4: i32 = select %3, %1, %2\n%5: u8 = convert %4\n%6: bool = convert %5
%7: f32 = read x\n%8: f32 = read y\n%9: f32 = select %6, %7, %8\nwrite y, %9";
    let expected = "%0: i32 = read n\n%1: i32 = const 0\n%2: bool = less %0, %1
%3: f32 = read x\n%4: f32 = read y\n%5: f32 = select %2, %3, %4\nwrite y, %5";
    assert_eq!(after(&[fold, dce], SLOTS, body), expected);
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

/// A neuron that waits for its time, as input neurons do.
const WAITING: &str = "kernel \"k\"
slot t: f32 variable launch
slot next: f32 variable neuron writable
slot flag: u8 variable neuron writable
slot count: i32 variable neuron writable
slot times: f32 array
slot spikes: bool events
begin
  %0: f32 = read t
  %1: f32 = read next
  %2: u8 = read flag
  %3: i32 = read count
  %4: bool = convert %2
  %5: f32 = if %4 {
    %6: i32 = const 1
    %7: i32 = add %3, %6
    write count, %7
    %8: f32 = add %1, %0
    yield %8
  } else {
    yield %1
  }
  %9: bool = less %5, %0
  emit spikes, %9
  %10: f32 = if %9 {
    %11: i64 = convert %3
    %12: f32 = load_element times, %11
    yield %12
  } else {
    yield %5
  }
  %13: u8 = convert %9
  write next, %10
  write flag, %13
end";

#[test]
fn guards_tell_which_lanes_do_something() {
    let kernel: Kernel = WAITING.parse().unwrap();
    let guard = guard(&kernel).unwrap();
    verify(&guard).unwrap();
    let text = guard.to_string();
    for (part, count) in [("write", 0), ("load_element", 0), ("emit", 1), ("not_equal", 1)] {
        assert_eq!(text.matches(&format!("{part} ")).count(), count, "{part}\n{text}");
    }
}

#[test]
fn lanes_that_select_what_is_there_are_idle() {
    let chosen = "%0: f32 = read x\n%1: f32 = read y\n%2: bool = less %0, %1
%3: f32 = add %0, %1\n%4: f32 = select %2, %3, %1\nwrite y, %4";
    let kernel = |body: &str| -> Kernel {
        format!("kernel \"k\"\n{SLOTS}begin\n{body}\nend").parse().unwrap()
    };
    let text = guard(&kernel(chosen)).unwrap().to_string();
    assert!(text.contains("less") && !text.contains("add"), "{text}");
    let other = chosen.replace("%3, %1\nwrite", "%1, %3\nwrite");
    let text = guard(&kernel(&other)).unwrap().to_string();
    assert!(text.contains("not") && !text.contains("add"), "{text}");
    assert_eq!(guard(&kernel(&chosen.replace("%3, %1\nwrite", "%3, %0\nwrite"))), None);
}

#[test]
fn there_is_no_guard_for_lanes_that_are_never_idle() {
    for (old, new) in [
        // A number that may differ in its bits though it compares equal.
        ("write next, %10", "%14: f32 = add %10, %0\nwrite next, %14"),
        // Effects without a condition.
        ("%13: u8", "%14: i64 = convert %3\n%15: f32 = load_element times, %14\n%13: u8"),
        // A condition that always holds.
        ("%9: bool = less %5, %0", "%9: bool = const true"),
    ] {
        let text = WAITING.replace(old, new);
        assert_ne!(text, WAITING);
        let kernel: Kernel = text.parse().unwrap();
        verify(&kernel).unwrap();
        assert_eq!(guard(&kernel), None, "{text}");
    }
}

/// Run the lanes of a kernel for which a guard emits, and all of them; `None` without a guard.
fn run_guarded(case: &Case) -> Option<(Outcome, Outcome)> {
    let guard = guard(&case.kernel)?;
    verify(&guard).unwrap_or_else(|error| panic!("{error}\n{guard}"));
    let mut slots = case.slots.clone();
    slots.push(Binding {
        pattern: Pattern::Whole,
        ty: crate::types::Type::U32,
        contents: vec![0; case.lanes.div_ceil(32)],
        offset: 0,
        indices: Vec::new(),
        length: 0,
        ring: crate::launch::Ring { slots: 1, current: 0, stride: 0 },
    });
    let told = Case { kernel: guard, lanes: case.lanes, slots }.run(&Interpreter).unwrap();
    assert_eq!(told.fault, None);
    let active: Vec<usize> = (0..case.lanes)
        .filter(|lane| told.contents.last().unwrap()[lane / 32] >> (lane % 32) & 1 != 0)
        .collect();
    let mut some = case.clone();
    some.lanes = active.len();
    let indices = |of: &dyn Fn(usize) -> u32| active.iter().map(|&lane| of(lane)).collect();
    for (slot, binding) in case.kernel.slots.iter().zip(&mut some.slots) {
        let events = slot.kind == SlotKind::Events;
        match binding.pattern {
            Pattern::Contiguous => binding.indices = indices(&|lane| lane as u32),
            Pattern::Gather => binding.indices = indices(&|lane| binding.indices[lane]),
            _ if events => {
                let words = case.lanes.div_ceil(32);
                binding.contents[binding.offset..binding.offset + words].fill(0);
            }
            _ => {}
        }
        if binding.pattern == Pattern::Contiguous {
            binding.pattern = Pattern::Gather;
        }
    }
    let mut found = some.run(&Interpreter).unwrap();
    for (i, slot) in case.kernel.slots.iter().enumerate() {
        if slot.kind == SlotKind::Events {
            let start = case.slots[i].offset;
            let packed = found.contents[i].clone();
            found.contents[i][start..start + case.lanes.div_ceil(32)].fill(0);
            for (place, &lane) in active.iter().enumerate() {
                let bit = packed[start + place / 32] >> (place % 32) & 1;
                found.contents[i][start + lane / 32] |= bit << (lane % 32);
            }
        }
    }
    Some((case.run(&Interpreter).unwrap(), found))
}

/// Waits for the time of a spike, for a window around another time, and for a flag.
const SLEEPING: &str = "kernel \"k\"
slot t: f32 variable launch
slot next: f32 variable neuron
slot back: f32 variable neuron
slot flag: u8 variable neuron
slot active: bool events
begin
  %0: f32 = read t
  %1: f32 = read next
  %2: f32 = read back
  %3: u8 = read flag
  %4: bool = convert %3
  %5: bool = greater_equal %0, %1
  %6: f32 = const 7.0
  %7: f32 = subtract %6, %0
  %8: f32 = subtract %7, %2
  %9: f32 = math fabs %8
  %10: f32 = const 0.25
  %11: bool = less %9, %10
  %12: bool = or %4, %5
  %13: u8 = convert %11
  %14: bool = not_equal %13, %3
  %15: bool = or %12, %14
  emit active, %15
end";

fn f32_bits(value: f32) -> u64 {
    u64::from(value.to_bits())
}

#[test]
fn what_moves_otherwise_than_with_time_does_not_sleep() {
    let guard: Kernel = SLEEPING.parse().unwrap();
    assert!(sleep(&guard, SlotId(0), &[], 0.5).is_some());
    // The flag changes from one timestep to the next.
    assert_eq!(sleep(&guard, SlotId(0), &[SlotId(3)], 0.5), None);
    for (old, new) in [
        // Nothing that depends on time at all.
        ("emit active, %15", "emit active, %4"),
        // A square is not affine.
        ("%8: f32 = subtract %7, %2", "%8: f32 = multiply %7, %7"),
        // Equality may be missed.
        ("greater_equal", "equal"),
    ] {
        let text = SLEEPING.replace(old, new);
        assert_ne!(text, SLEEPING);
        assert_eq!(sleep(&text.parse().unwrap(), SlotId(0), &[], 0.5), None, "{text}");
    }
}

/// Values of the two kernels are told apart, whatever their numbers are.
#[test]
fn a_lane_that_was_updated_says_how_long_it_sleeps() {
    for padding in 0..40 {
        let mut text = "kernel \"k\"
slot t: f32 variable launch
slot due: f32 variable neuron writable
slot flag: u8 variable neuron writable
slot events: bool events
begin\n"
            .to_owned();
        for constant in 0..padding {
            writeln!(text, "%{constant}: f32 = const {constant}.25").unwrap();
        }
        let [time, due, gap, size, half, hits, flag] =
            std::array::from_fn(|index| format!("%{}", padding + index));
        write!(
            text,
            "{time}: f32 = read t
{due}: f32 = read due
{gap}: f32 = subtract {time}, {due}
{size}: f32 = math fabs {gap}
{half}: f32 = const 0.5
{hits}: bool = less {size}, {half}
{flag}: u8 = convert {hits}
emit events, {hits}
if {hits} {{
  write due, {size}
}} else {{
}}
write flag, {flag}
end"
        )
        .unwrap();
        let update: Kernel = text.parse().unwrap();
        let guard = guard(&update).unwrap();
        let both = then_sleep(&update, &sleep(&guard, SlotId(0), &[], 1.0).unwrap());
        verify(&both).unwrap_or_else(|error| panic!("{padding}: {error}\n{both}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// No lane is active while it sleeps, and none sleeps past the timestep that it waits for.
    #[test]
    fn lanes_are_idle_while_they_sleep(
        dt in prop::sample::select(vec![1.0f32, 0.5, 0.1, 0.01]),
        start in 0u32..3000,
        next in -10.0f32..40.0,
        back in prop::sample::select(vec![-1e30f32, -20.0, -3.3, 0.0, 2.5, 6.9, 7.0]),
        grid in any::<bool>(),
        flag in prop::sample::select(vec![0u64, 0, 0, 1]),
    ) {
        let on_grid = |value: f32| if grid { (value / dt).round() * dt } else { value };
        let values = [on_grid(next), if back > -100.0 { on_grid(back) } else { back }];
        let guard: Kernel = SLEEPING.parse().unwrap();
        let kernel = sleep(&guard, SlotId(0), &[], f64::from(dt)).unwrap();
        verify(&kernel).unwrap();
        let run = |kernel: &Kernel, step: u32, output: crate::types::Type| {
            let bind = |pattern, ty, value: u64| Binding {
                pattern,
                ty,
                contents: vec![value],
                offset: 0,
                indices: Vec::new(),
                length: 0,
                ring: crate::launch::Ring { slots: 1, current: 0, stride: 0 },
            };
            let last = match output {
                Bool => bind(Pattern::Whole, U32, 0),
                _ => bind(Pattern::Contiguous, U32, 0),
            };
            let slots = vec![
                bind(Pattern::Uniform, F32, f32_bits(step as f32 * dt)),
                bind(Pattern::Contiguous, F32, f32_bits(values[0])),
                bind(Pattern::Contiguous, F32, f32_bits(values[1])),
                bind(Pattern::Contiguous, U8, flag),
                last,
            ];
            let case = Case { kernel: kernel.clone(), lanes: 1, slots };
            case.run(&Interpreter).unwrap().contents[4][0]
        };
        let slept = run(&kernel, start, U32);
        prop_assert!(slept >= 1);
        for step in (start + 1..start + slept.min(5000) as u32).chain([start + 100_000]) {
            if u64::from(step) < u64::from(start) + slept {
                prop_assert_eq!(run(&guard, step, Bool), 0, "step {} of {}", step, slept);
            }
        }
        if slept > 2 && slept < 5000 {
            // Woken at most one timestep too early.
            let woken = start + slept as u32;
            prop_assert!((woken..=woken + 1).any(|step| run(&guard, step, Bool) != 0));
        }
    }

    #[test]
    fn idle_lanes_need_not_run(
        lanes in 0usize..600,
        seed in any::<u64>(),
        time in -2i32..3,
    ) {
        let kernel: Kernel = WAITING.parse().unwrap();
        let number = |lane: usize, salt: u64| {
            let mixed = (seed ^ salt).wrapping_add(lane as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed >> 40) as i32 % 4 - 1
        };
        let float = |value: i32| u64::from((value as f32).to_bits());
        let bind = |pattern, ty, contents: Vec<u64>| Binding {
            pattern,
            ty,
            length: contents.len(),
            contents,
            offset: 0,
            indices: Vec::new(),
            ring: crate::launch::Ring { slots: 1, current: 0, stride: 0 },
        };
        use crate::types::Type::{F32, I32, U8, U32};
        let each = |make: &dyn Fn(usize) -> u64| (0..lanes).map(make).collect::<Vec<_>>();
        let slots = vec![
            bind(Pattern::Uniform, F32, vec![float(time)]),
            bind(Pattern::Contiguous, F32, each(&|lane| float(number(lane, 1)))),
            bind(Pattern::Contiguous, U8, each(&|lane| u64::from(number(lane, 2) == 0))),
            bind(Pattern::Contiguous, I32, each(&|lane| number(lane, 3) as u32 as u64)),
            bind(Pattern::Whole, F32, vec![float(7), float(8), float(9)]),
            bind(Pattern::Whole, U32, vec![0; lanes.div_ceil(32)]),
        ];
        let (whole, guarded) = run_guarded(&Case { kernel, lanes, slots }).unwrap();
        prop_assert_eq!(whole, guarded);
    }

    #[test]
    fn idle_lanes_of_random_kernels_need_not_run(mut case in random_kernel()) {
        optimise(&mut case.kernel);
        if let Some((whole, guarded)) = run_guarded(&case) {
            prop_assert_eq!(whole, guarded);
        }
    }
}

/// Found at random: a sum that no lane adds to must not turn a negative zero into a positive one.
#[test]
fn unreached_sums_leave_negative_zeros() {
    let mut case = crate::testing::random_kernel_of(2289605004296268543, 15, 542);
    let expected = case.run(&Interpreter).unwrap();
    optimise(&mut case.kernel);
    assert_eq!(case.run(&Interpreter).unwrap(), expected);
}

//! Random kernels with branches, gathered variables and arrays, which become one function where
//! the machine has masks, against the interpreter, to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{first_difference, flushed};
use mlgenn_cpu::with_flush_to_zero;
use mlgenn_ir::Interpreter;
use mlgenn_ir::launch::{Fault, Pattern};
use mlgenn_ir::passes::optimise;
use mlgenn_ir::testing::{Case, Outcome, random_branches};

const LANES: [usize; 10] = [17, 0, 1, 15, 16, 33, 255, 256, 257, 700];

/// As many kernels as the environment variable `CASES` says; fails with the smallest kernel of the
/// first seed that does.
fn sweep(apart: bool, change: fn(Case) -> Case, compare: fn(&Case, bool) -> Option<String>) {
    let cases = std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(600);
    for seed in 0..cases {
        let size = (seed % 40) as usize;
        let lanes = LANES[(seed / 40) as usize % LANES.len()];
        let make = |size| change(random_branches(seed, size, lanes, apart));
        if compare(&make(size), apart).is_some() {
            let smaller = (0..=size).map(make).find(|case| compare(case, apart).is_some());
            let case = smaller.unwrap_or_else(|| make(size));
            panic!("seed {seed}: {:?}\n{case:?}", compare(&case, apart));
        }
    }
}

fn difference(case: &Case, apart: bool) -> Option<String> {
    let expected = case.run(&Interpreter).unwrap();
    first_difference(
        case,
        &expected,
        |executor| {
            let run = if apart { case.run_apart(executor) } else { case.run(executor) };
            run.unwrap()
        },
        |found| is_first_of_a_lane(case, &expected, found),
    )
}

fn difference_with_flush_to_zero(case: &Case, apart: bool) -> Option<String> {
    let case = flushed(case);
    with_flush_to_zero(|| difference(&case, apart))
}

/// Whether a fault may be reported where the interpreter has reported another one: which lanes come
/// first is not the same, but it has to be what goes wrong first in some lane.
fn is_first_of_a_lane(case: &Case, expected: &Outcome, found: Option<&Fault>) -> bool {
    let is_possible =
        |lane: usize| only(case, lane).run(&Interpreter).unwrap().fault.as_ref() == found;
    expected.fault.is_some() && found.is_some() && (0..case.lanes).any(is_possible)
}

/// The same for one lane.
fn only(case: &Case, lane: usize) -> Case {
    let mut case = case.clone();
    for binding in &mut case.slots {
        match binding.pattern {
            Pattern::Contiguous => binding.offset += lane,
            Pattern::Gather => binding.indices = vec![binding.indices[lane]],
            Pattern::Uniform | Pattern::Whole => {}
        }
    }
    case.lanes = 1;
    case
}

fn as_it_is(case: Case) -> Case {
    case
}

/// Passes leave other combinations of operations behind.
fn optimised(mut case: Case) -> Case {
    optimise(&mut case.kernel);
    case
}

#[test]
fn that_read_others() {
    sweep(false, as_it_is, difference);
}

#[test]
fn whose_lanes_are_apart() {
    sweep(true, as_it_is, difference);
}

#[test]
fn with_denormal_numbers_as_zeros() {
    sweep(true, as_it_is, difference_with_flush_to_zero);
}

#[test]
fn after_the_passes() {
    sweep(true, optimised, difference);
}

//! Random kernels on every instruction set against the interpreter, to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{difference, difference_with_flush_to_zero};
use mlgenn_ir::passes::optimise;
use mlgenn_ir::testing::{Case, random_kernel, random_kernel_of};
use proptest::prelude::*;

const LANES: [usize; 16] = [0, 1, 7, 15, 16, 17, 31, 33, 64, 100, 255, 256, 257, 300, 513, 700];

/// As many kernels as the environment variable `CASES` says; fails with the smallest kernel of the
/// first seed that does.
fn sweep(change: fn(Case) -> Case, compare: fn(&Case) -> Option<String>) {
    let cases = std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1000);
    for seed in 0..cases {
        let size = (seed % 50) as usize;
        let lanes = LANES[(seed / 50) as usize % LANES.len()];
        let make = |size| change(random_kernel_of(seed, size, lanes));
        if compare(&make(size)).is_some() {
            let smaller = (0..=size).map(make).find(|case| compare(case).is_some());
            let case = smaller.unwrap_or_else(|| make(size));
            panic!("seed {seed}, {lanes} lanes: {:?}\n{}", compare(&case), case.kernel);
        }
    }
}

#[test]
fn as_they_are() {
    sweep(|case| case, difference);
}

#[test]
fn with_flush_to_zero() {
    sweep(|case| case, difference_with_flush_to_zero);
}

/// Passes leave other combinations of operations behind.
#[test]
fn after_the_passes() {
    let optimised = |mut case: Case| {
        optimise(&mut case.kernel);
        case
    };
    sweep(optimised, difference);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn of_any_seed(case in random_kernel()) {
        prop_assert_eq!(difference(&case), None, "{}", case.kernel);
    }
}

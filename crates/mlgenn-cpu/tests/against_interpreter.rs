//! Every instruction set against the interpreter, to the bit.

use mlgenn_cpu::{BlockExecutor, Level};
use mlgenn_ir::Interpreter;
use mlgenn_ir::testing::{Case, random_kernel_of};

fn executors() -> Vec<BlockExecutor> {
    Level::available().into_iter().filter_map(BlockExecutor::with_level).collect()
}

/// Whether all executors do what the interpreter does; the first difference if not.
fn difference(case: &Case) -> Option<String> {
    let expected = case.run(&Interpreter).unwrap();
    for executor in executors() {
        let found = case.run(&executor).unwrap();
        if found == expected {
            continue;
        }
        let level = executor.level().name();
        if found.fault != expected.fault {
            return Some(format!("{level}: {:?}, not {:?}", found.fault, expected.fault));
        }
        for (slot, (found, expected)) in found.contents.iter().zip(&expected.contents).enumerate() {
            if let Some(at) = (0..found.len()).find(|&at| found[at] != expected[at]) {
                return Some(format!(
                    "{level}: slot {slot} element {at}: {:#x}, not {:#x}",
                    found[at], expected[at]
                ));
            }
        }
    }
    None
}

#[test]
fn random_kernels() {
    let cases: u64 = std::env::var("CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1500);
    for seed in 0..cases {
        let size = (seed % 50) as usize;
        let lanes = [0, 1, 7, 15, 16, 17, 31, 33, 64, 100, 255, 256, 257, 300, 513, 700]
            [(seed / 50 % 16) as usize];
        let case = random_kernel_of(seed, size, lanes);
        if difference(&case).is_some() {
            // A smaller kernel of the same seed is easier to read.
            let small = (0..=size).map(|size| random_kernel_of(seed, size, lanes));
            let small = small.into_iter().find(|case| difference(case).is_some()).unwrap();
            panic!("seed {seed}: {}\n{}", difference(&small).unwrap(), small.kernel);
        }
    }
}

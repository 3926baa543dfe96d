//! Comparison of all instruction sets with the interpreter.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test uses some of it")]

use mlgenn_cpu::{BlockExecutor, Level, with_flush_to_zero};
use mlgenn_ir::launch::{Fault, Pattern, Ring};
use mlgenn_ir::testing::{Binding, Case, Outcome};
use mlgenn_ir::{Domain, Interpreter, Op, Region, SlotKind, Type};

/// For each instruction set of this machine, with and without machine code.
pub(crate) fn executors() -> Vec<BlockExecutor> {
    let levels = Level::available().into_iter().filter_map(BlockExecutor::with_level);
    levels.flat_map(|executor| [true, false].map(|native| executor.with_native(native))).collect()
}

/// The first difference between what the executors and what the interpreter does.
pub(crate) fn difference(case: &Case) -> Option<String> {
    let expected = case.run(&Interpreter).unwrap();
    first_difference(case, &expected, |executor| case.run(executor).unwrap(), |_| false)
}

/// The first difference between what was expected and what the executors do if they `run` a case.
/// `excuses` says which other faults are as good as the expected one.
pub(crate) fn first_difference(
    case: &Case,
    expected: &Outcome,
    run: impl Fn(&BlockExecutor) -> Outcome,
    excuses: impl Fn(Option<&Fault>) -> bool,
) -> Option<String> {
    for executor in executors() {
        let found = run(&executor);
        let level = format!("{executor:?}");
        if found.fault != expected.fault && !excuses(found.fault.as_ref()) {
            return Some(format!("{level}: {:?}, not {:?}", found.fault, expected.fault));
        }
        for (slot, (found, expected)) in found.contents.iter().zip(&expected.contents).enumerate() {
            if let Some(at) = (0..found.len()).find(|&at| found[at] != expected[at]) {
                let name = &case.kernel.slots[slot].name;
                let before = case.slots[slot].contents[at];
                return Some(format!(
                    "{level}: {name}[{at}] is {:#x}, not {:#x}; it was {before:#x}",
                    found[at], expected[at]
                ));
            }
        }
    }
    None
}

/// The same with denormal numbers as zeros.
pub(crate) fn difference_with_flush_to_zero(case: &Case) -> Option<String> {
    let case = flushed(case);
    with_flush_to_zero(|| difference(&case))
}

/// The same case without denormal numbers in memory or among the constants: what compilers make of
/// scalar code may or may not take such a number as zero.
pub(crate) fn flushed(case: &Case) -> Case {
    let mut case = case.clone();
    for slot in &mut case.slots {
        slot.contents.iter_mut().for_each(|bits| flush(slot.ty, bits));
    }
    flush_constants(&mut case.kernel.body, &case.kernel.values);
    case
}

fn flush(ty: Type, bits: &mut u64) {
    let denormal = match ty {
        Type::F32 => f32::from_bits(*bits as u32).is_subnormal(),
        Type::F64 => f64::from_bits(*bits).is_subnormal(),
        _ => false,
    };
    if denormal {
        *bits = 0;
    }
}

fn flush_constants(region: &mut Region, types: &[Type]) {
    for instruction in &mut region.instructions {
        if let (Op::Const(bits), Some(value)) = (&mut instruction.op, instruction.results.first()) {
            flush(types[value.0 as usize], bits);
        }
        for region in instruction.op.regions_mut().into_iter().flatten() {
            flush_constants(region, types);
        }
    }
}

/// A variable per neuron.
pub(crate) fn variable(writable: bool) -> SlotKind {
    SlotKind::Variable { domain: Domain::Neuron, writable }
}

/// Memory for a slot.
pub(crate) fn binding(pattern: Pattern, ty: Type, contents: Vec<u64>) -> Binding {
    Binding {
        pattern,
        ty,
        offset: 0,
        indices: Vec::new(),
        length: contents.len(),
        contents,
        ring: Ring { slots: 1, current: 0, stride: 0 },
    }
}

//! Comparison of emitted text with the interpreter.

use std::sync::Mutex;

use mlgenn_cuda::testing::{HostError, HostPrograms};
use mlgenn_ir::launch::{AddRows, Executor, Pattern, Program};
use mlgenn_ir::testing::{Case, Outcome};
use mlgenn_ir::{Interpreter, Kernel};

/// Hands out one program that exists already.
pub(crate) struct Ready(Mutex<Option<Box<dyn Program>>>);

impl Ready {
    pub(crate) fn new(program: Box<dyn Program>) -> Self {
        Self(Mutex::new(Some(program)))
    }
}

impl Executor for Ready {
    fn compile(&self, _: &Kernel, _: &[Pattern]) -> Box<dyn Program> {
        self.0.lock().unwrap().take().unwrap()
    }

    fn name(&self) -> &'static str {
        "host"
    }

    fn add_rows(&self, _: &AddRows<'_>) {}
}

pub(crate) fn patterns(case: &Case) -> Vec<Pattern> {
    case.slots.iter().map(|slot| slot.pattern).collect()
}

/// Compile kernels together; `None` without a compiler, if `MLGENN_NO_CXX` says that there is none.
pub(crate) fn compile(kernels: Vec<(Kernel, Vec<Pattern>)>) -> Option<HostPrograms> {
    match HostPrograms::new(kernels) {
        Err(HostError::NoCompiler(error)) if std::env::var_os("MLGENN_NO_CXX").is_some() => {
            println!("skipped: {error}");
            None
        }
        programs => Some(programs.unwrap()),
    }
}

/// Compile all cases together and compare each with the interpreter. Returns how many ran to
/// their end.
pub(crate) fn compare(cases: &[Case]) -> usize {
    let kernels = cases.iter().map(|case| (case.kernel.clone(), patterns(case))).collect();
    let Some(programs) = compile(kernels) else { return usize::MAX };
    let mut ran = 0;
    for (case, program) in cases.iter().zip(programs.programs()) {
        let expected = case.run(&Interpreter).unwrap();
        let outcome = case.run(&Ready::new(program)).unwrap();
        // After a fault, how far other lanes got is not defined, nor which fault was the first.
        if case.lanes <= 1 {
            assert_eq!(outcome.fault, expected.fault, "{}", case.kernel);
        }
        assert_eq!(outcome.fault.is_some(), expected.fault.is_some(), "{}", case.kernel);
        if expected.fault.is_none() {
            assert_eq!(difference(case, &outcome, &expected), None, "{}", case.kernel);
            ran += 1;
        }
    }
    ran
}

/// The first element that differs.
fn difference(case: &Case, found: &Outcome, expected: &Outcome) -> Option<String> {
    let slots = found.contents.iter().zip(&expected.contents).enumerate();
    slots.into_iter().find_map(|(slot, (found, expected))| {
        let at = (0..found.len()).find(|&at| found[at] != expected[at])?;
        let name = &case.kernel.slots[slot].name;
        Some(format!("{name}[{at}] is {:#x}, not {:#x}", found[at], expected[at]))
    })
}

//! What tests of executors share: launches with their memory ([`Case`]), random ones
//! ([`random_kernel`], [`random_branches`]), ones of every operation ([`operation_cases`]) and ones in text files
//! ([`filetest`]). Behind the feature `testing`.

pub mod filetest;
mod generate;
mod operations;

pub use operations::operation_cases;
use proptest::strategy::Strategy;

use crate::buffer::{AllocationError, Buffer};
use crate::kernel::Kernel;
use crate::launch::{Executor, Fault, Launch, Operand, Pattern, Program, Ring, Watch};
use crate::types::Type;

/// A kernel and everything that a launch of it needs. Its debug form leaves the memory out.
#[derive(Clone, PartialEq)]
pub struct Case {
    /// The kernel.
    pub kernel: Kernel,
    /// Number of lanes.
    pub lanes: usize,
    /// What each slot is bound to; no two share memory.
    pub slots: Vec<Binding>,
}

/// What a slot is bound to, and the contents of its memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// How lanes map to elements.
    pub pattern: Pattern,
    /// Type of the elements: that of the slot, or `u32` for events.
    pub ty: Type,
    /// Bits of all elements of the buffer.
    pub contents: Vec<u64>,
    /// As in [`Operand`].
    pub offset: usize,
    /// As in [`Operand`].
    pub indices: Vec<u32>,
    /// As in [`Operand`].
    pub length: usize,
    /// As in [`Operand`].
    pub ring: Ring,
}

/// What a launch left behind. Its debug form shows the first elements.
#[derive(Clone, PartialEq)]
pub struct Outcome {
    /// Contents of the memory of each slot; all NaNs of a type have the same bits here.
    pub contents: Vec<Vec<u64>>,
    /// The first fault.
    pub fault: Option<Fault>,
}

impl Case {
    /// Run the kernel on fresh memory. Fails if there is not enough memory.
    pub fn run(&self, executor: &dyn Executor) -> Result<Outcome, AllocationError> {
        self.run_program(&*executor.compile(&self.kernel, &self.patterns()))
    }

    /// Run the kernel, whose lanes must be apart, on fresh memory, see
    /// [`Executor::compile_apart`]. Fails if there is not enough memory.
    pub fn run_apart(&self, executor: &dyn Executor) -> Result<Outcome, AllocationError> {
        self.run_program(&*executor.compile_apart(&self.kernel, &self.patterns()))
    }

    /// How lanes map to the elements of each slot.
    pub fn patterns(&self) -> Vec<Pattern> {
        self.slots.iter().map(|binding| binding.pattern).collect()
    }

    fn run_program(&self, program: &dyn Program) -> Result<Outcome, AllocationError> {
        let mut buffers = Vec::new();
        for binding in &self.slots {
            let buffer = Buffer::new(binding.ty, binding.contents.len())?;
            for (i, &bits) in binding.contents.iter().enumerate() {
                buffer.store(i, bits);
            }
            buffers.push(buffer);
        }
        let operands: Vec<_> = self
            .slots
            .iter()
            .zip(&buffers)
            .map(|(binding, buffer)| Operand {
                buffer,
                offset: binding.offset,
                indices: &binding.indices,
                length: binding.length,
                ring: binding.ring,
            })
            .collect();
        let watch = Watch::new();
        program.launch(&Launch { lanes: self.lanes, operands: &operands, watch: &watch });
        let contents = |buffer: &Buffer| {
            let bits = (0..buffer.len()).filter_map(|i| buffer.load(i));
            bits.map(|bits| one_nan(buffer.ty(), bits)).collect()
        };
        Ok(Outcome { contents: buffers.iter().map(contents).collect(), fault: watch.take_fault() })
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let patterns = self.patterns();
        writeln!(f, "{} lanes, patterns {patterns:?}\n{}", self.lanes, self.kernel)
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fault: {:?}", self.fault)?;
        for (i, contents) in self.contents.iter().enumerate() {
            let shown = &contents[..contents.len().min(40)];
            write!(f, "\nslot {i}: {shown:x?}")?;
        }
        Ok(())
    }
}

/// The same bits for every NaN.
fn one_nan(ty: Type, bits: u64) -> u64 {
    match ty {
        Type::F32 if f32::from_bits(bits as u32).is_nan() => 0x7fc0_0000,
        Type::F64 if f64::from_bits(bits).is_nan() => 0x7ff8_0000_0000_0000,
        _ => bits,
    }
}

/// Random kernels that pass the verifier, with random memory: all operations but `Print`, control
/// flow, all patterns, rings, arrays mostly in range.
///
/// Loops end after a few passes. Smaller kernels come out of shrinking.
pub fn random_kernel() -> impl Strategy<Value = Case> {
    use proptest::prelude::any;
    (any::<u64>().no_shrink(), 0usize..60, 0usize..700)
        .prop_map(|(seed, size, lanes)| generate::case(seed, size, lanes))
}

/// The random kernel of that seed with about `size` instructions, for benchmarks and for
/// reproducing a failure.
pub fn random_kernel_of(seed: u64, size: usize, lanes: usize) -> Case {
    generate::case(seed, size, lanes)
}

/// The random kernel of that seed with about `size` instructions and branches in branches, of
/// operations on at most 32 bits alone: what can become one function. If `apart`, lanes write to
/// arrays and gathered variables, too, at elements of their own.
pub fn random_branches(seed: u64, size: usize, lanes: usize, apart: bool) -> Case {
    generate::branches::case(seed, size, lanes, apart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpret::Interpreter;
    use crate::op::Op;
    use crate::verify::verify;

    /// Run a case, which must be valid.
    fn run(case: &Case) -> Outcome {
        verify(&case.kernel).unwrap();
        let outcome = case.run(&Interpreter).unwrap();
        let is_bad = matches!(outcome.fault, Some(Fault::OperandOutOfRange { .. }));
        assert!(!is_bad, "{:?}", outcome.fault);
        outcome
    }

    /// Random kernels are valid, and most of them run to the end.
    #[test]
    fn random_kernels_are_valid_and_run() {
        let (mut runs, mut changes) = (0, 0);
        for seed in 0..400 {
            let case = random_kernel_of(seed, 40, seed as usize % 300);
            let outcome = run(&case);
            runs += usize::from(outcome.fault.is_none());
            let before = case.slots.iter().map(|slot| &slot.contents);
            changes += usize::from(!before.eq(outcome.contents.iter()));
            assert_eq!(case.run(&Interpreter).unwrap(), outcome);
        }
        assert!(runs > 200 && changes > 300, "{runs} without fault, {changes} with changes");
    }

    /// Those with branches as well.
    #[test]
    fn random_branches_are_valid_and_run() {
        let (mut runs, mut branches) = (0, 0);
        for seed in 0..400 {
            let case = random_branches(seed, 30, seed as usize % 300, seed % 2 == 0);
            let outcome = run(&case);
            runs += usize::from(outcome.fault.is_none());
            let mut has_branch = false;
            case.kernel.body.for_each_op(&mut |op| has_branch |= matches!(op, Op::If { .. }));
            branches += usize::from(has_branch);
        }
        assert!(runs > 200 && branches > 350, "{runs} without fault, {branches} with branches");
    }

    /// Every operation but `Print` occurs.
    #[test]
    fn random_kernels_have_all_operations() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let kernel = random_kernel_of(seed, 40, 1).kernel;
            kernel.body.for_each_instruction(&mut |instruction| {
                let text = format!("{:?}", instruction.op);
                let name = text.split(|c: char| !c.is_alphanumeric()).next();
                seen.insert(name.unwrap_or_default().to_owned());
            });
        }
        assert_eq!(seen.len(), 24, "{seen:?}");
    }
}

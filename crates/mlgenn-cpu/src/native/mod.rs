//! Machine code for the straight parts of tapes.
//!
//! A *run* is a stretch of consecutive steps that are operations on vectors with 32 bits per lane,
//! loads and stores included. One machine-code function does all of them for one vector of lanes
//! after the other, which keeps what one step hands to the next in vector registers. Everything
//! else (branches, loops, arrays, random numbers, 64-bit lanes) stays a step of its own.
//!
//! The way from steps to code: [`run`] reads steps into a [`graph`] (operations are recorded by
//! running their definition for vector units on a vector unit that takes notes, [`record`]), and
//! [`emit`] writes the graph down with the instructions of [`isa`] and the registers of
//! [`registers`]; [`assembler`] encodes them, [`memory`] makes them executable.
//!
//! The same operations are done in the same order, so results are those of the steps to the bit
//! (the bits of NaNs apart). Where there is no machine code, on other architectures or because the
//! system does not allow it, steps do everything.

mod assembler;
mod emit;
mod graph;
mod isa;
mod memory;
mod record;
mod registers;
mod run;

use assembler::Assembler;
use emit::{SpillArea, emit};
use isa::Isa;
pub(crate) use memory::{Code, Function};
pub(crate) use run::Live;
use run::Run;

use crate::simd::Level;
use crate::tape::{BlockProgram, Kind, Step};

/// The machine code of a program, while it is written.
pub(crate) struct Compiler {
    isa: Isa,
    level: Level,
    assembler: Assembler,
    /// Where the functions of runs start.
    entries: Vec<usize>,
}

impl Compiler {
    /// `None` if there is no machine code for the vector unit.
    pub(crate) fn new(level: Level) -> Option<Self> {
        let isa = Isa::of(level)?;
        Some(Self { isa, level, assembler: Assembler::new(), entries: Vec::new() })
    }

    /// Replace the runs of a tape. `packed` says whether its lanes are packed in a branch or loop;
    /// of the registers, those that are `live` are used behind it.
    pub(crate) fn compile(
        &mut self,
        program: &mut BlockProgram,
        tape: &[(Step, Kind)],
        packed: bool,
        mut live: Live,
    ) -> Vec<Step> {
        // Which registers are live behind each step.
        let mut behind = Vec::with_capacity(tape.len());
        for (step, kind) in tape.iter().rev() {
            behind.push(live.clone());
            live.step_back(program, step, *kind);
        }
        behind.reverse();
        let mut steps = Vec::new();
        let mut at = 0;
        while at < tape.len() {
            let mut run = Run::new(self.isa.has_masks());
            let rest = tape[at..].iter();
            let length =
                rest.take_while(|(step, kind)| run.add(program, step, *kind, packed)).count();
            let native = (length > 0).then(|| {
                let graph = run.finish(&behind[at + length - 1]);
                self.function(program, &graph)
            });
            match native.flatten() {
                Some(step) => steps.push(step),
                None => steps.extend(tape[at..at + length.max(1)].iter().map(|(step, _)| *step)),
            }
            at += length.max(1);
        }
        steps
    }

    /// The step that does what a graph says.
    fn function(&mut self, program: &mut BlockProgram, graph: &graph::Graph) -> Option<Step> {
        let mut spills = SpillArea { start: program.uniform_bytes, bytes: 0 };
        let entry = emit(&mut self.assembler, self.isa, graph, &mut spills)?;
        program.uniform_bytes += spills.bytes;
        let immediate = self.entries.len() as u32;
        self.entries.push(entry);
        Kind::Native.step(self.level).map(|run| Step { immediate, ..Step::nothing(run) })
    }

    /// The code of all runs, if there are any; an error if the system does not let us run it.
    pub(crate) fn finish(self) -> Result<Option<Code>, NotExecutable> {
        if self.entries.is_empty() {
            return Ok(None);
        }
        let code = self.assembler.finish().and_then(|bytes| Code::new(&bytes, self.entries));
        code.map(Some).ok_or(NotExecutable)
    }
}

/// The system does not let us run code that we have written.
#[derive(Debug)]
pub(crate) struct NotExecutable;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use mlgenn_ir::Kernel;
    use mlgenn_ir::launch::Pattern;

    use crate::simd::Level;
    use crate::tape::{Options, assemble};

    /// Results would be right without machine code, too: see that there is some.
    #[test]
    fn straight_kernels_are_one_function() {
        let kernel: Kernel = "
kernel \"lif\"
slot v: f32 variable neuron writable
slot flag: u8 variable neuron writable
slot alpha: f32 variable launch
slot out: f32 accumulator pre
slot spikes: bool events
begin
  %0: f32 = read v
  %1: f32 = read alpha
  %2: u8 = read flag
  %3: f32 = const 1.0
  %4: f32 = add %1, %3
  %5: f32 = multiply %0, %4
  %6: bool = convert %2
  %7: f32 = math exp %5
  %8: f32 = select %6, %7, %5
  %9: bool = greater_equal %8, %3
  emit spikes, %9
  write v, %8
  %10: u8 = convert %9
  write flag, %10
  accumulate out, %8
end
"
        .parse()
        .unwrap();
        let patterns = [
            Pattern::Contiguous,
            Pattern::Contiguous,
            Pattern::Uniform,
            Pattern::Uniform,
            Pattern::Whole,
        ];
        for level in Level::available() {
            let compile = |native| {
                let options = Options { shared_memory: false, native };
                assemble(&kernel, &patterns, level, options)
            };
            assert!(compile(false).native.is_none());
            let program = compile(true);
            match level {
                Level::Avx512 => {
                    assert!(program.native.is_some());
                    assert_eq!((program.prologue.len(), program.steps.len()), (1, 1));
                }
                Level::Avx2 => {
                    // Narrow stores and sums are steps of their own.
                    assert!(program.native.is_some());
                    assert!(program.steps.len() <= 4, "{}", program.steps.len());
                }
                Level::Baseline | Level::Portable => assert!(program.native.is_none()),
            }
        }
    }
}

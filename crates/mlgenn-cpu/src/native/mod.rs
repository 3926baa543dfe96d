//! Machine code for the straight parts of tapes.
//!
//! A *run* is a stretch of consecutive steps that are operations on vectors with 32 bits per lane,
//! loads and stores included. One machine-code function does all of them for one vector of lanes
//! after the other, which keeps what one step hands to the next in vector registers. Everything
//! else (branches, loops, arrays, random numbers, 64-bit lanes) stays a step of its own.
//!
//! Where the vector unit has masks, a whole kernel with branches can become one function
//! ([`whole`]).
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
mod whole;

use assembler::Assembler;
use emit::{SpillArea, emit};
use isa::Isa;
pub(crate) use memory::{Code, Function};
pub(crate) use run::Live;
use run::Run;

use std::ops::Range;

use mlgenn_ir::Kernel;
use mlgenn_ir::launch::{BLOCK_LANES, Pattern};

use crate::simd::Level;
use crate::tape::{BlockProgram, Kind, Operand, Step, register_range};

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
    /// of the registers, those that are `live` are used behind it. Also whether there is anything
    /// left that has to be done block by block.
    pub(crate) fn compile(
        &mut self,
        program: &mut BlockProgram,
        tape: &[(Step, Kind)],
        packed: bool,
        mut live: Live,
    ) -> (Vec<Step>, bool) {
        let mut parts = self.cut(program, tape, packed);
        hand_over_conditions(program, tape, &mut parts);
        // From the end on: what is asked for behind a part decides what it has to store.
        let mut steps = Vec::new();
        let mut needs_blocks = parts.len() != 1;
        for part in parts.into_iter().rev() {
            let range = part.range;
            let behind = live.clone();
            for (step, kind) in tape[range.clone()].iter().rev() {
                live.step_back(program, step, *kind);
            }
            match part.run {
                Some(run) => {
                    let graph = run.finish(&behind);
                    needs_blocks |= graph.uses(Operand::REGISTERS);
                    steps.extend(self.function(program, &graph));
                }
                None => {
                    needs_blocks = true;
                    steps.push(tape[range.start].0);
                }
            }
        }
        steps.reverse();
        (steps, needs_blocks)
    }

    /// One step for all of the kernel of a program, if it has branches and machine code can do it.
    pub(crate) fn compile_whole(
        &mut self,
        (kernel, patterns): (&Kernel, &[Pattern]),
        apart: bool,
        program: &mut BlockProgram,
    ) -> Option<Vec<Step>> {
        if !self.isa.has_masks() || !whole::has_branches(kernel, patterns) {
            return None;
        }
        let graph = whole::graph(kernel, patterns, apart, program)?;
        Some(self.function(program, &graph).into_iter().collect())
    }

    /// Cut a tape into runs and steps that are not part of one.
    fn cut(&self, program: &BlockProgram, tape: &[(Step, Kind)], packed: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut start = 0;
        while start < tape.len() {
            let mut run = Run::new(self.isa.has_masks());
            let rest = tape[start..].iter();
            let length =
                rest.take_while(|(step, kind)| run.add(program, step, *kind, packed)).count();
            let end = start + length.max(1);
            parts.push(Part { range: start..end, run: (length > 0).then_some(run) });
            start = end;
        }
        parts
    }

    /// The step that does what a graph says; none if it has no effect.
    fn function(&mut self, program: &mut BlockProgram, graph: &graph::Graph) -> Option<Step> {
        if graph.is_idle() {
            return None;
        }
        let mut spills = SpillArea { start: program.uniform_bytes, bytes: 0 };
        let report = program.arrays.as_ref().map_or(0, |arrays| arrays.report);
        let Some(entry) = emit(&mut self.assembler, self.isa, graph, &mut spills, report) else {
            self.assembler.fail();
            return None;
        };
        program.uniform_bytes += spills.bytes;
        let immediate = self.entries.len() as u32;
        self.entries.push(entry);
        Kind::Native.step(self.level).map(|run| Step { immediate, ..Step::nothing(run) })
    }

    /// The code of all runs, if there are any; an error if there is no way to run it.
    pub(crate) fn finish(self) -> Result<Option<Code>, NotExecutable> {
        let bytes = self.assembler.finish().ok_or(NotExecutable)?;
        if self.entries.is_empty() {
            return Ok(None);
        }
        Code::new(&bytes, self.entries).map(Some).ok_or(NotExecutable)
    }
}

/// Steps of a tape: a run, or a step that is not part of one.
struct Part {
    range: Range<usize>,
    run: Option<Run>,
}

/// Let runs hand the conditions of branches over as bits, which are quick to look through.
fn hand_over_conditions(program: &mut BlockProgram, tape: &[(Step, Kind)], parts: &mut [Part]) {
    for at in 0..parts.len() {
        let (step, kind) = tape[parts[at].range.start];
        if kind != Kind::Branch {
            continue;
        }
        let branch = step.immediate as usize;
        let condition = program.branches[branch].condition;
        let before = parts[..at].iter_mut().rev();
        let last = before.take_while(|part| {
            part.run.is_some() || { !may_write(program, tape[part.range.start], condition) }
        });
        let bits = last.filter_map(|part| part.run.as_mut()).find_map(|run| {
            run.writes(condition).then(|| run.bits(condition, program.uniform_bytes))
        });
        if let Some(bits) = bits {
            if bits.offset as usize == program.uniform_bytes {
                program.uniform_bytes += CONDITION_BYTES;
            }
            program.branches[branch].bits = Some(bits);
        }
    }
}

/// Bytes for the bits of a condition.
const CONDITION_BYTES: usize = 64;
const _: () = assert!(BLOCK_LANES / 8 <= CONDITION_BYTES);

/// Whether a step that is not part of a run may write to a register.
fn may_write(program: &BlockProgram, (step, kind): (Step, Kind), register: Operand) -> bool {
    let overlaps =
        |to: Operand| register_range(to).any(|number| register_range(register).contains(&number));
    let index = step.immediate as usize;
    match kind {
        Kind::Branch => program.branches[index].results.iter().any(|pack| overlaps(pack.to)),
        Kind::Loop => program.loops[index].results.iter().any(|pack| overlaps(pack.to)),
        _ => overlaps(step.d),
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
    use mlgenn_ir::testing::random_branches;

    use super::Compiler;
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
                let options = Options { shared_memory: false, native, apart: false };
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

    /// The same for random kernels with branches, most of which there is machine code for.
    #[test]
    fn most_kernels_with_branches_are_one_function() {
        if !Level::available().contains(&Level::Avx512) {
            return;
        }
        for apart in [false, true] {
            let (mut all, mut whole) = (0, 0);
            for seed in 0..200 {
                let case = random_branches(seed, 10 + seed as usize % 30, 16, apart);
                let patterns = case.patterns();
                if super::whole::has_branches(&case.kernel, &patterns) {
                    let options = Options { shared_memory: false, native: true, apart };
                    let program = assemble(&case.kernel, &patterns, Level::Avx512, options);
                    all += 1;
                    whole += usize::from(program.steps.len() == 1 && !program.has_blocks);
                }
            }
            assert!(all > 150 && whole * 10 > all * 9, "{whole} of {all}, {apart}");
        }
    }

    /// The tape is then compiled again, without machine code.
    #[test]
    fn mistakes_are_no_code() {
        let mut compiler = Compiler::new(Level::Avx512).unwrap();
        compiler.assembler.put(iced_x86::Code::INVALID, &[]);
        assert!(compiler.finish().is_err());
        assert!(Compiler::new(Level::Avx2).unwrap().finish().is_ok_and(|code| code.is_none()));
    }
}

//! From a kernel to a tape.

mod frames;
mod fuse;
mod operations;
mod places;

use std::collections::HashMap;

use mlgenn_ir::launch::{BLOCK_LANES, Pattern};
use mlgenn_ir::{Instruction, Kernel, Op, Region, SlotId, SlotKind, Type, Value};

use super::analysis::{Analysis, reads_for_branches, uses};
use super::program::{BlockProgram, Branch, Constant, Detail, DetailKind, LoopPlan, Pack};
use super::registers::Registers;
use super::schedule::schedule;
use super::select::Kind;
use super::{Operand, Step};
#[cfg(target_arch = "x86_64")]
use crate::native::{Compiler, Live};
use crate::simd::Level;
use places::narrow_indices;

/// How a kernel is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Whether writable slots may be bound to the same memory.
    pub(crate) shared_memory: bool,
    /// Whether to make machine code of what can be.
    pub(crate) native: bool,
    /// Whether lanes touch no elements that other lanes touch, of arrays that are stored to and of
    /// variables of neurons.
    pub(crate) apart: bool,
}

impl Options {
    /// For launches whose slots share memory.
    pub(crate) fn careful() -> Self {
        Self { shared_memory: true, native: false, apart: false }
    }
}

/// Compile a kernel.
pub(crate) fn assemble(
    original: &Kernel,
    patterns: &[Pattern],
    level: Level,
    options: Options,
) -> BlockProgram {
    let Options { shared_memory, native, apart } = options;
    #[cfg(target_arch = "x86_64")]
    if native
        && !shared_memory
        && let Some(program) = assemble_whole(original, patterns, level, apart)
    {
        return program;
    }
    let scheduled = if shared_memory { original.clone() } else { schedule(original, patterns) };
    let kernel = &scheduled;
    let analysis = Analysis::new(kernel, patterns, shared_memory);
    let mut assembler = Assembler {
        kernel,
        patterns,
        registers: Registers::default(),
        places: HashMap::new(),
        position: 0,
        regions: 0,
        home: 0,
        depth: 0,
        steps: Vec::new(),
        made: Vec::new(),
        prologue_kinds: Vec::new(),
        #[cfg(target_arch = "x86_64")]
        native: native.then(|| Compiler::new(level)).flatten(),
        narrow: narrow_indices(kernel, &analysis),
        deferred: reads_for_branches(kernel, patterns, shared_memory),
        analysis,
        program: BlockProgram::new(kernel, patterns, level, shared_memory),
    };
    assembler.region(&kernel.body);
    assembler.push_broadcasts();
    let steps = assembler.finish_tape(Some(&[]));
    #[cfg(target_arch = "x86_64")]
    if !assembler.finish_native() {
        return assemble(original, patterns, level, Options { native: false, ..options });
    }
    let Assembler { mut program, registers, .. } = assembler;
    program.steps = steps;
    program.register_bytes = registers.bytes();
    for slot in kernel.slot_ids() {
        let base = Operand::SLOTS as usize + slot.0 as usize;
        if kernel.slot(slot).kind == SlotKind::Events {
            program.advances.push((base, BLOCK_LANES / 32 * 4));
        } else if patterns[slot.0 as usize] == Pattern::Contiguous {
            program.advances.push((base, BLOCK_LANES * kernel.slot(slot).ty.bytes()));
        }
    }
    program
}

/// A kernel with branches as one function, if there is machine code for all of it.
#[cfg(target_arch = "x86_64")]
fn assemble_whole(
    kernel: &Kernel,
    patterns: &[Pattern],
    level: Level,
    apart: bool,
) -> Option<BlockProgram> {
    let mut program = BlockProgram::new(kernel, patterns, level, false);
    let mut compiler = Compiler::new(level)?;
    program.steps = compiler.compile_whole((kernel, patterns), apart, &mut program)?;
    program.native = compiler.finish().ok()?;
    program.has_blocks = false;
    Some(program)
}

/// What a step of the tape does, for fusing it with a later one.
#[derive(Clone, Copy, Debug)]
struct Made {
    kind: Kind,
    /// The value that it computes.
    result: Option<Value>,
}

struct Assembler<'a> {
    kernel: &'a Kernel,
    patterns: &'a [Pattern],
    analysis: Analysis,
    /// Types of `i64` values that are kept in 32 bits.
    narrow: HashMap<Value, Type>,
    /// Values that are read where branches begin.
    deferred: HashMap<Value, SlotId>,
    registers: Registers,
    /// Where values are, in the current frame.
    places: HashMap<Value, Operand>,
    /// Position of the current instruction in the order of the text.
    position: usize,
    /// Number of regions so far, and that of the current one.
    regions: usize,
    home: usize,
    /// How many frames of packed lanes are around.
    depth: usize,
    /// The tape that is being made.
    steps: Vec<Step>,
    /// What the steps of the tape do.
    made: Vec<Made>,
    /// What the steps of the prologue do.
    prologue_kinds: Vec<Kind>,
    /// Makes machine code, if that is wanted.
    #[cfg(target_arch = "x86_64")]
    native: Option<Compiler>,
    program: BlockProgram,
}

/// Whether lanes of that type have 64 bits.
fn is_wide(ty: Type) -> bool {
    ty.bytes() == 8
}

impl Assembler<'_> {
    fn ty(&self, value: Value) -> Type {
        self.kernel.value_type(value)
    }

    fn place(&self, value: Value) -> Operand {
        // The verifier has checked that values are defined before they are used.
        self.places.get(&value).copied().unwrap_or_default()
    }

    fn step_of(&self, kind: Kind) -> Option<super::StepFn> {
        kind.step(self.program.level)
    }

    /// Append a step to the tape, or to the prologue if all lanes share its result.
    fn push(&mut self, kind: Kind, d: Operand, sources: &[Operand], immediate: u32) {
        self.push_value(kind, d, sources, immediate, None);
    }

    fn push_value(
        &mut self,
        kind: Kind,
        d: Operand,
        sources: &[Operand],
        immediate: u32,
        result: Option<Value>,
    ) {
        let Some(run) = self.step_of(kind) else { return };
        let source = |i: usize| sources.get(i).copied().unwrap_or_default();
        let [a, b, c, e] = [0, 1, 2, 3].map(source);
        let step = Step { run, d, a, b, c, e, immediate };
        if d.base == Operand::UNIFORMS && d.is_uniform() {
            self.program.prologue.push(step);
            self.prologue_kinds.push(kind);
        } else {
            self.steps.push(step);
            self.made.push(Made { kind, result });
        }
    }

    /// Reading the variables that all lanes share comes first.
    fn push_broadcasts(&mut self) {
        if !self.program.broadcasts.is_empty() {
            let shared = Operand { base: Operand::UNIFORMS, ..Operand::default() };
            self.push(Kind::Broadcast, shared, &[], 0);
            self.program.prologue.rotate_right(1);
            self.prologue_kinds.rotate_right(1);
        }
    }

    /// The tape that was made, with machine code where possible. Of the registers, the `results`
    /// are used behind it; all of them, if it is `None`.
    fn finish_tape(&mut self, results: Option<&[Operand]>) -> Vec<Step> {
        let steps = std::mem::take(&mut self.steps);
        let made = std::mem::take(&mut self.made);
        #[cfg(target_arch = "x86_64")]
        if let Some(compiler) = &mut self.native {
            let live = results.map_or(Live::All, Live::of);
            let tape = steps.into_iter().zip(made.iter().map(|made| made.kind));
            let tape: Vec<_> = tape.collect();
            let packed = self.depth > 0;
            let (steps, needs_blocks) = compiler.compile(&mut self.program, &tape, packed, live);
            if !packed {
                self.program.has_blocks = needs_blocks;
            }
            return steps;
        }
        let _ = (made, results);
        steps
    }

    /// Machine code for the prologue, and all of it where it can be run; false if it cannot.
    #[cfg(target_arch = "x86_64")]
    fn finish_native(&mut self) -> bool {
        let Some(mut compiler) = self.native.take() else { return true };
        let prologue = std::mem::take(&mut self.program.prologue);
        let tape: Vec<_> = prologue.into_iter().zip(self.prologue_kinds.drain(..)).collect();
        (self.program.prologue, _) = compiler.compile(&mut self.program, &tape, false, Live::All);
        let Ok(code) = compiler.finish() else { return false };
        self.program.native = code;
        true
    }

    /// Whether operations are combined to fewer steps: machine code does not need that.
    fn is_fusing(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        if self.native.is_some() {
            return false;
        }
        true
    }

    /// The instructions of a region; leaves the places of what it yields.
    fn region(&mut self, region: &Region) {
        self.regions += 1;
        let outer = std::mem::replace(&mut self.home, self.regions);
        for (index, instruction) in region.instructions.iter().enumerate() {
            self.position += 1;
            self.instruction(instruction, index);
            uses(&instruction.op, &mut |value| self.release_if_last(value, index));
            for &result in &instruction.results {
                if self.analysis.last_index[result.0 as usize].is_none() {
                    self.registers.release(self.place(result));
                }
            }
        }
        self.position += 1;
        self.home = outer;
    }

    /// Release the register of a value if the instruction is the last of its region to use it.
    fn release_if_last(&mut self, value: Value, index: usize) {
        if self.is_last_use(value, index)
            && let Some(place) = self.places.remove(&value)
        {
            self.registers.release(place);
        }
    }

    fn instruction(&mut self, instruction: &Instruction, index: usize) {
        let result = instruction.results.first().copied();
        match (&instruction.op, result) {
            (Op::If { condition, then, otherwise }, _) => {
                self.branches(instruction, index, *condition, then, otherwise);
            }
            (Op::Loop { init, condition, body }, _) => {
                self.run_loop(instruction, init, condition, body);
            }
            (op, Some(result)) => self.value(op, result, index),
            (op, None) => self.effect(op),
        }
    }

    /// Whether an instruction of the current region is the last one to use a value of it.
    fn is_last_use(&self, value: Value, index: usize) -> bool {
        self.analysis.last_index[value.0 as usize] == Some(index)
            && self.analysis.home[value.0 as usize] == self.home
    }
}

//! Compiled kernels.

use std::sync::OnceLock;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{BinaryOp, CompareOp, Kernel, Type, UnaryOp};
use mlgenn_lang::typed::{MathFunction, RandomFunction};

use super::binding::Bindings;
use super::{Operand, Step};
use crate::simd::Level;

/// A kernel compiled for a choice of patterns and an instruction set.
#[derive(Debug)]
pub(crate) struct BlockProgram {
    pub(crate) kernel: Kernel,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) level: Level,
    /// What lanes share, computed once per launch.
    pub(crate) prologue: Vec<Step>,
    /// 32-bit variables that lanes share, and where they go.
    pub(crate) broadcasts: Vec<(Operand, Operand)>,
    /// What is done for each block.
    pub(crate) steps: Vec<Step>,
    /// Adds sums to their elements at the end.
    pub(crate) epilogue: Vec<Step>,
    /// Operations that are evaluated lane by lane.
    pub(crate) details: Vec<Detail>,
    /// Bodies of `If`.
    pub(crate) branches: Vec<Branch>,
    /// Loops.
    pub(crate) loops: Vec<LoopPlan>,
    /// Each constant, [`crate::simd::MAX_LANES`] times (or once, if it has 64 bits).
    pub(crate) constants: Vec<Constant>,
    /// Bytes of registers.
    pub(crate) register_bytes: usize,
    /// Bytes of shared numbers and sums.
    pub(crate) uniform_bytes: usize,
    /// Ranges of `uniform_bytes` that start as zeros: sums.
    pub(crate) zeroed: Vec<std::ops::Range<usize>>,
    /// Slots whose base moves on with each block, and by how many bytes.
    pub(crate) advances: Vec<(usize, usize)>,
    /// Slots with a base for the list of the elements of the lanes, see [`Operand::SLOTS`].
    pub(crate) lists: Vec<u32>,
    /// Arrays that machine code looks up elements of.
    pub(crate) arrays: Option<ArrayAccesses>,
    /// What slots must be bound to.
    pub(super) bindings: Bindings,
    /// Whether the tape is run block by block.
    pub(crate) has_blocks: bool,
    /// Machine code of runs of steps.
    #[cfg(target_arch = "x86_64")]
    pub(crate) native: Option<crate::native::Code>,
    /// Compiled when they are all the same.
    pub(crate) careful: OnceLock<Box<BlockProgram>>,
}

impl BlockProgram {
    /// A program that does nothing yet.
    pub(super) fn new(
        kernel: &Kernel,
        patterns: &[Pattern],
        level: Level,
        shared_memory: bool,
    ) -> Self {
        Self {
            kernel: kernel.clone(),
            patterns: patterns.to_vec(),
            level,
            prologue: Vec::new(),
            broadcasts: Vec::new(),
            steps: Vec::new(),
            epilogue: Vec::new(),
            details: Vec::new(),
            branches: Vec::new(),
            loops: Vec::new(),
            constants: Vec::new(),
            register_bytes: 0,
            uniform_bytes: 0,
            zeroed: Vec::new(),
            advances: Vec::new(),
            lists: Vec::new(),
            arrays: None,
            bindings: Bindings::new(kernel, patterns, shared_memory),
            has_blocks: true,
            #[cfg(target_arch = "x86_64")]
            native: None,
            careful: OnceLock::new(),
        }
    }
}

/// What machine code has to know of arrays, and how it says that an index is too large.
#[derive(Clone, Debug, Default)]
pub(crate) struct ArrayAccesses {
    /// Slots, and where among the shared numbers their lengths are.
    pub(crate) lengths: Vec<(usize, usize)>,
    /// All accesses.
    pub(crate) accesses: Vec<Access>,
    /// Where among the shared numbers the first access that went wrong is noted.
    pub(crate) report: usize,
}

impl ArrayAccesses {
    /// Bytes of a report: one more than the number of the access (0 if all went well), the mask of
    /// the lanes, and from 64 on the indices.
    pub(crate) const REPORT_BYTES: usize = 128;
    /// Where in a report the mask is.
    pub(crate) const REPORT_MASK: usize = 4;
    /// Where in a report the indices are.
    pub(crate) const REPORT_INDICES: usize = 64;
    /// Longer arrays have elements that machine code cannot reach.
    pub(crate) const LONGEST: usize = i32::MAX as usize;
}

/// An access to an element of an array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) slot: usize,
    /// Whether the index had a sign.
    pub(crate) signed: bool,
}

/// A constant.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Constant(pub(crate) [u32; 16]);

/// An operation that is evaluated lane by lane, by bits.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    pub(crate) kind: DetailKind,
    pub(crate) arguments: Vec<(Operand, Type)>,
    /// Type of the result, if there is one.
    pub(crate) result: Option<Type>,
}

/// The kinds of [`Detail`].
#[derive(Clone, Debug)]
pub(crate) enum DetailKind {
    Unary(UnaryOp),
    Binary(BinaryOp),
    Compare(CompareOp),
    Select,
    Convert,
    Math(MathFunction),
    Random(RandomFunction),
    LoadPointer,
    StorePointer,
    AtomicOr,
    Assert,
    Print(String),
}

/// One region of an `If`, for those lanes of the frame around that go there.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) condition: Operand,
    /// Bits of the condition, if machine code hands them over: whole words, clear behind the last
    /// lane.
    pub(crate) bits: Option<Operand>,
    /// For which condition.
    pub(crate) wanted: bool,
    /// Register for the numbers of the lanes in the block.
    pub(crate) lanes: Operand,
    /// Register for the positions of the lanes in the frame around.
    pub(crate) positions: Operand,
    /// What is gathered from the frame around.
    pub(crate) packs: Vec<Pack>,
    pub(crate) steps: Vec<Step>,
    /// What is scattered to the frame around.
    pub(crate) results: Vec<Pack>,
}

/// A loop, over those lanes of the frame around whose condition still holds.
#[derive(Clone, Debug)]
pub(crate) struct LoopPlan {
    /// As for [`Branch`].
    pub(crate) lanes: Operand,
    /// As for [`Branch`].
    pub(crate) positions: Operand,
    /// Outer values and first parameters.
    pub(crate) packs: Vec<Pack>,
    pub(crate) condition_steps: Vec<Step>,
    pub(crate) condition: Operand,
    /// Ends with the next parameters in the registers of the parameters.
    pub(crate) body_steps: Vec<Step>,
    /// Parameters to results.
    pub(crate) results: Vec<Pack>,
}

/// Moves lanes from one frame to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pack {
    pub(crate) from: Operand,
    pub(crate) to: Operand,
    /// Whether `from` belongs to the frame around, even in the results of a branch.
    pub(crate) outer: bool,
}

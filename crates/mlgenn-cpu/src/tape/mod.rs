//! Tapes: kernels compiled to a line of vector operations over blocks of lanes.
//!
//! A [`Step`] does one operation for all lanes of a block, from and to [`Operand`]s: registers in
//! a scratch area that stays in the first-level cache, numbers that all lanes share, and arrays in
//! place. Bodies of branches and loops are tapes of their own that run on compacted lanes.
#![expect(unsafe_code, reason = "steps read and write memory that was checked beforehand")]

mod analysis;
mod assemble;
mod binding;
mod machine;
mod program;
mod registers;
mod schedule;
pub(crate) mod select;

use crate::simd::Simd;

pub(crate) use assemble::{Options, assemble};
pub(crate) use machine::Vm;
pub(crate) use program::{
    Access, ArrayAccesses, BlockProgram, Branch, Constant, Detail, DetailKind, LoopPlan, Pack,
};
pub(crate) use registers::register_range;
pub(crate) use select::Kind;

/// Where a step finds one number per lane: `base + offset + lane * step` bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Operand {
    /// Which pointer of the machine.
    pub(crate) base: u16,
    /// Bytes from one lane to the next; 0 if all lanes share a number, which is then there
    /// [`crate::simd::MAX_LANES`] times if it has 32 bits.
    pub(crate) step: u16,
    /// Bytes from the pointer to the first lane.
    pub(crate) offset: u32,
}

impl Operand {
    /// Base of the registers.
    pub(crate) const REGISTERS: u16 = 0;
    /// Base of the numbers that all lanes share and are computed at the start of a launch.
    pub(crate) const UNIFORMS: u16 = 1;
    /// Base of the constants.
    pub(crate) const CONSTANTS: u16 = 2;
    /// Base of the first slot. Behind those of all slots come as many for lists: numbers of the
    /// elements of the lanes.
    pub(crate) const SLOTS: u16 = 3;

    /// Whether it lies in the memory of a slot.
    #[inline(always)]
    pub(crate) fn is_slot(self) -> bool {
        self.base >= Self::SLOTS
    }

    /// Whether all lanes share the number.
    pub(crate) fn is_uniform(self) -> bool {
        self.step == 0
    }
}

/// One operation of a tape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What does it.
    pub(crate) run: StepFn,
    /// Destination.
    pub(crate) d: Operand,
    /// Sources.
    pub(crate) a: Operand,
    /// Sources.
    pub(crate) b: Operand,
    /// Sources.
    pub(crate) c: Operand,
    /// Sources.
    pub(crate) e: Operand,
    /// Whatever else the operation needs.
    pub(crate) immediate: u32,
}

impl Step {
    /// A step without operands.
    pub(crate) fn nothing(run: StepFn) -> Self {
        let [d, a, b, c, e] = [Operand::default(); 5];
        Self { run, d, a, b, c, e, immediate: 0 }
    }
}

/// Does a step for so many lanes.
///
/// # Safety
///
/// The operands must have that many lanes, and the processor the instruction set.
pub(crate) type StepFn = unsafe fn(&mut Vm<'_>, &Step, usize);

/// What a step does, for any vector unit.
pub(crate) trait Body {
    /// # Safety
    ///
    /// As for [`StepFn`].
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize);
}

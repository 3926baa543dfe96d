//! Typed kernel IR: builder, verifier, text form, passes and reference interpreter.
//!
//! A [`Kernel`] is typed SSA with structured control flow, run over lanes. [`launch`] says how its
//! slots are bound to memory and what runs it.

pub mod buffer;
mod kernel;
pub mod launch;
mod op;
mod types;

pub use buffer::Buffer;
pub use kernel::{Domain, Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
pub use op::{BinaryOp, CompareOp, Op, UnaryOp};
pub use types::Type;

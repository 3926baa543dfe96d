//! Typed kernel IR: builder, verifier, text form, passes and reference interpreter.
//!
//! A [`Kernel`] is typed SSA with structured control flow, run over lanes. [`launch`] says how its
//! slots are bound to memory and what runs it.

pub mod buffer;
mod builder;
pub mod days;
pub mod decay;
pub mod evaluate;
pub mod interpret;
mod kernel;
pub mod launch;
pub mod linear;
pub mod lower;
pub mod math;
mod op;
mod operands;
pub mod own_elements;
pub mod passes;
pub mod philox;
pub mod poll;
pub mod prefetch;
pub mod print;
pub mod random;
pub mod row_update;
pub mod run_lists;
mod slots;
pub mod spiking_rows;
pub mod target_lists;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod traces;
mod types;
pub mod verify;

pub use buffer::Buffer;
pub use builder::{Cell, KernelBuilder};
pub use interpret::Interpreter;
pub use kernel::{Domain, Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
pub use op::{BinaryOp, CompareOp, Op, UnaryOp};
pub use types::Type;
pub use verify::verify;

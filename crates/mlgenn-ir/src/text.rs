//! Text form of kernels, to be read by people and by the parser.
//!
//! ```text
//! kernel "neuron update"
//! slot v: f32 variable neuron writable
//! slot input: f32 variable neuron
//! slot spikes: bool events
//! begin
//!   %0: f32 = read v
//!   %1: f32 = const 1.0
//!   %2: bool = less %0, %1
//!   %3: f32 = if %2 {
//!     %4: f32 = math exp %0
//!     yield %4
//!   } else {
//!     yield %0
//!   }
//!   %5: f32 = loop %3 while %6: f32 {
//!     %7: bool = greater %6, %1
//!     yield %7
//!   } do %8: f32 {
//!     %9: f32 = subtract %8, %1
//!     yield %9
//!   }
//!   write v, %5
//!   emit spikes, %2
//! end
//! ```
//!
//! One instruction per line; `#` starts a comment. Constants are decimal numbers, `true`, `false`,
//! or bits in hexadecimal. Numbers of values need not be consecutive: printing and parsing keeps
//! them.

mod line;
mod parse;
mod print;

pub use parse::ParseError;
#[cfg(any(test, feature = "testing"))]
pub(crate) use parse::parse_constant;
#[cfg(any(test, feature = "testing"))]
pub(crate) use print::constant_text;
pub(crate) use print::instruction_text;

use mlgenn_lang::typed::RandomFunction;

use crate::kernel::{Domain, SlotKind};
use crate::op::{BinaryOp, CompareOp, UnaryOp};

/// Names of enumerators in the text form.
pub(crate) type Names<T> = &'static [(T, &'static str)];

pub(crate) const DOMAINS: Names<Domain> = &[
    (Domain::Launch, "launch"),
    (Domain::Member, "member"),
    (Domain::Neuron, "neuron"),
    (Domain::Pre, "pre"),
    (Domain::Post, "post"),
    (Domain::Synapse, "synapse"),
    (Domain::Kernel, "kernel"),
];

pub(crate) const UNARY: Names<UnaryOp> = &[(UnaryOp::Negate, "negate"), (UnaryOp::Not, "not")];

pub(crate) const BINARY: Names<BinaryOp> = &[
    (BinaryOp::Add, "add"),
    (BinaryOp::Subtract, "subtract"),
    (BinaryOp::Multiply, "multiply"),
    (BinaryOp::Divide, "divide"),
    (BinaryOp::Remainder, "remainder"),
    (BinaryOp::And, "and"),
    (BinaryOp::Or, "or"),
    (BinaryOp::Xor, "xor"),
    (BinaryOp::ShiftLeft, "shift_left"),
    (BinaryOp::ShiftRight, "shift_right"),
];

pub(crate) const COMPARE: Names<CompareOp> = &[
    (CompareOp::Equal, "equal"),
    (CompareOp::NotEqual, "not_equal"),
    (CompareOp::Less, "less"),
    (CompareOp::LessEqual, "less_equal"),
    (CompareOp::Greater, "greater"),
    (CompareOp::GreaterEqual, "greater_equal"),
];

pub(crate) const RANDOM: Names<RandomFunction> = &[
    (RandomFunction::Bits, "bits"),
    (RandomFunction::Uniform, "uniform"),
    (RandomFunction::Normal, "normal"),
    (RandomFunction::Exponential, "exponential"),
    (RandomFunction::LogNormal, "log_normal"),
    (RandomFunction::Gamma, "gamma"),
    (RandomFunction::Binomial, "binomial"),
];

/// Name of an enumerator; every enumerator has one.
pub(crate) fn name_of<T: PartialEq>(names: Names<T>, item: &T) -> &'static str {
    names.iter().find(|(other, _)| other == item).map_or("?", |(_, name)| name)
}

/// Enumerator of that name.
pub(crate) fn find<T: Copy>(names: Names<T>, name: &str) -> Option<T> {
    names.iter().find(|(_, other)| *other == name).map(|(item, _)| *item)
}

/// Name of a mathematical function.
pub(crate) fn math_name(function: mlgenn_lang::typed::MathFunction) -> String {
    format!("{function:?}").to_lowercase()
}

/// Word for the kind of a slot.
pub(crate) fn kind_name(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Variable { .. } => "variable",
        SlotKind::Accumulator { .. } => "accumulator",
        SlotKind::DelayedAccumulator { .. } => "delayed_accumulator",
        SlotKind::History { .. } => "history",
        SlotKind::Events => "events",
        SlotKind::Array { .. } => "array",
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;

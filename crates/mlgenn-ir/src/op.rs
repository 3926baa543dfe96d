//! Operations of the IR.
//!
//! Arithmetic is that of C on a two's-complement machine, made total: integers wrap, division by
//! zero yields zero, shift counts are taken modulo the width, conversions from floating point to
//! integers truncate and saturate (NaN yields zero). Floating-point operations are those of
//! IEEE 754, one rounding each: nothing is ever contracted.

use mlgenn_lang::typed::{MathFunction, RandomFunction};

use crate::kernel::{Region, SlotId, Value};

/// What an instruction does. The types of its results are those of [`crate::Kernel::value_type`].
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A constant: its bits, zero-extended to 64 (floats by `to_bits`, `bool` as 0 or 1).
    Const(u64),
    /// An operator with one operand; result of the same type.
    Unary(UnaryOp, Value),
    /// An operator with two operands of one type (the count of a shift may be any integer type;
    /// `Add` may add an `i64` to a pointer); result of the type of the first.
    Binary(BinaryOp, Value, Value),
    /// A comparison of two values of one type; result `bool`.
    Compare(CompareOp, Value, Value),
    /// `condition ? then : otherwise`.
    Select(Value, Value, Value),
    /// Conversion between any two numeric types; to `bool` compares with zero.
    Convert(Value),
    /// A mathematical function; arguments and result as in `crate::math`.
    Math(MathFunction, Vec<Value>),
    /// A random number: a pure function of its arguments, see `crate::random`.
    Random {
        /// Distribution.
        function: RandomFunction,
        /// Key of the stream (`u64`).
        key: Value,
        /// Which neuron or synapse (`u64`).
        element: Value,
        /// Which timestep (`u32`).
        timestep: Value,
        /// Which of the draws of this lane in this launch (`u32`).
        draw: Value,
        /// Parameters of the distribution.
        arguments: Vec<Value>,
    },
    /// Value of this lane in a variable slot.
    Read(SlotId),
    /// Assign this lane's element of a variable slot. No result.
    Write(SlotId, Value),
    /// Add to this lane's element of an accumulator slot, in order of the lanes. No result.
    ///
    /// When all lanes share one element the lanes are first summed in the order of
    /// [`crate::launch::LaneSum`].
    Accumulate(SlotId, Value),
    /// Add to the element of a delayed accumulator slot that is due `delay` (`u32`) timesteps
    /// later. No result.
    AccumulateDelayed {
        /// Slot.
        slot: SlotId,
        /// What is added.
        value: Value,
        /// Timesteps, modulo the number of ring slots.
        delay: Value,
    },
    /// Value of this lane in a history slot, `delay` (`i32`) timesteps before the most recent.
    ReadDelayed {
        /// Slot.
        slot: SlotId,
        /// Timesteps, modulo the number of ring slots.
        delay: Value,
    },
    /// Set this lane's bit of an event slot to a condition. No result; outside control flow only,
    /// at most once for each slot.
    Emit(SlotId, Value),
    /// Address of the first element of an array slot.
    AddressOf(SlotId),
    /// Element behind a pointer; outside the array the value is 0 and a fault is raised.
    LoadPointer(Value),
    /// Assign the element behind a pointer; outside the array nothing is written and a fault is
    /// raised. Lanes write in order. No result.
    StorePointer(Value, Value),
    /// Element of an array slot at an `i64` index; range as for `LoadPointer`.
    LoadElement(SlotId, Value),
    /// Assign the element of an array slot at an `i64` index; range and order as for
    /// `StorePointer`. No result.
    StoreElement(SlotId, Value, Value),
    /// Add to the element of an array slot at an `i64` index, in order of the lanes. No result.
    AccumulateElement(SlotId, Value, Value),
    /// Bitwise-or a `u32` into the element behind a pointer. No result.
    AtomicOr(Value, Value),
    /// Print. No result.
    Print {
        /// Format as of C's `printf`.
        format: String,
        /// Arguments.
        arguments: Vec<Value>,
    },
    /// Raise a fault unless the condition holds. No result.
    Assert(Value),
    /// Run one of two regions without parameters; results are what it yields.
    If {
        /// The condition (`bool`).
        condition: Value,
        /// Run if it holds.
        then: Region,
        /// Run otherwise.
        otherwise: Region,
    },
    /// While the condition region yields true, run the body; the values it yields are the next
    /// parameters of both. Results are the parameters when the condition failed.
    Loop {
        /// First parameters.
        init: Vec<Value>,
        /// Yields one `bool`.
        condition: Region,
        /// Yields the next parameters.
        body: Region,
    },
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-x`; numbers.
    Negate,
    /// Bits flipped; integers, and logical not of `bool`.
    Not,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the operator that it names")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// Sign of the dividend; integers only.
    Remainder,
    /// Integers and `bool`, as the next two.
    And,
    Or,
    Xor,
    /// Integers only, as the next one; the right shift of a signed number keeps the sign.
    ShiftLeft,
    ShiftRight,
}

pub use mlgenn_lang::typed::CompareOp;

impl Op {
    /// Whether the operation changes anything but its results, or may raise a fault.
    pub fn has_effect(&self) -> bool {
        match self {
            Self::Write(..)
            | Self::Accumulate(..)
            | Self::AccumulateDelayed { .. }
            | Self::Emit(..)
            | Self::StorePointer(..)
            | Self::StoreElement(..)
            | Self::AccumulateElement(..)
            | Self::AtomicOr(..)
            | Self::Print { .. }
            | Self::Assert(..)
            | Self::LoadPointer(..)
            | Self::LoadElement(..) => true,
            // A loop may not end.
            Self::Loop { .. } => true,
            Self::If { then, otherwise, .. } => then.has_effect() || otherwise.has_effect(),
            _ => false,
        }
    }
}

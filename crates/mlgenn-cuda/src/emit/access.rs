//! How a thread reaches the elements of a slot.

use mlgenn_ir::launch::Pattern;

/// How a thread reaches its element of a slot, or any element of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Not in memory: an expression gives its value.
    Value(String),
    /// The element at the index that an expression gives.
    Element {
        /// The expression.
        index: String,
        /// How the thread adds to it.
        adding: Adding,
    },
    /// Any element of an array, or the words of events.
    Whole,
}

/// Which copy of its memory a slot is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CopyOf {
    /// An expression of the number of the copy.
    pub(super) copy: &'static str,
    /// Whether it is one delay slot of a ring.
    pub(super) ring: bool,
}

impl CopyOf {
    /// That of the batch member, without delay slots.
    pub(super) const MEMBER: Self = Self { copy: "member", ring: false };
}

/// How a thread adds to its element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adding {
    /// No other thread of the launch touches the element.
    Alone,
    /// As before, and the sum is held in a register while the thread goes through many rows.
    Held,
    /// Other threads add to the element as well, in any order.
    Atomic,
    /// All lanes share the element: they leave their values for a later sum in a fixed order.
    Summed,
}

impl Access {
    /// Access as a pattern says.
    pub(super) fn of_pattern(pattern: Pattern, slot: usize) -> Self {
        let element = |index: &str, adding| Self::Element { index: index.to_owned(), adding };
        match pattern {
            Pattern::Uniform => element("0", Adding::Summed),
            Pattern::Contiguous => element("lane", Adding::Alone),
            Pattern::Gather => {
                element(&format!("launch->slots[{slot}].indices[lane]"), Adding::Atomic)
            }
            Pattern::Whole => Self::Whole,
        }
    }
}

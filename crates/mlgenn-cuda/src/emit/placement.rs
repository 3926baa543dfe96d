//! Where a copy of an array is, but for its address: what a plan knows without memory.

use mlgenn_model::Plan;
use mlgenn_model::layout::{ArrayId, Copies, RingId};
use mlgenn_model::plan::RingPosition;

/// The place of an array, in one delay slot of its ring if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Elements from one copy to the next.
    pub copy_step: usize,
    /// Elements from one delay slot to the next.
    pub ring_stride: usize,
    /// The ring.
    pub ring: Option<RingId>,
    /// Number of delay slots.
    pub slots: usize,
    /// How many delay slots before the last one.
    pub back: usize,
}

impl Placement {
    /// That of an array.
    pub fn new(plan: &Plan, array: ArrayId, at: RingPosition) -> Self {
        let description = plan.layout.array(array);
        let (slots, elements) = (description.slots, description.elements());
        Self {
            copy_step: match description.copies {
                Copies::Shared => 0,
                Copies::Member | Copies::Block => slots * elements,
            },
            ring_stride: elements,
            ring: description.ring,
            slots,
            back: match at {
                RingPosition::Current => 0,
                RingPosition::Previous => 1 % slots,
                RingPosition::Back(steps) => steps as usize % slots,
            },
        }
    }
}

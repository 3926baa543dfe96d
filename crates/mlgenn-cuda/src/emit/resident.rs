//! Which arrays of a batch member stay in the memory that a block of threads shares, for as long as
//! a launch takes the member through timesteps.
//!
//! There an element is one instruction away and a few cycles, in the memory of the GPU it takes
//! several to find it and ten times as long to get it.

use std::collections::{BTreeMap, BTreeSet};

use mlgenn_ir::Type;
use mlgenn_model::Plan;
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::SlotBinding;

use super::network::NetworkEntry;

/// An array that stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resident {
    pub(super) array: ArrayId,
    pub(super) ty: Type,
    /// Elements of a batch member, of all delay slots.
    pub(super) elements: usize,
    /// Whether it may change.
    pub(super) written: bool,
}

/// The arrays of entries that stay in so many bytes: those first that are used most for their size.
pub(super) fn resident<'a>(
    plan: &Plan,
    entries: impl Iterator<Item = &'a NetworkEntry>,
    mut room: usize,
) -> Vec<Resident> {
    let mut uses: BTreeMap<ArrayId, usize> = BTreeMap::new();
    let mut written: BTreeSet<ArrayId> = BTreeSet::new();
    for entry in entries {
        let changed = entry.planned.written();
        for binding in &entry.planned.bindings {
            let (array, is_written) = match *binding {
                SlotBinding::Array { array, .. } | SlotBinding::Ring { array } => {
                    (array, changed.contains(&array))
                }
                SlotBinding::Events(queue) => (plan.event_queues[queue.0].array, true),
                _ => continue,
            };
            *uses.entry(array).or_default() += 1 + usize::from(is_written);
            if is_written {
                written.insert(array);
            }
        }
    }
    let mut candidates: Vec<_> =
        uses.into_iter().filter(|&(array, _)| belongs_to_members(plan, array)).collect();
    // By uses of a byte. The order of arrays settles the rest.
    candidates.sort_by_key(|&(array, uses)| {
        let bytes = plan.layout.array(array).ty.bytes();
        (std::cmp::Reverse(8 * uses / bytes), array)
    });
    let mut chosen = Vec::new();
    for (array, _) in candidates {
        let description = plan.layout.array(array);
        let elements = description.slots * description.elements();
        // Each starts where the largest types may.
        let ty = description.ty;
        let bytes = (elements * ty.bytes()).next_multiple_of(8);
        if bytes <= room {
            room -= bytes;
            chosen.push(Resident { array, ty, elements, written: written.contains(&array) });
        }
    }
    chosen.sort_by_key(|resident| resident.array);
    chosen
}

/// Whether each batch member has a copy of its own, of a known length.
fn belongs_to_members(plan: &Plan, array: ArrayId) -> bool {
    let description = plan.layout.array(array);
    description.copies == Copies::Member
        && description.elements() > 0
        && description.ty != Type::Ptr
}

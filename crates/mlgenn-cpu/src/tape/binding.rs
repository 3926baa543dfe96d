//! Whether the operands of a launch have what a tape takes for granted.

use std::sync::OnceLock;

use mlgenn_ir::launch::{Launch, Pattern};
use mlgenn_ir::{Kernel, SlotKind, Type};

use super::analysis::may_share;
use crate::simd::{Level, Simd, Task};

/// What a tape takes for granted of its slots.
#[derive(Debug)]
pub(super) struct Bindings {
    slots: Vec<Slot>,
    /// Whether patterns go with the kinds of slots.
    fits: bool,
    /// Pairs of slots that must not be bound to the same memory.
    apart: Vec<(usize, usize)>,
    /// Addresses of buffers that were found to lie apart: those of the first launch.
    found_apart: OnceLock<Vec<usize>>,
}

/// What one slot must be bound to.
#[derive(Clone, Copy, Debug)]
struct Slot {
    ty: Type,
    /// Bytes of an element.
    bytes: usize,
    elements: Elements,
    /// Whether there is a ring of them.
    ring: bool,
}

/// How many elements a launch may touch.
#[derive(Clone, Copy, Debug)]
enum Elements {
    One,
    Lanes,
    /// A bit per lane, in words.
    Bits,
    /// As the operand says.
    Length,
    /// As the indices say.
    Gathered,
}

impl Bindings {
    /// `shared_memory` says whether slots may be bound to the same memory.
    pub(super) fn new(kernel: &Kernel, patterns: &[Pattern], shared_memory: bool) -> Self {
        let mut fits = kernel.slots.len() == patterns.len();
        let slots = kernel.slots.iter().zip(patterns).map(|(slot, pattern)| {
            let events = slot.kind == SlotKind::Events;
            let whole = events || matches!(slot.kind, SlotKind::Array { .. });
            fits &= whole == (*pattern == Pattern::Whole);
            let ty = if events { Type::U32 } else { slot.ty };
            let elements = match pattern {
                Pattern::Uniform => Elements::One,
                Pattern::Contiguous => Elements::Lanes,
                Pattern::Whole if events => Elements::Bits,
                Pattern::Whole => Elements::Length,
                Pattern::Gather => Elements::Gathered,
            };
            let ring =
                matches!(slot.kind, SlotKind::DelayedAccumulator { .. } | SlotKind::History { .. });
            Slot { ty, bytes: ty.bytes(), elements, ring }
        });
        let slots = slots.collect();
        let ids = || kernel.slot_ids().filter(|_| !shared_memory);
        let pairs = ids().flat_map(|a| ids().map(move |b| (a, b)));
        let apart = pairs.filter(|&(a, b)| a < b && may_share(kernel, a, b));
        let apart = apart.map(|(a, b)| (a.0 as usize, b.0 as usize)).collect();
        Self { slots, fits, apart, found_apart: OnceLock::new() }
    }

    /// Bytes of the elements of each slot.
    pub(super) fn element_bytes(&self) -> impl Iterator<Item = usize> {
        self.slots.iter().map(|slot| slot.bytes)
    }

    /// A fast test that is true only if [`mlgenn_ir::launch::check_operands`] finds nothing.
    pub(super) fn fit(&self, level: Level, launch: &Launch<'_>) -> bool {
        if !self.fits || launch.operands.len() != self.slots.len() {
            return false;
        }
        // Many slots have the same indices.
        let mut gathered: Option<(&[u32], u32)> = None;
        for (slot, operand) in self.slots.iter().zip(launch.operands) {
            let elements = match slot.elements {
                Elements::One => 1,
                Elements::Lanes => launch.lanes,
                Elements::Bits => launch.lanes.div_ceil(32),
                Elements::Length => operand.length,
                Elements::Gathered => {
                    let Some(indices) = operand.indices.get(..launch.lanes) else { return false };
                    let largest = match gathered {
                        Some((same, largest)) if std::ptr::eq(same, indices) => largest,
                        // SAFETY: programs are only made for levels that are available.
                        _ => unsafe { level.run(Largest(indices)) },
                    };
                    gathered = Some((indices, largest));
                    largest as usize + 1
                }
            };
            let ring = if slot.ring {
                if operand.ring.current >= operand.ring.slots {
                    return false;
                }
                (operand.ring.slots as usize - 1).checked_mul(operand.ring.stride)
            } else {
                Some(0)
            };
            let end = ring.and_then(|ring| operand.offset.checked_add(ring)?.checked_add(elements));
            if operand.buffer.ty() != slot.ty || end.is_none_or(|end| end > operand.buffer.len()) {
                return false;
            }
        }
        true
    }

    /// Whether slots are bound to one buffer that the tape takes to lie apart.
    pub(super) fn share_memory(&self, launch: &Launch<'_>) -> bool {
        if self.apart.is_empty() {
            return false;
        }
        let buffers = || launch.operands.iter().map(|operand| &raw const *operand.buffer as usize);
        if self.found_apart.get().is_some_and(|found| buffers().eq(found.iter().copied())) {
            return false;
        }
        let buffer = |slot: usize| std::ptr::from_ref(launch.operands[slot].buffer);
        let share = self.apart.iter().any(|&(a, b)| buffer(a) == buffer(b));
        if !share {
            self.found_apart.get_or_init(|| buffers().collect());
        }
        share
    }
}

/// The largest of some indices; 0 if there are none.
struct Largest<'a>(&'a [u32]);

impl Task for Largest<'_> {
    type Output = u32;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> u32 {
        // Compiled for the vector unit, this becomes a vector maximum.
        self.0.iter().fold(0, |largest, &index| largest.max(index))
    }
}

//! Slots of a random kernel, and the memory that they are bound to.

use super::Generator;
use crate::kernel::{Domain, Slot, SlotId, SlotKind};
use crate::launch::{Pattern, Ring};
use crate::testing::Binding;
use crate::types::Type;

impl Generator {
    pub(super) fn add_slots(&mut self) {
        let domains = [
            Domain::Launch,
            Domain::Member,
            Domain::Neuron,
            Domain::Pre,
            Domain::Post,
            Domain::Synapse,
        ];
        for i in 0..4 + self.below(8) {
            let domain = self.pick(&domains);
            let kind = match self.below(7) {
                0 => SlotKind::Accumulator { domain },
                1 => SlotKind::DelayedAccumulator { domain },
                2 => SlotKind::History { domain },
                3 => SlotKind::Events,
                4 => SlotKind::Array { writable: self.chance(70) },
                _ => SlotKind::Variable { domain, writable: self.chance(50) },
            };
            let ty = match kind {
                SlotKind::Events => Type::Bool,
                SlotKind::Variable { .. } if self.chance(10) => Type::Bool,
                _ => self.number_type(),
            };
            let binding = self.binding(kind, ty);
            self.kernel.slots.push(Slot { name: format!("s{i}"), ty, kind });
            self.bindings.push(binding);
        }
    }

    pub(super) fn binding(&mut self, kind: SlotKind, ty: Type) -> Binding {
        let whole = matches!(kind, SlotKind::Events | SlotKind::Array { .. });
        let pattern = if whole {
            Pattern::Whole
        } else {
            self.pick(&[
                Pattern::Contiguous,
                Pattern::Contiguous,
                Pattern::Gather,
                Pattern::Uniform,
            ])
        };
        let elements = match (pattern, kind) {
            (_, SlotKind::Events) => self.lanes.div_ceil(32),
            (Pattern::Whole | Pattern::Gather, _) => 1 + self.below(50),
            (Pattern::Uniform, _) => 1,
            (Pattern::Contiguous, _) => self.lanes,
        };
        let gathers = if pattern == Pattern::Gather { self.lanes } else { 0 };
        let indices = (0..gathers).map(|_| self.below(elements) as u32).collect();
        let ring = match kind {
            SlotKind::DelayedAccumulator { .. } | SlotKind::History { .. } => {
                let slots = 1 + self.below(4) as u32;
                let current = self.below(slots as usize) as u32;
                Ring { slots, current, stride: elements + self.below(3) }
            }
            _ => Ring { slots: 1, current: 0, stride: 0 },
        };
        let offset = self.below(9);
        let total = offset + (ring.slots as usize - 1) * ring.stride + elements + self.below(3);
        let ty = if kind == SlotKind::Events { Type::U32 } else { ty };
        let contents = if kind == SlotKind::Events {
            vec![0; total]
        } else {
            (0..total).map(|_| self.random_bits(ty)).collect()
        };
        Binding { pattern, ty, contents, offset, indices, length: elements, ring }
    }

    pub(super) fn slot(&mut self, fits: fn(SlotKind) -> bool) -> Option<SlotId> {
        let candidates: Vec<_> =
            self.kernel.slot_ids().filter(|&slot| fits(self.kernel.slot(slot).kind)).collect();
        (!candidates.is_empty()).then(|| self.pick(&candidates))
    }

    pub(super) fn slot_type(&self, slot: SlotId) -> Type {
        self.kernel.slot(slot).ty
    }
}

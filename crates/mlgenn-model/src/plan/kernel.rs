//! A kernel together with what its slots are bound to.

use mlgenn_ir::{Domain, Kernel, KernelBuilder, SlotId, SlotKind, Type, Value, passes};

use crate::layout::{ArrayId, Layout};

/// A kernel and the binding of each of its slots.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedKernel {
    /// The kernel; verified and optimised.
    pub kernel: Kernel,
    /// One binding per slot.
    pub bindings: Vec<SlotBinding>,
}

/// What a slot is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotBinding {
    /// Elements of an array.
    Array {
        /// The array.
        array: ArrayId,
        /// Which slot of its ring.
        at: RingPosition,
    },
    /// All copies of an array that has no ring, one after the other.
    AllCopies {
        /// The array.
        array: ArrayId,
    },
    /// A whole ring of an array.
    Ring {
        /// The array.
        array: ArrayId,
    },
    /// A number that the run supplies.
    Scalar(Scalar),
    /// The index of each lane.
    Index(Index),
    /// Key of a stream of random numbers (`u64`), one per batch member.
    RandomKey {
        /// Which stream.
        stream: u32,
    },
    /// Spikes or spike-like events, one bit per neuron.
    Events(EventQueueId),
    /// Lanes for which another kernel has to run, one bit each.
    Active,
    /// For how many timesteps each lane can be left alone.
    Sleep,
}

impl PlannedKernel {
    /// The kernel that says for which lanes this one has to run, if that is worth while: see
    /// [`passes::guard`].
    pub(crate) fn guard(&self) -> Option<Self> {
        let kernel = passes::guard(&self.kernel)?;
        let bindings = self.bindings.iter().copied().chain([SlotBinding::Active]).collect();
        Some(Self { kernel, bindings }.pruned())
    }

    /// Without the slots that nothing uses.
    pub(crate) fn pruned(mut self) -> Self {
        let kept = self.kernel.prune_slots();
        let bindings = kept.iter().map(|slot| self.bindings[slot.0 as usize]).collect();
        Self { bindings, ..self }
    }
}

/// Slot of a ring, relative to the one written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingPosition {
    /// The slot that is current: in neuron updates the one that is being written, elsewhere the
    /// one that was written last.
    Current,
    /// In neuron updates: the slot that was written in the last timestep.
    Previous,
    /// So many slots before the one written last.
    Back(u32),
}

/// Numbers that the run supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Time in ms, of the type of `timepoint`.
    Time,
    /// How many timesteps were made since loading, as `u32`: random numbers depend on it, because
    /// the timestep may be set back. In custom connectivity updates, which may run often in one
    /// timestep, how many runs there were before.
    StepsMade,
}

/// Indices of lanes, as `u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// Of the neuron or element in its population or update.
    Neuron,
    /// Of the batch member.
    Member,
    /// Of the presynaptic neuron.
    Pre,
    /// Of the postsynaptic neuron.
    Post,
    /// Of the synapse in its row.
    Column,
}

/// An event queue of a [`crate::Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventQueueId(pub usize);

/// Builds a kernel and remembers what its slots are bound to.
pub(crate) struct Composer {
    pub(crate) builder: KernelBuilder,
    bindings: Vec<SlotBinding>,
    slots: Vec<((SlotKind, SlotBinding), SlotId)>,
}

impl Composer {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { builder: KernelBuilder::new(name), bindings: Vec::new(), slots: Vec::new() }
    }

    pub(crate) fn slot(
        &mut self,
        name: &str,
        ty: Type,
        kind: SlotKind,
        binding: SlotBinding,
    ) -> SlotId {
        // Two slots on the same memory could not be told apart by an executor that works in place.
        let shared = matches!(
            binding,
            SlotBinding::Array { .. } | SlotBinding::AllCopies { .. } | SlotBinding::Index(_)
        );
        if let Some((_, slot)) = self.slots.iter().find(|(k, _)| shared && *k == (kind, binding)) {
            return *slot;
        }
        let slot = self.builder.slot(name, ty, kind);
        self.bindings.push(binding);
        self.slots.push(((kind, binding), slot));
        slot
    }

    /// A variable slot bound to an array.
    pub(crate) fn array(
        &mut self,
        layout: &Layout,
        name: &str,
        array: ArrayId,
        domain: Domain,
        at: RingPosition,
    ) -> SlotId {
        let ty = layout.array(array).ty;
        let kind = SlotKind::Variable { domain, writable: true };
        self.slot(name, ty, kind, SlotBinding::Array { array, at })
    }

    /// Read a number that the run supplies.
    pub(crate) fn scalar(&mut self, name: &str, ty: Type, scalar: Scalar) -> Value {
        let kind = SlotKind::Variable { domain: Domain::Launch, writable: false };
        let slot = self.slot(name, ty, kind, SlotBinding::Scalar(scalar));
        self.builder.read(slot)
    }

    /// Read the index of the lane in a domain.
    pub(crate) fn index(&mut self, name: &str, index: Index) -> Value {
        let domain = match index {
            Index::Neuron => Domain::Neuron,
            Index::Member => Domain::Member,
            Index::Pre => Domain::Pre,
            Index::Post => Domain::Post,
            Index::Column => Domain::Synapse,
        };
        let kind = SlotKind::Variable { domain, writable: false };
        let slot = self.slot(name, Type::U32, kind, SlotBinding::Index(index));
        self.builder.read(slot)
    }

    /// Optimise, drop slots that nothing uses, and note which are written.
    pub(crate) fn finish(self) -> PlannedKernel {
        let mut kernel = self.builder.finish();
        passes::optimise(&mut kernel);
        PlannedKernel { kernel, bindings: self.bindings }.pruned()
    }
}

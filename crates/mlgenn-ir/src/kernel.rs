//! Kernels: typed SSA with structured control flow, over lanes.
//!
//! A kernel is run for a number of *lanes* (neurons, or synapses). A [`Value`] has one number per
//! lane. Everything outside is reached through [`Slot`]s, which a launch binds to memory.
//!
//! Every value is defined once: by an instruction, or as the parameter of a region of a loop. A
//! region sees the values defined before it in the regions around it.

use crate::op::Op;
use crate::types::Type;

/// A value of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

/// A slot of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u32);

/// The things that have one element each; tells a launch how lanes map to elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// One for the whole launch.
    Launch,
    /// One per batch member.
    Member,
    /// One per neuron (or per element of a custom update).
    Neuron,
    /// One per presynaptic neuron.
    Pre,
    /// One per postsynaptic neuron.
    Post,
    /// One per synapse.
    Synapse,
    /// One per entry of a kernel that synapses share.
    Kernel,
}

/// A named place outside the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Name for messages and the text form; an identifier, unique in the kernel.
    pub name: String,
    /// Type of the elements.
    pub ty: Type,
    /// What it is.
    pub kind: SlotKind,
}

/// The kinds of [`Slot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// `Read`, and `Write` if writable.
    Variable {
        /// What has one element each.
        domain: Domain,
        /// Whether lanes write it.
        writable: bool,
    },
    /// `Accumulate`.
    Accumulator {
        /// What has one element each.
        domain: Domain,
    },
    /// `AccumulateDelayed`: a ring of accumulators.
    DelayedAccumulator {
        /// What has one element each.
        domain: Domain,
    },
    /// `ReadDelayed`: a ring of past values.
    History {
        /// What has one element each.
        domain: Domain,
    },
    /// `Emit`: one bit per lane.
    Events,
    /// `AddressOf`, `LoadElement`, and `StoreElement`, `AccumulateElement` if writable.
    Array {
        /// Whether lanes write it.
        writable: bool,
    },
}

/// A kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// Name for messages.
    pub name: String,
    /// The outside.
    pub slots: Vec<Slot>,
    /// Type of each value.
    pub values: Vec<Type>,
    /// What every lane does. No parameters, no yields.
    pub body: Region,
}

/// A sequence of instructions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// Values defined on entry.
    pub parameters: Vec<Value>,
    /// The instructions, in order.
    pub instructions: Vec<Instruction>,
    /// Values handed to the operation around.
    pub yields: Vec<Value>,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction {
    /// Values it defines.
    pub results: Vec<Value>,
    /// What it does.
    pub op: Op,
}

impl Kernel {
    /// Type of a value.
    pub fn value_type(&self, value: Value) -> Type {
        self.values[value.0 as usize]
    }

    /// The slot with that id.
    pub fn slot(&self, slot: SlotId) -> &Slot {
        &self.slots[slot.0 as usize]
    }

    /// Ids of all slots.
    pub fn slot_ids(&self) -> impl Iterator<Item = SlotId> + use<> {
        (0..self.slots.len() as u32).map(SlotId)
    }
}

impl SlotKind {
    /// What has one element each; `None` for arrays and events.
    pub fn domain(self) -> Option<Domain> {
        match self {
            Self::Variable { domain, .. }
            | Self::Accumulator { domain }
            | Self::DelayedAccumulator { domain }
            | Self::History { domain } => Some(domain),
            Self::Events | Self::Array { .. } => None,
        }
    }
}

impl Region {
    /// Whether any instruction changes anything but its results, or may raise a fault.
    pub fn has_effect(&self) -> bool {
        self.instructions.iter().any(|instruction| instruction.op.has_effect())
    }
}

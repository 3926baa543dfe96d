//! Access modes: what code may do with a variable and over which dimensions it is stored.

use serde::{Deserialize, Serialize};

/// Access to a neuron, synapse, postsynaptic or current-source variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VarAccess {
    /// Read and write; one value per element and batch member.
    #[default]
    ReadWrite,
    /// Read only; one value per element, shared by all batch members.
    ReadOnly,
    /// Read only; one value per element and batch member.
    ReadOnlyDuplicate,
    /// Read only; one value per batch member, shared by all neurons.
    ReadOnlySharedNeuron,
}

impl VarAccess {
    /// Whether model code may assign to the variable.
    pub fn is_writable(self) -> bool {
        self == Self::ReadWrite
    }

    /// Whether every batch member has its own values.
    pub fn is_per_member(self) -> bool {
        self != Self::ReadOnly
    }

    /// Whether every neuron or synapse has its own value.
    pub fn is_per_element(self) -> bool {
        self != Self::ReadOnlySharedNeuron
    }
}

/// Access to a variable of a custom update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CustomUpdateVarAccess {
    /// Read and write; dimensions of the update.
    #[default]
    ReadWrite,
    /// Read only; dimensions of the update.
    ReadOnly,
    /// Read only; shared by all batch members.
    ReadOnlyShared,
    /// Read only; shared by all neurons.
    ReadOnlySharedNeuron,
    /// Target of a sum over the batch.
    ReduceBatchSum,
    /// Target of a maximum over the batch.
    ReduceBatchMax,
    /// Target of a sum over the neurons.
    ReduceNeuronSum,
    /// Target of a maximum over the neurons.
    ReduceNeuronMax,
    /// Write only; meant for all delay slots of a variable.
    BroadcastDelay,
}

/// How a custom update uses a variable that it references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VarAccessMode {
    /// Read and write.
    #[default]
    ReadWrite,
    /// Read only.
    ReadOnly,
    /// Target of a sum over the dimension that the variable lacks.
    ReduceSum,
    /// Target of a maximum over the dimension that the variable lacks.
    ReduceMax,
    /// Write only, to every delay slot.
    Broadcast,
}

//! References: names under which code reaches a variable that belongs to another object.

use serde::{Deserialize, Serialize};

use super::VarAccessMode;

/// A reference that a model declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VarRefDeclaration {
    /// Name under which code uses it.
    pub name: String,
    /// Type; textually that of the variable it is bound to.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What code may do with it; used by custom updates only.
    #[serde(default)]
    pub access: VarAccessMode,
}

/// A reference to an extra global parameter that a model declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgpRefDeclaration {
    /// Name under which code uses it.
    pub name: String,
    /// Pointer type; textually that of the EGP it is bound to.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// The variable that a reference of a custom update is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "fields say what they name")]
pub enum VarRef {
    /// A neuron variable.
    Neuron { population: String, var: String },
    /// A variable of a current source.
    CurrentSource { current_source: String, var: String },
    /// A variable of a custom update.
    CustomUpdate { custom_update: String, var: String },
    /// A synapse, presynaptic or postsynaptic variable of a custom connectivity update.
    CustomConnectivityUpdate { update: String, var: String },
    /// A variable of a postsynaptic model.
    Psm { synapse_group: String, var: String },
    /// A presynaptic variable of a weight update model.
    WuPre { synapse_group: String, var: String },
    /// A postsynaptic variable of a weight update model.
    WuPost { synapse_group: String, var: String },
    /// A synapse variable of a weight update model, possibly with the place of its transpose.
    Wu {
        synapse_group: String,
        var: String,
        #[serde(default)]
        transpose: Option<TransposeTarget>,
    },
    /// The accumulated synaptic output of a group.
    OutPost { synapse_group: String },
    /// The dendritic delay buffer of a group.
    DenDelay { synapse_group: String },
    /// Times of the last spike of each neuron.
    SpikeTime { population: String },
    /// Times of the last but one spike of each neuron.
    PrevSpikeTime { population: String },
    /// Number of spikes of the source population in the last timestep, one per batch member.
    SpikeCount { synapse_group: String },
}

/// Where a custom update writes the transposed value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransposeTarget {
    /// Synapse group with swapped sizes.
    pub synapse_group: String,
    /// Its variable.
    pub var: String,
}

/// The extra global parameter that a reference is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "fields say what they name")]
pub enum EgpRef {
    /// Of a population.
    Neuron { population: String, egp: String },
    /// Of a current source.
    CurrentSource { current_source: String, egp: String },
    /// Of a custom update.
    CustomUpdate { custom_update: String, egp: String },
    /// Of a postsynaptic model.
    Psm { synapse_group: String, egp: String },
    /// Of a weight update model.
    Wu { synapse_group: String, egp: String },
}

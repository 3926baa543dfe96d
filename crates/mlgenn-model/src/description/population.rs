//! Populations of neurons and the current sources attached to them.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Egp, Param, ParamValues, Var, VarInit, VarRefDeclaration};

/// A population of neurons that share one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Population {
    /// Unique name.
    pub name: String,
    /// Number of neurons.
    pub size: usize,
    /// What each neuron does in a timestep.
    pub model: NeuronModel,
    /// Values of parameters and derived parameters.
    pub params: ParamValues,
    /// Names of parameters that may change between timesteps.
    pub dynamic_params: Vec<String>,
    /// Initial values of variables.
    pub vars: IndexMap<String, VarInit>,
    /// Whether spikes are recorded.
    pub record_spikes: bool,
    /// Whether spike-like events of the attached synapse groups are recorded.
    pub record_spike_events: bool,
}

/// A neuron model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeuronModel {
    /// Name, for messages.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Derived parameters; their values are in the same map as those of the parameters.
    pub derived_params: Vec<Param>,
    /// State variables.
    pub vars: Vec<Var>,
    /// Extra global parameters.
    pub extra_global_params: Vec<Egp>,
    /// Inputs beside `Isyn`.
    pub additional_input_vars: Vec<AdditionalInput>,
    /// Code run for every neuron in every timestep.
    pub sim_code: String,
    /// Condition for a spike; empty if the population never spikes.
    pub threshold_condition_code: String,
    /// Code run for neurons that spike.
    pub reset_code: String,
    /// Whether a spike needs the condition to become true, rather than to be true.
    pub auto_refractory_required: bool,
}

/// An input variable of a neuron model: set to a value every timestep, then added to by synapses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdditionalInput {
    /// Name.
    pub name: String,
    /// Type in the model-description language.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Value at the start of every timestep.
    pub initial: f64,
}

/// A current source attached to a population.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CurrentSource {
    /// Unique name.
    pub name: String,
    /// Population that receives the current.
    pub population: String,
    /// What the source does in a timestep.
    pub model: CurrentSourceModel,
    /// Values of parameters and derived parameters.
    pub params: ParamValues,
    /// Names of parameters that may change between timesteps.
    pub dynamic_params: Vec<String>,
    /// Initial values of variables.
    pub vars: IndexMap<String, VarInit>,
    /// Name of the neuron variable bound to each reference.
    pub neuron_var_refs: IndexMap<String, String>,
    /// Input variable that receives the current; `Isyn` if empty.
    pub target_var: String,
}

/// A current source model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CurrentSourceModel {
    /// Name, for messages.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Derived parameters; their values are in the same map as those of the parameters.
    pub derived_params: Vec<Param>,
    /// State variables.
    pub vars: Vec<Var>,
    /// Extra global parameters.
    pub extra_global_params: Vec<Egp>,
    /// References to neuron variables.
    pub neuron_var_refs: Vec<VarRefDeclaration>,
    /// Code that calls `injectCurrent`.
    pub injection_code: String,
}

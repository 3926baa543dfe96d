//! Synapse groups: connectivity, weight update model and postsynaptic model.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Egp, Param, ParamValues, Var, VarInit, VarRefDeclaration};

/// How connectivity and weights are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MatrixType {
    /// All pairs, individual weights.
    #[default]
    Dense,
    /// All pairs, weights computed at use.
    DenseProceduralg,
    /// Ragged rows, individual weights.
    Sparse,
    /// Bit matrix, no weights.
    Bitmask,
    /// Rows computed at use, weights computed at use.
    Procedural,
    /// Rows computed at use, weights from a shared kernel.
    ProceduralKernelg,
    /// Diagonals computed at use, weights from a shared kernel.
    Toeplitz,
}

/// A group of synapses from one population to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SynapseGroup {
    /// Unique name.
    pub name: String,
    /// Storage of connectivity and weights.
    pub matrix_type: MatrixType,
    /// Presynaptic population.
    pub source: String,
    /// Postsynaptic population.
    pub target: String,
    /// What spikes and events do to synapses.
    pub weight_update: WeightUpdate,
    /// What the accumulated output does to the target.
    pub postsynaptic: Postsynaptic,
    /// Which pairs are connected.
    pub connectivity: Connectivity,
    /// Timesteps by which presynaptic spikes are held back.
    pub axonal_delay_steps: u32,
    /// Timesteps by which postsynaptic spikes are held back.
    pub back_prop_delay_steps: u32,
    /// Number of slots of the dendritic delay buffer, if the model uses one.
    pub max_dendritic_delay_timesteps: Option<u32>,
    /// Longest row, if larger than the connectivity needs.
    pub max_connections: Option<u32>,
    /// Input variable of the target that receives the current; `Isyn` if empty.
    pub post_target_var: String,
    /// Input variable of the source that receives `addToPre`; `Isyn` if empty.
    pub pre_target_var: String,
}

/// A weight update model with its values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightUpdate {
    /// The model.
    pub model: WeightUpdateModel,
    /// Values of parameters and derived parameters.
    pub params: ParamValues,
    /// Names of parameters that may change between timesteps.
    pub dynamic_params: Vec<String>,
    /// Initial values of synapse variables.
    pub vars: IndexMap<String, VarInit>,
    /// Initial values of presynaptic variables.
    pub pre_vars: IndexMap<String, VarInit>,
    /// Initial values of postsynaptic variables.
    pub post_vars: IndexMap<String, VarInit>,
    /// Name of the source population's variable bound to each reference.
    pub pre_neuron_var_refs: IndexMap<String, String>,
    /// Name of the target population's variable bound to each reference.
    pub post_neuron_var_refs: IndexMap<String, String>,
    /// Name of the postsynaptic model's variable bound to each reference.
    pub psm_var_refs: IndexMap<String, String>,
}

/// A weight update model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightUpdateModel {
    /// Name, for messages.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Derived parameters; their values are in the same map as those of the parameters.
    pub derived_params: Vec<Param>,
    /// Synapse variables.
    pub vars: Vec<Var>,
    /// Presynaptic variables.
    pub pre_vars: Vec<Var>,
    /// Postsynaptic variables.
    pub post_vars: Vec<Var>,
    /// References to variables of the source population.
    pub pre_neuron_var_refs: Vec<VarRefDeclaration>,
    /// References to variables of the target population.
    pub post_neuron_var_refs: Vec<VarRefDeclaration>,
    /// References to variables of the postsynaptic model.
    pub psm_var_refs: Vec<VarRefDeclaration>,
    /// Extra global parameters.
    pub extra_global_params: Vec<Egp>,
    /// Per synapse of each presynaptic spike.
    pub pre_spike_syn_code: String,
    /// Per synapse of each presynaptic spike-like event.
    pub pre_event_syn_code: String,
    /// Condition of presynaptic spike-like events.
    pub pre_event_threshold_condition_code: String,
    /// Per synapse of each postsynaptic spike.
    pub post_spike_syn_code: String,
    /// Per synapse of each postsynaptic spike-like event.
    pub post_event_syn_code: String,
    /// Condition of postsynaptic spike-like events.
    pub post_event_threshold_condition_code: String,
    /// Per synapse, every timestep.
    pub synapse_dynamics_code: String,
    /// Per presynaptic neuron that spikes.
    pub pre_spike_code: String,
    /// Per postsynaptic neuron that spikes.
    pub post_spike_code: String,
    /// Per presynaptic neuron, every timestep.
    pub pre_dynamics_code: String,
    /// Per postsynaptic neuron, every timestep.
    pub post_dynamics_code: String,
}

/// A postsynaptic model with its values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Postsynaptic {
    /// The model.
    pub model: PostsynapticModel,
    /// Values of parameters and derived parameters.
    pub params: ParamValues,
    /// Names of parameters that may change between timesteps.
    pub dynamic_params: Vec<String>,
    /// Initial values of variables.
    pub vars: IndexMap<String, VarInit>,
    /// Name of the target population's variable bound to each reference.
    pub neuron_var_refs: IndexMap<String, String>,
}

/// A postsynaptic model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostsynapticModel {
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
    /// Code run once per neuron and timestep, before the neuron code.
    pub sim_code: String,
}

/// Which pairs of neurons are connected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Connectivity {
    /// As the matrix type says (dense).
    #[default]
    None,
    /// Pairs given at load, under the paths `pre_ind` and `post_ind` of the group.
    Indices {
        /// Number of pairs.
        count: usize,
        /// Length of the longest row.
        max_row_length: u32,
    },
    /// Rows or columns built by a snippet.
    Sparse {
        /// The snippet.
        snippet: SparseSnippet,
        /// Values of its parameters and derived parameters.
        #[serde(default)]
        params: ParamValues,
    },
    /// Diagonals built by a snippet at use.
    Toeplitz {
        /// The snippet.
        snippet: ToeplitzSnippet,
        /// Values of its parameters and derived parameters.
        #[serde(default)]
        params: ParamValues,
    },
}

/// A snippet that builds sparse connectivity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseSnippet {
    /// Name; `OneToOne`, `FixedProbability` and other built-in names have fast builders.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Derived parameters; their values are in the same map as those of the parameters.
    pub derived_params: Vec<Param>,
    /// Arrays that the code reads.
    pub extra_global_params: Vec<Egp>,
    /// Code that adds the synapses of one row.
    pub row_build_code: String,
    /// Code that adds the synapses of one column.
    pub col_build_code: String,
    /// Longest possible row; the target's size if absent.
    pub max_row_length: Option<u32>,
    /// Longest possible column; the source's size if absent.
    pub max_col_length: Option<u32>,
    /// Shape of the shared kernel, if there is one.
    pub kernel_size: Vec<u32>,
}

/// A snippet that computes Toeplitz connectivity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ToeplitzSnippet {
    /// Name; `Conv2D` and `AvgPoolConv2D` have fast kernels.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Derived parameters; their values are in the same map as those of the parameters.
    pub derived_params: Vec<Param>,
    /// Code that adds the synapses of one diagonal.
    pub diagonal_build_code: String,
    /// Number of diagonals.
    pub max_row_length: u32,
    /// Shape of the shared kernel.
    pub kernel_size: Vec<u32>,
}

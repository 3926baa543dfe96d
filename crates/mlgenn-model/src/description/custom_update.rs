//! Custom updates: code run on demand over neurons or synapses.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{
    CustomUpdateVar, Egp, EgpRef, EgpRefDeclaration, Param, ParamValues, Var, VarInit, VarRef,
    VarRefDeclaration,
};

/// A custom update; all updates of one group run together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomUpdate {
    /// Unique name.
    pub name: String,
    /// Name of the group that it runs with.
    pub group: String,
    /// What it does.
    pub model: CustomUpdateModel,
    /// Values of parameters and derived parameters.
    pub params: ParamValues,
    /// Names of parameters that may change between runs.
    pub dynamic_params: Vec<String>,
    /// Initial values of variables.
    pub vars: IndexMap<String, VarInit>,
    /// What each reference is bound to.
    pub var_refs: IndexMap<String, VarRef>,
    /// What each EGP reference is bound to.
    pub egp_refs: IndexMap<String, EgpRef>,
}

/// A custom update model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomUpdateModel {
    /// Name, for messages.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Derived parameters; their values are in the same map as those of the parameters.
    pub derived_params: Vec<Param>,
    /// State variables.
    pub vars: Vec<CustomUpdateVar>,
    /// References to variables of other objects.
    pub var_refs: Vec<VarRefDeclaration>,
    /// Extra global parameters.
    pub extra_global_params: Vec<Egp>,
    /// References to extra global parameters of other objects.
    pub extra_global_param_refs: Vec<EgpRefDeclaration>,
    /// Code run for every element.
    pub update_code: String,
}

/// A custom connectivity update on a sparse synapse group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomConnectivityUpdate {
    /// Unique name.
    pub name: String,
    /// Name of the group that it runs with.
    pub group: String,
    /// Synapse group whose connectivity it changes.
    pub synapse_group: String,
    /// What it does.
    pub model: CustomConnectivityUpdateModel,
    /// Values of parameters and derived parameters.
    pub params: ParamValues,
    /// Names of parameters that may change between runs.
    pub dynamic_params: Vec<String>,
    /// Initial values of synapse variables.
    pub vars: IndexMap<String, VarInit>,
    /// Initial values of presynaptic variables.
    pub pre_vars: IndexMap<String, VarInit>,
    /// Initial values of postsynaptic variables.
    pub post_vars: IndexMap<String, VarInit>,
    /// What each synapse reference is bound to.
    pub var_refs: IndexMap<String, VarRef>,
    /// What each presynaptic reference is bound to.
    pub pre_var_refs: IndexMap<String, VarRef>,
    /// What each postsynaptic reference is bound to.
    pub post_var_refs: IndexMap<String, VarRef>,
    /// What each EGP reference is bound to.
    pub egp_refs: IndexMap<String, EgpRef>,
}

/// A custom connectivity update model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomConnectivityUpdateModel {
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
    /// References to synapse variables.
    pub var_refs: Vec<VarRefDeclaration>,
    /// References to presynaptic variables.
    pub pre_var_refs: Vec<VarRefDeclaration>,
    /// References to postsynaptic variables.
    pub post_var_refs: Vec<VarRefDeclaration>,
    /// Extra global parameters.
    pub extra_global_params: Vec<Egp>,
    /// References to extra global parameters of other objects.
    pub extra_global_param_refs: Vec<EgpRefDeclaration>,
    /// Code run once per presynaptic neuron.
    pub row_update_code: String,
    /// Code run once on the host before the row code.
    pub host_update_code: String,
}

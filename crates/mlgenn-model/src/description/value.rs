//! Declarations of parameters, variables and extra global parameters.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{CustomUpdateVarAccess, VarAccess};

/// Values of parameters and derived parameters, by name.
pub type ParamValues = IndexMap<String, f64>;

/// A parameter: one number for the whole group, constant unless made dynamic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// Name under which code reads the parameter.
    pub name: String,
    /// Type in the model-description language; `scalar` unless given.
    #[serde(rename = "type", default = "scalar")]
    pub type_name: String,
}

/// A state variable of a population, synapse group, postsynaptic model or current source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Var {
    /// Name under which code reads and writes the variable.
    pub name: String,
    /// Type in the model-description language; `scalar` unless given.
    #[serde(rename = "type", default = "scalar")]
    pub type_name: String,
    /// What code may do with it, and which dimensions it has.
    #[serde(default)]
    pub access: VarAccess,
}

/// A state variable of a custom update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomUpdateVar {
    /// Name under which code reads and writes the variable.
    pub name: String,
    /// Type in the model-description language; `scalar` unless given.
    #[serde(rename = "type", default = "scalar")]
    pub type_name: String,
    /// What code may do with it, and which dimensions it has.
    #[serde(default)]
    pub access: CustomUpdateVarAccess,
}

/// An extra global parameter (EGP): an array of any length, shared by the whole group and batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egp {
    /// Name under which code reaches the array.
    pub name: String,
    /// Pointer type in the model-description language, such as `scalar*`.
    #[serde(rename = "type")]
    pub type_name: String,
}

fn scalar() -> String {
    "scalar".to_owned()
}

impl Param {
    /// A parameter of type `scalar`.
    pub fn scalar(name: impl Into<String>) -> Self {
        Self { name: name.into(), type_name: scalar() }
    }
}

impl Var {
    /// A variable of type `scalar` that code reads and writes.
    pub fn scalar(name: impl Into<String>) -> Self {
        Self { name: name.into(), type_name: scalar(), access: VarAccess::ReadWrite }
    }

    /// A variable of type `scalar` that code only reads, shared by the batch.
    pub fn read_only(name: impl Into<String>) -> Self {
        Self { access: VarAccess::ReadOnly, ..Self::scalar(name) }
    }
}

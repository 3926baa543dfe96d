//! How a variable gets its first values.

use serde::{Deserialize, Serialize};

use super::{Egp, Param, ParamValues};

/// Initial value of a variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum VarInit {
    /// Zero at load; the caller promises to set it.
    #[default]
    Uninitialised,
    /// The same number everywhere, rounded to the model precision first.
    Constant {
        /// The number.
        value: f64,
    },
    /// Values given at load, under the path of the variable.
    Array,
    /// Values computed by a snippet, once per element.
    Snippet {
        /// The snippet.
        snippet: InitSnippet,
        /// Values of its parameters and derived parameters.
        #[serde(default)]
        params: ParamValues,
    },
}

/// A snippet that sets `value` for one element.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitSnippet {
    /// Name, for messages.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Derived parameters; their values are in the same map as those of the parameters.
    pub derived_params: Vec<Param>,
    /// Arrays that the code reads.
    pub extra_global_params: Vec<Egp>,
    /// Code that assigns `value`.
    pub code: String,
}

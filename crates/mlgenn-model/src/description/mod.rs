//! Plain data that describes a network; every type serialises to and from JSON.
//!
//! The description holds code, numbers and names only. Arrays (initial values of variables, extra
//! global parameters, explicit connectivity) are handed to the simulation when it is loaded, under
//! the paths listed in [`path`].

mod access;
mod custom_update;
mod init;
mod network;
pub mod path;
mod population;
mod reference;
mod synapse_group;
mod value;

pub use access::{CustomUpdateVarAccess, VarAccess, VarAccessMode};
pub use custom_update::{
    CustomConnectivityUpdate, CustomConnectivityUpdateModel, CustomUpdate, CustomUpdateModel,
};
pub use init::{InitSnippet, VarInit};
pub use network::{Network, Precision};
pub use population::{AdditionalInput, CurrentSource, CurrentSourceModel, NeuronModel, Population};
pub use reference::{EgpRef, EgpRefDeclaration, TransposeTarget, VarRef, VarRefDeclaration};
pub use synapse_group::{
    Connectivity, MatrixType, Postsynaptic, PostsynapticModel, SparseSnippet, SynapseGroup,
    ToeplitzSnippet, WeightUpdate, WeightUpdateModel,
};
pub use value::{CustomUpdateVar, Egp, Param, ParamValues, Var};

//! The description of a network, its validation, memory layout and kernel plan.
//!
//! [`description`] is what a user of the engine writes (or loads from JSON): populations, synapse
//! groups, current sources and custom updates, each with the model code that drives it.
//! [`plan::Plan`] is what a backend executes. Nothing in this crate executes anything.

pub mod description;
mod error;
pub mod layout;
pub mod plan;
mod validate;

pub use description::Network;
pub use error::ModelError;
pub use plan::{Plan, PlanOptions};

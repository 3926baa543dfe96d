//! The description of a network, its validation, memory layout and kernel plan.
//!
//! [`description`] is what a user of the engine writes (or loads from JSON): populations, synapse
//! groups, current sources and custom updates, each with the model code that drives it. Nothing in
//! this crate executes anything.

pub mod description;

pub use description::Network;

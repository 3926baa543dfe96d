//! What can go wrong when a network is loaded or run.

use mlgenn_ir::buffer::AllocationError;
use mlgenn_ir::launch::Fault;
use mlgenn_model::ModelError;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The description of the network is wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The arrays do not fit in memory.
    #[error("the network needs {} of memory; the largest arrays are {}", size(*bytes), largest.join(", "))]
    OutOfMemory {
        /// Bytes of all arrays.
        bytes: u128,
        /// Paths and sizes of the three largest.
        largest: Vec<String>,
    },
    /// The system refused an allocation.
    #[error(transparent)]
    Allocation(#[from] AllocationError),
    /// An array that must be given at load is missing.
    #[error("array {path} has to be given when the network is loaded")]
    MissingArray {
        /// Its path.
        path: String,
    },
    /// An array of the wrong size.
    #[error("array {path} has {given} elements; {expected}")]
    ArraySize {
        /// Its path.
        path: String,
        /// What was given.
        given: usize,
        /// What is accepted.
        expected: String,
    },
    /// Connectivity that is not possible.
    #[error("{context}: {problem}")]
    Connectivity {
        /// Which synapse group.
        context: String,
        /// What is wrong.
        problem: String,
    },
    /// A name that belongs to nothing.
    #[error("there is no {what} named {name:?}{}", if available.is_empty() { String::new() } else { format!("; there are: {}", available.join(", ")) })]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// Names that exist.
        available: Vec<String>,
    },
    /// No custom update group of that name.
    #[error("there is no custom update group named {name:?}{}", if available.is_empty() { String::new() } else { format!("; there are: {}", available.join(", ")) })]
    UnknownGroup {
        /// The name.
        name: String,
        /// Groups that exist.
        available: Vec<String>,
    },
    /// Recorded data that do not exist (yet).
    #[error("{0}")]
    Recording(String),
    /// A device failed, or refused something.
    #[error("{0}")]
    Device(String),
    /// A kernel did something that it must not do.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The run was stopped from outside; the state is that of the middle of a run.
    #[error("the run was interrupted")]
    Interrupted,
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u128) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "bytes" {
                format!("{value} {unit}")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

//! Runs emitted text on the host, for tests without a GPU. Behind the feature `testing`.

mod host;
mod pretend_gpu;
mod program;

pub use host::{HostError, HostModule};
pub use pretend_gpu::{Counted, PretendedGpu, Turns};
pub use program::HostPrograms;

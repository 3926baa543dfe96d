//! Runs emitted text on the host, for tests without a GPU. Behind the feature `testing`.

mod device;
mod host;
mod program;

pub use device::HostDevice;
pub use host::{HostError, HostModule};
pub use program::HostPrograms;

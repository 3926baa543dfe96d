//! The CUDA driver: memory, modules, launches and graphs of one GPU.
//!
//! The driver's library is found and loaded when it is first needed; nothing of CUDA is needed to
//! build this crate or to load it. Everything that can go wrong is an error, see [`Unavailable`]
//! and [`DeviceError`].

mod arena;
mod error;
mod gpu;
mod launches;
mod module;
mod staging;

pub use arena::Arena;
pub use error::{DeviceError, Unavailable};
pub use gpu::Gpu;
pub use launches::{Launches, Part, Step, Times};
pub use module::Module;

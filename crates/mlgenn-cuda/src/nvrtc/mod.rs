//! Run-time compilation with NVRTC, NVIDIA's compiler library, found and loaded when it is needed.
//!
//! One build of this crate works with the library of any CUDA release from 12.0 on, and without
//! one until something is compiled.

mod cache;
mod library;
mod options;
mod report;
mod search;

pub use cache::Compiler;
pub use library::{Compiled, Needs, Nvrtc, NvrtcError, Target};
pub use report::{KernelResources, resources, warnings};
pub use search::candidates;

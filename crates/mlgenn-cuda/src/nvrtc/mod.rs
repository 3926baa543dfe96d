//! Run-time compilation with NVRTC, NVIDIA's compiler library, found and loaded when it is needed.
//!
//! One build of this crate works with the library of any CUDA release from 12.0 on, and without
//! one until something is compiled.

mod cache;
mod library;
mod report;
mod search;

pub use cache::Compiler;
pub use library::{Compiled, Needs, Nvrtc, NvrtcError, Target};
pub use report::{KernelResources, resources, warnings};
pub use search::candidates;

/// Options that every translation unit is compiled with.
///
/// Nothing is contracted, so that results are those of the interpreter; denormal numbers are
/// flushed to zero as on the CPU. Values and functions that nothing uses are no news.
pub const OPTIONS: [&str; 5] = [
    "--std=c++17",
    "--fmad=false",
    "--ftz=true",
    "--diag-suppress=177,186,550",
    "--ptxas-options=-v",
];

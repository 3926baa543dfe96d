//! The CUDA backend: CUDA C from kernels, run-time compilation with NVRTC.
//!
//! [`emit`] turns kernels into text, [`nvrtc`] compiles it. Running networks is not there yet.

pub mod abi;
pub mod emit;
pub mod nvrtc;
pub mod run;
#[cfg(feature = "testing")]
pub mod testing;

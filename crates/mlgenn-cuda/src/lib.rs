//! The CUDA backend: CUDA C from kernels, run-time compilation with NVRTC.
//!
//! [`emit`] turns kernels into text, [`nvrtc`] compiles it, [`driver`] loads and launches it, and
//! [`run`] runs whole networks with it.

pub mod abi;
pub mod driver;
pub mod emit;
pub mod nvrtc;
pub mod run;
#[cfg(feature = "testing")]
pub mod testing;

/// An error with what caused it.
fn in_words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

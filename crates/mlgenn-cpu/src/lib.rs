//! The CPU backend: block-vectorised executor, specialised synapse kernels, threads.
//!
//! Kernels become tapes of vector operations over blocks of lanes; the
//! instruction set is chosen at run time.

mod backend;
mod countdown;
mod days;
mod dense_rows;
mod events;
mod executor;
mod flush_to_zero;
#[cfg(target_arch = "x86_64")]
mod native;
mod row_sums;
mod row_updates;
mod runs;
mod shares;
mod simd;
mod sparse_rows;
mod steps;
mod tape;
mod traces;

pub use backend::CpuBackend;
pub use executor::BlockExecutor;
pub use flush_to_zero::with_flush_to_zero;
pub use simd::{Level, UnknownLevel};

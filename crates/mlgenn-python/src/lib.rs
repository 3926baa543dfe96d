//! Python bindings of the engine: the native module `mlgenn_rs._core`.
//!
//! Thin on purpose: a network arrives as a JSON description and a dictionary of numpy arrays, runs
//! without the GIL, and shows its memory to numpy without copying.

mod arrays;
mod compiled;
mod error;
mod gil;
mod run_plan;
mod simulation;
mod spike_trains;

use pyo3::prelude::*;

/// The native module.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::compiled::{
        PyCompiledModel, compile, compile_cuda, default_backend, describe_cuda, take_stages,
    };
    #[pymodule_export]
    use super::run_plan::PyRunPlan;
    #[pymodule_export]
    use super::simulation::PySimulation;
    #[pymodule_export]
    use super::spike_trains::SpikeTrains;
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("BACKENDS", mlgenn::BACKENDS)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

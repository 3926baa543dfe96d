//! Simulate and train spiking neural networks from Rust.
//!
//! Describe a [`Network`] with model code, compile it, load it with its arrays and run it:
//!
//! ```
//! use mlgenn::prelude::*;
//!
//! let model = NeuronModel {
//!     name: "Integrate and fire".into(),
//!     vars: vec![Var::scalar("V")],
//!     params: vec![Param::scalar("I")],
//!     sim_code: "V += I;".into(),
//!     threshold_condition_code: "V >= 1.0".into(),
//!     reset_code: "V = 0.0;".into(),
//!     ..NeuronModel::default()
//! };
//! let population = Population {
//!     name: "Neurons".into(),
//!     size: 10,
//!     model,
//!     params: [("I".into(), 0.25)].into(),
//!     vars: [("V".into(), VarInit::Constant { value: 0.0 })].into(),
//!     record_spikes: true,
//!     ..Population::default()
//! };
//! let network = Network { populations: vec![population], ..Network::default() };
//!
//! let compiled = compile(network, &Options::default())?;
//! let mut simulation = Simulation::new(compiled, &Arrays::new(), Some(20))?;
//! simulation.run(&RunPlan::timesteps(20))?;
//! let spikes = simulation.spikes("neuron.Neurons.spikes")?;
//! assert_eq!(spikes[0].ids.len(), 10 * 20 / 4);
//! # Ok::<(), mlgenn::Error>(())
//! ```

use std::sync::Arc;

use mlgenn_cpu::{BlockExecutor, CpuBackend};
use mlgenn_ir::interpret::Interpreter;

pub use mlgenn_engine::{
    ArrayData, ArrayView, Arrays, Backend, CompiledModel, EngineError, MemoryItem, Progress,
    Recorded, RunPlan, Simulation, SpikeTrain, StepUpdate,
};
pub use mlgenn_ir::launch::Watch;
pub use mlgenn_ir::{Buffer, Type};
pub use mlgenn_model::{ModelError, Network, PlanOptions, description};

/// What most programs need.
pub mod prelude {
    pub use crate::description::*;
    pub use crate::{
        ArrayData, Arrays, CompiledModel, Error, Options, RunPlan, Simulation, StepUpdate, compile,
    };
}

/// How to compile a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What runs the network.
    pub backend: BackendChoice,
    /// Number of threads; as many as there are cores if absent.
    pub threads: Option<usize>,
    /// Choices of the plan.
    pub plan: PlanOptions,
}

/// The backends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// Vector units and threads of the CPU.
    #[default]
    Cpu,
    /// The reference interpreter: slow, for finding errors.
    Interpreter,
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A network cannot be compiled, loaded or run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A description that is not valid JSON for a [`Network`].
    #[error("the description of the network cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A backend that does not exist.
    #[error("there is no backend named {0:?}; there are: cpu, single_threaded_cpu, interpreter")]
    UnknownBackend(String),
}

impl Options {
    /// Options for a backend by name: `cpu`, `single_threaded_cpu` (one thread of it) or
    /// `interpreter`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBackend`].
    pub fn for_backend(name: &str) -> Result<Self, Error> {
        match name {
            "cpu" => Ok(Self::default()),
            "single_threaded_cpu" => Ok(Self { threads: Some(1), ..Self::default() }),
            "interpreter" => Ok(Self { backend: BackendChoice::Interpreter, ..Self::default() }),
            _ => Err(Error::UnknownBackend(name.to_owned())),
        }
    }
}

/// Validate and compile a network.
///
/// # Errors
///
/// [`EngineError::Model`] if the description or its model code is wrong.
pub fn compile(network: Network, options: &Options) -> Result<Arc<CompiledModel>, Error> {
    let backend: Arc<dyn Backend> = match options.backend {
        BackendChoice::Cpu => {
            Arc::new(CpuBackend::new(Box::new(BlockExecutor::new()), options.threads))
        }
        // With the floating-point mode of the CPU backend, so that results can be compared.
        BackendChoice::Interpreter => Arc::new(CpuBackend::new(Box::new(Interpreter), Some(1))),
    };
    Ok(Arc::new(CompiledModel::new(network, options.plan, backend)?))
}

/// Read the description of a network from JSON.
///
/// # Errors
///
/// [`Error::Json`] says where the text is wrong.
pub fn from_json(text: &str) -> Result<Network, Error> {
    Ok(serde_json::from_str(text)?)
}

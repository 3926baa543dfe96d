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

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use mlgenn_cpu::{BlockExecutor, CpuBackend};
use mlgenn_cuda::emit::NetworkProgram;
use mlgenn_cuda::nvrtc::Nvrtc;
use mlgenn_cuda::run::{CudaBackend, CudaDevice, launch_list};
use mlgenn_ir::interpret::Interpreter;

pub use mlgenn_cpu::UnknownLevel;
pub use mlgenn_cuda::run::{CudaError, CudaOptions};
pub use mlgenn_engine::{
    Access, ArrayData, ArrayView, Arrays, Backend, CompiledModel, EngineError, MemoryItem,
    Progress, Recorded, RunPlan, Simulation, SpikeTrain, Stages, StepUpdate, take_stages,
};
pub use mlgenn_ir::launch::Watch;
pub use mlgenn_ir::poll::with_poll;
pub use mlgenn_ir::prefetch;
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
    /// For the CUDA backend: which GPU, and where to look for libraries.
    pub cuda: CudaOptions,
    /// Choices of the plan.
    pub plan: PlanOptions,
}

/// The backends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// Vector units and threads of the CPU.
    #[default]
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
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
    #[error("there is no backend named {0:?}; there are: {names}", names = BACKENDS.join(", "))]
    UnknownBackend(String),
    /// An instruction set that this machine does not have.
    #[error(transparent)]
    UnknownLevel(#[from] UnknownLevel),
    /// The CUDA backend was asked for and cannot be used.
    #[error(transparent)]
    Cuda(#[from] Arc<CudaError>),
}

/// Names of all backends.
pub const BACKENDS: [&str; 4] = ["cpu", "single_threaded_cpu", "cuda", "interpreter"];

impl Options {
    /// Options for a backend by name: `cpu`, `single_threaded_cpu` (one thread of it), `cuda` or
    /// `interpreter`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBackend`].
    pub fn for_backend(name: &str) -> Result<Self, Error> {
        let (backend, threads) = match name {
            "cpu" => (BackendChoice::Cpu, None),
            "single_threaded_cpu" => (BackendChoice::Cpu, Some(1)),
            "cuda" => (BackendChoice::Cuda, None),
            "interpreter" => (BackendChoice::Interpreter, None),
            _ => return Err(Error::UnknownBackend(name.to_owned())),
        };
        Ok(Self { backend, threads, ..Self::default() })
    }
}

/// Name of the backend to use if nobody asks for one: that in the environment variable
/// `MLGENN_BACKEND`, else `cuda` if a GPU can be used, else `cpu`.
///
/// # Errors
///
/// [`Error::UnknownBackend`] if the variable has some other value.
pub fn default_backend(cuda: &CudaOptions) -> Result<&'static str, Error> {
    match std::env::var("MLGENN_BACKEND") {
        Ok(name) if !name.is_empty() => {
            let known = BACKENDS.into_iter().find(|known| *known == name);
            known.ok_or(Error::UnknownBackend(name))
        }
        _ => Ok(if cuda_device(cuda).is_ok() { "cuda" } else { "cpu" }),
    }
}

/// The GPU that the CUDA backend would use, and its compiler, in words.
///
/// # Errors
///
/// [`Error::Cuda`] says what was tried and what to install.
pub fn describe_cuda(cuda: &CudaOptions) -> Result<String, Error> {
    Ok(cuda_device(cuda)?.describe())
}

/// The CUDA C that a network is compiled to for a GPU; no GPU is needed for it.
///
/// # Errors
///
/// If the network is too large to be laid out.
pub fn cuda_text(model: &CompiledModel) -> Result<String, Error> {
    let text = mlgenn_cuda::run::text(model.plan(), &NetworkProgram::new(model.plan()));
    Ok(text.map_err(|error| Arc::new(CudaError::from(error)))?)
}

/// The launches of a network on a GPU, one a line; no GPU is needed for it.
///
/// # Errors
///
/// If the network is too large to be laid out.
pub fn cuda_launches(model: &CompiledModel) -> Result<String, Error> {
    let list = launch_list(model.plan());
    Ok(list.map_err(|error| Arc::new(CudaError::from(error)))?)
}

/// Compile CUDA C for `sm_{architecture}` with an NVRTC library; gives machine code and report.
///
/// # Errors
///
/// [`Error::Cuda`] with the messages of the compiler.
pub fn compile_cuda(
    text: &str,
    library: PathBuf,
    architecture: i32,
) -> Result<(Vec<u8>, String), Error> {
    let compile = || Nvrtc::open(library)?.compile(text, architecture);
    let compiled = compile().map_err(|error| Arc::new(CudaError::from(error)))?;
    Ok((compiled.image, compiled.log))
}

/// What is known about a device: itself, or why it cannot be used.
type Opened = Result<Arc<CudaDevice>, Arc<CudaError>>;

/// The device for some options, opened once in a process.
fn cuda_device(options: &CudaOptions) -> Opened {
    static OPENED: Mutex<Vec<(CudaOptions, Opened)>> = Mutex::new(Vec::new());
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, device)) = opened.iter().find(|(other, _)| other == options) {
        return device.clone();
    }
    let device = CudaDevice::open(options).map(Arc::new).map_err(Arc::new);
    opened.push((options.clone(), device.clone()));
    device
}

/// Validate and compile a network.
///
/// # Errors
///
/// [`EngineError::Model`] if the description or its model code is wrong; [`Error::Cuda`] if that
/// backend was asked for and cannot be used; [`Error::UnknownLevel`] if the environment variable
/// `MLGENN_SIMD` names an instruction set that this machine does not have.
pub fn compile(network: Network, options: &Options) -> Result<Arc<CompiledModel>, Error> {
    let cpu = || {
        let executor = Box::new(BlockExecutor::chosen()?);
        Ok::<_, UnknownLevel>(Arc::new(CpuBackend::new(executor, options.threads)))
    };
    let backend: Arc<dyn Backend> = match options.backend {
        BackendChoice::Cpu => cpu()?,
        BackendChoice::Cuda => Arc::new(CudaBackend::new(cpu()?, cuda_device(&options.cuda)?)),
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

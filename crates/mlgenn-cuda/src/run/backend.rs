//! The CUDA backend: a GPU with its compiler, and a backend of the host for what is done there.

use std::path::PathBuf;
use std::sync::Arc;

use mlgenn_engine::{Backend, Device, DeviceModel, EngineError, stage};
use mlgenn_ir::launch::Executor;
use mlgenn_model::Plan;

use super::model::GpuModel;
use crate::driver::{DeviceError, Gpu, Unavailable};
use crate::nvrtc::{Compiler, Needs, Nvrtc, NvrtcError, Target};

/// A GPU, and what compiles for it.
#[derive(Debug)]
pub struct CudaDevice {
    pub(super) gpu: Arc<Gpu>,
    pub(super) compiler: Compiler,
    pub(super) target: Target,
}

/// What to run on, and where to look for what is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaOptions {
    /// Number of the GPU.
    pub gpu: usize,
    /// Folders in which Python packages are installed, for NVRTC.
    pub library_folders: Vec<PathBuf>,
    /// Where compiled kernels are kept between runs; nowhere if absent.
    pub cache: Option<PathBuf>,
}

impl Default for CudaOptions {
    fn default() -> Self {
        Self { gpu: 0, library_folders: Vec::new(), cache: Compiler::default_folder() }
    }
}

/// Why CUDA cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CudaError {
    /// There is no driver or no GPU that fits.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// There is no compiler that fits, or it refuses something.
    #[error(transparent)]
    Nvrtc(#[from] NvrtcError),
    /// The GPU failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl CudaDevice {
    /// Open a GPU and find the compiler.
    ///
    /// # Errors
    ///
    /// What was tried and what to install, if there is no driver, GPU or compiler that fits.
    pub fn open(options: &CudaOptions) -> Result<Self, CudaError> {
        let gpu = Arc::new(stage("GPU", || Gpu::open(options.gpu))?);
        let capability = gpu.capability();
        let needs = Needs { newest_release: Some(gpu.driver().0), capability: Some(capability) };
        let nvrtc = stage("NVRTC library", || Nvrtc::load(&options.library_folders, needs))?;
        let target = nvrtc.target(capability).unwrap_or(Target::Machine(capability));
        Ok(Self { gpu, compiler: Compiler::new(nvrtc, options.cache.clone()), target })
    }

    /// GPU and compiler in words.
    pub fn describe(&self) -> String {
        let (major, minor) = self.compiler.nvrtc().version();
        let path = self.compiler.nvrtc().path().display();
        format!("{:?}, NVRTC {major}.{minor} ({path})", self.gpu)
    }
}

impl Device for CudaDevice {
    fn compile(&self, plan: &Plan) -> Result<Arc<dyn DeviceModel>, EngineError> {
        Ok(Arc::new(GpuModel::new(self, plan)?))
    }
}

/// Runs networks on a GPU.
pub struct CudaBackend {
    host: Arc<dyn Backend>,
    device: Arc<CudaDevice>,
}

impl CudaBackend {
    /// A backend that initialises arrays and runs host code with another one.
    pub fn new(host: Arc<dyn Backend>, device: Arc<CudaDevice>) -> Self {
        Self { host, device }
    }
}

impl Backend for CudaBackend {
    fn name(&self) -> &'static str {
        "cuda"
    }

    fn executor(&self) -> &dyn Executor {
        self.host.executor()
    }

    fn threads(&self) -> usize {
        self.host.threads()
    }

    fn for_each_while(&self, count: usize, work: &(dyn Fn(usize) + Sync), meanwhile: &dyn Fn()) {
        self.host.for_each_while(count, work, meanwhile);
    }

    fn device(&self) -> Option<&dyn Device> {
        Some(&*self.device)
    }
}

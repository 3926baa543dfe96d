//! The CUDA backend on a pretended GPU, which runs on the host.

use mlgenn::{BackendChoice, Options};
use mlgenn_cuda::testing::{HostError, PretendedGpu};

/// The pretended GPU; `None` without g++, if `MLGENN_NO_CXX` says that there is none.
pub(crate) fn gpu() -> Option<&'static PretendedGpu> {
    match PretendedGpu::get() {
        Err(HostError::NoCompiler(_)) if std::env::var_os("MLGENN_NO_CXX").is_some() => None,
        gpu => Some(gpu.unwrap()),
    }
}

/// Options of the CUDA backend.
pub(crate) fn cuda(gpu: &PretendedGpu) -> Options {
    Options { backend: BackendChoice::Cuda, cuda: gpu.options(), ..Options::default() }
}

//! Compiling a network from its description.

use std::path::PathBuf;
use std::sync::Arc;

use mlgenn::{CompiledModel, CudaOptions, Error, Options, PlanOptions};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde::Deserialize;

use crate::arrays::dtype_name;
use crate::gil::detached;

/// A network made ready to run.
#[pyclass(frozen, name = "CompiledModel", module = "mlgenn_rs._core")]
pub(crate) struct PyCompiledModel {
    pub(crate) model: Arc<CompiledModel>,
}

#[pymethods]
impl PyCompiledModel {
    /// Name of the network.
    #[getter]
    fn name(&self) -> &str {
        &self.model.network().name
    }

    /// Name of the backend.
    #[getter]
    fn backend(&self) -> &'static str {
        self.model.backend_name()
    }

    /// Number of threads of the backend.
    #[getter]
    fn num_threads(&self) -> usize {
        self.model.threads()
    }

    /// The CUDA C that the network is compiled to for a GPU.
    fn cuda_text(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || mlgenn::cuda_text(&self.model))
    }

    /// What is launched in a timestep and in custom updates on a GPU.
    fn cuda_launches(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || mlgenn::cuda_launches(&self.model))
    }

    /// Path, bytes, dtype and shape of everything that loading allocates.
    fn memory_plan<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.model
            .memory_plan()
            .into_iter()
            .map(|item| {
                let entry = PyDict::new(py);
                entry.set_item("path", item.path)?;
                entry.set_item("bytes", item.bytes)?;
                entry.set_item("dtype", dtype_name(item.ty))?;
                entry.set_item("shape", item.shape)?;
                Ok(entry)
            })
            .collect()
    }
}

/// Choices beside the description, as JSON.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Preferences {
    accumulate_per_member: bool,
    gpu: usize,
    dynamics_per_synapse: bool,
}

/// Compile a network described in JSON.
///
/// `backend` is one of `BACKENDS`; `num_threads` is that of the machine unless given.
#[pyfunction]
#[pyo3(signature = (description_json, backend="cpu", num_threads=None, options_json="{}"))]
pub(crate) fn compile(
    py: Python<'_>,
    description_json: &str,
    backend: &str,
    num_threads: Option<usize>,
    options_json: &str,
) -> PyResult<PyCompiledModel> {
    let folders = library_folders(py)?;
    let model = detached(py, || -> Result<_, Error> {
        let network = mlgenn::from_json(description_json)?;
        let Preferences { accumulate_per_member, dynamics_per_synapse, gpu } =
            serde_json::from_str(options_json)?;
        let mut options = Options::for_backend(backend)?;
        options.cuda = CudaOptions { gpu, ..cuda_options(folders) };
        options.threads = num_threads.or(options.threads);
        options.plan =
            PlanOptions { accumulate_per_member, dynamics_per_synapse, ..PlanOptions::default() };
        mlgenn::compile(network, &options)
    })?;
    Ok(PyCompiledModel { model })
}

/// Compile CUDA C with an NVRTC library; returns machine code and the report. For checks.
#[pyfunction]
pub(crate) fn compile_cuda<'py>(
    py: Python<'py>,
    text: &str,
    library: PathBuf,
    architecture: i32,
) -> PyResult<(Bound<'py, PyBytes>, String)> {
    let (image, log) = detached(py, || mlgenn::compile_cuda(text, library, architecture))?;
    Ok((PyBytes::new(py, &image), log))
}

/// Name of the backend that is used unless another one is asked for.
#[pyfunction]
pub(crate) fn default_backend(py: Python<'_>) -> PyResult<&'static str> {
    let folders = library_folders(py)?;
    detached(py, || mlgenn::default_backend(&cuda_options(folders)))
}

/// Seconds that the stages of building networks took in this process since this was last asked.
#[pyfunction]
pub(crate) fn take_stages() -> Vec<(&'static str, f64)> {
    let stages = mlgenn::take_stages().into_iter();
    stages.map(|(name, time)| (name, time.as_secs_f64())).collect()
}

/// The GPU that the CUDA backend would use, in words; an exception says why there is none.
#[pyfunction]
pub(crate) fn describe_cuda(py: Python<'_>) -> PyResult<String> {
    let folders = library_folders(py)?;
    detached(py, || mlgenn::describe_cuda(&cuda_options(folders)))
}

fn cuda_options(library_folders: Vec<PathBuf>) -> CudaOptions {
    CudaOptions { library_folders, ..CudaOptions::default() }
}

/// Where Python looks for packages, among which NVRTC may be.
fn library_folders(py: Python<'_>) -> PyResult<Vec<PathBuf>> {
    let path: Vec<Bound<'_, PyAny>> = py.import("sys")?.getattr("path")?.extract()?;
    // Other entries than strings are allowed, and ignored by Python as well.
    let folders = path.iter().filter_map(|folder| folder.extract::<PathBuf>().ok());
    Ok(folders.filter(|folder| folder.is_absolute()).collect())
}

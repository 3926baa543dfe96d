//! Compiling a network from its description.

use std::sync::Arc;

use mlgenn::{CompiledModel, Error, Options, PlanOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;
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
}

/// Compile a network described in JSON.
///
/// `backend` is "cpu", "single_threaded_cpu" or "interpreter"; `num_threads` is that of the machine
/// unless given.
#[pyfunction]
#[pyo3(signature = (description_json, backend=None, num_threads=None, options_json="{}"))]
pub(crate) fn compile(
    py: Python<'_>,
    description_json: &str,
    backend: Option<&str>,
    num_threads: Option<usize>,
    options_json: &str,
) -> PyResult<PyCompiledModel> {
    let model = detached(py, || -> Result<_, Error> {
        let network = mlgenn::from_json(description_json)?;
        let Preferences { accumulate_per_member } = serde_json::from_str(options_json)?;
        let mut options = Options::for_backend(backend.unwrap_or("cpu"))?;
        options.threads = num_threads.or(options.threads);
        options.plan = PlanOptions { accumulate_per_member };
        mlgenn::compile(network, &options)
    })?;
    Ok(PyCompiledModel { model })
}

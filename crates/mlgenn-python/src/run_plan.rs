//! What to do in a stretch of timesteps.

use mlgenn::{RunPlan, StepUpdate};
use pyo3::prelude::*;

/// A number of timesteps, custom updates to run before and after them, and arrays to record.
#[pyclass(frozen, name = "RunPlan", module = "mlgenn_rs._core")]
pub(crate) struct PyRunPlan {
    pub(crate) plan: RunPlan,
}

#[pymethods]
impl PyRunPlan {
    #[new]
    #[pyo3(signature = (num_timesteps, begin=Vec::new(), end=Vec::new(), record=Vec::new()))]
    fn new(
        num_timesteps: usize,
        begin: Vec<(String, Option<usize>)>,
        end: Vec<(String, Option<usize>)>,
        record: Vec<String>,
    ) -> Self {
        let plan =
            RunPlan { timesteps: num_timesteps, begin: updates(begin), end: updates(end), record };
        Self { plan }
    }
}

fn updates(given: Vec<(String, Option<usize>)>) -> Vec<StepUpdate> {
    given.into_iter().map(|(group, at)| StepUpdate { group, at }).collect()
}

//! The state of a network that is being simulated.

use std::collections::BTreeMap;

use mlgenn::{Access, ArrayView, Progress, Recorded, Simulation, SpikeTrain};
use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyDict;

use crate::arrays::{copy_in, share};
use crate::compiled::PyCompiledModel;
use crate::error::{exception, to_exception};
use crate::gil::{detached, interruptible};
use crate::run_plan::PyRunPlan;

/// Times in ms and ids of neurons of the recorded spikes of one batch member.
type SpikeArrays<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<i32>>);

/// Presynaptic and postsynaptic indices of synapses.
type IndexArrays<'py> = (Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<u32>>);

/// The state of a network that is being simulated.
#[pyclass(name = "Simulation", module = "mlgenn_rs._core")]
pub(crate) struct PySimulation {
    simulation: Simulation,
    recorded: Recorded,
}

#[pymethods]
impl PySimulation {
    /// Allocate and initialise; `arrays` are initial values and extra global parameters by path:
    /// arrays, or how many zeros.
    #[new]
    #[pyo3(signature = (compiled, arrays, num_recording_timesteps=None))]
    fn new(
        py: Python<'_>,
        compiled: &PyCompiledModel,
        arrays: &Bound<'_, PyDict>,
        num_recording_timesteps: Option<usize>,
    ) -> PyResult<Self> {
        let model = compiled.model.clone();
        let arrays = copy_in(arrays)?;
        let simulation = detached(py, || Simulation::new(model, &arrays, num_recording_timesteps))?;
        Ok(Self { simulation, recorded: Recorded::default() })
    }

    /// Number of timesteps made; settable.
    #[getter]
    fn timestep(&self) -> u64 {
        self.simulation.timestep()
    }

    #[setter]
    fn set_timestep(&mut self, timestep: u64) {
        self.simulation.set_timestep(timestep);
    }

    /// Forget all spikes and spike-like events that are on their way.
    fn clear_events(&mut self) {
        self.simulation.clear_events();
    }

    /// Make one timestep.
    fn step(&mut self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.simulation.step())
    }

    /// Run a plan; Ctrl-C stops it between timesteps. Without waiting until a device has done so, if
    /// that is wanted.
    #[pyo3(signature = (plan, wait=true))]
    fn run(&mut self, py: Python<'_>, plan: &PyRunPlan, wait: bool) -> PyResult<()> {
        let plan = &plan.plan;
        self.recorded = interruptible(py, || match wait {
            true => self.simulation.run(plan),
            false => self.simulation.start(plan),
        })?;
        Ok(())
    }

    /// Run custom update groups in order; without waiting until a device has done so, if that is
    /// wanted.
    #[pyo3(signature = (*groups, wait=true))]
    fn custom_update(
        &mut self,
        py: Python<'_>,
        groups: Vec<PyBackedStr>,
        wait: bool,
    ) -> PyResult<()> {
        let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
        detached(py, || match wait {
            true => self.simulation.custom_update_groups(&groups),
            false => self.simulation.start_custom_update_groups(&groups),
        })
    }

    /// What the last run recorded of an array: timesteps, copies, elements.
    fn recorded<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyAny>> {
        let Some((buffer, copies, elements)) = self.recorded.get(path) else {
            let message = format!("the last run did not record {path}");
            return Err(exception(py, "UnknownName", message));
        };
        let timesteps = buffer.len().checked_div(copies * elements).unwrap_or(0);
        share(py, buffer.clone(), &[timesteps, copies, elements])
    }

    /// Live view of an array: copies and delay slots, if more than one, and elements.
    ///
    /// The mode is `"r+"` to read and write, `"r"` to read only, or `"w"` to write all of it without
    /// reading.
    #[pyo3(signature = (path, mode="r+"))]
    fn view<'py>(&self, py: Python<'py>, path: &str, mode: &str) -> PyResult<Bound<'py, PyAny>> {
        let access = match mode {
            "r" => Access::Read,
            "r+" => Access::ReadWrite,
            "w" => Access::Overwrite,
            _ => return Err(PyValueError::new_err(format!("mode must be r, r+ or w, got {mode}"))),
        };
        // Others may be waited for, with Ctrl-C.
        let array = detached(py, || self.simulation.array_for(path, access))?;
        let view = share(py, array.buffer.clone(), &shape_of(&array))?;
        if access == Access::Read {
            view.call_method1("setflags", (false,))?;
        }
        Ok(view)
    }

    /// Whether arrays are on a device, such as a GPU.
    #[getter]
    fn is_on_device(&self) -> bool {
        self.simulation.is_on_device()
    }

    /// Number of delay slots of an array.
    fn num_slots(&self, py: Python<'_>, path: &str) -> PyResult<usize> {
        self.simulation.num_slots(path).map_err(|error| to_exception(py, error))
    }

    /// The delay slot of an array that was written last.
    fn current_slot(&self, py: Python<'_>, path: &str) -> PyResult<usize> {
        self.simulation.current_slot(path).map_err(|error| to_exception(py, error))
    }

    /// Change a dynamic parameter.
    fn set_dynamic_param(&mut self, py: Python<'_>, path: &str, value: f64) -> PyResult<()> {
        self.simulation.set_dynamic_param(path, value).map_err(|error| to_exception(py, error))
    }

    /// All state that is not in arrays: seed, timestep, timesteps made, runs of connectivity updates
    /// and the current slot of every ring.
    fn progress(&self) -> (u64, u64, u64, u64, Vec<u32>) {
        let Progress { seed, timestep, steps_made, connectivity_runs, rings } =
            self.simulation.progress();
        (seed, timestep, steps_made, connectivity_runs, rings)
    }

    /// Go on from the state that `progress` returned; the arrays were written before.
    fn resume(&mut self, py: Python<'_>, progress: (u64, u64, u64, u64, Vec<u32>)) -> PyResult<()> {
        let (seed, timestep, steps_made, connectivity_runs, rings) = progress;
        let progress = Progress { seed, timestep, steps_made, connectivity_runs, rings };
        detached(py, || self.simulation.resume(&progress))
    }

    /// Recorded spikes of a population, per batch member: times in ms and ids.
    fn spikes<'py>(&self, py: Python<'py>, population: &str) -> PyResult<Vec<SpikeArrays<'py>>> {
        self.trains(py, &format!("neuron.{population}.spikes"))
    }

    /// Recorded presynaptic events of a synapse group, per batch member: times in ms and ids.
    fn pre_events<'py>(&self, py: Python<'py>, group: &str) -> PyResult<Vec<SpikeArrays<'py>>> {
        self.trains(py, &format!("syn.{group}.pre_events"))
    }

    /// Recorded postsynaptic events of a synapse group, per batch member: times in ms and ids.
    fn post_events<'py>(&self, py: Python<'py>, group: &str) -> PyResult<Vec<SpikeArrays<'py>>> {
        self.trains(py, &format!("syn.{group}.post_events"))
    }

    /// Number of synapses of every row of a sparse synapse group.
    fn row_length<'py>(&self, py: Python<'py>, group: &str) -> PyResult<Bound<'py, PyAny>> {
        let array = self.simulation.array(&format!("syn.{group}.row_length"));
        let array = array.map_err(|error| to_exception(py, error))?;
        let shape = shape_of(&array);
        share(py, array.buffer, &shape)
    }

    /// Presynaptic and postsynaptic index of every synapse of a group, in row order.
    fn indices<'py>(&self, py: Python<'py>, group: &str) -> PyResult<IndexArrays<'py>> {
        let (pre, post) =
            self.simulation.indices(group).map_err(|error| to_exception(py, error))?;
        Ok((PyArray1::from_vec(py, pre), PyArray1::from_vec(py, post)))
    }

    /// Seconds spent in each part since loading.
    fn times(&self) -> BTreeMap<String, f64> {
        self.simulation.times().into_iter().collect()
    }
}

impl PySimulation {
    fn trains<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Vec<SpikeArrays<'py>>> {
        let trains = self.simulation.spikes(path).map_err(|error| to_exception(py, error))?;
        let arrays = |train: SpikeTrain| {
            let ids = PyArray1::from_iter(py, train.ids.into_iter().map(u32::cast_signed));
            (PyArray1::from_vec(py, train.times), ids)
        };
        Ok(trains.into_iter().map(arrays).collect())
    }
}

/// Shape of an array as Python sees it: axes of length one are left out, but for the elements.
fn shape_of(array: &ArrayView) -> Vec<usize> {
    let mut shape = Vec::with_capacity(3);
    shape.extend([array.copies, array.slots].into_iter().filter(|&length| length > 1));
    shape.push(array.elements);
    shape
}

//! Spike trains of many examples, and writing those of a batch to where input neurons look for them.

use numpy::{Element, PyReadonlyArray1, PyReadwriteArrayDyn};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

/// Spike trains of the examples of a data set: a small copy, made to be read quickly.
#[pyclass(frozen, name = "SpikeTrains", module = "mlgenn_rs._core")]
pub(crate) struct SpikeTrains {
    #[pyo3(get)]
    num_neurons: usize,
    /// Index after the last spike of each neuron, in its example: `[examples][neurons]`.
    ends: Vec<u32>,
    /// Neurons of all spikes, by example, neuron and time.
    neurons: Vec<u32>,
    /// Their times.
    times: Vec<f32>,
    /// Where the spikes of each example start, and where the last ones end.
    starts: Vec<usize>,
}

/// Spikes of one example.
struct Train<'a> {
    ends: &'a [u32],
    neurons: &'a [u32],
    times: &'a [f32],
}

#[pymethods]
impl SpikeTrains {
    /// Copy the spike trains of examples, which are tuples of a type: the index after the last spike
    /// of each neuron (`int64`), and the times of all spikes (`float64` or `float32`).
    ///
    /// `None` if there are no examples, or if any of them is something else, unsound, or has another
    /// number of neurons than the first.
    #[staticmethod]
    fn copy(
        examples: &Bound<'_, PyAny>,
        example_type: &Bound<'_, PyType>,
    ) -> PyResult<Option<Self>> {
        let mut trains: Option<Self> = None;
        for example in examples.try_iter()? {
            let example = example?;
            let Ok(pair) = example.cast::<PyTuple>() else { return Ok(None) };
            let (true, Ok(ends), Ok(times)) =
                (pair.get_type().is(example_type), pair.get_item(0), pair.get_item(1))
            else {
                return Ok(None);
            };
            let Some(ends) = readable::<i64>(&ends) else { return Ok(None) };
            let Ok(ends) = ends.as_slice() else { return Ok(None) };
            let trains = trains.get_or_insert_with(|| Self::new(ends.len()));
            if !trains.add(ends, &times) {
                return Ok(None);
            }
        }
        Ok(trains)
    }

    /// Number of examples.
    #[getter]
    fn num_examples(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of spikes of some examples together.
    fn count(&self, examples: PyReadonlyArray1<'_, i64>) -> PyResult<usize> {
        Ok(self.find(examples.as_slice()?)?.iter().map(|train| train.times.len()).sum())
    }

    /// Write the spike trains of a batch: for each example and neuron the indices of its first spike
    /// and of the one after its last; the times of all spikes; and unless that is `None`, for each
    /// example and neuron the time of its first spike, `no_spike` if there is none. Examples that
    /// are missing from the batch have no spikes.
    ///
    /// Returns whether that was done. It is not, and nothing changes, if the arrays are not of the
    /// usual types and contiguous.
    #[pyo3(signature = (examples, starts, ends, times, first_times, no_spike))]
    fn write(
        &self,
        examples: PyReadonlyArray1<'_, i64>,
        starts: &Bound<'_, PyAny>,
        ends: &Bound<'_, PyAny>,
        times: &Bound<'_, PyAny>,
        first_times: Option<&Bound<'_, PyAny>>,
        no_spike: f32,
    ) -> PyResult<bool> {
        let trains = self.find(examples.as_slice()?)?;
        let (Some(mut starts), Some(mut ends), Some(mut times)) =
            (writable::<u32>(starts), writable::<u32>(ends), writable::<f32>(times))
        else {
            return Ok(false);
        };
        let mut first_times = match first_times.map(writable::<f32>) {
            None => None,
            Some(None) => return Ok(false),
            Some(times) => times,
        };
        let (Ok(starts), Ok(ends), Ok(times), Ok(first_times)) = (
            starts.as_slice_mut(),
            ends.as_slice_mut(),
            times.as_slice_mut(),
            first_times.as_mut().map(PyReadwriteArrayDyn::as_slice_mut).transpose(),
        ) else {
            return Ok(false);
        };
        let total: usize = trains.iter().map(|train| train.times.len()).sum();
        let elements = starts.len();
        let fits = trains.len() * self.num_neurons <= elements
            && ends.len() == elements
            && first_times.as_ref().is_none_or(|times| times.len() == elements)
            && total <= times.len()
            && u32::try_from(total).is_ok();
        if !fits {
            return Err(PyValueError::new_err("there is not enough room for the batch"));
        }
        write_spikes(&trains, self.num_neurons, starts, ends, times);
        if let Some(first_times) = first_times {
            write_first_times(&trains, self.num_neurons, first_times, no_spike);
        }
        Ok(true)
    }
}

impl SpikeTrains {
    /// Nothing yet; there is at least one neuron.
    fn new(num_neurons: usize) -> Self {
        let (ends, neurons, times) = (Vec::new(), Vec::new(), Vec::new());
        Self { num_neurons, ends, neurons, times, starts: vec![0] }
    }

    /// Add an example, if it is sound: ends ascend up to the number of spikes, whose times are
    /// numbers. Returns whether that was done; what is there is of no use if not.
    fn add(&mut self, ends: &[i64], times: &Bound<'_, PyAny>) -> bool {
        let before = self.times.len();
        let has_nan = if let Some(times) = readable::<f64>(times) {
            let Ok(times) = times.as_slice() else { return false };
            self.times.extend(times.iter().map(|&time| time as f32));
            times.iter().fold(false, |any, time| any | time.is_nan())
        } else if let Some(times) = readable::<f32>(times) {
            let Ok(times) = times.as_slice() else { return false };
            self.times.extend_from_slice(times);
            times.iter().fold(false, |any, time| any | time.is_nan())
        } else {
            return false;
        };
        let (Some(&first), Some(&last)) = (ends.first(), ends.last()) else { return false };
        // Negative if any end or difference is. Without branches, so that vector units can do it.
        let later = ends.get(1..).unwrap_or_default();
        let signs = ends
            .iter()
            .zip(later)
            .fold(first, |signs, (end, next)| signs | next | next.wrapping_sub(*end));
        let num_spikes = self.times.len() - before;
        let is_sound = ends.len() == self.num_neurons
            && !has_nan
            && signs >= 0
            && u32::try_from(last).is_ok_and(|last| last as usize == num_spikes);
        if is_sound {
            self.starts.push(self.times.len());
            self.ends.extend(ends.iter().map(|&end| end as u32));
            // One more, so that a spike can be written whether there is one or not: few branches.
            self.neurons.resize(self.times.len() + 1, 0);
            let neurons = &mut self.neurons[before..];
            let mut start = 0;
            for (neuron, &end) in ends.iter().enumerate() {
                let (first, end) = (start, end as usize);
                neurons[first] = neuron as u32;
                if end > first + 1 {
                    neurons[first..end].fill(neuron as u32);
                }
                start = end;
            }
            self.neurons.truncate(self.times.len());
        }
        is_sound
    }

    /// The examples of some indices.
    fn find(&self, examples: &[i64]) -> PyResult<Vec<Train<'_>>> {
        let train = |&example: &i64| {
            let example = usize::try_from(example).ok()?;
            let &[start, end] = self.starts.get(example..)?.get(..2)? else { return None };
            let first = example * self.num_neurons;
            let ends = self.ends.get(first..first + self.num_neurons)?;
            let (neurons, times) = (self.neurons.get(start..end)?, self.times.get(start..end)?);
            Some(Train { ends, neurons, times })
        };
        let trains: Option<Vec<_>> = examples.iter().map(train).collect();
        trains.ok_or_else(|| PyIndexError::new_err("there is no example of that index"))
    }
}

fn readable<'py, T: Element>(array: &Bound<'py, PyAny>) -> Option<PyReadonlyArray1<'py, T>> {
    array.extract().ok()
}

fn writable<'py, T: Element>(array: &Bound<'py, PyAny>) -> Option<PyReadwriteArrayDyn<'py, T>> {
    array.extract().ok()
}

/// Write indices of spikes of each neuron, and times, to arrays in which there is room for them.
fn write_spikes(
    trains: &[Train<'_>],
    num_neurons: usize,
    starts: &mut [u32],
    ends: &mut [u32],
    times: &mut [f32],
) {
    let mut offset = 0;
    let rows = starts.chunks_exact_mut(num_neurons).zip(ends.chunks_exact_mut(num_neurons));
    for (train, (starts, ends)) in trains.iter().zip(rows) {
        let first = offset as u32;
        for (to, from) in ends.iter_mut().zip(train.ends) {
            *to = first + from;
        }
        // Each neuron starts where the one before it ends.
        if let ([start, starts @ ..], [ends @ .., _]) = (starts, &*ends) {
            *start = first;
            starts.copy_from_slice(ends);
        }
        let end = offset + train.times.len();
        times[offset..end].copy_from_slice(train.times);
        offset = end;
    }
    let missing = trains.len() * num_neurons..;
    starts[missing.clone()].fill(offset as u32);
    ends[missing].fill(offset as u32);
}

/// Write the time of the first spike of each neuron.
fn write_first_times(trains: &[Train<'_>], num_neurons: usize, to: &mut [f32], no_spike: f32) {
    to.fill(no_spike);
    for (train, to) in trains.iter().zip(to.chunks_exact_mut(num_neurons)) {
        // The first spike of a neuron is written last.
        for (&neuron, &time) in train.neurons.iter().zip(train.times).rev() {
            if let Some(to) = to.get_mut(neuron as usize) {
                *to = time;
            }
        }
    }
}

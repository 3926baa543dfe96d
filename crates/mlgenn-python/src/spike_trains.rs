//! Spike trains of many examples, and writing those of a batch to where input neurons look for them.
#![expect(unsafe_code, reason = "reads many numpy arrays at once; see the SAFETY comments")]

use mlgenn::prefetch::{prefetch, prefetch_all};
use numpy::{
    Element, PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadwriteArrayDyn, PyUntypedArray,
    PyUntypedArrayMethods,
};
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
    /// Times of all spikes, by example, neuron and time.
    times: Vec<f32>,
    /// Where the spikes of each example start, and where the last ones end.
    starts: Vec<usize>,
}

/// Elements of copies that are worth a thread.
const LEAST_PER_THREAD: usize = 1 << 16;

/// Spikes of one example.
struct Train<'a> {
    ends: &'a [u32],
    times: &'a [f32],
}

/// An example as it was given.
struct Given<'a> {
    ends: &'a [i64],
    times: Times<'a>,
}

#[derive(Clone, Copy)]
enum Times<'a> {
    Double(&'a [f64]),
    Single(&'a [f32]),
}

/// From where spikes are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// The first spike of each example.
    InEach,
    /// The first spike of all examples.
    Together,
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
        num_threads: usize,
    ) -> PyResult<Option<Self>> {
        // Arrays that are views stay as long as these, which hold their tuples.
        let examples: Vec<_> = examples.try_iter()?.collect::<PyResult<_>>()?;
        let given = read(&examples, example_type);
        Ok(given.and_then(|given| Self::copy_given(&given, num_threads)))
    }

    /// Write the spike trains of a batch as [`SpikeTrains::write`] does, from examples as
    /// [`SpikeTrains::copy`] takes them, without a copy in between.
    ///
    /// Returns whether that was done. If it was not, as there is not enough room or the examples or
    /// arrays are not of the usual forms, the batch has no spikes, or nothing has changed.
    #[staticmethod]
    fn write_examples(
        examples: &Bound<'_, PyAny>,
        example_type: &Bound<'_, PyType>,
        num_neurons: usize,
        starts: &Bound<'_, PyAny>,
        times: &Bound<'_, PyAny>,
        num_threads: usize,
    ) -> PyResult<bool> {
        let (Some(mut starts), Some(mut times)) = (writable::<u32>(starts), writable::<f32>(times))
        else {
            return Ok(false);
        };
        let (Ok(starts), Ok(times)) = (starts.as_slice_mut(), times.as_slice_mut()) else {
            return Ok(false);
        };
        let examples: Vec<_> = examples.try_iter()?.collect::<PyResult<_>>()?;
        let done = read(&examples, example_type)
            .is_some_and(|given| write_given(&given, num_neurons, starts, times, num_threads));
        if !done {
            starts.fill(0);
        }
        Ok(done)
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

    /// Write the spike trains of a batch: for each example and neuron the index of its first spike,
    /// then the number of all spikes; and the times of all spikes. Examples that are missing from
    /// the batch have no spikes.
    ///
    /// Returns whether that was done. It is not, and nothing changes, if the arrays are not of the
    /// usual types and contiguous.
    fn write(
        &self,
        examples: PyReadonlyArray1<'_, i64>,
        starts: &Bound<'_, PyAny>,
        times: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let trains = self.find(examples.as_slice()?)?;
        let (Some(mut starts), Some(mut times)) = (writable::<u32>(starts), writable::<f32>(times))
        else {
            return Ok(false);
        };
        let (Ok(starts), Ok(times)) = (starts.as_slice_mut(), times.as_slice_mut()) else {
            return Ok(false);
        };
        let total: usize = trains.iter().map(|train| train.times.len()).sum();
        let fits = trains.len() * self.num_neurons < starts.len()
            && total <= times.len()
            && u32::try_from(total).is_ok();
        if !fits {
            return Err(PyValueError::new_err("there is not enough room for the batch"));
        }
        starts[0] = 0;
        // Each neuron starts where the one before it ends.
        write_ends(&trains, self.num_neurons, &mut starts[1..], times);
        Ok(true)
    }
}

impl SpikeTrains {
    /// Copy examples, if all are sound.
    fn copy_given(given: &[Given<'_>], num_threads: usize) -> Option<Self> {
        let num_neurons = count_neurons(given)?;
        let mut starts = vec![0];
        starts.extend(given.iter().scan(0, |sum, example| {
            *sum += example.times.len();
            Some(*sum)
        }));
        let mut ends = vec![0; given.len() * num_neurons];
        let mut times = vec![0.0; *starts.last()?];
        let sound = copy_all(given, &mut ends, &mut times, Counted::InEach, num_threads);
        sound.then_some(Self { num_neurons, ends, times, starts })
    }

    /// The examples of some indices.
    fn find(&self, examples: &[i64]) -> PyResult<Vec<Train<'_>>> {
        let train = |&example: &i64| {
            let example = usize::try_from(example).ok()?;
            let &[start, end] = self.starts.get(example..)?.get(..2)? else { return None };
            let first = example * self.num_neurons;
            let ends = self.ends.get(first..first + self.num_neurons)?;
            Some(Train { ends, times: self.times.get(start..end)? })
        };
        let trains: Option<Vec<_>> = examples.iter().map(train).collect();
        trains.ok_or_else(|| PyIndexError::new_err("there is no example of that index"))
    }
}

impl Given<'_> {
    /// Ask for the memory of it.
    fn prefetch(&self) {
        prefetch_all(self.ends);
        match self.times {
            Times::Double(times) => prefetch_all(times),
            Times::Single(times) => prefetch_all(times),
        }
    }
}

impl Times<'_> {
    fn len(self) -> usize {
        match self {
            Self::Double(times) => times.len(),
            Self::Single(times) => times.len(),
        }
    }

    /// Copy them; returns whether all are numbers.
    fn copy_to(self, to: &mut [f32]) -> bool {
        // Without branches, so that vector units can do it.
        match self {
            Self::Double(times) => {
                to.iter_mut().zip(times).for_each(|(to, &time)| *to = time as f32);
                !times.iter().fold(false, |any, time| any | time.is_nan())
            }
            Self::Single(times) => {
                to.copy_from_slice(times);
                !times.iter().fold(false, |any, time| any | time.is_nan())
            }
        }
    }
}

/// Number of neurons of all examples; none if they differ, or there is nothing.
fn count_neurons(given: &[Given<'_>]) -> Option<usize> {
    let count = given.first()?.ends.len();
    (count > 0 && given.iter().all(|example| example.ends.len() == count)).then_some(count)
}

/// Write examples to where there is room for a batch; false if they do not fit or are not sound.
fn write_given(
    given: &[Given<'_>],
    num_neurons: usize,
    starts: &mut [u32],
    times: &mut [f32],
    num_threads: usize,
) -> bool {
    let total: usize = given.iter().map(|example| example.times.len()).sum();
    let ends = given.len() * num_neurons;
    let fits = ends < starts.len() && total <= times.len() && u32::try_from(total).is_ok();
    if !fits || count_neurons(given) != Some(num_neurons) {
        return false;
    }
    let (ends, times) = (&mut starts[1..=ends], &mut times[..total]);
    if !copy_all(given, ends, times, Counted::Together, num_threads) {
        return false;
    }
    let written = 1 + ends.len();
    starts[0] = 0;
    starts[written..].fill(total as u32);
    true
}

/// Copy examples with the same number of neurons to where there is room for exactly these, by
/// several threads if they are many; returns whether all are sound.
fn copy_all(
    given: &[Given<'_>],
    ends: &mut [u32],
    times: &mut [f32],
    counted: Counted,
    num_threads: usize,
) -> bool {
    let threads = (ends.len() / LEAST_PER_THREAD).clamp(1, num_threads.max(1));
    let num_neurons = ends.len() / given.len();
    let share = given.len().div_ceil(threads);
    let (mut times_left, mut start) = (times, 0);
    let parts = given.chunks(share).zip(ends.chunks_mut(share * num_neurons));
    let copies = parts.map(|(given, ends)| {
        let count: usize = given.iter().map(|example| example.times.len()).sum();
        let (times, left) = std::mem::take(&mut times_left).split_at_mut(count);
        times_left = left;
        let first = match counted {
            Counted::InEach => None,
            Counted::Together => Some(start),
        };
        start += count;
        move || copy_examples(given, ends, times, first)
    });
    std::thread::scope(|scope| {
        let mut copies = copies;
        let first = copies.next();
        // A part that gets no thread is not copied, so that all of it is done in another way.
        let spawn = |copy| std::thread::Builder::new().spawn_scoped(scope, copy);
        let others: Vec<_> = copies.map(spawn).collect();
        let first = first.is_none_or(|mut copy| copy());
        let join = |copy: std::io::Result<std::thread::ScopedJoinHandle<'_, bool>>| {
            copy.is_ok_and(|copy| copy.join().unwrap_or(false))
        };
        others.into_iter().fold(first, |all, copy| join(copy) & all)
    })
}

/// Copy examples; returns whether all are sound: ends ascend up to the number of spikes, whose times
/// are numbers. Spikes are counted from `first` on, or in each example.
fn copy_examples(
    given: &[Given<'_>],
    ends: &mut [u32],
    times: &mut [f32],
    first: Option<usize>,
) -> bool {
    let num_neurons = ends.len() / given.len();
    let mut start = 0;
    given.iter().zip(ends.chunks_exact_mut(num_neurons)).enumerate().all(
        |(index, (example, to))| {
            // Examples of a shuffled data set are anywhere in memory.
            if let Some(next) = given.get(index + 1) {
                next.prefetch();
            }
            let count = example.times.len();
            let has_numbers = example.times.copy_to(&mut times[start..start + count]);
            let before = first.map_or(0, |first| (first + start) as u32);
            start += count;
            // Negative if any end or difference is. Without branches, so that vector units can do it.
            let ends = example.ends;
            to.iter_mut().zip(ends).for_each(|(to, &end)| *to = before.wrapping_add(end as u32));
            let signs = ends
                .iter()
                .zip(&ends[1..])
                .fold(ends[0], |signs, (end, next)| signs | next | next.wrapping_sub(*end));
            let last = u32::try_from(ends[ends.len() - 1]);
            has_numbers && signs >= 0 && last.is_ok_and(|last| last as usize == count)
        },
    )
}

/// The arrays of examples, if all are of the type and of the usual form.
fn read<'a>(
    examples: &'a [Bound<'_, PyAny>],
    example_type: &Bound<'_, PyType>,
) -> Option<Vec<Given<'a>>> {
    fetch(examples);
    examples.iter().map(|example| read_one(example, example_type)).collect()
}

/// Ask for what describes the arrays of examples, which is all over the memory, too.
fn fetch(examples: &[Bound<'_, PyAny>]) {
    let tuples = || examples.iter().filter_map(|example| example.cast::<PyTuple>().ok());
    let arrays = || tuples().flat_map(|tuple| tuple.iter_borrowed());
    for array in arrays() {
        let header: *const i8 = array.as_ptr().cast();
        prefetch(header);
        prefetch(header.wrapping_add(64));
    }
    for array in arrays() {
        if let Ok(array) = array.cast::<PyUntypedArray>() {
            prefetch_all(array.shape());
        }
    }
}

/// The arrays of an example, if it is of the type and they are of the usual ones.
fn read_one<'a>(
    example: &'a Bound<'_, PyAny>,
    example_type: &Bound<'_, PyType>,
) -> Option<Given<'a>> {
    if !example.get_type().is(example_type) {
        return None;
    }
    let pair = example.cast::<PyTuple>().ok()?;
    let (ends, times) = (pair.get_borrowed_item(0).ok()?, pair.get_borrowed_item(1).ok()?);
    let times = match elements(times) {
        Some(times) => Times::Double(times),
        None => Times::Single(elements(times)?),
    };
    Some(Given { ends: elements(ends)?, times })
}

/// The elements of an array of one dimension and a type. The borrow checker of arrays would take
/// long, as examples are often views of one array.
fn elements<'a, T: Element>(array: Borrowed<'a, '_, PyAny>) -> Option<&'a [T]> {
    let array = array.cast::<PyArray1<T>>().ok()?;
    // SAFETY: nothing writes to the array while it is read: the slice is used as long as the GIL is
    // held, no Python code runs meanwhile, and nothing of this crate writes.
    let elements = unsafe { array.as_slice() }.ok()?;
    // SAFETY: the tuple that `'a` belongs to holds the array, and so its elements.
    Some(unsafe { std::slice::from_raw_parts(elements.as_ptr(), elements.len()) })
}

fn writable<'py, T: Element>(array: &Bound<'py, PyAny>) -> Option<PyReadwriteArrayDyn<'py, T>> {
    array.extract().ok()
}

/// Write the index after the last spike of each neuron, and times, to arrays with room for them.
fn write_ends(trains: &[Train<'_>], num_neurons: usize, ends: &mut [u32], times: &mut [f32]) {
    let mut offset = 0;
    for (train, ends) in trains.iter().zip(ends.chunks_exact_mut(num_neurons)) {
        let first = offset as u32;
        for (to, from) in ends.iter_mut().zip(train.ends) {
            *to = first + from;
        }
        let end = offset + train.times.len();
        times[offset..end].copy_from_slice(train.times);
        offset = end;
    }
    ends[trains.len() * num_neurons..].fill(offset as u32);
}

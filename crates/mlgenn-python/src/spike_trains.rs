//! Spike trains of a batch, written to where input neurons look for them.

use numpy::{Element, PyReadonlyArray1, PyReadwriteArrayDyn};
use pyo3::prelude::*;

/// Write the spike trains of a batch: for each example and neuron the indices of its first spike
/// and of the one after its last, and the time of the first (`no_spike` if there is none); and the
/// times of all spikes. Examples that are missing from the batch have no spikes.
///
/// Returns whether that was done. It is not, and nothing changes, if the arrays are not of the
/// usual types and contiguous, if they do not fit together, or if there is not enough room.
#[pyfunction]
pub(crate) fn write_spike_trains(
    examples: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
    starts: &Bound<'_, PyAny>,
    ends: &Bound<'_, PyAny>,
    next: &Bound<'_, PyAny>,
    times: &Bound<'_, PyAny>,
    no_spike: f32,
) -> bool {
    let arrays: Option<Vec<_>> = examples
        .iter()
        .map(|(ends, times)| Some((readable::<i64>(ends)?, readable::<f64>(times)?)))
        .collect();
    let Some(arrays) = arrays else { return false };
    let trains: Option<Vec<_>> = arrays
        .iter()
        .map(|(ends, times)| {
            Some(Train { ends: ends.as_slice().ok()?, times: times.as_slice().ok()? })
        })
        .collect();
    let (Some(trains), Some(mut starts), Some(mut ends), Some(mut next), Some(mut times)) =
        (trains, writable::<u32>(starts), writable(ends), writable(next), writable(times))
    else {
        return false;
    };
    let (Ok(starts), Ok(ends), Ok(next), Ok(times)) =
        (starts.as_slice_mut(), ends.as_slice_mut(), next.as_slice_mut(), times.as_slice_mut())
    else {
        return false;
    };
    write(&trains, &mut Input { starts, ends, next, times }, no_spike)
}

fn readable<'py, T: Element>(array: &Bound<'py, PyAny>) -> Option<PyReadonlyArray1<'py, T>> {
    array.extract().ok()
}

fn writable<'py, T: Element>(array: &Bound<'py, PyAny>) -> Option<PyReadwriteArrayDyn<'py, T>> {
    array.extract().ok()
}

/// Spikes of one example, ordered by neuron.
struct Train<'a> {
    /// Index after the last spike of each neuron.
    ends: &'a [i64],
    /// Times of all spikes.
    times: &'a [f64],
}

/// What is written.
struct Input<'a> {
    starts: &'a mut [u32],
    ends: &'a mut [u32],
    next: &'a mut [f32],
    times: &'a mut [f32],
}

impl Train<'_> {
    /// Whether ends ascend up to the number of spikes, whose times are numbers.
    fn is_sound(&self) -> bool {
        let mut last = 0;
        let ascend = self.ends.iter().all(|&end| std::mem::replace(&mut last, end) <= end);
        ascend && last == self.times.len() as i64 && self.times.iter().all(|time| !time.is_nan())
    }
}

fn write(trains: &[Train<'_>], input: &mut Input<'_>, no_spike: f32) -> bool {
    let Some(neurons) = trains.first().map(|train| train.ends.len()) else { return false };
    let total: usize = trains.iter().map(|train| train.times.len()).sum();
    let elements = input.starts.len();
    let fits = neurons > 0
        && trains.len() * neurons <= elements
        && elements.is_multiple_of(neurons)
        && (input.ends.len(), input.next.len()) == (elements, elements)
        && total <= input.times.len()
        && u32::try_from(total).is_ok()
        && trains.iter().all(|train| train.ends.len() == neurons && train.is_sound());
    if !fits {
        return false;
    }
    let mut offset = 0;
    for (nth, train) in trains.iter().enumerate() {
        let times = &mut input.times[offset..offset + train.times.len()];
        for (to, from) in times.iter_mut().zip(train.times) {
            *to = *from as f32;
        }
        let range = nth * neurons..(nth + 1) * neurons;
        let starts = &mut input.starts[range.clone()];
        let (ends, next) = (&mut input.ends[range.clone()], &mut input.next[range]);
        let mut start = 0;
        for (((&train_end, first), end), next) in train.ends.iter().zip(starts).zip(ends).zip(next)
        {
            let train_end = train_end as usize;
            *first = (offset + start) as u32;
            *end = (offset + train_end) as u32;
            *next = if start == train_end { no_spike } else { times[start] };
            start = train_end;
        }
        offset += train.times.len();
    }
    let rest = trains.len() * neurons;
    input.starts[rest..].fill(total as u32);
    input.ends[rest..].fill(total as u32);
    input.next[rest..].fill(no_spike);
    true
}

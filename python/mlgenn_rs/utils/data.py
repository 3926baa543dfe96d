"""Data sets: spike trains, latency codes, splitting, batching and shuffling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from logging import getLogger
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from .checks import check_count, check_number, check_positive

logger = getLogger(__name__)

FloatArray: TypeAlias = "npt.NDArray[np.float64]"
IntArray: TypeAlias = "npt.NDArray[np.int64]"


class PreprocessedSpikes(NamedTuple):
    """Spike trains of a population, or of a batch of examples of one."""

    end_spikes: npt.NDArray[Any]
    """Index in ``spike_times`` after the last spike of each neuron: (neurons,), or
    (examples, neurons) for a batch."""
    spike_times: npt.NDArray[Any]
    """Times of all spikes (ms), sorted by example, neuron and time."""


def preprocess_spikes(
    times: npt.NDArray[Any], ids: npt.ArrayLike, num_neurons: int
) -> PreprocessedSpikes:
    """Sort spikes by neuron and time.

    Parameters
    ----------
    times
        Time of each spike (ms); an array.
    ids
        Index of the neuron of each spike.
    num_neurons
        Number of neurons.

    Raises
    ------
    TypeError
        If ``times`` is no array of numbers, or ``ids`` are no integers.
    ValueError
        If ``times`` and ``ids`` differ in length, a time is NaN or an index is out of range.
    """
    if not isinstance(times, np.ndarray):
        raise TypeError(
            f"preprocess_spikes: times must be a numpy array, got {type(times).__name__}; "
            f"convert it with np.asarray"
        )
    neurons = np.asarray(ids, dtype=np.int64) if np.size(ids) == 0 else np.asarray(ids)
    if times.dtype.kind not in "biuf" or neurons.dtype.kind not in "iu":
        raise TypeError(
            f"preprocess_spikes: times must be numbers and ids integers, got dtypes "
            f"{times.dtype} and {neurons.dtype}"
        )
    num_neurons = check_count(num_neurons, "preprocess_spikes: num_neurons")
    if times.shape != neurons.shape or times.ndim != 1:
        raise ValueError(
            f"preprocess_spikes: times and ids must be 1-D and of the same length, got shapes "
            f"{times.shape} and {neurons.shape}"
        )
    if np.any(np.isnan(times)):
        raise ValueError("preprocess_spikes: times must be numbers, got NaN")
    if len(neurons) > 0 and not 0 <= np.min(neurons) <= np.max(neurons) < num_neurons:
        raise ValueError(
            f"preprocess_spikes: ids must be from 0 to {num_neurons - 1}, got "
            f"{np.min(neurons)} to {np.max(neurons)}"
        )
    end_spikes = np.cumsum(np.bincount(neurons, minlength=num_neurons))
    return PreprocessedSpikes(end_spikes, times[np.lexsort((times, neurons))])


def preprocess_tonic_spikes(
    events: npt.NDArray[Any],
    ordering: Sequence[str],
    shape: Sequence[int],
    time_scale: float = 1.0 / 1000.0,
    dt: float | None = None,
    histogram_thresh: int | None = None,
) -> PreprocessedSpikes:
    """Convert events as the *tonic* library delivers them.

    Neurons are numbered with the polarity running fastest, then x, then y.

    Parameters
    ----------
    events
        Structured array of events.
    ordering
        Names of its fields; ``"t"`` and ``"p"`` are needed, ``"x"`` unless there is only one
        column, ``"y"`` for two dimensions.
    shape
        Size of the sensor: (width, height, polarities).
    time_scale
        Factor from the unit of ``t`` to ms.
    dt, histogram_thresh
        With a threshold, events are counted per neuron and bin of ``dt`` ms, and every bin with at
        least that many gives one spike at its beginning.

    Raises
    ------
    RuntimeError
        If a field is missing.
    AssertionError
        If ``histogram_thresh`` is given without ``dt``.
    """
    _check_ordering(ordering)
    return _preprocess_events(events, ordering, shape, time_scale, dt, histogram_thresh)


def preprocess_tonic_spikes_separate(
    events: npt.NDArray[Any],
    ordering: Sequence[str],
    shape: Sequence[int],
    time_scale: float = 1.0 / 1000.0,
    dt: float | None = None,
    histogram_thresh: int | None = None,
) -> list[PreprocessedSpikes]:
    """Convert events of the *tonic* library, one set of spike trains per polarity.

    Parameters are those of :func:`preprocess_tonic_spikes`.

    Raises
    ------
    RuntimeError
        If there is only one polarity, or as in :func:`preprocess_tonic_spikes`.
    """
    _check_ordering(ordering)
    if shape[2] == 1:
        raise RuntimeError(
            "preprocess_tonic_spikes_separate: the sensor has only one polarity; use "
            "preprocess_tonic_spikes"
        )
    single = (*shape[:2], 1)
    return [
        _preprocess_events(
            events[events["p"] == polarity], ordering, single, time_scale, dt, histogram_thresh
        )
        for polarity in range(shape[2])
    ]


def _check_ordering(ordering: Sequence[str]) -> None:
    missing = [field for field in ("t", "p") if field not in ordering]
    if missing:
        raise RuntimeError(f"tonic events need the fields 't' and 'p'; missing: {missing}")


def _preprocess_events(
    events: npt.NDArray[Any],
    ordering: Sequence[str],
    shape: Sequence[int],
    time_scale: float,
    dt: float | None,
    histogram_thresh: int | None,
) -> PreprocessedSpikes:
    width, _, polarities = shape
    if "x" in ordering:
        position = np.asarray(events["x"], dtype=np.int64)
        if "y" in ordering:
            position = position + np.asarray(events["y"], dtype=np.int64) * width
    elif polarities > 1:
        raise RuntimeError("tonic events with several polarities need the field 'x'")
    else:
        raise RuntimeError("tonic events need the field 'x'")
    ids = position
    if polarities > 1:
        ids = np.asarray(events["p"], dtype=np.int64) + position * polarities
    times = np.asarray(events["t"]) * time_scale
    num_neurons = int(np.prod(shape))
    if histogram_thresh is not None:
        assert dt is not None, "histogram_thresh needs dt, the width of a bin in ms"
        times, ids = _threshold_counts(times, ids, num_neurons, dt, histogram_thresh)
    return preprocess_spikes(times, ids, num_neurons)


def _threshold_counts(
    times: FloatArray, ids: IntArray, num_neurons: int, dt: float, thresh: int
) -> tuple[FloatArray, IntArray]:
    if len(times) == 0:
        return times, ids
    edges = np.arange(0.0, np.amax(times) + dt, dt)
    bins = np.searchsorted(edges, times, side="right") - 1
    # The last bin includes its right edge.
    bins[times == edges[-1]] = len(edges) - 2
    inside = (bins >= 0) & (bins < len(edges) - 1) & (ids >= 0) & (ids < num_neurons)
    cells, counts = np.unique(np.stack((ids[inside], bins[inside])), axis=1, return_counts=True)
    spiking = cells[:, counts >= thresh]
    return spiking[1] * dt, spiking[0]


def batch_spikes(spikes: Sequence[PreprocessedSpikes], batch_size: int) -> PreprocessedSpikes:
    """Merge the spike trains of several examples into a batch.

    Parameters
    ----------
    spikes
        One entry per example.
    batch_size
        Number of rows of the result; missing examples have no spikes.

    Raises
    ------
    RuntimeError
        If there are no examples, more than ``batch_size``, with different numbers of neurons, or
        if an example is not made of spikes.
    ValueError
        If a time is NaN.
    """
    if not 0 < len(spikes) <= batch_size:
        raise RuntimeError(
            f"batch_spikes: expected 1 to {batch_size} examples (the batch size), got {len(spikes)}"
        )
    if not all(isinstance(example, PreprocessedSpikes) for example in spikes):
        _find_unsound(spikes)
    num_neurons = len(spikes[0].end_spikes)
    if any(len(s.end_spikes) != num_neurons for s in spikes):
        raise RuntimeError(
            f"batch_spikes: all examples must have the same number of neurons, got "
            f"{sorted({len(s.end_spikes) for s in spikes})}"
        )
    ends = np.asarray([s.end_spikes for s in spikes])
    times = np.concatenate([s.spike_times for s in spikes])
    totals = np.cumsum([len(s.spike_times) for s in spikes])
    starts = np.concatenate(([0], totals[:-1]))
    if (
        num_neurons == 0
        or ends.dtype.kind not in "iu"
        or times.dtype.kind not in "biuf"
        or np.any(ends[:, -1] != totals - starts)
        or np.any(ends[:, 1:] < ends[:, :-1])
        or np.any(ends[:, 0] < 0)
        or np.any(np.isnan(times))
    ):
        _find_unsound(spikes)
    end_spikes = np.full((batch_size, num_neurons), totals[-1], dtype=np.int64)
    end_spikes[: len(spikes)] = ends + starts[:, np.newaxis]
    return PreprocessedSpikes(end_spikes, times)


def _find_unsound(spikes: Sequence[Any]) -> None:
    """Raise the error of the first example that is not made of spikes."""
    for i, example in enumerate(spikes):
        _check_example(example, i)


def _check_example(example: Any, index: int) -> None:
    what = f"batch_spikes: example {index}"
    if not isinstance(example, PreprocessedSpikes):
        raise RuntimeError(
            f"{what} must be PreprocessedSpikes, as preprocess_spikes returns them, got "
            f"{type(example).__name__}"
        )
    ends, times = np.asarray(example.end_spikes), np.asarray(example.spike_times)
    if ends.dtype.kind not in "iu" or times.dtype.kind not in "biuf":
        raise RuntimeError(
            f"{what}: end_spikes must be integers and spike_times numbers, got dtypes "
            f"{ends.dtype} and {times.dtype}"
        )
    if ends.ndim != 1 or len(ends) == 0 or ends[0] < 0 or np.any(np.diff(ends) < 0):
        raise RuntimeError(f"{what}: end_spikes must be 1-D and not descend")
    if times.ndim != 1 or ends[-1] != len(times):
        raise RuntimeError(
            f"{what}: end_spikes ends with {ends[-1]}, but spike_times has the shape {times.shape}"
        )
    if np.any(np.isnan(times)):
        raise ValueError(f"{what}: spike times must be numbers, got NaN")


def _check_examples(spikes: Any, what: str) -> None:
    if isinstance(spikes, PreprocessedSpikes) or not all(
        isinstance(example, PreprocessedSpikes)
        for example in (spikes if isinstance(spikes, Iterable) else [None])
    ):
        raise TypeError(
            f"{what}: expected a list of PreprocessedSpikes, as preprocess_spikes returns them, "
            f"got {type(spikes).__name__}"
        )


def calc_start_spikes(end_spikes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the index of each neuron's first spike from the indices after its last one."""
    flat = np.ravel(end_spikes)
    start = np.zeros_like(flat)
    start[1:] = flat[:-1]
    return start.reshape(np.shape(end_spikes))


def calc_max_spikes(spikes: Sequence[PreprocessedSpikes]) -> int:
    """Return the largest total number of spikes of an example.

    ``SpikeInput(max_spikes=...)`` has to cover a whole batch: multiply by the batch size.
    """
    _check_examples(spikes, "calc_max_spikes")
    return max((len(s.spike_times) for s in spikes), default=0)


def calc_latest_spike_time(spikes: Sequence[PreprocessedSpikes]) -> float:
    """Return the time of the last spike of all examples (ms).

    Raises
    ------
    ValueError
        If there are no examples, or one without spikes.
    """
    _check_examples(spikes, "calc_latest_spike_time")
    empty = [i for i, s in enumerate(spikes) if len(s.spike_times) == 0]
    if empty or len(spikes) == 0:
        raise ValueError(
            f"calc_latest_spike_time: every example needs a spike; empty examples: {empty[:10]}"
        )
    return float(max(np.amax(s.spike_times) for s in spikes))


def linear_latency_encode_data(
    data: npt.ArrayLike, max_time: float, min_time: float = 0.0, thresh: float = 1
) -> list[PreprocessedSpikes]:
    """Encode images as one spike per pixel, the brighter the earlier.

    Parameters
    ----------
    data
        Values between 0 and 255: (examples, ...).
    max_time, min_time
        Times of the values 0 and 255 (ms); times between are linear in the value.
    thresh
        Pixels spike if their value is larger than this.

    Returns
    -------
    list
        One entry per example; neurons are pixels in C order.

    Raises
    ------
    ValueError
        If ``min_time`` is larger than ``max_time`` or negative, or values are larger than 255.
    """
    pixels, end_spikes, starts = _find_bright_pixels(data, thresh)
    check_number(max_time, "linear_latency_encode_data: max_time (ms)")
    check_number(min_time, "linear_latency_encode_data: min_time (ms)")
    if not 0.0 <= min_time <= max_time:
        raise ValueError(
            "linear_latency_encode_data: min_time must be from 0 to max_time (ms), got "
            f"min_time={min_time} and max_time={max_time}"
        )
    if np.any(pixels > 255.0):
        raise ValueError(
            "linear_latency_encode_data: values must be between 0 and 255, got "
            f"{float(np.max(pixels))}"
        )
    times = ((255.0 - pixels) / 255.0) * (max_time - min_time) + min_time
    return _split_examples(times, end_spikes, starts)


def log_latency_encode_data(
    data: npt.ArrayLike, tau_eff: float, thresh: float
) -> list[PreprocessedSpikes]:
    """Encode images as one spike per pixel at ``tau_eff * ln(x / (x - thresh))``.

    Parameters
    ----------
    data
        Values: (examples, ...).
    tau_eff
        Time constant (ms).
    thresh
        Pixels spike if their value is larger than this.

    Returns
    -------
    list
        One entry per example; neurons are pixels in C order.
    """
    pixels, end_spikes, starts = _find_bright_pixels(data, thresh)
    check_positive(tau_eff, "log_latency_encode_data: tau_eff (ms)")
    if not check_number(thresh, "log_latency_encode_data: thresh") >= 0.0:
        raise ValueError(f"log_latency_encode_data: thresh must not be negative, got {thresh}")
    times = tau_eff * np.log(pixels / (pixels - thresh))
    return _split_examples(times, end_spikes, starts)


def _find_bright_pixels(
    data: npt.ArrayLike, thresh: float
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return bright pixels of all examples, and per example counts so far and the first pixel."""
    images = np.asarray(data)
    if images.ndim == 0 or images.dtype.kind not in "biuf" or np.any(np.isnan(images)):
        raise RuntimeError(
            f"latency encoding: data must be numbers of the shape (examples, ...), got the shape "
            f"{images.shape} of dtype {images.dtype}"
        )
    images = images.reshape(len(images), -1)
    bright: npt.NDArray[np.bool_] = images > thresh
    end_spikes: IntArray = np.cumsum(bright, axis=1, dtype=np.int64)
    totals: IntArray = np.sum(bright, axis=1, dtype=np.int64)
    if images.size > 0 and not np.any(bright):
        logger.warning(
            "latency encoding: no value is larger than thresh=%s, the largest is %s, so nothing "
            "spikes",
            thresh,
            np.max(images),
        )
    return images[bright].astype(np.float64), end_spikes, np.cumsum(totals)


def _split_examples(
    times: FloatArray, end_spikes: IntArray, ends: IntArray
) -> list[PreprocessedSpikes]:
    return [
        PreprocessedSpikes(end, example)
        for end, example in zip(end_spikes, np.split(times, ends[:-1]), strict=False)
    ]


def generate_yin_yang_dataset(
    size: int,
    scale: float,
    offset: float = 0.0,
    bias: bool = True,
    r_small: float = 0.1,
    r_big: float = 0.5,
) -> tuple[list[PreprocessedSpikes], list[int]]:
    """Draw the Yin-Yang data set (Kriener, Göltz, Petrovici, 2022).

    Points are drawn with numpy's global random state (seed it with ``np.random.seed``).

    Parameters
    ----------
    size
        Number of examples.
    scale, offset
        A coordinate c (0 to 1) becomes a spike at ``offset + scale * c`` (ms).
    bias
        Whether there is a first channel that spikes at ``offset``.
    r_small, r_big
        Radii of the dots and of the circle.

    Returns
    -------
    tuple
        Spike trains with the channels [bias,] x, y, 1-x, 1-y, and labels: 0 yin, 1 yang, 2 dot.

    Raises
    ------
    ValueError
        If there are no examples, the scale is not larger than 0, or the radii leave no place for
        one of the classes.
    """
    check_count(size, "generate_yin_yang_dataset: size")
    check_positive(scale, "generate_yin_yang_dataset: scale (ms)")
    check_number(offset, "generate_yin_yang_dataset: offset (ms)")
    if not 0.0 < r_small <= r_big / 2.0:
        raise ValueError(
            "generate_yin_yang_dataset: r_small must be larger than 0 and at most half of r_big, "
            f"got r_small={r_small} and r_big={r_big}"
        )
    spikes: list[PreprocessedSpikes] = []
    labels: list[int] = []
    leading = [0.0] if bias else []
    end_spikes = np.arange(1, len(leading) + 5)
    for _ in range(size):
        wanted = int(np.random.randint(3))
        while True:
            x, y = np.random.random_sample(2) * 2.0 * r_big
            inside = np.hypot(x - r_big, y - r_big) <= r_big
            if inside and _yin_yang_class(x, y, r_small, r_big) == wanted:
                break
        coordinates = np.asarray([*leading, x, y, 1.0 - x, 1.0 - y])
        spikes.append(PreprocessedSpikes(end_spikes.copy(), offset + scale * coordinates))
        labels.append(wanted)
    return spikes, labels


def _yin_yang_class(x: float, y: float, r_small: float, r_big: float) -> int:
    d_right = np.hypot(x - 1.5 * r_big, y - r_big)
    d_left = np.hypot(x - 0.5 * r_big, y - r_big)
    if d_right < r_small or d_left < r_small:
        return 2
    is_yang = (
        d_right <= r_small
        or r_small < d_left <= 0.5 * r_big
        or (y > r_big and d_right > 0.5 * r_big)
    )
    return 1 if is_yang else 0


def split_dataset(data: Mapping[Any, Any], split: float) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Split a data set in two.

    Parameters
    ----------
    data
        Examples by key.
    split
        Fraction, from the end, that goes into the second part.

    Raises
    ------
    RuntimeError
        If ``split`` is not between 0 and 1.
    """
    split = check_number(split, "split_dataset: split")
    if not 0.0 <= split <= 1.0:
        raise RuntimeError(f"split_dataset: split must be between 0 and 1, got {split}")
    size = get_dataset_size(data)
    if size is None:
        raise RuntimeError("split_dataset: values have different numbers of examples")
    cut = round((1.0 - split) * size)
    return {k: v[:cut] for k, v in data.items()}, {k: v[cut:] for k, v in data.items()}


def get_dataset_size(data: Mapping[Any, Any]) -> int | None:
    """Return the number of examples; ``None`` if values differ in length.

    Raises
    ------
    IndexError
        If there are no values.
    TypeError
        If the data set is no dictionary of sequences.
    """
    sizes = _count_examples(data)
    if not sizes:
        raise IndexError("get_dataset_size: the data set is empty; give at least one key")
    return sizes[0] if all(s == sizes[0] for s in sizes) else None


def _count_examples(data: Any) -> list[int]:
    if not isinstance(data, Mapping) or not all(hasattr(v, "__len__") for v in data.values()):
        raise TypeError(
            f"a data set must be a dictionary of arrays or sequences of examples, got {data!r}"
        )
    return [len(v) for v in data.values()]


def batch_dataset(data: Mapping[Any, Any], batch_size: int, size: int) -> list[dict[Any, Any]]:
    """Cut a data set of ``size`` examples into batches; the last may be shorter.

    Raises
    ------
    RuntimeError
        If there are fewer examples than that.
    TypeError
        If the data set is no dictionary of sequences.
    """
    batch_size = check_count(batch_size, "batch_dataset: batch_size")
    sizes = _count_examples(data)
    if any(given < size for given in sizes):
        raise RuntimeError(f"batch_dataset: expected at least {size} examples each, got {sizes}")
    return [
        {k: v[start : start + batch_size] for k, v in data.items()}
        for start in range(0, size, batch_size)
    ]


def permute_dataset(data: Mapping[Any, Any], indices: npt.ArrayLike) -> dict[Any, Any]:
    """Reorder a data set: arrays stay arrays, other sequences become lists.

    Raises
    ------
    AssertionError
        If there are not as many indices as examples.
    IndexError
        If one of them is not the index of an example.
    """
    order = np.atleast_1d(indices)
    size = get_dataset_size(data)
    assert size == len(order), (
        f"permute_dataset: got {len(order)} indices for a data set of {size} examples"
    )
    is_index = order.dtype.kind in "iu" or size == 0
    if not is_index or order.ndim != 1 or np.any((order < -size) | (order >= size)):
        raise IndexError(
            f"permute_dataset: indices must be whole numbers below {size}, the number of examples, "
            f"in one dimension; got {order[:10]}"
        )
    return {k: _permute(v, order) for k, v in data.items()}


def _permute(values: Any, order: npt.NDArray[Any]) -> Any:
    from .spike_dataset import SpikeDataset

    if isinstance(values, np.ndarray):
        return values[order]
    if isinstance(values, SpikeDataset):
        return values.take(order)
    return [values[i] for i in order]

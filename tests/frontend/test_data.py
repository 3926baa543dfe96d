"""Data utilities."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from mlgenn_rs.utils import data as du
from mlgenn_rs.utils.data import PreprocessedSpikes

from .support import load_golden

CASE = load_golden("d01_data_utils")
IN, OUT = CASE["inputs"], CASE["outputs"]


def check(actual: PreprocessedSpikes, expected: dict[str, Any]) -> None:
    np.testing.assert_array_equal(actual.end_spikes, expected["end_spikes"])
    np.testing.assert_allclose(actual.spike_times, expected["spike_times"], atol=1e-9)


@pytest.fixture
def examples() -> list[PreprocessedSpikes]:
    n = IN["num_neurons"]
    return [
        du.preprocess_spikes(np.asarray(IN["times"]), IN["ids"], n),
        du.preprocess_spikes(np.asarray(IN["times_b"]), IN["ids_b"], n),
    ]


def make_events(name: str) -> np.ndarray:
    dtype = [(f, np.int64) for f in IN[f"{name}_fields"]]
    return np.asarray([tuple(e) for e in IN[name]], dtype=dtype)


def test_spikes(examples: list[PreprocessedSpikes]) -> None:
    check(examples[0], OUT["preprocess_spikes"])
    check(examples[1], OUT["preprocess_spikes_b"])
    batch = du.batch_spikes(examples, 3)
    check(batch, OUT["batch_spikes_size3"])
    np.testing.assert_array_equal(
        du.calc_start_spikes(batch.end_spikes), OUT["calc_start_spikes_batched"]
    )
    np.testing.assert_array_equal(
        du.calc_start_spikes(examples[0].end_spikes), OUT["calc_start_spikes_single"]
    )
    assert du.calc_max_spikes(examples) == OUT["calc_max_spikes"]
    assert du.calc_latest_spike_time(examples) == OUT["calc_latest_spike_time"]


def test_spikes_errors(examples: list[PreprocessedSpikes]) -> None:
    with pytest.raises(TypeError, match="numpy array"):
        du.preprocess_spikes([1.0], [0], 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="same length"):
        du.preprocess_spikes(np.ones(2), [0], 1)
    with pytest.raises(RuntimeError, match="batch size"):
        du.batch_spikes(examples, 1)
    with pytest.raises(RuntimeError, match="number of neurons"):
        du.batch_spikes([examples[0], du.preprocess_spikes(np.ones(1), [0], 2)], 2)
    empty = du.preprocess_spikes(np.zeros(0), [], 3)
    np.testing.assert_array_equal(empty.end_spikes, [0, 0, 0])
    with pytest.raises(ValueError, match="empty"):
        du.calc_latest_spike_time([examples[0], empty])


@pytest.mark.parametrize(
    ("key", "kwargs"),
    [
        ("linear_max20_min2_thresh1", {"max_time": 20.0, "min_time": 2.0, "thresh": 1}),
        ("linear_max100_thresh51", {"max_time": 100.0, "thresh": 51}),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_linear_latency(key: str, kwargs: dict[str, Any], dtype: Any) -> None:
    encoded = du.linear_latency_encode_data(np.asarray(IN["images"], dtype=dtype), **kwargs)
    assert len(encoded) == len(OUT[key])
    for actual, expected in zip(encoded, OUT[key], strict=True):
        check(actual, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_log_latency(dtype: Any) -> None:
    encoded = du.log_latency_encode_data(np.asarray(IN["images"], dtype=dtype), 20.0, 51)
    for actual, expected in zip(encoded, OUT["log_tau20_thresh51"], strict=True):
        check(actual, expected)


def test_latency_of_many_images_is_fast() -> None:
    images = np.random.default_rng(1).integers(0, 256, (20000, 28, 28), dtype=np.uint8)
    start = time.perf_counter()
    encoded = du.linear_latency_encode_data(images, 20.0)
    assert time.perf_counter() - start < 10.0
    assert len(encoded) == 20000
    assert len(encoded[-1].spike_times) == np.sum(images[-1] > 1)


def test_tonic() -> None:
    events, events1 = make_events("events"), make_events("events1")
    order, order1 = IN["events_fields"], IN["events1_fields"]
    check(du.preprocess_tonic_spikes(events, order, (3, 3, 2)), OUT["tonic_3x3x2"])
    check(du.preprocess_tonic_spikes(events, order, (3, 3, 1)), OUT["tonic_3x3x1"])
    separate = du.preprocess_tonic_spikes_separate(events, order, (3, 3, 2))
    for actual, expected in zip(separate, OUT["tonic_separate_3x3x2"], strict=True):
        check(actual, expected)
    check(
        du.preprocess_tonic_spikes(events, order, (3, 3, 2), dt=1.0, histogram_thresh=2),
        OUT["tonic_hist_dt1_thresh2"],
    )
    check(du.preprocess_tonic_spikes(events1, order1, (8, 1, 1)), OUT["tonic_1d_8x1x1"])
    check(du.preprocess_tonic_spikes(events1, order1, (8, 1, 2)), OUT["tonic_1d_8x1x2"])


def test_tonic_histogram_against_numpy() -> None:
    rng = np.random.default_rng(2)
    events = np.zeros(500, dtype=[("x", int), ("t", int), ("p", int)])
    events["x"] = rng.integers(0, 6, 500)
    events["t"] = rng.integers(0, 20000, 500)
    spikes = du.preprocess_tonic_spikes(events, "xtp", (6, 1, 1), dt=1.5, histogram_thresh=6)
    times = events["t"] / 1000.0
    edges = (np.arange(7), np.arange(0.0, times.max() + 1.5, 1.5))
    counts = np.histogram2d(events["x"], times, bins=edges)[0]
    ids, bins = np.nonzero(counts >= 6)
    assert len(ids) > 10
    np.testing.assert_allclose(spikes.spike_times, bins * 1.5)
    np.testing.assert_array_equal(
        np.diff(spikes.end_spikes, prepend=0), np.bincount(ids, minlength=6)
    )


def test_tonic_errors() -> None:
    events = make_events("events")
    with pytest.raises(RuntimeError, match="'p'"):
        du.preprocess_tonic_spikes(events, ("x", "t"), (3, 3, 1))
    with pytest.raises(RuntimeError, match="'x'"):
        du.preprocess_tonic_spikes(events, ("t", "p"), (3, 3, 1))
    with pytest.raises(RuntimeError, match="only one polarity"):
        du.preprocess_tonic_spikes_separate(events, ("x", "y", "t", "p"), (3, 3, 1))
    with pytest.raises(AssertionError, match="needs dt"):
        du.preprocess_tonic_spikes(events, ("x", "t", "p"), (3, 3, 1), histogram_thresh=1)


def test_yin_yang() -> None:
    np.random.seed(123)
    spikes, labels = du.generate_yin_yang_dataset(6, 20.0, 2.0)
    assert labels == OUT["yin_yang_labels"]
    for actual, expected in zip(spikes, OUT["yin_yang"], strict=True):
        check(actual, expected)
    np.random.seed(5)
    spikes, labels = du.generate_yin_yang_dataset(3, 30.0, bias=False)
    assert labels == OUT["yin_yang_nobias_labels"]
    for actual, expected in zip(spikes, OUT["yin_yang_nobias"], strict=True):
        check(actual, expected)


@pytest.mark.parametrize("key", OUT["split_sizes(fraction_size)"])
def test_split(key: str) -> None:
    fraction, size = float(key.split("_")[0]), int(key.split("_")[1])
    first, second = du.split_dataset({"x": list(range(size))}, fraction)
    sizes = [len(first["x"]), len(second["x"])]
    assert sizes == OUT["split_sizes(fraction_size)"][key]
    assert first["x"] + second["x"] == list(range(size))


def test_dataset() -> None:
    data = {"x": np.arange(5), "y": list("abcde")}
    batches = du.batch_dataset(data, 2, 5)
    assert [{"x": b["x"].tolist(), "y": b["y"]} for b in batches] == OUT["batch_dataset"]
    permuted = du.permute_dataset({"x": np.arange(0, 40, 10), "y": list("abcd")}, [2, 0, 3, 1])
    assert {"x": permuted["x"].tolist(), "y": permuted["y"]} == OUT["permute_dataset"]
    assert du.get_dataset_size(data) == 5
    assert du.get_dataset_size({"x": [1], "y": []}) is None
    with pytest.raises(IndexError):
        du.get_dataset_size({})
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        du.split_dataset(data, 1.5)
    with pytest.raises(AssertionError, match="indices"):
        du.permute_dataset(data, [0, 1])
    for indices in ([0, 1, 2, 3, 5], [0, 1, 2, 3, -6], [0.0, 1.0, 2.0, 3.0, 4.0], [[0]] * 5):
        with pytest.raises(IndexError, match="permute_dataset: indices must be whole numbers"):
            du.permute_dataset(data, indices)

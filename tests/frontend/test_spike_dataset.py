"""Spike trains of data sets: batches are the same however they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs._core import SpikeTrains
from mlgenn_rs.neurons import SpikeInput
from mlgenn_rs.utils.data import (
    PreprocessedSpikes,
    batch_dataset,
    permute_dataset,
    preprocess_spikes,
)
from mlgenn_rs.utils.spike_dataset import SpikeDataset

from .support import FakeArray, make_group

NAMES = ("SpikeTimes", "SpikeStarts")


def make_examples(count: int, num_neurons: int = 6) -> list[PreprocessedSpikes]:
    rng = np.random.default_rng(4)
    return [
        preprocess_spikes(rng.random(size) * 9.0, rng.integers(0, num_neurons, size), num_neurons)
        for size in rng.integers(0, 20, count)
    ]


def upload(examples: Any, batch_size: int) -> dict[str, np.ndarray]:
    group = make_group(
        SpikeTimes=FakeArray((200,)), SpikeStarts=FakeArray((batch_size * 6 + 1,), np.uint32)
    )
    SpikeInput(200).set_input(group, batch_size, (6,), examples)
    return {name: array.view for name, array in group.vars.items()}


def test_batches_are_those_of_lists() -> None:
    examples = make_examples(11)
    order = np.random.default_rng(5).permutation(11)
    neuron = SpikeInput(200)
    given = permute_dataset({"x": examples}, order)
    prepared = permute_dataset({"x": neuron.prepare_input(examples, 2)}, order)
    assert isinstance(prepared["x"], SpikeDataset)
    for one, other in zip(batch_dataset(given, 4, 11), batch_dataset(prepared, 4, 11), strict=True):
        assert [s.spike_times.tolist() for s in one["x"]] == [
            s.spike_times.tolist() for s in other["x"]
        ]
        expected, actual = (upload(batch["x"], 4) for batch in (one, other))
        for name in NAMES:
            np.testing.assert_array_equal(actual[name], expected[name])


def test_several_threads_copy_the_same() -> None:
    examples = make_examples(3000, 400)
    alone, together = (SpikeDataset.copy(examples, threads) for threads in (1, 5))
    assert alone is not None and together is not None
    results = []
    for dataset in (alone, together):
        starts = np.zeros(3000 * 400 + 1, np.uint32)
        times = np.zeros(dataset.num_spikes, np.float32)
        assert dataset.write(starts, times)
        results.append((starts, times))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    np.testing.assert_array_equal(
        results[0][1], np.concatenate([s.spike_times for s in examples]).astype(np.float32)
    )


def test_batches_are_written_by_several_threads() -> None:
    examples = make_examples(1000, 400)
    dataset = SpikeDataset.copy(examples)
    assert dataset is not None
    expected = np.zeros(1003 * 400 + 1, np.uint32), np.zeros(dataset.num_spikes + 5, np.float32)
    assert dataset.write(*expected)
    for threads in (1, 5):
        starts = np.full(1003 * 400 + 1, 77, np.uint32)
        times = np.zeros(dataset.num_spikes + 5, np.float32)
        assert SpikeTrains.write_examples(examples, PreprocessedSpikes, 400, starts, times, threads)
        np.testing.assert_array_equal(starts, expected[0])
        np.testing.assert_array_equal(times, expected[1])


def test_batches_in_other_forms_have_no_spikes() -> None:
    (sound,) = make_examples(1)
    num_spikes = len(sound.spike_times)
    assert num_spikes > 0
    not_a_number = PreprocessedSpikes(sound.end_spikes, np.full(num_spikes, np.nan))
    for examples, num_neurons, room in (
        ([sound, sound], 6, num_spikes),
        ([sound], 7, num_spikes),
        ([sound] * 3, 6, 3 * num_spikes),
        ([sound, not_a_number], 6, 2 * num_spikes),
        ([sound, tuple(sound)], 6, 2 * num_spikes),
        ([], 6, num_spikes),
    ):
        starts, times = np.full(13, 77, np.uint32), np.zeros(room, np.float32)
        assert not SpikeTrains.write_examples(
            examples, PreprocessedSpikes, num_neurons, starts, times, 1
        )
        np.testing.assert_array_equal(starts, 0)
    with pytest.raises(AssertionError, match="max_spikes=2"):
        group = make_group(SpikeTimes=FakeArray((2,)), SpikeStarts=FakeArray((7,), np.uint32))
        SpikeInput(2).set_input(group, 1, (6,), [sound])


def test_other_examples_are_left_as_they_are() -> None:
    sound = make_examples(1)
    for examples in (
        [],
        [*sound, (np.asarray([1]), np.asarray([1.0]))],
        [*sound, *make_examples(1, 7)],
        [*sound, PreprocessedSpikes(np.asarray([0, 2**62, -5, 0, 0, 1]), np.asarray([1.0]))],
        [*sound, PreprocessedSpikes(np.zeros(6, np.int64), np.zeros((1, 0)))],
        [PreprocessedSpikes(np.zeros(0, np.int64), np.zeros(0))],
    ):
        assert SpikeInput(9).prepare_input(examples, 1) is examples  # type: ignore[arg-type]
    floats = [PreprocessedSpikes(s.end_spikes, s.spike_times.astype(np.float32)) for s in sound]
    assert isinstance(SpikeInput(9).prepare_input(floats, 1), SpikeDataset)

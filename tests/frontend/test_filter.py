"""Filters of recorders, and padding of convolutions."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from mlgenn_rs.utils.connectivity import get_conv_same_padding
from mlgenn_rs.utils.filter import ExampleFilter, get_neuron_filter_mask

from .support import load_golden

CASE = load_golden("u01_filters")

NEURON_FILTERS: dict[str, Any] = {
    "None": None,
    "slice(0,None,2)": slice(0, None, 2),
    "[0,2,4]": [0, 2, 4],
    "[-1]": [-1],
    "[[0,0],[0,2]]": [[0, 0], [0, 2]],
    "(slice(0,None,2),slice(0,None,2))": (slice(0, None, 2), slice(0, None, 2)),
    "bool 2d": np.asarray([[True, False, True], [False, False, False]]),
}


def test_golden() -> None:
    for (f, batch, size), expected in zip(
        CASE["inputs"]["examples"], CASE["outputs"]["example_masks"], strict=True
    ):
        assert ExampleFilter(f).get_batch_mask(batch, size).tolist() == expected
    for (name, shape), expected in zip(
        CASE["inputs"]["neurons"], CASE["outputs"]["neuron_masks"], strict=True
    ):
        dims = shape if isinstance(shape, int) else tuple(shape)
        assert get_neuron_filter_mask(NEURON_FILTERS[name], dims).tolist() == expected
    for args, expected in zip(CASE["inputs"]["padding"], CASE["outputs"]["padding"], strict=True):
        assert get_conv_same_padding(*args) == expected


@pytest.mark.parametrize("f", [1.5, "0", [1.5], ["a"], [[1, 2]], object()])
def test_example_filter_errors(f: Any) -> None:
    with pytest.raises(RuntimeError, match="example filter"):
        ExampleFilter(f)


def test_unordered_examples_warn(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ExampleFilter([3, 1])
    assert "ascending" in caplog.text


def test_one_neuron() -> None:
    assert get_neuron_filter_mask(2, 4).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (slice(0, 2), (2, 3)),
        ((slice(0, 2), 1), (2, 3)),
        (1.5, 3),
        ("0", 3),
        ([], 3),
        (1, (2, 3)),
        (np.ones(2, dtype=bool), 3),
    ],
)
def test_neuron_filter_errors(f: Any, shape: Any) -> None:
    with pytest.raises(RuntimeError, match="neuron filter"):
        get_neuron_filter_mask(f, shape)


def test_neuron_filter_out_of_range() -> None:
    with pytest.raises(IndexError):
        get_neuron_filter_mask([5], 3)
    with pytest.raises(IndexError):
        get_neuron_filter_mask([[0], [0], [0]], (2, 3))

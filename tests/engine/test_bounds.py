"""Bounds of rows and columns of built-in connectivity."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from mlgenn_rs import engine as e
from mlgenn_rs.engine.builtin.binomial import binomial_quantile

from .golden import DIRECTORY

ROWS = json.loads((DIRECTORY / "connectivity_bounds.json").read_text())["rows"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['snippet']}-{row['num_pre']}")
def test_golden_bounds(row: dict[str, Any]) -> None:
    model = e.GeNNModel()
    source = model.add_neuron_population("Source", row["num_pre"], "SpikeSource")
    target = model.add_neuron_population("Target", row["num_post"], "SpikeSource")
    init = (
        e.init_toeplitz_connectivity
        if row["matrix_type"] == "TOEPLITZ"
        else e.init_sparse_connectivity
    )
    group = model.add_synapse_population(
        "Synapses",
        row["matrix_type"],
        source,
        target,
        e.init_weight_update("StaticPulse", {}, {"g": 1.0}),
        e.init_postsynaptic("DeltaCurr"),
        init(row["snippet"], row["params"]),
    )
    assert group.max_connections == row["max_connections"]
    assert group.max_source_connections == row["max_source_connections"]
    assert group.kernel_size == row["kernel_size"]


@pytest.mark.parametrize("n", [1, 7, 60])
@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.97])
@pytest.mark.parametrize("cumulative", [0.1, 0.5, 0.9, 0.9999])
def test_quantile_is_the_smallest_that_reaches(n: int, p: float, cumulative: float) -> None:
    masses = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    sums = [math.fsum(masses[: k + 1]) for k in range(n + 1)]
    expected = next(k for k in range(n + 1) if sums[k] >= cumulative)
    assert binomial_quantile(math.log(cumulative), n, p) == expected


def test_quantile_of_certain_outcomes() -> None:
    assert binomial_quantile(math.log(0.99), 10, 0.0) == 0
    assert binomial_quantile(math.log(0.99), 10, 1.0) == 10
    assert binomial_quantile(math.log(0.99), 0, 0.5) == 0


def test_quantile_of_many_trials() -> None:
    n, p = 10**9, 0.25
    quantile = binomial_quantile(math.log(0.9999) / 1000, n, p)
    # Normal approximation of the upper tail of 1e-7.
    assert quantile == pytest.approx(n * p + 5.1993 * math.sqrt(n * p * (1 - p)), abs=200)

"""Weights of convolutions can be changed at any time, though copies of them are read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import engine as e

from .networks import delta, new_model, run_ready, sink, spike_sources, static

PIXELS, CHANNELS, FILTERS, KERNEL = 6, 3, 16, 3
NUM_PRE, NUM_POST = PIXELS * CHANNELS, (PIXELS - KERNEL + 1) * FILTERS

Change = Callable[[e.GeNNModel, e.SynapseGroup], None]


def synapses() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sources, targets and weights of a convolution in one dimension; weights are dyadic."""
    rows = []
    for pixel in range(PIXELS):
        for channel in range(CHANNELS):
            for out in range(PIXELS - KERNEL + 1):
                if not 0 <= pixel - out < KERNEL:
                    continue
                for column in range(FILTERS):
                    weight = 1 + column + 16 * channel + 64 * (pixel - out)
                    rows.append((pixel * CHANNELS + channel, out * FILTERS + column, weight / 64))
    pre, post, weights = np.transpose(rows)
    return pre.astype(np.uint32), post.astype(np.uint32), weights


def set_values(model: e.GeNNModel, group: e.SynapseGroup) -> None:
    """Write an array and let go of it."""
    group.vars["g"].values = np.arange(len(group.vars["g"].values)) % 7


def write_view(model: e.GeNNModel, group: e.SynapseGroup) -> None:
    """Write a part of an array and let go of it."""
    model.simulation.view("syn.S.vars.g")[: FILTERS * 2] = 8.0


def run_update(model: e.GeNNModel, group: e.SynapseGroup) -> None:
    """Change weights by a custom update."""
    model.custom_update("Double")


def totals(model: e.GeNNModel, group: e.SynapseGroup) -> tuple[np.ndarray, np.ndarray]:
    """Run three timesteps, all neurons spiking in one; return input that was and should be."""
    model.run(3, record=["neuron.Out.vars.x"])
    seen = model.recorded("neuron.Out.vars.x").reshape(3, NUM_POST).sum(axis=0)
    expected = np.zeros(NUM_POST)
    np.add.at(expected, group.get_sparse_post_inds(), group.vars["g"].values)
    return seen, expected


def build(backend: str, *, with_update: bool) -> tuple[e.GeNNModel, e.SynapseGroup]:
    """Return the network and its synapses."""
    model = new_model(backend)
    source = spike_sources(model, [[1.0, 4.0, 7.0, 10.0]] * NUM_PRE)
    pre, post, weights = synapses()
    group = model.add_synapse_population(
        "S", "SPARSE", source, sink(model, NUM_POST), static(weights), delta()
    )
    group.set_sparse_connections(pre, post)
    if with_update:
        double = e.create_custom_update_model(
            "Double", var_refs=[("g", "scalar")], update_code="g *= 2.0;"
        )
        references = {"g": e.create_wu_var_ref(group, "g")}
        model.add_custom_update("Double", "Double", double, {}, {}, references)
    return run_ready(model), group


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("change", [set_values, write_view, run_update])
def test_changed_weights_count(backend: str, change: Change) -> None:
    model, group = build(backend, with_update=change is run_update)
    before, expected = totals(model, group)
    np.testing.assert_array_equal(before, expected)
    change(model, group)
    seen, expected = totals(model, group)
    np.testing.assert_array_equal(seen, expected)
    assert (seen != before).any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_that_are_held_can_be_written_between_runs(backend: str) -> None:
    model, group = build(backend, with_update=False)
    held = model.simulation.view("syn.S.vars.g")
    for weight in (1.0, 2.0):
        held[:] = weight
        seen, expected = totals(model, group)
        np.testing.assert_array_equal(seen, expected)
        assert seen[0] == weight * CHANNELS * KERNEL
    held[:] = 3.0
    del held
    for _ in range(2):
        seen, _ = totals(model, group)
        assert seen[0] == 3.0 * CHANNELS * KERNEL

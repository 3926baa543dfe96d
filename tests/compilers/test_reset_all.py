"""Examples that know nothing of each other: ``reset_all_between_batches``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import EPropCompiler, InferenceCompiler
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from mlgenn_rs.optimisers import SGD
from mlgenn_rs.synapses import Delta, Exponential
from mlgenn_rs.utils.data import preprocess_spikes

from .eprop_networks import CONSTANTS, NUM_TIMESTEPS, build, train
from .networks import to_spikes

SPIKES = to_spikes(CONSTANTS["X"], 5, 3)
LABELS = np.arange(5) % 2
LATE = preprocess_spikes(
    np.repeat([NUM_TIMESTEPS - 2.0, NUM_TIMESTEPS - 1.0], 3), np.tile(np.arange(3), 2), 3
)
"""An example whose spikes arrive when it is over."""


def predict(before: list[Any], synapse: Any, delay: Any, **options: Any) -> np.ndarray:
    """Return what is read out of an example that comes after others."""
    network = Network()
    with network:
        source = Population(SpikeInput(max_spikes=200), 3)
        kind: Any = AdaptiveLeakyIntegrateFire if synapse is Delta else LeakyIntegrateFire
        hidden = Population(kind(v_thresh=0.5, tau_mem=20.0, tau_refrac=3.0), 4)
        output = Population(LeakyIntegrate(tau_mem=20.0, readout="var"), 2)
        make = Delta if synapse is Delta else lambda: Exponential(5.0)
        weights = np.linspace(0.3, 0.9, 12).reshape(3, 4)
        steps = {"max_delay_steps": 10} if np.ndim(delay) else {}
        Connection(source, hidden, Dense(weights, delay=delay), make(), **steps)
        Connection(hidden, output, Dense(weights.reshape(4, 3)[:, :2], delay=2), make())
    arguments = {"reset_in_syn_between_batches": True, **options}
    compiled = InferenceCompiler(NUM_TIMESTEPS, **arguments).compile(network)
    with compiled:
        readouts, _ = compiled.predict({source: [*before, SPIKES[0]]}, [output], callbacks=[])
    return readouts[output][-1]


@pytest.mark.parametrize("synapse", [Delta, Exponential])
@pytest.mark.parametrize("delay", [0, 5, np.arange(12.0).reshape(3, 4) % 9])
def test_inference(synapse: Any, delay: Any) -> None:
    alone = predict([], synapse, delay)
    for before in ([LATE], [SPIKES[1], LATE]):
        after = predict(before, synapse, delay, reset_all_between_batches=True)
        np.testing.assert_array_equal(after, alone)
        assert np.any(predict(before, synapse, delay) != alone)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "mean_square_error"])
@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("delay", [0, 3])
def test_e_prop(delay: int, adaptive: bool, loss: str, native: bool) -> None:
    targets: Any = LABELS[:3]
    if loss == "mean_square_error":
        targets = np.random.default_rng(1).normal(size=(3, NUM_TIMESTEPS, 2))
    results = {}
    for reset_all in (False, True):
        for before in ([], [SPIKES[1], LATE]):
            results[reset_all, len(before)] = train(
                build(adaptive=adaptive, recurrent=True, delay=delay),
                [*before, SPIKES[0]],
                targets[2 - len(before) :],
                loss=loss,
                native=native,
                optimiser=SGD(0.0),
                reset_all_between_batches=reset_all,
            )
    names = ["out.readout"]
    if not native:
        names += ["ih.DeltaG", "hh.DeltaG", "ho.DeltaG", "out.DeltaBias"]
    for name in names:
        alone, after = results[True, 0][name], results[True, 2][name]
        np.testing.assert_array_equal(after[-1], alone[-1], err_msg=name)
        assert np.any(results[False, 2][name][-1] != results[False, 0][name][-1]), name


@pytest.mark.parametrize("batch_size", [1, 2])
def test_validation_leaves_no_gradients(batch_size: int) -> None:
    results = []
    for count in (3, 5):
        built = build(recurrent=True)
        compiled = EPropCompiler(
            NUM_TIMESTEPS,
            "sparse_categorical_crossentropy",
            batch_size=batch_size,
            reset_all_between_batches=True,
        ).compile(built.network, "test")
        with compiled:
            compiled.train(
                {built.populations["in"]: SPIKES[:count]},
                {built.populations["out"]: LABELS[:count]},
                3,
                shuffle=False,
                callbacks=[],
                validation_callbacks=[],
                validation_split=1.0 - 3 / count,
            )
            group = compiled.connection_populations[built.connections["ih"]]
            results.append(group.vars["g"].values)
    np.testing.assert_array_equal(*results)

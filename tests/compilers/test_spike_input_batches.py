"""Input spikes of batches of any size: what examples give does not depend on those beside them."""

from __future__ import annotations

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import PreprocessedSpikes, preprocess_spikes

TIMESTEPS = 30
NUM_EXAMPLES = 45


def make_examples(num_neurons: int) -> list[PreprocessedSpikes]:
    """Return examples with no spikes, one, and many, also of one neuron in successive timesteps."""
    rng = np.random.default_rng(num_neurons)
    examples = []
    for example in range(NUM_EXAMPLES):
        count = (0, 1, num_neurons, 10 * num_neurons)[example % 4]
        times = rng.integers(0, TIMESTEPS, count).astype(float)
        examples.append(preprocess_spikes(times, rng.integers(0, num_neurons, count), num_neurons))
    return examples


def make_network(num_neurons: int) -> tuple[Network, Population, Population]:
    """Return a network with its input and its output."""
    rng = np.random.default_rng(1)
    network = Network(default_params)
    with network:
        source = Population(SpikeInput(max_spikes=100_000), num_neurons)
        hidden = Population(LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0), 9)
        target = Population(LeakyIntegrate(tau_mem=20.0, readout="avg_var"), 3)
        weights = rng.normal(1.0, 0.5, (num_neurons, 9))
        Connection(source, hidden, Dense(weights), Exponential(5.0))
        Connection(hidden, target, Dense(rng.normal(0.0, 1.0, (9, 3))), Exponential(5.0))
    return network, source, target


@pytest.mark.parametrize("num_neurons", [1, 2, 5, 33, 200])
def test_inference_in_batches(num_neurons: int) -> None:
    examples = make_examples(num_neurons)
    predictions = []
    for batch_size in (1, 7, 16, 45):
        network, source, target = make_network(num_neurons)
        compiler = InferenceCompiler(
            TIMESTEPS, batch_size=batch_size, reset_all_between_batches=True
        )
        with compiler.compile(network) as compiled:
            predicted, _ = compiled.predict({source: examples}, target, callbacks=[])
        predictions.append(np.asarray(predicted[target]))
    assert np.abs(predictions[0]).max() > 0.05
    for predicted in predictions[1:]:
        np.testing.assert_array_equal(predicted, predictions[0])


@pytest.mark.parametrize("num_neurons", [1, 2, 5, 33])
def test_training_in_batches_follows_the_interpreter(num_neurons: int) -> None:
    examples = make_examples(num_neurons)
    labels = np.arange(NUM_EXAMPLES) % 3
    weights = []
    for backend in ("single_threaded_cpu", "interpreter"):
        network, source, target = make_network(num_neurons)
        compiler = EventPropCompiler(
            TIMESTEPS,
            "sparse_categorical_crossentropy",
            batch_size=15,
            max_spikes=2 * TIMESTEPS + 1,
            backend=backend,
        )
        with compiler.compile(network) as compiled:
            compiled.train({source: examples}, {target: labels}, 2, shuffle=False, callbacks=[])
            group = compiled.connection_populations[network.connections[0]]
            group.vars["g"].pull_from_device()
            weights.append(np.array(group.vars["g"].values))
    np.testing.assert_array_equal(*weights)

"""Threads that share the timesteps of a single large network give the results of one."""

from __future__ import annotations

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import SpikeRecorder, VarRecorder
from mlgenn_rs.compilers import InferenceCompiler
from mlgenn_rs.connectivity import FixedProbability, OneToOne
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, PoissonInput
from mlgenn_rs.synapses import Exponential

# Not a multiple of the blocks that neurons are cut into.
NUM_NEURONS = 3100
# Threads are tried after some hundred timesteps.
TIMESTEPS = 700


def simulate(num_threads: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return spikes of the drive and of neurons, their potentials, and sums of some of them."""
    network = Network()
    with network:
        drive = Population(PoissonInput(), NUM_NEURONS, record_spikes=True)
        neurons = Population(LeakyIntegrateFire(tau_mem=20.0), NUM_NEURONS, record_spikes=True)
        output = Population(LeakyIntegrate(readout="var"), 300)
        Connection(drive, neurons, OneToOne(1.2), Exponential(5.0))
        Connection(neurons, neurons, FixedProbability(0.1, Normal(0.0, 0.002)), Exponential(5.0))
        Connection(neurons, output, FixedProbability(0.1, Normal(0.0, 0.1)), Exponential(5.0))
    compiler = InferenceCompiler(TIMESTEPS, batch_size=1, rng_seed=3, num_threads=num_threads)
    callbacks = [
        SpikeRecorder(drive, key="drive"),
        SpikeRecorder(neurons, key="neurons"),
        VarRecorder(neurons, "v", key="v"),
    ]
    rates = np.full((2, NUM_NEURONS), 0.02, dtype=np.float32)
    compiled = compiler.compile(network)
    with compiled:
        predicted, data = compiled.predict({drive: rates}, [output], callbacks=callbacks)
    spikes = [np.asarray(ids) for key in ("drive", "neurons") for ids in data[key][1]]
    return spikes, np.asarray(data["v"]), predicted[output]


@pytest.mark.parametrize("num_threads", [2, 3, 8])
def test_results_do_not_depend_on_threads(num_threads: int) -> None:
    spikes, potentials, sums = simulate(1)
    assert min(len(ids) for ids in spikes) > TIMESTEPS
    other_spikes, other_potentials, other_sums = simulate(num_threads)
    for ids, other_ids in zip(spikes, other_spikes, strict=True):
        np.testing.assert_array_equal(ids, other_ids)
    np.testing.assert_array_equal(potentials, other_potentials)
    np.testing.assert_array_equal(sums, other_sums)

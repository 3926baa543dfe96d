"""Memory that training takes, and arrays that are stored without what is zero."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from mlgenn_rs.compilers.mostly_zero import PART, OccupiedParts

TRAIN = """
import sys
import numpy as np
from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import EventPropCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

batch_size, num_spikes = int(sys.argv[1]), 5700
rng = np.random.default_rng(1)
network = Network(default_params)
with network:
    source = Population(SpikeInput(max_spikes=batch_size * num_spikes), 700)
    hidden = Population(LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0), 256)
    output = Population(LeakyIntegrate(tau_mem=20.0, readout="avg_var"), 20)
    Connection(source, hidden, Dense(Normal(0.1, 0.05)), Exponential(5.0))
    Connection(hidden, hidden, Dense(Normal(0.0, 0.02)), Exponential(5.0))
    Connection(hidden, output, Dense(Normal(0.0, 0.03)), Exponential(5.0))
spikes = [
    preprocess_spikes(
        rng.uniform(0, 990, num_spikes), rng.integers(0, 700, num_spikes), 700
    )
    for _ in range(batch_size)
]
compiler = EventPropCompiler(
    1000, "sparse_categorical_crossentropy", max_spikes=1500, batch_size=batch_size
)
compiled = compiler.compile(network)
with compiled:
    compiled.train({source: spikes}, {output: np.arange(batch_size) % 20}, 2, callbacks=[])
    ends = compiled.neuron_populations[hidden].vars["RingWriteOffset"]
    ends.pull_from_device()
    assert 5 < ends.values.max() < 500, ends.values.max()
    # That of `getrusage` would count the process that started this one
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(int(status["VmHWM"].split()[0]) * 1024)
"""


def peak_memory(batch_size: int) -> int:
    """Train for two batches in a process of its own and return its peak memory in bytes."""
    command = [sys.executable, "-c", TRAIN, str(batch_size)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_training_takes_memory_for_spikes_not_for_slots() -> None:
    """With every slot touched these tapes alone are 6 MB for each example."""
    few, many = peak_memory(8), peak_memory(128)
    assert many < 2**29
    assert (many - few) / 120 < 1.5e6


def sparse_array(dtype: type) -> np.ndarray:
    array = np.zeros((3, 10_000), dtype=dtype)
    array[1, 77] = 1
    array[2, -1] = 3
    return array


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint16])
def test_mostly_zero_arrays_come_back(dtype: type) -> None:
    array = sparse_array(dtype)
    parts = OccupiedParts.find(array)
    assert parts is not None
    assert parts.contents.nbytes + parts.rest.nbytes < 4 * PART
    for restored in (np.zeros_like(array), np.arange(array.size, dtype=dtype).reshape(3, -1)):
        parts.restore(restored)
        np.testing.assert_array_equal(restored, array)


def test_bits_are_kept() -> None:
    array = np.zeros(5000, dtype=np.float32)
    array[0], array[-1] = -0.0, np.nan
    parts = OccupiedParts.find(array)
    assert parts is not None
    restored = np.ones_like(array)
    parts.restore(restored)
    assert restored.tobytes() == array.tobytes()


@pytest.mark.parametrize("array", [np.ones(10_000), np.zeros(100), np.zeros((200, 200)).T[::2]])
def test_other_arrays_are_not_split(array: np.ndarray) -> None:
    assert OccupiedParts.find(array) is None

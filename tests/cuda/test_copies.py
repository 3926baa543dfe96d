"""How much is copied to and from a GPU in a batch, as counted by the pretended one."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import InputLayer, Layer, SequentialNetwork
from mlgenn_rs.callbacks import Callback
from mlgenn_rs.compilers import EventPropCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

pytestmark = pytest.mark.skipif(
    not os.environ.get("MLGENN_PRETEND_GPU"), reason="copies are counted by a pretended GPU"
)

BATCH, NEURONS, OUTPUTS = 32, 100, 10


class CountCopies(Callback):
    """Counts copies in each batch."""

    def set_params(self, **kwargs: Any) -> None:
        self._library = ctypes.CDLL(os.environ["MLGENN_NVRTC"])
        self._library.pretend_count.restype = ctypes.c_long
        self._counts: list[list[int]] = []

    def on_batch_begin(self, batch: int) -> None:
        self._counts.append([self._library.pretend_count(which) for which in range(4, 8)])

    def get_data(self) -> tuple[Any, Any]:
        return "copies", np.diff(self._counts, axis=0)


def test_training_copies_inputs_and_outputs_only() -> None:
    rng = np.random.default_rng(1)
    spikes = [
        preprocess_spikes(rng.random(20) * 9.0, rng.integers(0, NEURONS, 20), NEURONS)
        for _ in range(4 * BATCH)
    ]
    network = SequentialNetwork(default_params)
    with network:
        source = InputLayer(SpikeInput(max_spikes=20 * BATCH), NEURONS)
        Layer(Dense(0.1), LeakyIntegrateFire(), 8, Exponential(5.0))
        output = Layer(Dense(0.1), LeakyIntegrate(readout="avg_var"), OUTPUTS, Exponential(5.0))
    compiler = EventPropCompiler(
        10, "sparse_categorical_crossentropy", batch_size=BATCH, max_spikes=21, backend="cuda"
    )
    labels = rng.integers(0, OUTPUTS, len(spikes))
    data: Mapping[str, Any]
    with compiler.compile(network) as compiled:
        _, data = compiled.train({source: spikes}, {output: labels}, 1, callbacks=[CountCopies()])
    to_gpu, from_gpu, bytes_to_gpu, bytes_from_gpu = data["copies"][-1]
    # Starts and times of spikes, labels; counters, numbers of batch and step
    assert bytes_to_gpu <= 4 * (BATCH * NEURONS + 1) + 4 * 20 * BATCH + BATCH + 200
    assert to_gpu <= 10
    # The readout, and what watches for faults
    assert bytes_from_gpu <= 4 * BATCH * OUTPUTS + 64
    assert from_gpu <= 2

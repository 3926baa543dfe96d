"""A small training on a pretended GPU, which counts what it is asked for."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import InputLayer, Layer, SequentialNetwork
from mlgenn_rs.compilers import EventPropCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

BATCH, NEURONS, OUTPUTS = 32, 100, 10

needs_pretended_gpu = pytest.mark.skipif(
    not os.environ.get("MLGENN_PRETEND_GPU"), reason="only a pretended GPU counts"
)


def pretended_gpu() -> ctypes.CDLL:
    """Return the library of the pretended GPU."""
    library = ctypes.CDLL(os.environ["MLGENN_NVRTC"])
    library.pretend_count.restype = ctypes.c_long
    library.pretend_calls.restype = ctypes.c_long
    return library


def compile_training() -> tuple[Any, Any, Any]:
    """Return a compiled network, the data of its input, and the labels of its output."""
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
    return compiler.compile(network), {source: spikes}, {output: labels}

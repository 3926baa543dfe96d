"""Copies of networks: deep copies and pickles are networks of their own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, InputLayer, Layer, Network, Population, SequentialNetwork
from mlgenn_rs.compilers import InferenceCompiler
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import BinarySpikeInput, LeakyIntegrate

WEIGHT = np.arange(6.0).reshape(3, 2)
COPIES = [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]


def predict(network: Network, inp: Any, out: Any) -> np.ndarray:
    with InferenceCompiler(5).compile(network, "test") as compiled:
        return compiled.predict({inp: np.ones((1, 3))}, out, callbacks=[])[0][out]


@pytest.mark.parametrize("duplicate", COPIES)
def test_network(duplicate: Callable[[Any], Any]) -> None:
    network = Network()
    with network:
        inp = Population(BinarySpikeInput(), 3)
        out = Population(LeakyIntegrate(readout="var"), 2)
        conn = Connection(inp, out, Dense(WEIGHT))
    other = duplicate(network)
    other_inp, other_out = other.populations
    (other_conn,) = other.connections
    assert other_conn.source() is other_inp and other_conn.target() is other_out
    assert [c() for c in other_inp.outgoing_connections] == [other_conn]
    assert [c() for c in other_out.incoming_connections] == [other_conn]
    assert [c() for c in inp.outgoing_connections] == [conn]
    other_conn.connectivity.weight = 2.0 * WEIGHT
    np.testing.assert_allclose(
        predict(other, other_inp, other_out), 2.0 * predict(network, inp, out), rtol=1e-6
    )


@pytest.mark.parametrize("duplicate", COPIES)
def test_sequential_network(duplicate: Callable[[Any], Any]) -> None:
    network = SequentialNetwork()
    with network:
        InputLayer(BinarySpikeInput(), 3)
        Layer(Dense(WEIGHT), LeakyIntegrate(readout="var"))
    other = duplicate(network)
    first, last = other.layers
    assert first.population() is other.populations[0]
    assert last.connection() is other.connections[0]
    np.testing.assert_array_equal(predict(other, first, last), predict(network, *network.layers))

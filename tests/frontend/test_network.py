"""Networks: contexts, shapes, weak references, defaults, order, loading."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
)
from mlgenn_rs.connectivity import Conv2D, Dense, FixedProbability, OneToOne
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import (
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    SpikeInput,
)
from mlgenn_rs.serialisers import Numpy
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.decorators import network_default_params
from mlgenn_rs.utils.network import (
    get_network_dag,
    get_underlying_conn,
    get_underlying_pop,
)

from .support import load_golden


def test_context() -> None:
    net = Network()
    with net as entered:
        assert entered is net
        with pytest.raises(RuntimeError, match="nested"):
            Network().__enter__()
        first = Population("integrate_fire", 3)
    with pytest.raises(KeyError), net:
        raise KeyError
    with net:
        second = Population("integrate_fire", 3)
    assert net.populations == [first, second]
    with pytest.raises(RuntimeError, match="with network"):
        Population("integrate_fire", 3)
    with pytest.raises(RuntimeError, match="with network"):
        Connection(first, second, OneToOne(1.0))
    assert first.outgoing_connections == [] and second.incoming_connections == []


@pytest.mark.parametrize(
    ("shape", "expected"),
    [(None, None), (3, (3,)), ((2, 3), (2, 3)), ([2, 3], (2, 3)), (True, (1,))],
)
def test_population_shape(shape: Any, expected: Any) -> None:
    assert Population("integrate_fire", shape, add_to_model=False).shape == expected


@pytest.mark.parametrize("shape", [1.5, np.int64(3), np.ones(2), "3", 0, (2, -1), (), (1.5,), {3}])
def test_population_shape_errors(shape: Any) -> None:
    with pytest.raises(RuntimeError, match="shape"):
        Population("integrate_fire", shape, add_to_model=False)


def test_population_names() -> None:
    def number(population: Population) -> int:
        return int(population.name.removeprefix("Pop"))

    first = Population("integrate_fire", 1, add_to_model=False)
    named = Population("integrate_fire", 1, name="x", add_to_model=False)
    second = Population("integrate_fire", 1, add_to_model=False)
    assert str(named) == "x"
    assert number(second) == number(first) + 1


def test_objects_are_copied() -> None:
    neuron = IntegrateFire(v_thresh=2.0, readout="var")
    weight = np.ones((2, 3))
    with Network() as net:
        a = Population(neuron)
        b = Population(neuron)
        connection = Connection(a, b, Dense(weight))
    neuron.v_thresh = 5.0
    assert a.neuron is not b.neuron and a.neuron.v_thresh == 2.0
    assert connection.connectivity.weight is weight
    assert "Dense" in repr(connection) and "Pop" in repr(net) and "IntegrateFire" in repr(a)
    with pytest.raises(RuntimeError, match="IntegrateFire\\(\\.\\.\\.\\)"):
        Population(IntegrateFire, add_to_model=False)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="unknown name 'nope'"):
        Population("nope", add_to_model=False)
    with pytest.raises(RuntimeError, match="Synapse"):
        Connection(a, b, Dense(1.0), synapse=3)  # type: ignore[arg-type]


def test_weak_references() -> None:
    net = Network()
    with net:
        a = Population("integrate_fire", 2, name="a")
        b = Population("integrate_fire", 2, name="b")
        connection = Connection(a, b, OneToOne(1.0), max_delay_steps=4)
    assert connection.source() is a and connection.target() is b
    assert [c() for c in a.outgoing_connections] == [connection]
    assert [c() for c in b.incoming_connections] == [connection]
    assert (connection.name, connection.max_delay_steps) == ("Conn_a_b", 4)
    source = connection.source
    del net, a, connection
    gc.collect()
    assert source() is None


def test_failed_connection_leaves_no_trace() -> None:
    with Network() as net:
        a = Population("integrate_fire", 2)
        b = Population("integrate_fire", 3)
        with pytest.raises(RuntimeError, match="shape"):
            Connection(a, b, OneToOne(1.0))
    assert a.outgoing_connections == b.incoming_connections == net.connections == []


def test_sequential() -> None:
    with SequentialNetwork() as net:
        assert SequentialNetwork.get_prev_layer() is None
        inp = InputLayer("spike_input", (6, 6, 1), record_spikes=True, name="in")
        hid = Layer(Conv2D(Normal(), 2, 3, flatten=True), "integrate_fire", name="hid")
        out = Layer(
            Dense(np.ones((32, 4))), "leaky_integrate", None, "exponential", max_delay_steps=3
        )
        assert SequentialNetwork.get_prev_layer() is out
        extra = Population("integrate_fire", 1)
    assert net.layers == [inp, hid, out]
    assert net.populations == [inp.population(), hid.population(), out.population(), extra]
    assert net.connections == [hid.connection(), out.connection()]
    assert hid.population().shape == (32,) and out.population().shape == (4,)
    assert str(hid) == "hid" and str(hid.connection()) == "Conn_in_hid"
    assert isinstance(out.connection().synapse, Exponential)
    assert out.connection().max_delay_steps == 3
    assert inp.population().record_spikes


def test_first_layer_has_no_connection() -> None:
    with SequentialNetwork() as net:
        layer = Layer(Dense(1.0), "integrate_fire", 3)
    assert layer.connection is None and net.connections == []
    with pytest.raises(RuntimeError, match="first layer"):
        get_underlying_conn(layer)


def test_layers_need_a_sequential_network() -> None:
    with pytest.raises(RuntimeError, match="with network"):
        InputLayer("spike_input", 3)
    with pytest.raises(RuntimeError, match="with network"):
        Layer(Dense(1.0), "integrate_fire", 3)
    with Network() as net:
        with pytest.raises(AttributeError, match="SequentialNetwork"):
            InputLayer("spike_input", 3)
        with pytest.raises(AttributeError, match="SequentialNetwork"):
            Layer(Dense(1.0), "integrate_fire", 3)
    assert net.populations == []


def test_underlying() -> None:
    with SequentialNetwork():
        layer = InputLayer("spike_input", 3)
        second = Layer(OneToOne(1.0), "integrate_fire")
        assert get_underlying_pop(layer) is layer.population()
        assert get_underlying_pop(layer.population()) is layer.population()
        assert get_underlying_conn(second) is second.connection()
        assert get_underlying_conn(second.connection()) is second.connection()
    for function in (get_underlying_pop, get_underlying_conn):
        with pytest.raises(RuntimeError, match="got 3"):
            function(3)


def test_dag() -> None:
    with Network():
        a, b, c, d = (Population("integrate_fire", 2) for _ in range(4))
        kept = [Connection(s, t, OneToOne(1.0)) for s, t in ((a, b), (a, c), (b, c), (c, d))]
        assert get_network_dag(a, d) == [a, b, c, d]
        kept.append(Connection(c, c, FixedProbability(0.5, 1.0)))
        with pytest.raises(RuntimeError, match="cycle"):
            get_network_dag([a], [d])
        assert get_network_dag(a, b) == [a, b]


def test_default_params() -> None:
    class Child(LeakyIntegrateFire):
        pass

    class User(LeakyIntegrate):
        @network_default_params
        def __init__(self, tau_mem: float = 1.0, v: float = 2.0) -> None:
            super().__init__(tau_mem=tau_mem, v=v)

    params: dict[type, dict[str, Any]] = {
        LeakyIntegrateFire: {"tau_mem": 7.0, "v_thresh": 3.0},
        LeakyIntegrateFireInput: {"tau_mem": 8.0},
        Exponential: {"tau": 9.0},
        User: {"v": 4.0},
        LeakyIntegrate: {"nonsense": 1.0},
    }
    with Network(params) as net:
        assert net.default_params is params
        assert Population("leaky_integrate_fire").neuron.tau_mem == 7.0
        neuron = LeakyIntegrateFire(5.0, tau_mem=6.0)
        assert (neuron.v_thresh, neuron.tau_mem) == (5.0, 6.0)
        assert Child().tau_mem == 20.0
        assert LeakyIntegrateFireInput().tau_mem == 20.0
        assert Exponential().tau == 9.0 and Exponential(1.0).tau == 1.0
        assert Network.get_default_params(SpikeInput) == {}
        del params[LeakyIntegrate]
        assert (User(3.0).tau_mem, User().v) == (3.0, 4.0)
        params[LeakyIntegrate] = {"nonsense": 1.0}
        with pytest.raises(TypeError, match="nonsense"):
            LeakyIntegrate()
    assert LeakyIntegrateFire().tau_mem == 20.0
    assert Network.get_default_params(LeakyIntegrateFire) == {}


def test_serialiser_golden(tmp_path: Path) -> None:
    out = load_golden("z01_serialiser")["outputs"]
    with Network() as net:
        inp = Population(SpikeInput(10), 3, name="In")
        hid = Population(LeakyIntegrateFire(), 4, name="Hid")
        conn = Connection(inp, hid, FixedProbability(0.5, 1.0))
    serialiser = Numpy(str(tmp_path / "a" / "b"))
    stored = out["deserialise_all_conn"]
    for key in ("g", "pre_ind", "post_ind"):
        serialiser.serialise((3, conn, key), np.asarray(stored[key]))
    for key, value in out["deserialise_all_hid"].items():
        serialiser.serialise((3, hid, key), np.asarray(value))
    serialiser.serialise((30, conn, "g"), np.zeros(2))
    serialiser.serialise(("w",), np.zeros(2))
    assert sorted(f.name for f in (tmp_path / "a" / "b").iterdir()) == sorted(out["files"])
    np.testing.assert_array_equal(serialiser.deserialise((3, hid, "V")), [0, 1, 2, 3])
    with pytest.raises(FileNotFoundError):
        serialiser.deserialise((4, hid, "V"))
    loaded = serialiser.deserialise_all((3, conn))
    assert {k: v.tolist() for k, v in loaded.items()} == stored
    assert serialiser.deserialise_all((5,)) == {}
    with pytest.raises(AssertionError, match="'-'"):
        serialiser.deserialise_all((3,))

    net.load((4,), serialiser)
    assert conn.connectivity.weight == 1.0
    net.load((3,), serialiser)
    for path, value in out["after_load"].items():
        owner, attribute = path.split(" ")[0].split(".")
        obj = conn.connectivity if owner == "connectivity" else hid.neuron
        np.testing.assert_array_equal(getattr(obj, attribute), value)
    with pytest.raises(TypeError, match="tuple"):
        net.load([3], serialiser)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="Serialiser"):
        net.load((3,), "pickle")

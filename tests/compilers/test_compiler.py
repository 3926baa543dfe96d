"""The base compiler: names, hooks, reset of variables, delays, signed spikes, life cycle."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import SpikeRecorder, VarRecorder
from mlgenn_rs.compilers import Compiler, InferenceCompiler
from mlgenn_rs.compilers.compiler import (
    SupportedMatrixType,
    create_reset_custom_update,
    get_conn_max_delay,
    get_delay_type,
)
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.engine import SynapseMatrixType, create_var_ref
from mlgenn_rs.initializers import Normal, Uniform
from mlgenn_rs.neurons import (
    BinarySpikeInput,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    PoissonInput,
)


def small(v: Any = 0.0, **input_args: Any) -> tuple[Network, Population, Population, Connection]:
    """Build a network of 3 inputs and 2 integrators."""
    network = Network()
    with network:
        inp = Population(BinarySpikeInput(**input_args), 3, name="in")
        out = Population(LeakyIntegrate(v=v, readout="var"), 2, name="out")
        conn = Connection(inp, out, Dense(np.arange(1.0, 7.0).reshape(3, 2)), name="conn")
    return network, inp, out, conn


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b-c.d", "abcdInferenceCompiler"),
        ("12_x", "_xInferenceCompiler"),
        ("", "InferenceCompiler"),
        (None, "test_compilerInferenceCompiler"),
    ],
)
def test_model_name(name: str | None, expected: str) -> None:
    network, *_ = small()
    assert InferenceCompiler(5).compile(network, name).genn_model.name == expected


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"dt": 0.0}, ValueError),
        ({"dt": float("nan")}, ValueError),
        ({"dt": 1e300}, ValueError),
        ({"dt": 1e-300}, ValueError),
        ({"dt": "1"}, TypeError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": 10**12}, ValueError),
        ({"batch_size": 2.0}, TypeError),
        ({"evaluate_timesteps": -1}, ValueError),
        ({"evaluate_timesteps": None}, TypeError),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(arguments))):
        InferenceCompiler(**{"evaluate_timesteps": 5, **arguments})


def test_wrong_arguments_of_compile() -> None:
    network, *_ = small()
    with pytest.raises(TypeError, match="unknown arguments 'inputs'"):
        InferenceCompiler(5).compile(network, inputs=[])
    with pytest.raises(TypeError, match="expected a Network"):
        InferenceCompiler(5).compile("network")  # type: ignore[arg-type]


def test_matrix_types() -> None:
    supported = SupportedMatrixType([SynapseMatrixType.SPARSE, SynapseMatrixType.DENSE])
    both = [SynapseMatrixType.DENSE, SynapseMatrixType.SPARSE]
    assert supported.get_best(both) is SynapseMatrixType.SPARSE
    assert supported.get_best([SynapseMatrixType.DENSE]) is SynapseMatrixType.DENSE
    assert supported.get_best([SynapseMatrixType.TOEPLITZ]) is None


def test_delay_helpers() -> None:
    assert [get_delay_type(n) for n in (1, 255, 256, 65535)] == ["uint8_t"] * 2 + ["uint16_t"] * 2
    with pytest.raises(NotImplementedError):
        get_delay_type(65536)
    _, _, _, conn = small()
    assert get_conn_max_delay(conn, 3) == 4
    assert get_conn_max_delay(conn, np.array([0.0, 2.6])) == 4
    with pytest.raises(RuntimeError, match="max_delay_steps"):
        get_conn_max_delay(conn, Uniform(0, 3))
    conn.max_delay_steps = 9
    assert get_conn_max_delay(conn, Uniform(0, 3)) == 10


@pytest.mark.parametrize("delay", [-1, np.array([[0, 1], [2, -3], [0, 0]]), float("inf")])
def test_impossible_delays(delay: Any) -> None:
    network, _, _, conn = small()
    conn.connectivity.delay = delay
    with pytest.raises(ValueError, match="at least 0"):
        InferenceCompiler(5).compile(network)


@pytest.mark.parametrize("delay", [0, 2, np.full((3, 2), 2)])
def test_signed_spikes_deliver_negative_weights(delay: Any) -> None:
    network, inp, out, conn = small(signed_spikes=True)
    conn.connectivity.delay = delay
    steps = 1 + int(np.max(delay))
    compiled = InferenceCompiler(steps + 1).compile(network)
    with compiled:
        predictions, data = compiled.predict(
            {inp: np.array([[1.0, -1.0, 0.0]])}, out, [VarRecorder(out, "v", key="v")]
        )
    np.testing.assert_array_equal(data["v"][0][:steps], 0.0)
    np.testing.assert_allclose(predictions[out][0], [1.0 - 3.0, 2.0 - 4.0], rtol=1e-6)


def test_signed_poisson_spikes() -> None:
    network = Network()
    with network:
        inp = Population(PoissonInput(signed_spikes=True), 2)
        out = Population(LeakyIntegrate(tau_mem=1e9, readout="var"), 2)
        Connection(inp, out, Dense(np.eye(2)))
    compiled = InferenceCompiler(2000, rng_seed=1).compile(network)
    with compiled:
        predictions, _ = compiled.predict({inp: np.array([[0.5, -0.5]])}, out, callbacks=[])
    expected = 2000 * (1.0 - np.exp(-0.5))
    np.testing.assert_allclose(predictions[out][0], [expected, -expected], rtol=0.15)


def test_poisson_spikes_differ_between_batches() -> None:
    network = Network()
    with network:
        inp = Population(PoissonInput(), 20, record_spikes=True)
        out = Population(LeakyIntegrate(readout="var"), 1)
        Connection(inp, out, Dense(1.0))
    compiled = InferenceCompiler(50, rng_seed=1, batch_size=2).compile(network)
    with compiled:
        recorder = SpikeRecorder(inp, key="spikes")
        _, data = compiled.predict({inp: np.full((6, 20), 0.5)}, out, callbacks=[recorder])
        examples = [np.c_[times, ids] for times, ids in zip(*data["spikes"], strict=True)]
    for i, example in enumerate(examples):
        assert len(example) == pytest.approx(1000 * (1.0 - np.exp(-0.5)), rel=0.2)
        assert not any(np.array_equal(example, other) for other in examples[:i])


@pytest.mark.parametrize("batch_size", [1, 3])
def test_reset_to_array(batch_size: int) -> None:
    start = np.array([0.25, -0.5])
    network, inp, out, _ = small(v=start)
    compiled = InferenceCompiler(1, batch_size=batch_size).compile(network)
    with compiled:
        predictions, _ = compiled.predict({inp: np.ones((7, 3))}, out, callbacks=[])
    # In the only timestep, the first spikes of an example have not yet arrived, but those of the
    # example before have
    alpha = np.exp(-1.0 / 20.0)
    np.testing.assert_allclose(predictions[out][0], start * alpha, rtol=1e-6)
    np.testing.assert_allclose(predictions[out][-1], start * alpha + [9.0, 12.0], rtol=1e-6)


def test_reset_to_initialiser_restores_what_was_drawn() -> None:
    network = Network()
    with network:
        inp = Population(BinarySpikeInput(), 1)
        hid = Population(LeakyIntegrateFire(v=Normal(0.0, 0.3), v_thresh=100.0), 50)
        out = Population(LeakyIntegrate(readout="var"), 1)
        Connection(inp, hid, Dense(1.0))
        Connection(hid, out, Dense(1.0))
    compiled = InferenceCompiler(3, rng_seed=5).compile(network)
    with compiled:
        drawn = compiled.neuron_populations[hid].vars["V"].values
        _, data = compiled.predict({inp: np.zeros((2, 1))}, out, [VarRecorder(hid, "v", key="v")])
    assert np.std(drawn) > 0.1
    for recorded in data["v"]:
        np.testing.assert_allclose(recorded[0], drawn * np.exp(-1.0 / 20.0), rtol=1e-5)


def test_order_of_a_reset() -> None:
    """A copy that comes before the reset of its source keeps the value of the source."""
    network, inp, out, _ = small()

    class WithCopy(InferenceCompiler):
        def build_neuron_model(self, pop: Any, model: Any, compile_state: Any) -> Any:
            model = super().build_neuron_model(pop, model, compile_state)
            if pop is out:
                model.add_var("Kept", "scalar", 0.0)
            compile_state.neuron_vars.pop(pop, None)
            return model

        def create_compiled_network(self, genn_model: Any, pops: Any, *args: Any) -> Any:
            update = create_reset_custom_update(
                [("Kept", "scalar", "V"), ("V", "scalar", -1.5)],
                lambda name: create_var_ref(pops[out], name),
            )
            self.add_custom_update(genn_model, update, "Keep", "CUKeep")
            return super().create_compiled_network(genn_model, pops, *args)

    compiled = WithCopy(2).compile(network)
    with compiled:
        predictions, _ = compiled.predict({inp: np.ones((1, 3))}, out, callbacks=[])
        compiled.custom_update("Keep")
        variables = compiled.neuron_populations[out].vars
        np.testing.assert_array_equal(variables["Kept"].values, predictions[out][0])
        np.testing.assert_array_equal(variables["V"].values, [-1.5, -1.5])


def test_hooks_are_called_in_order() -> None:
    network, *_ = small()
    calls: list[str] = []

    class Own(Compiler):
        def pre_compile(self, network: Any, genn_model: Any, **kwargs: Any) -> Any:
            calls.append(f"pre_compile {kwargs}")
            return "state"

        def build_neuron_model(self, pop: Any, model: Any, compile_state: Any) -> Any:
            calls.append(f"neuron {pop.name} {compile_state}")
            return super().build_neuron_model(pop, model, compile_state)

        def build_synapse_model(self, conn: Any, model: Any, compile_state: Any) -> Any:
            calls.append(f"synapse {conn.name} {compile_state}")
            return super().build_synapse_model(conn, model, compile_state)

        def build_weight_update_model(self, conn: Any, snippet: Any, compile_state: Any) -> Any:
            calls.append(f"weight update {conn.name} {compile_state}")
            return super().build_weight_update_model(conn, snippet, compile_state)

        def apply_delay(self, genn_pop: Any, conn: Any, delay: Any, compile_state: Any) -> None:
            calls.append(f"delay {conn.name} {delay} {compile_state}")
            super().apply_delay(genn_pop, conn, delay, compile_state)

        def create_compiled_network(self, *args: Any) -> Any:
            calls.append(f"create {args[-1]}")
            return super().create_compiled_network(*args)

    compiled = Own([SynapseMatrixType.DENSE]).compile(network, "test", option=1)
    assert calls == [
        "pre_compile {'option': 1}",
        "neuron in state",
        "neuron out state",
        "synapse conn state",
        "weight update conn state",
        "delay conn 0 state",
        "create state",
    ]
    with compiled:
        compiled.step_time()
        assert compiled.genn_model.timestep == 1
        compiled.reset_time()
        assert compiled.genn_model.timestep == 0
        assert compiled.num_recording_timesteps is None


def test_softmax_updates() -> None:
    network, inp, out, _ = small()

    class WithSoftmax(InferenceCompiler):
        def build_neuron_model(self, pop: Any, model: Any, compile_state: Any) -> Any:
            model = super().build_neuron_model(pop, model, compile_state)
            if pop is out:
                model.add_var("P", "scalar", 0.0)
            return model

        def create_compiled_network(self, genn_model: Any, pops: Any, *args: Any) -> Any:
            self.add_softmax_custom_updates(genn_model, pops[out], "V", "P", "My", 2.0)
            return super().create_compiled_network(genn_model, pops, *args)

    compiled = WithSoftmax(2, batch_size=2).compile(network)
    with compiled:
        x = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        predictions, _ = compiled.predict({inp: x}, out, callbacks=[])
        for stage in (1, 2, 3):
            compiled.custom_update(f"MySoftmax{stage}")
        p = compiled.neuron_populations[out].vars["P"].values
    exponentials = np.exp(predictions[out] / 2.0)
    np.testing.assert_allclose(p, exponentials / exponentials.sum(1, keepdims=True), rtol=1e-5)


def test_only_one_network_is_loaded_and_failures_do_not_count() -> None:
    network, inp, out, _ = small()
    good = InferenceCompiler(2).compile(network)
    bad = InferenceCompiler(2).compile(network)
    bad.genn_model.dt = -1.0
    with pytest.raises(ValueError, match="dt"), bad:
        pass
    with good:
        with pytest.raises(RuntimeError, match="one compiled network"), good:
            pass
        first, _ = good.predict({inp: np.ones((1, 3))}, out, callbacks=[])
    with pytest.raises(ZeroDivisionError), good:
        raise ZeroDivisionError
    with good:  # loaded again, with all state at its initial values
        second, _ = good.predict({inp: np.ones((1, 3))}, out, callbacks=[])
    np.testing.assert_array_equal(first[out], second[out])


def test_populations_without_readout_or_input() -> None:
    network = Network()
    with network:
        inp = Population(BinarySpikeInput(), 3, name="in")
        hid = Population(IntegrateFire(), 2, name="hid")
        Connection(inp, hid, Dense(1.0))
    compiled = InferenceCompiler(2).compile(network)
    with compiled:
        with pytest.raises(RuntimeError, match="takes no input"):
            compiled.set_input({hid: np.zeros((1, 2))})
        with pytest.raises(RuntimeError, match="no readout"):
            compiled.get_readout(hid)
        with pytest.raises(RuntimeError, match="1 examples of inputs but 2 of labels"):
            compiled.evaluate({inp: np.zeros((1, 3))}, {hid: [0, 1]}, callbacks=[])
        with pytest.raises(RuntimeError, match="empty"):
            compiled.predict({}, hid, callbacks=[])
        with pytest.raises(TypeError, match="dictionary"):
            compiled.predict(np.zeros((1, 3)), hid, callbacks=[])


def test_interrupt_leaves_networks_usable() -> None:
    network, inp, out, _ = small()
    endless = InferenceCompiler(2**31 - 1).compile(network)
    with pytest.raises(KeyboardInterrupt), endless:
        timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
        timer.start()
        endless.predict({inp: np.ones((1, 3))}, out, callbacks=[])
    short = InferenceCompiler(2).compile(network)
    with short:
        predictions, _ = short.predict({inp: np.ones((1, 3))}, out, callbacks=[])
    np.testing.assert_array_equal(predictions[out][0], [9.0, 12.0])


@pytest.mark.parametrize(
    ("name", "group"),
    [("Hidden", "Hidden"), ("3_hidden", "3_hidden"), ("conv-1/a", "conv_u2d_1_u2f_a")],
)
def test_engine_names(name: str, group: str) -> None:
    """Legal names stay as they are; those of Keras layers may have any characters."""
    network = Network()
    with network:
        population = Population("integrate_fire", 2, name=name)
    compiled = InferenceCompiler(2).compile(network)
    assert compiled.neuron_populations[population].name == group
    with compiled:
        compiled.genn_model.run(1)

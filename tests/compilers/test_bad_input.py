"""Bad arguments and data: a clear exception at every public entry, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import (
    Checkpoint,
    ConnVarRecorder,
    OptimiserParamSchedule,
    SpikeRecorder,
    VarRecorder,
)
from mlgenn_rs.compilers import EPropCompiler, EventPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import (
    AvgPoolConv2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    FixedProbability,
)
from mlgenn_rs.initializers import Normal, Uniform
from mlgenn_rs.losses import RelativeMeanSquareError
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    FewSpikeRelu,
    FewSpikeReluInput,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from mlgenn_rs.optimisers import SGD, Adam
from mlgenn_rs.serialisers import Memory, Numpy
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import (
    PreprocessedSpikes,
    batch_dataset,
    batch_spikes,
    calc_latest_spike_time,
    calc_max_spikes,
    generate_yin_yang_dataset,
    get_dataset_size,
    linear_latency_encode_data,
    log_latency_encode_data,
    permute_dataset,
    preprocess_spikes,
    split_dataset,
)

X = np.ones((1, 3))
UNEVEN = {"a": [1, 2], "b": [1]}
SPIKES = preprocess_spikes(np.asarray([1.0, 2.0]), [0, 1], 3)


def small(
    source: Any = None, target: Any = None, weight: Any = 1.0, synapse: Any = "delta", **kwargs: Any
) -> tuple[Network, Population, Population, Connection]:
    """Return a network of 3 inputs and 2 outputs."""
    network = Network(kwargs.pop("default_params", {}))
    with network:
        inp = Population(source or BinarySpikeInput(), 3, record_spikes=True)
        out = Population(target or LeakyIntegrate(readout="var"), 2)
        conn = Connection(inp, out, Dense(weight, kwargs.pop("delay", 0)), synapse, **kwargs)
    return network, inp, out, conn


def small_population(**kwargs: Any) -> Population:
    with Network():
        return Population("integrate_fire", 3, **kwargs)


def refused(error: type[Exception], match: str, build: Callable[..., Any], *arguments: Any) -> None:
    with pytest.raises(error, match=match):
        build(*arguments)


@pytest.mark.parametrize(
    ("error", "match", "build"),
    [
        (ValueError, "tau_mem: must be larger than 0", lambda: LeakyIntegrate(tau_mem=0)),
        (ValueError, "tau_mem: must be larger than 0", lambda: LeakyIntegrateFire(tau_mem=-5.0)),
        (ValueError, "tau_adapt", lambda: AdaptiveLeakyIntegrateFire(tau_adapt=np.zeros(2))),
        (ValueError, "tau: must be larger than 0", lambda: Exponential(0)),
        (ValueError, "v: expected numbers, got NaN", lambda: LeakyIntegrate(v=float("nan"))),
        (ValueError, "weight: expected numbers, got NaN", lambda: Dense(np.full((3, 2), np.nan))),
        (TypeError, "unexpected keyword argument 'foo'", lambda: LeakyIntegrateFire(foo=1)),
        (TypeError, "unexpected keyword argument 'foo'", lambda: IntegrateFire(foo=1)),
        (TypeError, "max_spikes must be a whole number", lambda: SpikeInput("a")),
        (TypeError, "input_frames must be a whole", lambda: BinarySpikeInput(input_frames=1.5)),
        (ValueError, "FewSpikeRelu: k must be at least 1", lambda: FewSpikeRelu(k=0)),
        (ValueError, "alpha must be larger than 0", lambda: FewSpikeReluInput(alpha=-1)),
        (ValueError, "sd must not be negative", lambda: Normal(sd=-1)),
        (ValueError, "mean must be finite", lambda: Normal(mean=np.inf)),
        (ValueError, "min must not be larger", lambda: Uniform(1, 0)),
        (ValueError, "max must be finite", lambda: Uniform(0, np.inf)),
        (ValueError, "tau_refrac: must not be neg", lambda: LeakyIntegrateFire(tau_refrac=-1)),
        (TypeError, "Conv2D: filters must be a whole number", lambda: Conv2D(1.0, 2.5, 3)),
        (ValueError, "Conv2DTranspose: filters must be", lambda: Conv2DTranspose(1.0, 0, 3)),
        (ValueError, "AvgPoolConv2D: filters must be", lambda: AvgPoolConv2D(1.0, -1, 2, 3)),
        (TypeError, "Population: name must be", lambda: small_population(name=3)),
        (TypeError, "Connection: name must be", lambda: small(name=3)),
        (TypeError, "default_params must be a dictionary", lambda: Network({"LIF": {}})),
        (TypeError, "default_params must be a dictionary", lambda: Network({LeakyIntegrate: 3})),
        (TypeError, "delta must be a number", lambda: RelativeMeanSquareError("a")),
        (ValueError, "Adam: alpha must be finite", lambda: Adam(np.nan)),
        (ValueError, "Adam: alpha must not be negative", lambda: Adam(-0.1)),
        (ValueError, "SGD: alpha must not be negative", lambda: SGD(-0.1)),
        (RuntimeError, "Serialiser: unknown name 'nump'", lambda: Checkpoint("nump")),
        (TypeError, "path must be the name of a directory", lambda: Numpy(3)),
        (ValueError, "beta1 must be", lambda: Adam(beta1=1.0)),
        (ValueError, "epsilon must not", lambda: Adam(epsilon=-1.0)),
        (TypeError, "max_delay_steps must be a whole", lambda: small(max_delay_steps="a")),
        (ValueError, "max_delay_steps must not be", lambda: small(max_delay_steps=-1)),
        (RuntimeError, "Synapse: expected", lambda: small(synapse=None)),
        (TypeError, "rng_seed must be a whole", lambda: InferenceCompiler(5, rng_seed=1.5)),
        (ValueError, "rng_seed must be from 0", lambda: InferenceCompiler(5, rng_seed=-1)),
        (TypeError, "expected a Communicator", lambda: InferenceCompiler(5, communicator=3)),
        (RuntimeError, "Optimiser", lambda: EventPropCompiler(5, "mean_square_error", None)),
    ],
)
def test_arguments(error: type[Exception], match: str, build: Callable[[], Any]) -> None:
    refused(error, match, build)


def test_ends_of_connections() -> None:
    network = Network()
    with network:
        pop = Population("integrate_fire", 3)
        for source, target in ((pop, None), ("a", pop)):
            refused(TypeError, "must be a Population", lambda: Connection(source, target, Dense(1)))
        refused(RuntimeError, "Connectivity: expected", lambda: Connection(pop, pop, None))
    assert network.connections == [] and pop.incoming_connections == []


@pytest.mark.parametrize(
    ("error", "match", "network"),
    [
        (RuntimeError, "LeakyIntegrate.v needs a value", {"target": LeakyIntegrate(v=None)}),
        (RuntimeError, "has no weight", {"weight": None}),
        (RuntimeError, "has no delay", {"delay": None}),
        (
            ValueError,
            "LeakyIntegrate.tau_mem: population .* has 2 neurons, but the array has 3 values",
            {"target": LeakyIntegrate(tau_mem=np.ones(3))},
        ),
        (
            ValueError,
            "LeakyIntegrate.v: population .* has 2 neurons, but the array has 4 values",
            {"target": LeakyIntegrate(v=np.ones((2, 2)))},
        ),
        (
            ValueError,
            "Exponential.tau: population .* has 2 neurons, but the array has 5 values",
            {"synapse": Exponential(np.ones(5))},
        ),
        (
            ValueError,
            "longer than max_delay_steps=2",
            {"weight": np.ones((3, 2)), "delay": np.full((3, 2), 3), "max_delay_steps": 2},
        ),
    ],
)
def test_values_that_are_missing_or_too_large(
    error: type[Exception], match: str, network: Any
) -> None:
    refused(error, match, lambda: InferenceCompiler(5).compile(small(**network)[0], "test"))


def test_connections_between_networks() -> None:
    _, inp, _, _ = small()
    network, _, out, _ = small()
    with network:
        Connection(inp, out, Dense(1.0))
    match = f"Population '{inp.name}' is not part of the network"
    refused(RuntimeError, match, lambda: InferenceCompiler(5).compile(network, "test"))


@pytest.mark.parametrize(
    ("compiler", "argument"),
    [
        (EventPropCompiler, "delay_learn_conns"),
        (EventPropCompiler, "deep_r_conns"),
        (EventPropCompiler, "reg_lambda_upper"),
        (EventPropCompiler, "reg_lambda_lower"),
        (EPropCompiler, "deep_r_conns"),
    ],
)
def test_arguments_about_other_networks(compiler: Any, argument: str) -> None:
    network, *_ = small()
    _, _, other_pop, other_conn = small()
    value: Any = [other_conn] if argument.endswith("conns") else {other_pop: 1.0}
    with_other = compiler(5, "mean_square_error", **{argument: value})
    match = f"Compiler: {argument}: .* '.*' is not part of the network"
    refused(RuntimeError, match, lambda: with_other.compile(network, "test"))


def test_targets_that_are_no_numbers() -> None:
    network, inp, out, _ = small(
        SpikeInput(), synapse=Exponential(5.0), default_params=default_params
    )
    compiler = EventPropCompiler(5, "mean_square_error", per_timestep_loss=True)
    with compiler.compile(network, "test") as compiled:
        targets = np.full((1, 5, 2), "a")
        match = "targets must be numbers"
        refused(TypeError, match, compiled.train, {inp: [SPIKES]}, {out: targets}, 1)


def test_assignments() -> None:
    network, inp, out, conn = small(synapse=Exponential(5.0))
    for owner, attribute, value, match in (
        (inp, "shape", 5.0, "shape must be"),
        (inp, "neuron", 3, "Neuron: expected"),
        (conn, "connectivity", 3, "Connectivity: expected"),
        (conn, "synapse", "x", "Synapse: unknown"),
    ):
        refused(RuntimeError, match, setattr, owner, attribute, value)
    out.shape = 2
    conn.synapse = "delta"
    with InferenceCompiler(1).compile(network, "test") as compiled:
        predicted, _ = compiled.predict({inp: X}, out, callbacks=[])
        assert predicted[out].tolist() == [[0.0, 0.0]]


def test_checkpoints_with_nothing(caplog: pytest.LogCaptureFixture) -> None:
    network, _, _, conn = small()
    network.load((7,), Memory({("7", str(conn), "g"): np.ones(6)}))
    assert not caplog.records
    network.load((8,), Memory({("7", str(conn), "g"): np.ones(6)}))
    assert "the keys (8,) has nothing for this network" in caplog.text


@pytest.mark.parametrize("connectivity", [Dense(1.0), FixedProbability(0.9, 1.0)])
def test_drawn_delays_that_are_too_long(connectivity: Any) -> None:
    network, _, _, conn = small(max_delay_steps=5)
    conn.connectivity = connectivity
    conn.connectivity.delay = Uniform(0, 200)
    compiled = InferenceCompiler(5, rng_seed=1).compile(network, "test")
    refused(ValueError, "a delay of 1[0-9][0-9] timesteps, which is longer", compiled.__enter__)
    conn.connectivity.delay = Uniform(0, 5.9)
    # Nothing is left of the first one
    with InferenceCompiler(5, rng_seed=1).compile(network, "test"):
        pass


def test_compiling() -> None:
    network, inp, *_ = small()
    refused(TypeError, "name must be a string", lambda: InferenceCompiler(5).compile(network, 3))
    inp.name = 3
    refused(TypeError, "name of one of the pop", lambda: InferenceCompiler(5).compile(network))
    inp.name = "in"
    inp.neuron = None
    refused(RuntimeError, "has no neuron", lambda: InferenceCompiler(5).compile(network, "test"))


@pytest.mark.parametrize(
    ("error", "match", "x"),
    [
        (RuntimeError, "numbers", [["a", "b", "c"]]),
        (RuntimeError, "numbers", np.array([[None] * 3])),
        (RuntimeError, "numbers", X * 1j),
        (RuntimeError, "numbers", [SPIKES]),
        (RuntimeError, "shape", np.ones((1, 2))),
        (ValueError, "NaN", X * np.nan),
        (RuntimeError, "no examples", np.zeros((0, 3))),
        (TypeError, "one entry", None),
        (TypeError, "one entry", np.float64(3.0)),
    ],
)
def test_arrays_as_input(error: type[Exception], match: str, x: Any) -> None:
    network, inp, out, _ = small()
    with InferenceCompiler(5).compile(network, "test") as compiled:
        refused(error, match, lambda: compiled.predict({inp: x}, out, callbacks=[]))
        compiled.predict({inp: X}, out, callbacks=[])  # the network is still usable


@pytest.mark.parametrize(
    ("error", "match", "x"),
    [
        (RuntimeError, "PreprocessedSpikes", np.ones((1, 3))),
        (RuntimeError, "PreprocessedSpikes", [(np.ones(3), np.ones(3))]),
        (RuntimeError, "neurons", [PreprocessedSpikes(np.asarray([1, 2]), np.ones(2))]),
        (RuntimeError, "descend", [PreprocessedSpikes(np.asarray([2, 1, 1]), np.ones(1))]),
        (RuntimeError, "ends with 9", [PreprocessedSpikes(np.asarray([2, 3, 9]), np.ones(2))]),
        (
            RuntimeError,
            "numbers",
            [PreprocessedSpikes(np.asarray([1, 2, 2]), np.array(["a", "b"]))],
        ),
        (ValueError, "NaN", [PreprocessedSpikes(np.asarray([1, 1, 1]), np.asarray([np.nan]))]),
        (AssertionError, "max_spikes", [PreprocessedSpikes(np.full(3, 9), np.ones(9))]),
    ],
)
def test_spikes_as_input(error: type[Exception], match: str, x: Any) -> None:
    network, inp, out, _ = small(SpikeInput(max_spikes=5))
    with InferenceCompiler(5).compile(network, "test") as compiled:
        refused(error, match, lambda: compiled.predict({inp: x}, out, callbacks=[]))
        compiled.predict({inp: [SPIKES]}, out, callbacks=[])


def test_keys_that_are_not_in_the_network() -> None:
    network, inp, out, _ = small()
    _, other_in, other_out, other_conn = small()
    match = "not part of the compiled network"
    with InferenceCompiler(5).compile(network, "test") as compiled:
        refused(RuntimeError, match, lambda: compiled.predict({other_in: X}, out, callbacks=[]))
        refused(RuntimeError, match, lambda: compiled.predict({inp: X}, other_out, callbacks=[]))
        for recorder in (
            SpikeRecorder(other_in, key="a"),
            VarRecorder(other_out, "v", key="a"),
            ConnVarRecorder(other_conn, "g", key="a"),
        ):
            refused(RuntimeError, match, lambda: compiled.predict({inp: X}, out, [recorder]))
        refused(TypeError, "dictionary", lambda: compiled.set_input([X]))
    refused(AttributeError, "values of the model are: 'v'", lambda: VarRecorder(out, "foo"))


@pytest.mark.parametrize(
    ("error", "match", "arguments"),
    [
        (ValueError, "between 0 and 1", {"y": [2]}),
        (ValueError, "between 0 and 1", {"y": [-1]}),
        (ValueError, "between 0 and 1", {"y": ["a"]}),
        (ValueError, "between 0 and 1", {"y": [0.5]}),
        (RuntimeError, "2 of labels", {"y": [0, 1]}),
        (TypeError, "one entry", {"y": None}),
        (RuntimeError, "has no optimisers", {"callbacks": [OptimiserParamSchedule("alpha", max)]}),
        (RuntimeError, "Metric: expected", {"metrics": None}),
        (TypeError, "list of callbacks", {"callbacks": "batch_progress_bar"}),
        (TypeError, "list of callbacks", {"callbacks": None}),
        (RuntimeError, "Callback: expected", {"callbacks": [None]}),
    ],
)
def test_evaluation(error: type[Exception], match: str, arguments: dict[str, Any]) -> None:
    network, inp, out, _ = small()
    arguments = {"y": [0], "callbacks": [], **arguments}
    labels = {out: arguments.pop("y")}
    with InferenceCompiler(5).compile(network, "test") as compiled:
        refused(error, match, lambda: compiled.evaluate({inp: X}, labels, **arguments))


def test_no_data() -> None:
    network, inp, out, _ = small()
    with InferenceCompiler(5).compile(network, "test") as compiled:
        match = "evaluate: {} must be a dictionary from populations or layers to data, got NoneType"
        refused(TypeError, match.format("inputs"), lambda: compiled.evaluate(None, None))
        refused(TypeError, match.format("labels"), lambda: compiled.evaluate({inp: X}, None))
        refused(TypeError, "predict: inputs must be", lambda: compiled.predict(None, out))


@pytest.mark.parametrize("data", [[3], [(X, [0], 1)], None])
def test_iterators(data: Any) -> None:
    network, inp, out, _ = small()
    with InferenceCompiler(5).compile(network, "test") as compiled:
        run = lambda: compiled.evaluate_batch_iter(inp, out, data, callbacks=[])  # noqa: E731
        refused(TypeError, "pair", run)


@pytest.mark.parametrize(
    ("error", "match", "arguments"),
    [
        (ValueError, "between 0 and 1", {"y": [0, 1, 2, 0]}),
        (ValueError, "between 0 and 1", {"y": ["a"] * 4}),
        (TypeError, "split must be a number", {"validation_split": "a"}),
        (RuntimeError, "of 4 examples leaves none to train with", {"validation_split": 0.9}),
        (RuntimeError, "of 4 examples leaves none to val", {"validation_split": 0.1}),
        (RuntimeError, "together", {"validation_x": {}}),
        (TypeError, "list of callbacks", {"callbacks": "batch_progress_bar"}),
    ],
)
def test_training(error: type[Exception], match: str, arguments: dict[str, Any]) -> None:
    target = LeakyIntegrate(readout="avg_var")
    network, inp, out, _ = small(
        SpikeInput(), target, synapse=Exponential(5.0), default_params=default_params
    )
    compiled = EventPropCompiler(10, "sparse_categorical_crossentropy").compile(network, "test")
    arguments = {"y": [0, 1, 0, 1], "callbacks": [], "num_epochs": 1, **arguments}
    labels = {out: arguments.pop("y")}
    with compiled:
        refused(error, match, lambda: compiled.train({inp: [SPIKES] * 4}, labels, **arguments))
        refused(RuntimeError, "Serialiser", lambda: compiled.save((), None))
        for method in (
            compiled.save,
            compiled.save_connectivity,
            compiled.save_training_state,
            compiled.load_training_state,
        ):
            for keys in (3, "a"):
                match = f"{method.__name__}: keys must be a tuple"
                refused(TypeError, match, method, keys)


@pytest.mark.parametrize(
    ("error", "match", "build"),
    [
        (ValueError, "from 0 to 1", lambda: preprocess_spikes(np.ones(1), [2], 2)),
        (ValueError, "from 0 to 1", lambda: preprocess_spikes(np.ones(1), [-1], 2)),
        (TypeError, "integers", lambda: preprocess_spikes(np.ones(1), [0.5], 2)),
        (TypeError, "numbers", lambda: preprocess_spikes(np.array(["a"]), [0], 2)),
        (ValueError, "NaN", lambda: preprocess_spikes(np.full(1, np.nan), [0], 2)),
        (ValueError, "num_neurons", lambda: preprocess_spikes(np.ones(1), [0], -2)),
        (RuntimeError, "PreprocessedSpikes", lambda: batch_spikes([3], 2)),
        (ValueError, "batch_size", lambda: batch_dataset({"a": [1]}, 0, 1)),
        (RuntimeError, "at least 2 ex.* got .2, 1", lambda: batch_dataset(UNEVEN, 1, 2)),
        (TypeError, "must be a dictionary", lambda: batch_dataset([1, 2], 1, 2)),
        (TypeError, "must be a dictionary", lambda: get_dataset_size({"a": 3})),
        (AssertionError, "got 1 indices", lambda: permute_dataset({"a": [1, 2]}, 1)),
        (TypeError, "list of PreprocessedSpikes", lambda: calc_max_spikes([3])),
        (TypeError, "list of PreprocessedSpikes", lambda: calc_max_spikes(SPIKES)),
        (TypeError, "list of PreprocessedSpikes", lambda: calc_latest_spike_time(3)),
        (TypeError, "number", lambda: split_dataset({"a": [1]}, "x")),
        (RuntimeError, "examples", lambda: linear_latency_encode_data(3, 10.0)),
        (TypeError, "max_time", lambda: linear_latency_encode_data(np.ones((2, 2)), "a")),
        (ValueError, "min_time", lambda: linear_latency_encode_data(np.ones((2, 2)), 5.0, 9.0)),
        (ValueError, "min_time", lambda: linear_latency_encode_data(np.ones((2, 2)), -5.0)),
        (ValueError, "0 and 255, got 300", lambda: linear_latency_encode_data([[300]], 5.0)),
        (ValueError, "scale", lambda: generate_yin_yang_dataset(4, np.nan)),
        (ValueError, "scale", lambda: generate_yin_yang_dataset(4, -1.0)),
        (ValueError, "r_small", lambda: generate_yin_yang_dataset(4, 1.0, r_small=0.0)),
        (ValueError, "r_small", lambda: generate_yin_yang_dataset(4, 1.0, r_small=2.0)),
        (ValueError, "size", lambda: generate_yin_yang_dataset(0, 1.0)),
        (ValueError, "tau_eff", lambda: log_latency_encode_data(np.ones((2, 2)), 0.0, 1.0)),
        (ValueError, "thresh", lambda: log_latency_encode_data(np.ones((2, 2)), 1.0, -1.0)),
    ],
)
def test_data(error: type[Exception], match: str, build: Callable[[], Any]) -> None:
    refused(error, match, build)


def test_data_without_spikes(caplog: pytest.LogCaptureFixture) -> None:
    linear_latency_encode_data(np.full((2, 2), 0.5), 10.0)  # values from 0 to 1 instead of 255
    assert "no value is larger than thresh=1, the largest is 0.5" in caplog.text

"""Custom update groups that run in one call: which ones do, and that results are the same."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback, CustomUpdateOnBatchEnd
from mlgenn_rs.callbacks.joined_updates import join_updates
from mlgenn_rs.communicators import Communicator
from mlgenn_rs.compilers import EPropCompiler, EventPropCompiler
from mlgenn_rs.compilers.eprop_compiler import default_params as e_prop_params
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense, FixedProbability
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.synapses import Delta, Exponential

from .networks import CONSTANTS, to_spikes

SCE = "sparse_categorical_crossentropy"
REDUCE, LEARN = "GradientBatchReduce", "GradientLearn"
NUM_EXAMPLES = 5


class Alone(Communicator):
    """Communicator of a single rank."""

    rank = 0
    num_ranks = 1

    def barrier(self) -> None:
        pass

    def broadcast(self, data: Any, root: int) -> Any:
        return data

    def reduce_sum(self, value: Any) -> Any:
        return value


class Calls:
    """Engine model that writes down which groups run in one call, or runs each in its own."""

    def __init__(self, genn_model: Any, separately: bool) -> None:
        self.__dict__.update(genn_model=genn_model, separately=separately, calls=[])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.genn_model, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.genn_model, name, value)

    def custom_update(self, *names: str, **kwargs: Any) -> None:
        self.calls.append(names)
        for together in [(name,) for name in names] if self.separately else [names]:
            self.genn_model.custom_update(*together, **kwargs)


def compile_network(compiler: Any, sparse: bool = False, **arguments: Any) -> tuple[Any, Any, Any]:
    """Return a compiled network, its populations and its connections."""
    np.random.seed(3)
    is_eprop = compiler is EPropCompiler
    network = Network(e_prop_params if is_eprop else default_params)
    with network:
        inp = Population(SpikeInput(max_spikes=200), 3)
        hid = Population(LeakyIntegrateFire(v_thresh=0.6, tau_mem=20.0), 40)
        out = Population(LeakyIntegrate(tau_mem=20.0, readout="avg_var"), 2)
        weight = Normal(0.5, 0.4)
        form = FixedProbability(0.6, weight) if sparse else Dense(weight)
        synapse = Delta() if is_eprop else Exponential(5.0)
        conn = Connection(inp, hid, form, synapse)
        conns = [conn, Connection(hid, out, Dense(weight), synapse)]
    if arguments.pop("deep_r", False):
        arguments["deep_r_conns"] = [conn]
    if "learn" in arguments:
        arguments["learn"] = {hid: arguments["learn"]}
    arguments = {"optimiser": Adam(0.02), "batch_size": 4, "rng_seed": 7, **arguments}
    compiled = compiler(20, SCE, **arguments).compile(network, "joined")
    return compiled, (inp, out), conns


def train(
    compiler: Any, separately: bool = False, **arguments: Any
) -> tuple[list[np.ndarray], set[tuple[str, ...]]]:
    """Return weights after training, and the groups that ran in one call."""
    compiled, (inp, out), conns = compile_network(compiler, **arguments)
    compiled.genn_model = Calls(compiled.genn_model, separately)
    spikes, labels = to_spikes(CONSTANTS["X"], NUM_EXAMPLES, 3) * 4, [0, 1, 1, 0, 1] * 4
    with compiled:
        compiled.train({inp: spikes}, {out: labels}, 2, shuffle=False, callbacks=[])
        weights = [compiled.connection_populations[c].vars["g"].values.copy() for c in conns]
    return weights, set(compiled.genn_model.calls)


@pytest.mark.parametrize("compiler", [EPropCompiler, EventPropCompiler])
@pytest.mark.parametrize("sparse", [False, True])
def test_one_call_gives_what_two_give(compiler: Any, sparse: bool) -> None:
    weights, calls = train(compiler, sparse=sparse)
    assert (REDUCE, LEARN) in calls
    separate, _ = train(compiler, separately=True, sparse=sparse)
    for left, right in zip(weights, separate, strict=True):
        np.testing.assert_array_equal(left, right)
    first, _ = train(compiler, sparse=sparse, optimiser=Adam(1e-9))
    assert not np.array_equal(weights[0], first[0])


@pytest.mark.parametrize("compiler", [EPropCompiler, EventPropCompiler])
@pytest.mark.parametrize(
    "arguments", [{"communicator": Alone()}, {"optimiser": Adam(0.02, clip_norm=1.0)}]
)
def test_what_comes_between_keeps_them_apart(compiler: Any, arguments: dict[str, Any]) -> None:
    _, calls = train(compiler, **arguments)
    assert {(REDUCE,), (LEARN,)} <= calls
    assert not any(REDUCE in call and LEARN in call for call in calls)


@pytest.mark.parametrize("compiler", [EPropCompiler, EventPropCompiler])
def test_rewiring_is_the_same_in_one_call(compiler: Any) -> None:
    weights, _ = train(compiler, sparse=True, deep_r=True)
    separate, _ = train(compiler, separately=True, sparse=True, deep_r=True)
    for left, right in zip(weights, separate, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("learn_per", ["neuron", "population"])
def test_parameters_of_neurons_are_learned_the_same(learn_per: str) -> None:
    arguments = {"learn": ["tau_mem", "v_thresh"], "learn_per": learn_per}
    weights, calls = train(EventPropCompiler, **arguments)
    assert any(REDUCE in call and LEARN in call for call in calls)
    separate, _ = train(EventPropCompiler, separately=True, **arguments)
    for left, right in zip(weights, separate, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("compiler", [EPropCompiler, EventPropCompiler])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_gpu_sums_and_learns_in_one_launch(compiler: Any, sparse: bool) -> None:
    compiled, _, conns = compile_network(compiler, sparse)
    launches = compiled.dump("cuda launches").splitlines()
    start = launches.index(f"custom updates {REDUCE}, {LEARN}")
    together = list(takewhile(lambda line: line.startswith(" "), launches[start + 1 :]))
    # Biases of the output as well
    assert len(together) == len(conns) + (compiler is EPropCompiler)
    assert all("_custom_updates__cubatchreduce" in line for line in together)


def test_a_gpu_has_a_launch_for_each_time_that_is_measured() -> None:
    compiled, *_ = compile_network(EventPropCompiler, kernel_profiling=True)
    assert "custom updates " not in compiled.dump("cuda launches")
    assert "// Custom updates " not in compiled.dump("cuda")


class Recorder:
    """Writes down which groups run in one call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def custom_update(self, *names: str) -> None:
        self.calls.append(names)


class Twice(CustomUpdateOnBatchEnd):
    """Runs its group twice."""

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        super().on_batch_end(batch, metrics)
        super().on_batch_end(batch, metrics)


class Note(Callback):
    """Writes down when it is called."""

    def __init__(self, network: Recorder) -> None:
        self.network = network

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        self.network.calls.append(("note",))


def test_only_plain_neighbours_with_one_filter_are_joined() -> None:
    network = Recorder()

    def even(batch: int) -> bool:
        return batch % 2 == 0

    changed = CustomUpdateOnBatchEnd("changed")
    changed.on_batch_end = lambda batch, metrics: network.custom_update("own")  # type: ignore[method-assign]
    callbacks = [
        CustomUpdateOnBatchEnd("a"),
        CustomUpdateOnBatchEnd("b"),
        CustomUpdateOnBatchEnd("c", even),
        CustomUpdateOnBatchEnd("d", even),
        Note(network),
        CustomUpdateOnBatchEnd("e", even),
        Twice("f", even),
        CustomUpdateOnBatchEnd("g"),
        changed,
    ]
    for callback in callbacks:
        if isinstance(callback, CustomUpdateOnBatchEnd):
            callback.set_params(network)  # type: ignore[arg-type]
    acting = join_updates(callbacks, network)
    for batch in (0, 1):
        for callback in acting:
            callback.on_batch_end(batch, {})
    assert network.calls == [
        *[("a", "b"), ("c", "d"), ("note",), ("e",), ("f",), ("f",), ("g",), ("own",)],
        *[("a", "b"), ("note",), ("g",), ("own",)],
    ]

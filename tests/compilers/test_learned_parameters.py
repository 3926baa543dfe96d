"""Parameters of neurons that EventProp learns, from the optimiser to checkpoints."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import NEEDS_FORK

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import OptimiserParamSchedule
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.event_prop.constants import CONSTANTS
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from mlgenn_rs.optimisers import SGD, Adam
from mlgenn_rs.serialisers import Numpy
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

from .networks import NoMetric
from .test_training import PipeCommunicator

STEPS, NUM_IN, NUM_HIDDEN, NUM_OUT = 60, 12, 24, 3
SCE = "sparse_categorical_crossentropy"
STILL = Adam(1e-30)
TIME_CONSTANTS = ("tau_mem", "tau_syn", "tau_adapt")
ALL = (*TIME_CONSTANTS, "beta", "v_thresh", "v_reset", "tau_refrac")


def draw_examples(number: int, classes: int = NUM_OUT, jitter: float = 2.0) -> Any:
    """Return noisy copies of one pattern per class, and labels."""
    rng = np.random.default_rng(5)
    labels = np.arange(number) % classes
    patterns = rng.uniform(0.0, STEPS - 25.0, (classes, NUM_IN, 3))
    examples = []
    for label in labels:
        times = (patterns[label] + rng.normal(0.0, jitter, patterns[label].shape)).clip(0.0)
        ids = np.repeat(np.arange(NUM_IN), 3)
        examples.append(preprocess_spikes(times.ravel(), ids, NUM_IN))
    return examples, labels


class Net:
    """12 inputs, 24 recurrent adaptive neurons with a refractory period, 3 leaky integrators."""

    def __init__(self, adaptive: bool = True, readout: str = "avg_var", **arguments: Any) -> None:
        rng = np.random.default_rng(2)
        self.network = Network(default_params)
        hidden: dict[str, Any] = {"v_thresh": 0.8, "tau_mem": 15.0, **arguments}
        with self.network:
            neuron: Any = LeakyIntegrateFire
            if adaptive:
                neuron = AdaptiveLeakyIntegrateFire
                hidden = {"tau_refrac": 2.5, "beta": 0.2, "tau_adapt": 40.0, **hidden}
            self.inp = Population(SpikeInput(max_spikes=4000), NUM_IN, name="in")
            self.hid = Population(neuron(**hidden), NUM_HIDDEN, name="hid")
            self.out = Population(
                LeakyIntegrate(tau_mem=20.0, readout=readout), NUM_OUT, name="out"
            )
            for name, source, target, mean, sd in (
                ("ih", self.inp, self.hid, 1.0, 0.4),
                ("hh", self.hid, self.hid, 0.0, 0.2),
                ("ho", self.hid, self.out, 0.6, 1.5),
            ):
                weights = rng.normal(mean, sd, (*source.shape, *target.shape))
                Connection(source, target, Dense(weights), Exponential(5.0), name=name)

    def compile(self, loss: str = SCE, **options: Any) -> Any:
        options = {"optimiser": Adam(0.01), "batch_size": 4, "max_spikes": 80, **options}
        return EventPropCompiler(STEPS, loss, rng_seed=1, **options).compile(
            self.network, "learned"
        )

    def train(self, compiled: Any, epochs: int = 2, number: int = 12, **options: Any) -> Any:
        examples, labels = draw_examples(number)
        np.random.seed(1)  # of the order of examples
        return compiled.train(
            {self.inp: examples}, {self.out: labels}, epochs, callbacks=[], **options
        )


def read(compiled: Any, pop: Population, name: str) -> np.ndarray:
    variable = compiled.neuron_populations[pop].vars[name]
    variable.pull_from_device()
    return np.asarray(variable.values, dtype=np.float64).ravel()


@pytest.mark.parametrize("per", ["neuron", "population"])
def test_constants_follow(per: str) -> None:
    net = Net()
    learn = {net.hid: ALL, net.out: ["tau_mem", "tau_syn", "bias"]}
    compiled = net.compile(learn=learn, learn_per=per, param_optimiser=Adam(0.02))
    with compiled:
        before = {name: read(compiled, net.hid, name) for name in CONSTANTS}
        net.train(compiled)
        for pop in (net.hid, net.out):
            variables = compiled.neuron_populations[pop].vars
            for name, constant in CONSTANTS.items():
                if name not in variables:
                    continue
                inputs = [read(compiled, pop, other) for other in constant.inputs]
                expected = constant.value(1.0, *inputs)
                np.testing.assert_allclose(read(compiled, pop, name), expected, rtol=2e-6)
        for name, old in before.items():
            new = read(compiled, net.hid, name)
            assert np.abs(new / old - 1.0).max() > 1e-4, name
            assert (len(np.unique(new)) == 1) == (per == "population"), name


def test_constants_do_not_change_without_learning() -> None:
    """What is computed after learning is what was computed at first."""
    net = Net()
    learn = {net.hid: TIME_CONSTANTS}
    compiled = net.compile(learn=learn, param_optimiser=STILL, optimiser=STILL)
    with compiled:
        before = {name: read(compiled, net.hid, name) for name in CONSTANTS}
        net.train(compiled, 1)
        for name, old in before.items():
            np.testing.assert_allclose(read(compiled, net.hid, name), old, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_population_learns_from_the_sum_of_gradients(batch_size: int) -> None:
    """With SGD the shared value moves by the sum of what its neurons would move by."""
    moved = {}
    for per in ("neuron", "population"):
        net = Net()
        compiled = net.compile(
            optimiser=STILL,
            param_optimiser="sgd",
            batch_size=batch_size,
            learn={net.hid: ["v_thresh", "tau_mem"]},
            learn_per=per,
        )
        with compiled:
            names = ("Vthresh", "LogTauMem")
            before = {name: read(compiled, net.hid, name) for name in names}
            net.train(compiled, 1, 2 * batch_size, shuffle=False)
            moved[per] = {name: read(compiled, net.hid, name) - before[name] for name in names}
    for name, each in moved["neuron"].items():
        assert np.abs(each).max() > 0.0
        np.testing.assert_allclose(moved["population"][name], each.sum(), rtol=1e-3, atol=3e-7)


def test_optimisers() -> None:
    net = Net()
    given = Adam(0.05)
    compiled = net.compile(learn={net.hid: "tau_mem"}, param_optimiser=given)
    (weights, weight_updates), (parameters, updates) = compiled.optimisers
    assert len(weight_updates) == 3 and len(updates) == 1
    assert parameters.original is given and weights.alpha == 0.01
    with compiled:
        schedule = OptimiserParamSchedule(
            "alpha", lambda epoch, alpha: 0.5 * alpha, optimiser=given
        )
        examples, labels = draw_examples(12)
        compiled.train({net.inp: examples}, {net.out: labels}, 2, callbacks=[schedule])
    assert parameters.alpha == pytest.approx(0.0125) and weights.alpha == 0.01
    parameters = net.compile(learn={net.hid: "tau_mem"}).optimisers[1][0]
    assert parameters.alpha == 0.01


def test_optimisers_by_parameter() -> None:
    net = Net()
    compiled = net.compile(
        learn={net.hid: ["tau_mem", "tau_syn", "v_thresh"], net.out: ["bias", "tau_mem"]},
        param_optimiser={"bias": SGD(0.5), "tau_mem": Adam(0.3)},
    )
    found = [(type(o), o.alpha, len(updates)) for o, updates in compiled.optimisers]
    assert found == [(Adam, 0.01, 3), (Adam, 0.3, 2), (Adam, 0.01, 2), (SGD, 0.5, 1)]
    with compiled:
        before = read(compiled, net.out, "Bias")
        net.train(compiled)
        assert np.all(read(compiled, net.out, "Bias") != before)


@pytest.mark.parametrize("per", ["neuron", "population"])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_norms_of_gradients_are_limited(per: str, batch_size: int) -> None:
    net, limit = Net(), 1e-3
    compiled = net.compile(
        learn={net.hid: ["tau_mem", "beta"]},
        learn_per=per,
        optimiser=STILL,
        param_optimiser=SGD(1.0, clip_norm=limit),
        batch_size=batch_size,
    )
    with compiled:
        names = ("LogTauMem", "Beta")
        before = [read(compiled, net.hid, name) for name in names]
        net.train(compiled, 1, 2 * batch_size)
        moved = [read(compiled, net.hid, n) - b for n, b in zip(names, before, strict=True)]
    if per == "population":
        moved = [values[:1] for values in moved]
    norm = np.linalg.norm(np.concatenate(moved))
    assert norm == pytest.approx(limit, rel=1e-3)


def test_bounds() -> None:
    """Time constants are at least a timestep, refractory periods are not negative."""
    net = Net()
    names = ["tau_mem", "tau_syn", "tau_adapt", "tau_refrac"]
    compiled = net.compile(learn={net.hid: names}, param_optimiser=Adam(100.0), optimiser=STILL)
    with compiled:
        net.train(compiled, 3)
        for name in ("TauMem", "TauSyn", "TauAdapt"):
            values = read(compiled, net.hid, name)
            assert np.all(values >= 1.0 - 1e-6) and np.all(values <= 1.001e6)
        refractory = read(compiled, net.hid, "TauRefrac")
        assert np.all((refractory >= 0.0) & (refractory <= STEPS))


def test_checkpoints(tmp_path: Path) -> None:
    """A network that is loaded from a checkpoint does what the one that was trained does."""
    serialiser, net = Numpy(str(tmp_path)), Net()
    learn = {net.hid: ALL, net.out: ["tau_mem", "tau_syn", "bias"]}
    compiled = net.compile(learn=learn, param_optimiser=Adam(0.05), learn_per="neuron")
    examples, labels = draw_examples(8)
    with compiled:
        net.train(compiled, 3)
        compiled.save((), serialiser)
        # In the forward pass alone, with what was learned
        x, y = {net.inp: examples[:4]}, {net.out: labels[:4]}
        compiled.optimisers.clear()
        compiled.base_train_callbacks = compiled.base_validate_callbacks
        compiled.train(x, y, 1, shuffle=False, callbacks=[])
        trained = np.copy(compiled.get_readout(net.out))
    names = {file.stem for file in tmp_path.iterdir()}
    assert names >= {"hid-TauMem", "hid-TauSyn", "hid-Vthresh", "out-Bias", "ih-g"}

    fresh = Net()
    fresh.network.load((), serialiser)
    assert np.ptp(fresh.hid.neuron.tau_mem) > 0.1 and np.shape(fresh.out.neuron.bias) == (3,)
    for connection in fresh.network.connections:
        assert np.ptp(connection.synapse.tau) > 0.01
    inference = InferenceCompiler(STEPS, batch_size=4).compile(fresh.network, "loaded")
    with inference:
        predicted, _ = inference.predict({fresh.inp: examples[:4]}, fresh.out, callbacks=[])
    # The training network drops what is under way before the last timestep
    np.testing.assert_allclose(predicted[fresh.out], trained, rtol=2e-2, atol=2e-3)
    # What was loaded can be trained further, with or without learned parameters
    for more in ({}, {"learn": {fresh.hid: TIME_CONSTANTS}}):
        compiled = fresh.compile(**more)
        with compiled:
            fresh.train(compiled, 1)


def test_time_constants_are_found() -> None:
    """Outputs that should decay as slowly as a model learn to, from examples alone."""
    rng = np.random.default_rng(1)
    steps, size = 100, 4
    weights = rng.uniform(0.5, 1.5, (NUM_IN, size))
    true_mem, true_syn = np.array([30.0, 12.0, 20.0, 8.0]), 8.0
    examples, targets = [], []
    for _ in range(16):
        times, ids = rng.uniform(0, 60, 20), rng.integers(0, NUM_IN, 20)
        examples.append(preprocess_spikes(times, ids, NUM_IN))
        current, v, signal = np.zeros(size), np.zeros(size), np.zeros((steps, size))
        alpha, beta = np.exp(-1.0 / true_mem), np.exp(-1.0 / true_syn)
        for n in range(steps):
            current = current * beta + weights[ids[np.ceil(times) == n - 1]].sum(axis=0)
            v = alpha * v + (1.0 - alpha) * true_syn * (1.0 - beta) * current
            signal[n] = v
        targets.append(signal)
    network = Network(default_params)
    with network:
        inp = Population(SpikeInput(max_spikes=2000), NUM_IN)
        out = Population(LeakyIntegrate(tau_mem=15.0, readout="var"), size)
        Connection(inp, out, Dense(weights), Exponential(5.0))
    compiled = EventPropCompiler(
        steps,
        "mean_square_error",
        STILL,
        batch_size=4,
        learn={out: ("tau_mem", "tau_syn")},
        param_optimiser=Adam(0.03),
    ).compile(network, "found")
    with compiled:
        compiled.train(
            {inp: examples}, {out: np.array(targets)}, 100, metrics=NoMetric(), callbacks=[]
        )
        np.testing.assert_allclose(read(compiled, out, "TauMem"), true_mem, rtol=0.02)
        np.testing.assert_allclose(read(compiled, out, "TauSyn"), true_syn, rtol=0.02)


LEARNED = ("TauMem", "TauSyn", "TauAdapt", "Beta", "Vthresh", "Vreset", "TauRefrac")


def train_on(
    examples: list[int], backward: str = "next_batch", **options: Any
) -> dict[str, np.ndarray]:
    """Return what was learned from some examples, two at once for each process."""
    net = Net()
    learn = {net.hid: ALL, net.out: ["tau_mem", "bias"]}
    options = {"learn_per": "population", "param_optimiser": "sgd", **options}
    compiled = net.compile(learn=learn, optimiser="sgd", backward=backward, **options)
    given, labels = draw_examples(8)
    x, y = [given[i] for i in examples], labels[examples]
    with compiled:
        compiled.train({net.inp: x}, {net.out: y}, 2, shuffle=False, callbacks=[])
        return {name: read(compiled, net.hid, name) for name in LEARNED}


def run_rank(rank: int, pipe: Any, results: Any) -> None:
    mine = [[0, 1, 4, 5], [2, 3, 6, 7]][rank]
    learned = train_on(mine, "same_batch", communicator=PipeCommunicator(rank, pipe))
    results.put((rank, learned))


@NEEDS_FORK
def test_two_ranks_learn_what_one_does() -> None:
    context = multiprocessing.get_context("fork")
    ends, results = context.Pipe(), context.Queue()
    processes = [
        context.Process(target=run_rank, args=(rank, ends[rank], results)) for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    by_rank = dict(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    untrained = train_on(list(range(8)), "same_batch", param_optimiser=STILL)
    for name, values in train_on(list(range(8)), "same_batch").items():
        np.testing.assert_array_equal(by_rank[0][name], by_rank[1][name])
        np.testing.assert_allclose(by_rank[0][name], values, rtol=1e-5, atol=1e-6)
        assert np.abs(values - untrained[name]).max() > 1e-5, name


@pytest.mark.parametrize("backward", ["next_batch", "same_batch"])
@pytest.mark.parametrize("per", ["neuron", "population"])
def test_threads_do_not_matter(per: str, backward: str) -> None:
    one, two = (
        train_on(list(range(8)), backward, learn_per=per, num_threads=threads) for threads in (1, 2)
    )
    for name, values in one.items():
        np.testing.assert_array_equal(two[name], values)


def accuracy(net: Net, epochs: int, **options: Any) -> float:
    compiled = net.compile(**options)
    with compiled:
        metrics, _ = net.train(compiled, epochs, 48)
    return float(metrics[net.out].result)


@pytest.mark.parametrize("arguments", [{}, {"integrate_during_refrac": True}])
@pytest.mark.parametrize("is_relative", [False, True])
def test_adaptive_neurons_learn(arguments: dict[str, Any], is_relative: bool) -> None:
    net = Net(relative_reset=is_relative, **arguments)
    assert accuracy(net, 1) < 0.6
    assert accuracy(net, 40, optimiser=Adam(0.03)) > 0.9


@pytest.mark.parametrize("per", ["neuron", "population"])
def test_learned_parameters_lower_the_loss(per: str) -> None:
    """Weights stay as they are."""
    losses = []
    for alpha in (1e-30, 0.02):
        net = Net()
        learn = {net.hid: ALL, net.out: ["tau_mem", "tau_syn", "bias"]}
        compiled = net.compile(
            optimiser=STILL, learn=learn, learn_per=per, param_optimiser=Adam(alpha)
        )
        with compiled:
            metrics, _ = net.train(compiled, 15, 48, report_loss=True)
        losses.append(metrics["loss"].result)
    assert losses[1] < 0.8 * losses[0], losses


@pytest.mark.parametrize(
    ("error", "match", "options"),
    [
        (TypeError, "learn must be a dictionary", lambda net: {"learn": [net.hid]}),
        (TypeError, "expected names of parameters, got 3", lambda net: {"learn": {net.hid: 3}}),
        (ValueError, "'tau'; known are: tau_mem", lambda net: {"learn": {net.hid: "tau"}}),
        (ValueError, "'neuron' or 'population'", lambda net: {"learn_per": "layer"}),
        (ValueError, "min_slope", lambda net: {"min_slope": 0.0}),
        (RuntimeError, "Optimiser", lambda net: {"param_optimiser": "unknown"}),
        (RuntimeError, "Optimiser", lambda net: {"param_optimiser": {"bias": 3}}),
        (ValueError, "'tau'; known are", lambda net: {"param_optimiser": {"tau": "adam"}}),
        (
            NotImplementedError,
            "'out': EventProp does not learn beta of LeakyIntegrate.*: tau_mem, tau_syn, bias",
            lambda net: {"learn": {net.out: "beta"}},
        ),
        (
            NotImplementedError,
            "does not learn parameters of inputs",
            lambda net: {"learn": {net.inp: "tau_mem"}},
        ),
        (
            RuntimeError,
            "not part of the network",
            lambda net: {"learn": {Net().hid: "tau_mem"}},
        ),
    ],
)
def test_bad_arguments(error: Any, match: str, options: Any) -> None:
    net = Net()
    with pytest.raises(error, match=match):
        net.compile(**options(net))


@pytest.mark.parametrize(
    ("error", "match", "arguments", "learn"),
    [
        (ValueError, "no refractory period", {"tau_refrac": None}, ["tau_refrac"]),
        (NotImplementedError, "adaptation is 0 at first", {"a": 0.5}, ["tau_adapt"]),
        (NotImplementedError, r"scale_i=True.*default_params", {"scale_i": False}, []),
    ],
)
def test_neurons_that_do_not_fit(error: Any, match: str, arguments: Any, learn: Any) -> None:
    net = Net(**arguments)
    with pytest.raises(error, match=match):
        net.compile(learn={net.hid: learn})


def test_unscaled_synapses_are_refused() -> None:
    net = Net()
    net.network.connections[0].synapse.scale_i = False
    with pytest.raises(NotImplementedError, match=r"'ih'.*Exponential\(scale_i=True\)"):
        net.compile()


@pytest.mark.parametrize("is_exact", [False, True])
def test_what_gradients_leave_out_is_said(is_exact: bool, caplog: Any) -> None:
    net = Net(False, relative_reset=True, integrate_during_refrac=True, tau_refrac=2.0)
    net.compile(exact_adjoint=is_exact)
    messages = [record.getMessage() for record in caplog.records]
    expected = () if is_exact else ("integrate_during_refrac=True", "relative_reset=True")
    assert len(messages) == len(expected)
    for message, cause in zip(messages, expected, strict=True):
        assert "hid" in message and cause in message and "exact_adjoint=True" in message


def test_plain_networks_keep_the_rule_of_ml_genn() -> None:
    """Unless asked for, nothing of the exact rule is there."""
    net = Net(adaptive=False, tau_refrac=3.0)
    variables = net.compile().neuron_populations[net.hid].vars
    assert not {"LambdaVHeld", "Carry"} & set(variables)
    exact = Net(adaptive=False, tau_refrac=3.0)
    variables = exact.compile(exact_adjoint=True).neuron_populations[exact.hid].vars
    assert "LambdaVHeld" in variables

"""EventProp whose batches have backward passes of their own: schedule, independence, learning."""

from __future__ import annotations

import logging
import multiprocessing
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from backends import NEEDS_FORK

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback, SpikeRecorder, VarRecorder
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import AvgPoolConv2D, Dense, FixedProbability
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import SGD, Adam
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

from .gradient_networks import GradientNetwork, assert_gradients, draw_raster
from .networks import CONSTANTS, Built, build, to_spikes
from .test_convolution_forms import convolve, pool
from .test_gradients_stepwise import LOSSES, index_kernel
from .test_gradients_stepwise import build as build_gradient_network
from .test_training import PipeCommunicator, weights_of

SCE = "sparse_categorical_crossentropy"
STEPS = 20
SPIKES = to_spikes(CONSTANTS["X"], 5, 3)
LABELS = CONSTANTS["Y"]
AT_THE_END = [preprocess_spikes(np.full(3, STEPS - 1.0), np.arange(3), 3)]
"""An example whose spikes do nothing before it ends."""


def compile_network(built: Built, **options: Any) -> Any:
    arguments = {"optimiser": Adam(0.01), "backward": "same_batch", "max_spikes": 64, **options}
    return EventPropCompiler(STEPS, SCE, **arguments).compile(built.network, "test")


def train(
    built: Built,
    compiled: Any,
    spikes: Any = SPIKES,
    labels: Any = LABELS,
    num_epochs: int = 1,
    **options: Any,
) -> Any:
    arguments: dict[str, Any] = {"shuffle": False, "callbacks": [], **options}
    x, y = {built.populations["in"]: spikes}, {built.populations["out"]: labels}
    return compiled.train(x, y, num_epochs, **arguments)


class Watcher(Callback):
    """Notes events; keeps weights, gradients and readouts of each batch."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self.events: list[tuple[str, int]] = []
        self.weights: list[np.ndarray] = []
        self.gradients: list[np.ndarray] = []
        self.readouts: list[np.ndarray] = []

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.network = compiled_network

    def on_batch_begin(self, batch: int) -> None:
        self.events.append(("begin", batch))

    def on_timestep_end(self, timestep: int) -> None:
        self.events.append(("timestep", timestep))

    def on_backward_begin(self, batch: int) -> None:
        self.events.append(("backward begin", batch))

    def on_backward_end(self, batch: int) -> None:
        self.events.append(("backward end", batch))
        group = self.network.connection_populations[self.built.connections["ih"]]
        self.gradients.append(group.vars["Gradient"].values)

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.events.append(("end", batch))
        self.weights.append(weights_of(self.built, self.network)["ih"])
        self.readouts.append(np.copy(self.network.get_readout(self.built.populations["out"])))


def watch(built: Built, compiled: Any, *args: Any, **options: Any) -> Watcher:
    watcher = Watcher(built)
    with compiled:
        train(built, compiled, *args, callbacks=[watcher], **options)
    return watcher


def test_order_of_events() -> None:
    built = build()
    events = watch(built, compile_network(built, batch_size=3)).events
    one = [("begin", 0), *(("timestep", n) for n in range(STEPS))]
    one += [("backward begin", 0), ("backward end", 0), ("end", 0)]
    assert events == one + [(name, 1 if name != "timestep" else n) for name, n in one]


@pytest.mark.parametrize("batch_size", [1, 5])
def test_every_batch_learns(batch_size: int) -> None:
    """Also the only one of an epoch; the first step of Adam is as long as its learning rate."""
    built = build()
    compiled = compile_network(built, batch_size=batch_size)
    with compiled:
        before = weights_of(built, compiled)["ih"]
    history = [before, *watch(built, compiled, num_epochs=2).weights]
    assert len(history) == 1 + 2 * (5 // batch_size)
    for old, new in pairwise(history):
        assert np.any(old != new)
    assert np.abs(history[1] - history[0]).max() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_weights_follow_from_the_gradients_of_the_batch(batch_size: int) -> None:
    built = build(recurrent=True)
    options = {"accumulate_per_member": True, "batch_size": batch_size}
    compiled = compile_network(built, optimiser=SGD(0.5), **options)
    with compiled:
        before = weights_of(built, compiled)["ih"]
    watcher = watch(built, compiled)
    history = [before, *watcher.weights]
    for (old, new), gradient in zip(pairwise(history), watcher.gradients, strict=True):
        total = gradient.reshape(batch_size, -1).sum(axis=0)
        np.testing.assert_allclose(new, old - np.float32(0.5) * total, rtol=1e-5, atol=1e-7)
        assert np.any(total != 0.0)


def quiet_raster(net: GradientNetwork, examples: int, neurons: int) -> np.ndarray:
    """Return random spikes in the first timesteps, whose currents are gone at the end."""
    raster = draw_raster(np.random.default_rng(11), examples, net.num_timesteps, neurons)
    raster[:, 25:] = False
    return raster


def compare_schedules(
    net: GradientNetwork, monkeypatch: pytest.MonkeyPatch, targets: Any, batch_size: int, **how: Any
) -> None:
    """Compare the gradients of both schedules, of all batches that both have them of."""
    examples, neurons = len(next(iter(targets.values()))), net.models["in"].size
    rasters = {"in": quiet_raster(net, examples, neurons)}
    lagging = net.train(rasters, targets, batch_size, **how)
    monkeypatch.setattr(GradientNetwork, "backward", "same_batch")
    own = net.train(rasters, targets, batch_size, **how)
    assert all(len(own[name]) == len(lagging[name]) + 1 for name in own)
    assert_gradients({name: values[:-1] for name, values in own.items()}, lagging, 1e-4)


@pytest.mark.parametrize("delays", ["none", "learned"])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("loss", "readout"), LOSSES)
def test_gradients_are_those_of_the_other_schedule(
    loss: str, readout: str | None, recurrent: bool, delays: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = build_gradient_network(loss, readout, recurrent, delays, num_timesteps=160)
    rng = np.random.default_rng(2)
    target = rng.normal(0.0, 1.0, (6, 160, 3)) if loss == "mse" else rng.integers(0, 3, 6)
    options = {"per_timestep_loss": loss == "per_timestep"}
    compare_schedules(net, monkeypatch, {"out": target}, 2, **options)


def test_gradients_of_convolutions_and_several_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, pixels = np.random.default_rng(1), (4, 4, 1)
    kernel = rng.normal(6.0, 1.0, (2, 2, 1, 3)).astype(np.float32)

    def connect(x: np.ndarray, k: np.ndarray) -> np.ndarray:
        return convolve(pool(x, (2, 2), (2, 2)), k, (1, 1), "valid")

    index = index_kernel(connect, kernel.shape, pixels)
    net = GradientNetwork(160)
    net.add_input("in", pixels)
    net.add_hidden("hid", index.shape[1])
    net.add_output("class", 3)
    net.add_output("time", 2, "rmse", "first")
    connectivity = AvgPoolConv2D(kernel, 3, 2, 2, flatten=True)
    net.connect("ih", "in", "hid", connectivity, kernel * 0.25, index)
    for name, size, mean in (("class", 3, 0.5), ("time", 2, 2.5)):
        net.connect_densely(name, "hid", name, rng.normal(mean, 0.5, (index.shape[1], size)))
    targets = {"class": rng.integers(0, 3, 6), "time": rng.integers(0, 2, 6)}
    compare_schedules(net, monkeypatch, targets, 2)


@pytest.mark.parametrize("delay", [0, 4])
def test_examples_know_nothing_of_each_other(delay: int) -> None:
    """To the last bit, spikes on their way and delay buffers included."""
    results = {}
    for backward in ("same_batch", "next_batch"):
        for before in ([], AT_THE_END):
            delays = dict.fromkeys(("ih", "hh", "ho"), delay)
            built = build(recurrent=True, delays=delays)
            still = {"optimiser": SGD(0.0), "backward": backward}
            compiled = compile_network(built, **still)
            spikes = [*before, *SPIKES[:2]]
            watcher = watch(built, compiled, spikes, [0] * len(spikes))
            gradients = watcher.gradients[-2:]
            results[backward, len(before)] = (gradients, watcher.readouts[-2:])
    gradients, readouts = results["same_batch", 0]
    np.testing.assert_array_equal(gradients, results["same_batch", 1][0])
    np.testing.assert_array_equal(readouts, results["same_batch", 1][1])
    assert np.any(results["next_batch", 0][1][0] != results["next_batch", 1][1][0])


def test_spikes_of_the_last_timestep_do_not_block_others() -> None:
    late = np.concatenate([CONSTANTS["X"], [[e, 0, STEPS - 1.0] for e in range(5)]])
    gradients = []
    for rows in (CONSTANTS["X"], late):
        built = build()
        compiled = compile_network(built, optimiser=SGD(0.0))
        watcher = watch(built, compiled, to_spikes(rows, 5, 3))
        gradients.append(np.asarray(watcher.gradients))
    assert np.any(gradients[0] != 0.0)
    np.testing.assert_array_equal(*gradients)


def test_recorders_and_readouts_see_forward_passes() -> None:
    """They see what inference sees."""
    built = build()
    hidden, out = built.populations["hid"], built.populations["out"]
    recorders = [SpikeRecorder(hidden, key="spikes"), VarRecorder(out, "v", key="v")]
    compiled = compile_network(built, optimiser=SGD(0.0))
    watcher = Watcher(built)
    with compiled:
        _, data = train(built, compiled, callbacks=[*recorders, watcher])
    inference = InferenceCompiler(STEPS, reset_all_between_batches=True).compile(built.network)
    with inference:
        x = {built.populations["in"]: SPIKES}
        predicted, expected = inference.predict(x, [out], callbacks=recorders)
    for kind in (0, 1):
        for actual, wanted in zip(data["spikes"][kind], expected["spikes"][kind], strict=True):
            np.testing.assert_array_equal(actual, wanted)
    assert sum(map(len, data["spikes"][0])) > 0
    np.testing.assert_array_equal(data["v"], expected["v"])
    assert data["v"][0].shape == (STEPS, 2)
    np.testing.assert_array_equal(np.concatenate(watcher.readouts), predicted[out])


@pytest.mark.parametrize("batch_size", [1, 2])
def test_validation_has_no_backward_pass(batch_size: int) -> None:
    results = []
    for validation in ({}, {"validation_split": 0.4}):
        built = build(recurrent=True)
        compiled = compile_network(built, batch_size=batch_size, reg_lambda_upper=1e-3)
        count = 5 if validation else 3
        with compiled:
            watcher = Watcher(built)
            validator = Watcher(built)
            train(
                built,
                compiled,
                SPIKES[:count],
                LABELS[:count],
                2,
                callbacks=[watcher],
                validation_callbacks=[validator],
                **validation,
            )
            results.append(weights_of(built, compiled))
        assert not any(name.startswith("backward") for name, _ in validator.events)
    for name, weights in results[0].items():
        np.testing.assert_array_equal(weights, results[1][name])


@pytest.mark.parametrize("event", ["on_backward_begin", "on_backward_end"])
def test_training_after_an_interruption(event: str) -> None:
    class Interrupt(Callback):
        pass

    def interrupt(self: Any, batch: int) -> None:
        raise KeyboardInterrupt

    setattr(Interrupt, event, interrupt)
    results = []
    for callbacks in ([], [Interrupt()]):
        built = build(recurrent=True)
        compiled = compile_network(built, batch_size=2)
        with compiled:
            if callbacks:
                with pytest.raises(KeyboardInterrupt):
                    train(built, compiled, callbacks=callbacks)
            train(built, compiled)
            results.append(weights_of(built, compiled))
    for name, weights in results[0].items():
        np.testing.assert_array_equal(weights, results[1][name])


@pytest.mark.parametrize("readout", ["avg_var", "max_var", "first_spike_time"])
def test_results_do_not_depend_on_threads_or_backend(readout: str) -> None:
    results = []
    for options in ({"num_threads": 1}, {"num_threads": 2}, {"backend": "interpreter"}):
        built = build(readout=readout, spiking_output=readout == "first_spike_time", recurrent=True)
        compiled = compile_network(built, batch_size=3, **options)
        with compiled:
            train(built, compiled, num_epochs=2)
            results.append(weights_of(built, compiled))
    for other in results[1:]:
        for name, weights in results[0].items():
            np.testing.assert_array_equal(weights, other[name])


def test_capacity_is_that_of_one_example(caplog: pytest.LogCaptureFixture) -> None:
    built = build(scale_ih=4.0)
    hidden = built.populations["hid"]
    recorder = SpikeRecorder(hidden, key="counts", record_counts=True)
    compiled = compile_network(built, optimiser=SGD(0.0))
    with compiled:
        _, data = train(built, compiled, callbacks=[recorder])
    inputs = max(np.diff(spikes.end_spikes, prepend=0).max() for spikes in SPIKES)
    most = int(max(np.max(data["counts"]), inputs))
    with caplog.at_level(logging.WARNING):
        enough = compile_network(built, max_spikes=most)
        with enough:
            train(built, enough)
    assert "max_spikes" not in caplog.text
    strict = compile_network(built, max_spikes=most - 1, strict_buffer_checking=True)
    with strict, pytest.raises(RuntimeError, match=r"population '\w+': \d+ spikes .* an example"):
        train(built, strict)


def test_rewiring_keeps_the_number_of_synapses() -> None:
    network = Network(default_params)
    with network:
        inp = Population(SpikeInput(max_spikes=1000), 3)
        hid = Population(LeakyIntegrateFire(v_thresh=1.0), 20)
        out = Population(LeakyIntegrate(readout="avg_var"), 2)
        conn = Connection(inp, hid, FixedProbability(0.4, Normal(sd=1.0)), Exponential(5.0))
        Connection(hid, out, FixedProbability(1.0, Normal(sd=0.5)), Exponential(5.0))
    compiled = EventPropCompiler(
        STEPS,
        SCE,
        optimiser=Adam(0.2),
        rng_seed=3,
        backward="same_batch",
        deep_r_conns=[conn],
        deep_r_record_rewirings={conn: "rewirings"},
    ).compile(network)
    with compiled:
        group = compiled.connection_populations[conn]
        before = len(group.get_sparse_pre_inds())
        _, data = compiled.train({inp: SPIKES}, {out: LABELS}, 4, callbacks=[])
        assert len(group.get_sparse_pre_inds()) == before
    assert np.sum(data["rewirings"]) > 0


def run_rank(rank: int, pipe: Any, results: Any) -> None:
    built = build(recurrent=True)
    compiled = compile_network(
        built,
        batch_size=4,
        communicator=PipeCommunicator(rank, pipe),
        optimiser=SGD(10.0),
        reg_lambda_upper=1e-3,
        reg_lambda_lower=1e-3,
        reg_nu_upper=2.0,
    )
    order = [0, 1] if rank == 0 else [2, 3]
    with compiled:
        train(built, compiled, [SPIKES[i] for i in order], LABELS[order], 2)
        results.put((rank, weights_of(built, compiled)))


@NEEDS_FORK
def test_two_ranks_learn_what_one_does() -> None:
    """Gradients are averaged over the examples of all ranks."""
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
    built = build(recurrent=True)
    compiled = compile_network(
        built,
        batch_size=4,
        optimiser=SGD(10.0),
        reg_lambda_upper=1e-3,
        reg_lambda_lower=1e-3,
        reg_nu_upper=2.0,
    )
    with compiled:
        before = weights_of(built, compiled)
        train(built, compiled, SPIKES[:4], LABELS[:4], 2)
        after = weights_of(built, compiled)
    for name, weights in after.items():
        np.testing.assert_array_equal(by_rank[0][name], by_rank[1][name])
        np.testing.assert_allclose(by_rank[0][name], weights, rtol=1e-5, atol=1e-6)
        assert np.abs(weights - before[name]).max() > 1e-3


def losses(batch_size: int, backward: str) -> list[float]:
    """Return the loss of each epoch of learning to tell noisy patterns apart."""
    rng = np.random.default_rng(8)
    labels = np.arange(32) % 4
    times = rng.uniform(0.0, 12.0, (4, 20))[labels] + rng.normal(0.0, 0.5, (32, 20))
    spikes = [preprocess_spikes(np.clip(t, 0.0, 14.0), np.arange(20), 20) for t in times]
    network = Network(default_params)
    with network:
        inp = Population(SpikeInput(max_spikes=1000), 20)
        hid = Population(LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0), 40)
        out = Population(LeakyIntegrate(tau_mem=20.0, readout="avg_var"), 4)
        Connection(inp, hid, Dense(Normal(0.6, 0.6)), Exponential(5.0))
        Connection(hid, out, Dense(Normal(0.0, 0.3)), Exponential(5.0))
    compiled = EventPropCompiler(
        STEPS, SCE, optimiser=Adam(0.02), batch_size=batch_size, backward=backward, rng_seed=2
    ).compile(network)
    history = []
    with compiled:
        for epoch in range(6):
            metrics, _ = compiled.train(
                {inp: spikes}, {out: labels}, 1, epoch, False, callbacks=[], report_loss=True
            )
            history.append(metrics["loss"].result)
    return history


@pytest.mark.parametrize("batch_size", [4, 16, 32])
def test_learns_at_least_as_well(batch_size: int) -> None:
    """There are more updates in an epoch, and where there is one batch they are all there are."""
    own, lagging = losses(batch_size, "same_batch"), losses(batch_size, "next_batch")
    assert own[-1] < min(0.97 * own[0], lagging[-1])
    if batch_size == 32:
        assert lagging[-1] == pytest.approx(lagging[0], rel=1e-2)


def test_wrong_schedule() -> None:
    with pytest.raises(ValueError, match="backward must be 'next_batch' or 'same_batch', got 3"):
        EventPropCompiler(STEPS, SCE, backward=3)

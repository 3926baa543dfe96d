"""E-prop beyond golden values: batches, plans, the numpy model, options, ranks."""

from __future__ import annotations

import logging
import multiprocessing
from multiprocessing.connection import Connection as Pipe
from typing import Any

import numpy as np
import pytest
from backends import NEEDS_FORK
from reference.ref_eprop import EP

from mlgenn_rs import Connection, InputLayer, Layer, Network, Population, SequentialNetwork
from mlgenn_rs.compilers import EPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.eprop_compiler import default_params
from mlgenn_rs.connectivity import AvgPool2D, AvgPoolConv2D, Conv2D, Dense, FixedProbability
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    SpikeInput,
)
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Numpy
from mlgenn_rs.synapses import Delta

from .eprop_networks import CONSTANTS, NUM_TIMESTEPS, build, train
from .networks import Built, NoMetric, assert_close, to_spikes
from .test_training import PipeCommunicator

SCE = "sparse_categorical_crossentropy"
MSE = "mean_square_error"
SPIKES = to_spikes(CONSTANTS["X"], 4, 3)
LABELS, TARGETS = CONSTANTS["Y"], CONSTANTS["YM"]
LEARNED = ("ih.g", "hh.g", "ho.g", "out.Bias")


@pytest.mark.parametrize("net", [{}, {"adaptive": True, "recurrent": True}])
@pytest.mark.parametrize("loss", [SCE, MSE])
def test_batch_of_identical_examples(net: dict[str, Any], loss: str) -> None:
    targets = LABELS if loss == SCE else TARGETS
    one = train(build(**net), SPIKES[:1], targets[:1], loss=loss)
    four = train(
        build(**net), SPIKES[:1] * 4, np.repeat(targets[:1], 4, 0), loss=loss, batch_size=4
    )
    for name in ("ih.DeltaG", "ho.DeltaG", "out.DeltaBias"):
        assert np.any(one[name][0] != 0.0)
        for member in four[name][0]:
            np.testing.assert_array_equal(member, np.ravel(one[name][0]))


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("accumulate", [False, True])
def test_plans_learn_what_single_timesteps_learn(batch_size: int, accumulate: bool) -> None:
    runs = [
        train(
            build(recurrent=True, adaptive=True),
            SPIKES,
            LABELS,
            native=native,
            batch_size=batch_size,
            record=[("hid", "E")],
            accumulate_per_member=accumulate,
        )
        for native in (False, True)
    ]
    for name in (*LEARNED, "out.readout", "hid.E"):
        np.testing.assert_array_equal(runs[0][name], runs[1][name])


@pytest.mark.parametrize("loss", [SCE, MSE])
def test_three_examples_at_once_agree_with_the_reference(loss: str) -> None:
    """Larger random network with both kinds of neurons, recurrent, with delays, batch of 3."""
    rng = np.random.default_rng(3)
    batch, sizes = 3, {"in": 6, "hid": 5, "ada": 7, "out": 3}
    ends = {
        "ih": ("in", "hid", 2),
        "ia": ("in", "ada", 1),
        "ha": ("hid", "ada", 0),
        "aa": ("ada", "ada", 0),
        "ho": ("hid", "out", 0),
        "ao": ("ada", "out", 0),
    }
    weights = {
        name: rng.normal(0.25 if source == "in" else 0.0, 0.3, (sizes[source], sizes[target]))
        for name, (source, target, _) in ends.items()
    }
    raster = rng.random((3 * batch, NUM_TIMESTEPS, sizes["in"])) < 0.25
    if loss == SCE:
        targets = rng.integers(0, sizes["out"], 3 * batch)
    else:
        targets = rng.normal(0.0, 1.0, (3 * batch, NUM_TIMESTEPS, sizes["out"]))

    built = Built(Network(default_params))
    arguments: dict[str, Any] = {"tau_mem": 20.0, "tau_refrac": 2.0, "v_thresh": 0.6}
    with built.network:
        pops = built.populations
        pops["in"] = Population(SpikeInput(max_spikes=500), sizes["in"])
        pops["hid"] = Population(LeakyIntegrateFire(**arguments), sizes["hid"])
        neuron = AdaptiveLeakyIntegrateFire(**arguments, tau_adapt=200.0, beta=0.1)
        pops["ada"] = Population(neuron, sizes["ada"])
        pops["out"] = Population(LeakyIntegrate(tau_mem=15.0, readout="var"), sizes["out"])
        for name, (source, target, delay) in ends.items():
            built.connections[name] = Connection(
                pops[source], pops[target], Dense(weights[name], delay=delay), Delta(), name=name
            )
    rows = np.argwhere(raster)[:, [0, 2, 1]].astype(np.float64)
    results = train(
        built, to_spikes(rows, 3 * batch, sizes["in"]), targets, loss=loss, batch_size=batch
    )

    shared = {"vth": 0.6, "vreset": 0.0, "tref": 2.0, "rel": True, "integ": True}
    conns = [
        {"nm": name, "src": source, "trg": target, "w": weights[name], "d": delay}
        for name, (source, target, delay) in ends.items()
    ]
    reference_pops: dict[str, dict[str, Any]] = {
        "in": {"kind": "in", "n": sizes["in"]},
        "hid": {"kind": "lif", "n": sizes["hid"], **shared},
        "ada": {"kind": "alif", "n": sizes["ada"], "beta": 0.1, **shared},
        "out": {"kind": "li", "n": sizes["out"], "tau": 15.0},
    }
    alpha, rho = np.exp(-1.0 / 20.0), np.exp(-1.0 / 200.0)
    short_loss = "sce" if loss == SCE else "mse"
    model = EP(
        reference_pops, conns, "out", NUM_TIMESTEPS, 1.0, batch, short_loss, "var", alpha, rho, 0.1,
        20.0, 100.0,
    )  # fmt: skip
    for b in range(3):
        chosen = slice(b * batch, (b + 1) * batch)
        model.batch_begin()
        for n in range(NUM_TIMESTEPS):
            model.timestep(n, raster[chosen], targets[chosen])
        for conn in conns:
            actual = results[f"{conn['nm']}.DeltaG"][b]
            assert np.any(actual != 0.0)
            assert_close(actual, conn["DG"].reshape(actual.shape), f"{conn['nm']} in batch {b}")
        assert_close(results["out.readout"][b], reference_pops["out"]["ro"], "readout")
        model.batch_end()
        assert_close(results["out.Bias"][b], reference_pops["out"]["bias"], "bias")


@pytest.mark.parametrize("adaptive", [False, True])
def test_neurons_without_refractory_period_are_never_refractory(adaptive: bool) -> None:
    runs = [
        train(
            build(adaptive=adaptive, recurrent=True, hidden_args={"tau_refrac": tau_refrac}),
            SPIKES,
            LABELS,
        )
        for tau_refrac in (None, 0.0, 3.0)
    ]
    for name in ("ih.DeltaG", "hh.DeltaG", "ho.DeltaG"):
        np.testing.assert_array_equal(runs[0][name], runs[1][name])
        assert np.any(np.asarray(runs[0][name]) != np.asarray(runs[2][name]))


def test_sparse_connections_learn_what_dense_ones_learn() -> None:
    def replace(built: Built) -> Built:
        for name, conn in built.connections.items():
            conn.connectivity = FixedProbability(1.0, CONSTANTS[f"W_{name}"].ravel())
            pre, post = np.indices(CONSTANTS[f"W_{name}"].shape).reshape(2, -1)
            conn.connectivity.pre_ind, conn.connectivity.post_ind = pre, post
        return built

    dense = train(build(recurrent=True), SPIKES, LABELS, dynamics_per_synapse=True)
    sparse = train(replace(build(recurrent=True)), SPIKES, LABELS)
    for name in LEARNED:
        np.testing.assert_array_equal(np.ravel(dense[name]), np.ravel(sparse[name]))


def test_biases_may_stay_fixed() -> None:
    results = train(build(), SPIKES, LABELS, train_output_bias=False)
    assert "out.Bias" not in results and "out.DeltaBias" not in results
    trained = train(build(), SPIKES, LABELS)
    # Gradients of the first example do not depend on the bias being trained
    np.testing.assert_array_equal(results["ih.DeltaG"][0], trained["ih.DeltaG"][0])


def test_pooling_is_not_trained_but_passes_errors_on() -> None:
    network = SequentialNetwork(default_params)
    with network:
        inp = InputLayer(SpikeInput(max_spikes=500), (8, 8, 1))
        pooled = Layer(AvgPool2D(2), LeakyIntegrateFire(v_thresh=0.2, tau_refrac=2.0))
        hidden = Layer(Dense(0.02), LeakyIntegrateFire(v_thresh=0.5, tau_refrac=2.0), (4, 4, 1))
        out = Layer(AvgPool2D(2, flatten=True), LeakyIntegrate(readout="avg_var"))
        skip = Connection(pooled.population(), out.population(), Dense(0.1))
    compiled = EPropCompiler(NUM_TIMESTEPS, SCE, Adam(0.01)).compile(network, "test")
    rows = np.array([[0, i, t] for i in range(64) for t in range(i % 5, 18, 5)], dtype=float)
    groups = {
        layer: compiled.connection_populations[layer.connection()]
        for layer in (pooled, hidden, out)
    }
    with compiled:
        before = groups[hidden].vars["g"].values
        compiled.train({inp: to_spikes(rows, 1, 64)}, {out: [1]}, 1, callbacks=[])
        errors = compiled.neuron_populations[hidden.population()].vars["E"].values
        assert np.any(groups[hidden].vars["g"].values != before)
        assert np.any(errors != 0.0)
    for layer in (pooled, out):
        assert "DeltaG" not in groups[layer].vars
    trained = [conn for conn, _ in compiled.checkpoint_connection_vars]
    assert trained == [hidden.connection(), skip]


@pytest.mark.parametrize(
    ("connectivity", "num_synapses"),
    [
        (Conv2D(0.05, 2, 3, flatten=True), 6 * 6 * 3 * 3 * 2),
        (AvgPoolConv2D(0.2, 2, 2, 2, flatten=True), 3 * 3 * 4 * 4 * 2),
    ],
)
def test_each_synapse_of_a_convolution_has_its_own_weight(
    connectivity: Any, num_synapses: int
) -> None:
    network = SequentialNetwork(default_params)
    with network:
        inp = InputLayer(SpikeInput(max_spikes=500), (8, 8, 1))
        hidden = Layer(connectivity, LeakyIntegrateFire(v_thresh=0.5))
        out = Layer(Dense(Normal(sd=0.5)), LeakyIntegrate(readout="avg_var"), 3)
    compiled = EPropCompiler(NUM_TIMESTEPS, SCE, Adam(0.01), rng_seed=1).compile(network, "test")
    rows = np.array([[0, i, t] for i in range(64) for t in range(i % 5, 18, 5)], dtype=float)
    with compiled:
        compiled.train({inp: to_spikes(rows, 1, 64)}, {out: [1]}, 1, callbacks=[])
        weights = compiled.connection_populations[hidden.connection()].vars["g"].values
    assert len(weights) == num_synapses
    assert len(np.unique(weights)) > 2


def test_several_outputs_with_losses_of_their_own() -> None:
    network = Network(default_params)
    with network:
        inp = Population(SpikeInput(max_spikes=200), 3)
        hid = Population(LeakyIntegrateFire(v_thresh=0.6, tau_refrac=3.0), 4)
        first = Population(LeakyIntegrate(readout="avg_var"), 2)
        second = Population(LeakyIntegrate(readout="var"), 2)
        Connection(inp, hid, Dense(CONSTANTS["W_ih"]))
        for out in (first, second):
            Connection(hid, out, Dense(CONSTANTS["W_ho"]))
    compiled = EPropCompiler(NUM_TIMESTEPS, {first: SCE, second: MSE}).compile(network, "test")
    with compiled:
        metrics = compiled.train(
            {inp: SPIKES},
            {first: LABELS, second: TARGETS},
            1,
            metrics={first: "sparse_categorical_accuracy", second: NoMetric()},
            callbacks=[],
        )[0]
        np.testing.assert_allclose(compiled.get_readout(first).sum(), 1.0, atol=0.06)
        for out in (first, second):
            assert np.any(compiled.neuron_populations[out].vars["Bias"].values != 0.0)
    assert metrics[first].total == len(LABELS)


def test_gradients_of_validation_are_left_for_training() -> None:
    built = build()
    compiled = EPropCompiler(NUM_TIMESTEPS, SCE).compile(built.network, "test")
    inp, out = built.populations["in"], built.populations["out"]
    group = compiled.connection_populations[built.connections["ih"]]
    examples = {"x": {inp: SPIKES}, "y": {out: LABELS}}
    with compiled:
        compiled.train(**examples, num_epochs=1, callbacks=[])
        assert not np.any(group.vars["DeltaG"].values)
        compiled.train(
            **examples,
            num_epochs=1,
            callbacks=[],
            validation_callbacks=[],
            validation_x=examples["x"],
            validation_y=examples["y"],
        )
        assert np.any(group.vars["DeltaG"].values)


def test_what_was_learned_is_saved_and_loaded(tmp_path: Any) -> None:
    built = build(recurrent=True)
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EPropCompiler(NUM_TIMESTEPS, SCE, Adam(0.05)).compile(built.network, "test")
    with compiled:
        compiled.train({inp: SPIKES}, {out: LABELS}, 2, callbacks=[])
        compiled.save(("end",), Numpy(tmp_path))
        bias = compiled.neuron_populations[out].vars["Bias"].values
    built.network.load(("end",), Numpy(tmp_path))
    np.testing.assert_array_equal(out.neuron.bias, bias)
    loaded = InferenceCompiler(NUM_TIMESTEPS).compile(built.network, "test")
    with loaded:
        predicted, _ = loaded.predict({inp: SPIKES}, out, callbacks=[])
    assert predicted[out].shape == (4, 2)


def test_networks_may_be_compiled_again_before_they_are_used() -> None:
    built = build()
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EPropCompiler(NUM_TIMESTEPS, SCE).compile(built.network, "test")
    inference = InferenceCompiler(NUM_TIMESTEPS).compile(built.network, "test")
    with compiled:
        compiled.train({inp: SPIKES}, {out: LABELS}, 1, callbacks=[])
        # The first timestep of the first example has no softmax yet
        np.testing.assert_allclose(compiled.get_readout(out).sum(), 1.0, atol=0.06)
    with inference:
        predicted, _ = inference.predict({inp: SPIKES}, out, callbacks=[])
    assert np.all(predicted[out].sum(axis=1) > 1.1)


def test_training_separates_two_patterns() -> None:
    rows = np.array([[e, n, t] for e in range(2) for n in (e, 2) for t in range(1, 16, 3)])
    spikes = to_spikes(rows.astype(float), 2, 3)
    built = build(recurrent=True)
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EPropCompiler(NUM_TIMESTEPS, SCE, Adam(0.02), batch_size=2).compile(
        built.network, "test"
    )
    with compiled:
        metrics, _ = compiled.train({inp: spikes}, {out: [0, 1]}, 40, shuffle=False, callbacks=[])
    assert metrics[out].result == 1.0


def run_rank(rank: int, pipe: Pipe, results: Any) -> None:
    learned = train(
        build(recurrent=True),
        SPIKES[rank::2],
        LABELS[rank::2],
        batch_size=2,
        communicator=PipeCommunicator(rank, pipe),
    )
    results.put((rank, {name: learned[name] for name in LEARNED}))


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
    expected = train(build(recurrent=True), SPIKES, LABELS, batch_size=2)
    for name in LEARNED:
        np.testing.assert_array_equal(by_rank[0][name], by_rank[1][name])
        np.testing.assert_array_equal(by_rank[0][name], expected[name])


def test_unusual_resets_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    built = build(hidden_args={"relative_reset": False, "integrate_during_refrac": False})
    with caplog.at_level(logging.WARNING):
        EPropCompiler(NUM_TIMESTEPS, SCE).compile(built.network, "test")
    assert "relative_reset=False" in caplog.text
    assert "integrate_during_refrac=False" in caplog.text


@pytest.mark.parametrize(
    ("inp", "hidden", "error", "message"),
    [
        (
            BinarySpikeInput(signed_spikes=True),
            LeakyIntegrateFire(),
            TypeError,
            "signed spikes",
        ),
        (SpikeInput(), LeakyIntegrateFire(v_thresh=np.ones(4)), NotImplementedError, "v_thresh"),
        (SpikeInput(), LeakyIntegrateFire(tau_mem=np.ones(4)), NotImplementedError, "tau_mem"),
        (
            SpikeInput(),
            AdaptiveLeakyIntegrateFire(beta=np.ones(4)),
            NotImplementedError,
            "one beta",
        ),
        (SpikeInput(), LeakyIntegrateFireInput(), NotImplementedError, "connections to inputs"),
    ],
)
def test_what_is_not_supported(inp: Any, hidden: Any, error: Any, message: str) -> None:
    network = Network(default_params)
    with network:
        i = Population(inp, 3)
        h = Population(hidden, 4)
        o = Population(LeakyIntegrate(readout="var"), 2)
        Connection(i, h, Dense(1.0))
        if isinstance(hidden, LeakyIntegrateFireInput):
            other = Population(LeakyIntegrateFire(), 4)
            Connection(h, other, Dense(1.0))
            Connection(other, o, Dense(1.0))
        else:
            Connection(h, o, Dense(1.0))
    with pytest.raises(error, match=message):
        EPropCompiler(NUM_TIMESTEPS, SCE).compile(network, "test")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"example_timesteps": 0}, ValueError),
        ({"tau_reg": 0.0}, ValueError),
        ({"c_reg": "strong"}, TypeError),
        ({"f_target": float("nan")}, ValueError),
        ({"optimiser": "no_such_optimiser"}, RuntimeError),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        EPropCompiler(**{"example_timesteps": 5, "losses": SCE, **arguments})

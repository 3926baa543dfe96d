"""EventProp beyond golden values: batches, plans, equal time constants, lost spikes, options."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference import ref_eventprop as reference

from mlgenn_rs import Connection, InputLayer, Layer, Population, SequentialNetwork
from mlgenn_rs.compilers import EventPropCompiler
from mlgenn_rs.compilers.event_prop.adjoint import get_coupling
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import AvgPool2D, Conv2D, Dense, FixedProbability, OneToOne
from mlgenn_rs.losses import RelativeMeanSquareError
from mlgenn_rs.neurons import (
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    SpikeInput,
)
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Numpy
from mlgenn_rs.synapses import Exponential

from .networks import CONSTANTS, Built, assert_close, build, to_spikes, train

SCE = "sparse_categorical_crossentropy"
X, Y = CONSTANTS["X"], CONSTANTS["Y"]


@pytest.mark.parametrize(
    ("net", "fit", "factor"),
    [
        ({"readout": "avg_var"}, {}, 1.0),
        ({"readout": "var"}, {"loss": "mean_square_error"}, 1.0),
        (
            {"readout": "first_spike_time", "spiking_output": True},
            {"loss": RelativeMeanSquareError(2.0)},
            4.0,
        ),
    ],
)
def test_batch_of_identical_examples(
    net: dict[str, Any], fit: dict[str, Any], factor: float
) -> None:
    """The summed gradient of copies is that of one example, or a multiple of it."""
    spikes = to_spikes(X, 5, 3)
    targets = CONSTANTS["YM"] if "loss" in fit and isinstance(fit["loss"], str) else Y
    one = train(build(**net), spikes[:2], targets[:2], num_timesteps=20, **fit)
    repeated = np.repeat([0, 1], 4)
    four = train(
        build(**net),
        [spikes[i] for i in repeated],
        targets[repeated],
        num_timesteps=20,
        batch_size=4,
        **fit,
    )
    for name in ("ih.Gradient", "ho.Gradient"):
        assert np.any(one[name][1] != 0.0)
        assert_close(four[name][1].sum(axis=0), factor * one[name][1], name)


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("per_timestep_loss", [False, True])
def test_plans_learn_what_single_timesteps_learn(batch_size: int, per_timestep_loss: bool) -> None:
    spikes = to_spikes(X, 5, 3)
    runs = [
        train(
            build(recurrent=True),
            spikes,
            Y,
            num_timesteps=20,
            native=native,
            batch_size=batch_size,
            per_timestep_loss=per_timestep_loss,
            record=[("hid", "LambdaV")],
        )
        for native in (False, True)
    ]
    for name in ("ih.g", "hh.g", "ho.g", "out.Softmax", "hid.LambdaV"):
        np.testing.assert_array_equal(runs[0][name], runs[1][name])


def test_three_examples_at_once_agree_with_the_reference() -> None:
    """Larger random network, batch of 3, recurrent, with delays, against the numpy model."""
    rng = np.random.default_rng(3)
    sizes, steps, batch = (6, 9, 3), 30, 3
    weights = {
        "ih": rng.normal(1.2, 0.8, sizes[:2]),
        "hh": rng.normal(0.0, 0.3, (sizes[1], sizes[1])),
        "ho": rng.normal(0.2, 0.4, sizes[1:]),
    }
    delays = {name: rng.integers(0, 5, weight.shape) for name, weight in weights.items()}
    raster = rng.random((3 * batch, steps, sizes[0])) < 0.12
    raster[:, -4:] = False
    labels = rng.integers(0, sizes[2], 3 * batch)

    built = Built(SequentialNetwork(default_params))
    with built.network:
        pops = built.populations
        pops["in"] = Population(SpikeInput(max_spikes=500), sizes[0])
        pops["hid"] = Population(LeakyIntegrateFire(tau_mem=20.0), sizes[1])
        pops["out"] = Population(LeakyIntegrate(tau_mem=20.0, readout="sum_var"), sizes[2])
        for name, (source, target) in {
            "ih": ("in", "hid"),
            "hh": ("hid", "hid"),
            "ho": ("hid", "out"),
        }.items():
            built.connections[name] = Connection(
                pops[source],
                pops[target],
                Dense(weights[name], delay=delays[name]),
                Exponential(5.0),
                name=name,
            )
    rows = np.argwhere(raster)[:, [0, 2, 1]].astype(np.float64)
    results = train(
        built, to_spikes(rows, 3 * batch, sizes[0]), labels, num_timesteps=steps, batch_size=batch
    )

    inp = reference.Pop("in", sizes[0], batch)
    hid = reference.Pop("lif", sizes[1], batch)
    out = reference.Pop("li", sizes[2], batch, readout="sum", loss="sce")
    conns = {
        "ih": reference.Conn(inp, hid, weights["ih"], d=delays["ih"]),
        "hh": reference.Conn(hid, hid, weights["hh"], d=delays["hh"]),
        "ho": reference.Conn(hid, out, weights["ho"], d=delays["ho"]),
    }
    net = reference.Net([inp, hid, out], list(conns.values()), steps, 1.0, batch, max_spikes=64)
    for b in range(3):
        chosen = slice(b * batch, (b + 1) * batch)
        net.batch_begin(b)
        net.run({inp: raster[chosen]}, {out: labels[chosen]})
        for name, conn in conns.items():
            actual = results[f"{name}.Gradient"][b]
            assert_close(actual, conn.G.reshape(actual.shape), f"{name} in batch {b}")
        net.batch_end(b)


def test_equal_time_constants_are_the_limit_of_close_ones() -> None:
    assert get_coupling(1.0, 5.0, 5.0) == pytest.approx(np.exp(-0.2) / 5.0, rel=1e-12)
    for tau in (4.999999, 5.000001):
        assert get_coupling(1.0, tau, 5.0) == pytest.approx(get_coupling(1.0, 5.0, 5.0), rel=1e-6)
    alpha, beta = np.exp(-1.0 / 20.0), np.exp(-1.0 / 5.0)
    np.testing.assert_allclose(
        get_coupling(1.0, np.array([20.0, 5.0]), 5.0),
        [20.0 / (5.0 - 20.0) * (beta - alpha), beta / 5.0],
    )
    runs = [
        train(build(hidden_args={"tau_mem": tau}), to_spikes(X, 5, 3), Y, num_timesteps=20)[
            "ih.Gradient"
        ]
        for tau in (5.0, 5.0 + 1e-5)
    ]
    assert np.any(runs[0][1] != 0.0)
    assert_close(runs[0], runs[1], "gradient", 1e-3)


def test_lost_spikes_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    arguments: dict[str, Any] = {"num_timesteps": 20, "max_spikes": 4}
    with caplog.at_level(logging.WARNING):
        train(build(scale_ih=4.0), to_spikes(X, 5, 3), Y, **arguments)
    assert "'hid'" in caplog.text and "max_spikes=4" in caplog.text
    with pytest.raises(RuntimeError, match="increase max_spikes"):
        train(build(scale_ih=4.0), to_spikes(X, 5, 3), Y, strict_buffer_checking=True, **arguments)


def test_weights_that_are_not_finite_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    built = build()
    compiled = EventPropCompiler(20, SCE, optimiser=Adam(1e39)).compile(built.network)
    with compiled, caplog.at_level(logging.WARNING):
        compiled.train(
            {built.populations["in"]: to_spikes(X, 5, 3)},
            {built.populations["out"]: Y},
            num_epochs=1,
            callbacks=[],
        )
    assert "ih: 12 of 12 values of g are NaN or infinite after epoch 0" in caplog.text


def test_regularisation_strengths() -> None:
    built = build()
    hid, out = built.populations["hid"], built.populations["out"]
    compiler = EventPropCompiler(20, SCE, reg_lambda_upper={hid: 0.5}, reg_lambda_lower=0.0)
    assert compiler.get_lambda(compiler.reg_lambda_upper, hid) == 0.5
    assert compiler.get_lambda(compiler.reg_lambda_upper, out) == 0.0
    assert compiler.get_lambda(0.25, hid) == 0.25
    assert compiler.regulariser_enabled(hid)
    assert not compiler.regulariser_enabled(out)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"example_timesteps": 0}, ValueError),
        ({"max_spikes": 0}, ValueError),
        ({"max_spikes": 10.0}, TypeError),
        ({"ttfs_alpha": float("nan")}, ValueError),
        ({"softmax_temperature": 0.0}, ValueError),
        ({"reg_lambda_upper": "much"}, TypeError),
        ({"reg_lambda_lower": float("inf")}, ValueError),
        ({"reg_nu_upper": None}, TypeError),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(arguments))):
        EventPropCompiler(**{"example_timesteps": 20, "losses": SCE, **arguments})


def test_optimisers() -> None:
    built = build(delays={"ih": 1.0, "ho": 1.0}, max_delay_steps=5)
    optimiser = Adam(0.01)
    compiler = EventPropCompiler(
        20, SCE, optimiser=optimiser, delay_learn_conns=list(built.connections.values())
    )
    compiled = compiler.compile(built.network)
    (weights, weight_updates), (delays, delay_updates) = compiled.optimisers
    assert [update.name for update in weight_updates] == [
        f"CUGradientLearnWeight{i}" for i in (0, 1)
    ]
    assert [update.name for update in delay_updates] == [f"CUGradientLearnDelay{i}" for i in (0, 1)]
    weights.alpha = 0.5
    assert (delays.alpha, optimiser.alpha) == (0.01, 0.01)


def test_delays_stay_in_bounds() -> None:
    built = build(delays={"ih": CONSTANTS["DF_ih"], "ho": CONSTANTS["DF_ho"]}, max_delay_steps=4)
    for conn in built.connections.values():
        conn.connectivity.delay = np.clip(conn.connectivity.delay, 0.0, 4.0)
    results = train(
        built,
        to_spikes(X, 5, 3),
        Y,
        num_timesteps=20,
        delay_learn_conns=list(built.connections.values()),
        delay_optimiser=Adam(3.0),
    )
    for name in ("ih.d", "ho.d"):
        learned = np.asarray(results[name])
        assert learned.min() == 0.0
        assert learned.max() == 4.0


def test_delays_of_kernels_are_refused() -> None:
    network = SequentialNetwork(default_params)
    with network:
        InputLayer(SpikeInput(), (4, 4, 1))
        Layer(
            Conv2D(1.0, 2, 3, flatten=True, delay=1),
            LeakyIntegrateFire(),
            synapse=Exponential(5.0),
        )
        Layer(Dense(1.0), LeakyIntegrate(readout="avg_var"), 2, Exponential(5.0))
    with pytest.raises(NotImplementedError, match="kernel"):
        EventPropCompiler(20, SCE).compile(network)


def test_input_with_readout_is_refused() -> None:
    built = build()
    neuron = LeakyIntegrateFireInput()
    neuron.readout = "var"
    built.populations["in"].neuron = neuron
    with pytest.raises(NotImplementedError, match="inputs with a readout"):
        EventPropCompiler(20, SCE).compile(built.network)


def test_save(tmp_path: Path) -> None:
    built = build(delays={"ih": 1.0, "ho": 2.0}, max_delay_steps=5)
    compiler = EventPropCompiler(20, SCE, delay_learn_conns=[built.connections["ho"]])
    compiled = compiler.compile(built.network)
    store = Numpy(str(tmp_path))
    with compiled:
        compiled.save((), store)
        compiled.save(("a", 1), store)
        compiled.save_connectivity((), store)  # nothing is sparse
    names = ["ho-d.npy", "ho-g.npy", "ih-g.npy"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*names, *(f"a-1-{n}" for n in names)]
    )
    np.testing.assert_array_equal(np.load(tmp_path / "ho-d.npy"), np.full(8, 2.0))
    np.testing.assert_array_equal(
        np.load(tmp_path / "ih-g.npy"), CONSTANTS["W_ih"].astype(np.float32).ravel()
    )


def test_pooling_passes_adjoint_variables_back_but_is_not_trained() -> None:
    """The connection into the hidden layer learns as if pooling was a fixed sparse matrix."""
    rng = np.random.default_rng(4)
    weights = rng.uniform(2.0, 6.0, 16)
    cell = np.array([(row // 2) * 2 + col // 2 for row in range(4) for col in range(4)])
    raster = np.argwhere(rng.random((3, 16, 15)) < 0.2).astype(np.float64)
    gradients = []
    for pooled in (True, False):
        built = Built(SequentialNetwork(default_params))
        with built.network:
            pops = built.populations
            pops["in"] = Population(SpikeInput(max_spikes=500), (4, 4, 1))
            pops["hid"] = Population(LeakyIntegrateFire(), (4, 4, 1))
            pops["out"] = Population(LeakyIntegrate(readout="avg_var"), (2, 2, 1))
            built.connections["ih"] = Connection(
                pops["in"], pops["hid"], OneToOne(weights), Exponential(5.0), name="ih"
            )
            connectivity = AvgPool2D(2) if pooled else FixedProbability(1.0, np.full(16, 0.25))
            pool = Connection(pops["hid"], pops["out"], connectivity, Exponential(5.0), name="pool")
            if not pooled:
                pool.connectivity.pre_ind = np.arange(16)
                pool.connectivity.post_ind = cell
                built.connections["pool"] = pool
        results = train(built, to_spikes(raster, 3, 16), np.array([0, 3, 1]), num_timesteps=20)
        gradients.append(results["ih.Gradient"][1])
        assert ("pool.Gradient" in results) == (not pooled)
    assert np.any(gradients[0] != 0.0)
    assert_close(gradients[0], gradients[1], "ih.Gradient")

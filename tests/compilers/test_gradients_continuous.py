"""EventProp at a timestep of 0.01 ms against finite differences of networks in continuous time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference import event_prop_adjoint as reference
from reference.continuous_network import ContinuousNetwork, differentiate

from mlgenn_rs.connectivity import AvgPoolConv2D, Conv2D

from .gradient_networks import GradientNetwork
from .test_convolution_forms import convolve, pool
from .test_gradients_stepwise import LOSSES, index_kernel

DURATION, DT = 20.0, 0.01
TTFS_ALPHA = 5.0


def get_scale(
    output: reference.Population, steps: int, copies: int = 1, exact_adjoint: bool = False
) -> float:
    """Return what EventProp computes instead of the derivative of a loss, relative to it."""
    if output.readout == "first":
        return 1.0 if output.loss == "sce" or exact_adjoint else copies
    factors = {"sum": 1.0 / steps, "max": 1.0 / steps, "exp": np.exp(-1.0 / steps)}
    factor = float(factors.get(output.readout or "", 1.0))
    return factor if exact_adjoint else factor / output.tau_mem


def draw_signal(neurons: int) -> Callable[[Any], np.ndarray]:
    """Return a smooth function of time (ms) for each neuron."""
    phase = np.arange(neurons)

    def signal(t: Any) -> np.ndarray:
        return 0.3 * np.sin(np.asarray(t, dtype=float).reshape(-1, 1) / 4.0 + phase)

    return signal


def draw_inputs(rng: np.random.Generator, neurons: int, per_neuron: int) -> list[tuple[int, float]]:
    """Return random (neuron, time in ms) on whole milliseconds."""
    return [
        (neuron, float(time))
        for neuron in range(neurons)
        for time in rng.choice(np.arange(1, 14), per_neuron, replace=False)
    ]


def compare(
    net: GradientNetwork,
    inputs: list[tuple[int, float]],
    targets: dict[str, Any],
    copies: int = 1,
    **options: Any,
) -> dict[str, float]:
    """Return how far gradients of an example are from finite differences, by connection.

    Differences are relative to the largest gradient of the connection.
    """
    steps, dt, source = net.num_timesteps, net.dt, net.models["in"]
    raster = np.zeros((2 * copies, steps, source.size), dtype=bool)
    for neuron, time in inputs:
        raster[:, round(time / dt) - 1, neuron] = True  # spikes need a timestep to arrive
    sampled = {
        name: target((np.arange(steps) + 1.0) * dt) if callable(target) else target
        for name, target in targets.items()
    }
    repeated = {name: np.stack([target] * (2 * copies)) for name, target in sampled.items()}
    actual = net.train({"in": raster}, repeated, copies, ttfs_alpha=TTFS_ALPHA, **options)

    outputs = {net.models[name]: target for name, target in targets.items()}
    is_exact = options.get("exact_adjoint", False)
    scales = {pop: get_scale(pop, steps, copies, is_exact) for pop in outputs}
    model = ContinuousNetwork(
        list(net.models.values()), list(net.synapses.values()), DURATION, steps
    )
    delays = {conn: conn.delays * dt for conn in net.synapses.values()}
    events = [(source, neuron, time) for neuron, time in inputs]

    def loss() -> float:
        return model.loss(events, delays, outputs, TTFS_ALPHA, scales)

    errors = {}
    for name, conn in net.synapses.items():
        arrays = {name: conn.weights}
        if net.connections[name] in net.learned:
            arrays[f"{name}.delay"] = delays[conn]
        for key, values in arrays.items():
            expected = differentiate(loss, values).ravel()
            assert np.abs(expected).max() > 0.0, f"the gradient of {key} vanishes"
            difference = np.abs(actual[key][0].sum(axis=0) - expected)
            errors[key] = float(difference.max() / np.abs(expected).max())
    return errors


def check(*args: Any, tolerance: float, **kwargs: Any) -> None:
    """Compare, and fail if a difference is larger than tolerated."""
    for key, error in compare(*args, **kwargs).items():
        assert error < tolerance, f"{key}: differs by {error:.2%} of the largest gradient"


def build(
    loss: str,
    readout: str | None,
    recurrent: bool = False,
    learn_delays: bool = False,
    dt: float = DT,
) -> GradientNetwork:
    """3 inputs, 4 hidden neurons, 2 outputs."""
    rng = np.random.default_rng(11)
    net = GradientNetwork(round(DURATION / dt), dt)
    net.add_input("in", 3)
    net.add_hidden("hid", 4)
    net.add_output("out", 2, loss, readout, tau_mem=20.0)
    output_weight = {"first": 2.5, "sum": dt / DURATION}.get(readout or "", 1.0)
    matrices = {
        "ih": ("in", "hid", rng.normal(2.2, 0.5, (3, 4))),
        "hh": ("hid", "hid", rng.normal(0.3, 0.4, (4, 4))),
        "ho": ("hid", "out", rng.normal(1.0, 0.4, (4, 2)) * output_weight),
    }
    for name, (source, target, weights) in matrices.items():
        if name == "hh" and not recurrent:
            continue
        how: dict[str, Any] = {}
        if learn_delays or name == "hh":
            how = {
                "delays": rng.integers(3, 30, weights.shape) * round(0.1 / dt),
                "max_delay_steps": 400,
            }
        net.connect_densely(name, source, target, weights, learn_delays=learn_delays, **how)
    return net


def draw_target(loss: str) -> Any:
    return draw_signal(2) if loss == "mse" else 0


def get_tolerance(readout: str | None, delays: bool = False) -> float:
    """Errors are proportional to the timestep; a maximum that lies at a spike is the worst case."""
    return 0.05 if readout == "max" else 0.03 if delays else 0.01


@pytest.mark.parametrize(("loss", "readout"), LOSSES)
def test_feed_forward_network(loss: str, readout: str | None) -> None:
    inputs = draw_inputs(np.random.default_rng(3), 3, 3)
    net = build(loss, readout)
    options = {"per_timestep_loss": loss == "per_timestep"}
    check(net, inputs, {"out": draw_target(loss)}, tolerance=get_tolerance(readout), **options)


@pytest.mark.parametrize("exact_adjoint", [False, True])
@pytest.mark.parametrize(("loss", "readout"), [LOSSES[0], LOSSES[5], LOSSES[6], LOSSES[7]])
def test_batch_of_copies(loss: str, readout: str | None, exact_adjoint: bool) -> None:
    inputs = draw_inputs(np.random.default_rng(3), 3, 3)
    net, options = build(loss, readout), {"copies": 3, "exact_adjoint": exact_adjoint}
    check(net, inputs, {"out": draw_target(loss)}, tolerance=0.01, **options)


@pytest.mark.parametrize("exact_adjoint", [False, True])
@pytest.mark.parametrize(("loss", "readout"), LOSSES)
def test_recurrent_network_with_delays(loss: str, readout: str | None, exact_adjoint: bool) -> None:
    inputs = draw_inputs(np.random.default_rng(3), 3, 3)
    net = build(loss, readout, recurrent=True)
    options = {"per_timestep_loss": loss == "per_timestep", "exact_adjoint": exact_adjoint}
    check(
        net, inputs, {"out": draw_target(loss)}, tolerance=get_tolerance(readout, True), **options
    )


@pytest.mark.parametrize(("loss", "readout"), LOSSES)
def test_backward_pass_in_the_same_batch(
    loss: str, readout: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GradientNetwork, "backward", "same_batch")
    inputs = draw_inputs(np.random.default_rng(3), 3, 3)
    # With these delays the maximum lies at a spike
    net = build(loss, readout, recurrent=True, learn_delays=readout != "max")
    options = {"per_timestep_loss": loss == "per_timestep"}
    tolerance = get_tolerance(readout, True)
    check(net, inputs, {"out": draw_target(loss)}, tolerance=tolerance, copies=2, **options)


@pytest.mark.parametrize(
    ("loss", "readout", "recurrent"),
    [
        ("sce", "avg", False),
        ("sce", "avg", True),
        ("mse", None, False),
        ("sce", "first", True),
        ("rmse", "first", False),
    ],
)
def test_learned_delays(loss: str, readout: str | None, recurrent: bool) -> None:
    """Gradients of delays, too: what EventProp computes is per ms."""
    inputs = draw_inputs(np.random.default_rng(3), 3, 3)
    net = build(loss, readout, recurrent, learn_delays=True)
    check(net, inputs, {"out": draw_target(loss)}, tolerance=get_tolerance(readout, True))


@pytest.mark.parametrize("pooled", [False, True])
def test_convolution(pooled: bool) -> None:
    """A kernel that is shared by all places, with the spikes of all of them."""
    rng = np.random.default_rng(1)
    pixels = (4, 4, 1)
    connect: Any
    if pooled:
        kernel = rng.normal(6.0, 1.0, (2, 2, 1, 3)).astype(np.float32)
        connectivity: Any = AvgPoolConv2D(kernel, 3, 2, 2, flatten=True)
        connect, share = lambda x, k: convolve(pool(x, (2, 2), (2, 2)), k, (1, 1), "valid"), 0.25
    else:
        kernel = rng.normal(1.5, 0.5, (3, 3, 1, 2)).astype(np.float32)
        connectivity = Conv2D(kernel, 2, 3, flatten=True)
        connect, share = lambda x, k: convolve(x, k, (1, 1), "valid"), 1.0
    index = index_kernel(connect, kernel.shape, pixels)
    net = GradientNetwork(round(DURATION / DT), DT)
    net.add_input("in", pixels)
    net.add_hidden("hid", index.shape[1])
    net.add_output("out", 3)
    net.connect("ih", "in", "hid", connectivity, kernel * share, index)
    net.connect_densely("ho", "hid", "out", rng.normal(1.0, 0.5, (index.shape[1], 3)))
    check(net, draw_inputs(rng, 16, 1), {"out": 1}, tolerance=0.01)


def test_sparse_network_with_several_outputs() -> None:
    rng = np.random.default_rng(21)
    net = GradientNetwork(round(DURATION / DT), DT)
    net.add_input("in", 4)
    net.add_hidden("first", 4)
    net.add_hidden("second", 3, tau_mem=15.0, v_thresh=0.8)
    net.add_output("class", 2, readout="exp")
    net.add_output("signal", 2, "mse", None, tau_mem=30.0)
    net.add_output("time", 2, "sce", "first")
    for name, source, target, shape, mean in (
        ("a", "in", "first", (4, 4), 2.6),
        ("b", "first", "second", (4, 3), 1.8),
        ("skip", "first", "class", (4, 2), 1.0),
        ("c", "second", "signal", (3, 2), 0.5),
        ("d", "second", "time", (3, 2), 3.0),
    ):
        index = np.full(shape, -1)
        is_connected = rng.random(shape) < 0.8
        index[is_connected] = np.arange(is_connected.sum())
        net.connect_sparsely(name, source, target, rng.normal(mean, 0.4, is_connected.sum()), index)
    targets = {"class": 1, "signal": draw_signal(2), "time": 1}
    check(net, draw_inputs(rng, 4, 3), targets, tolerance=0.02)


def test_differences_vanish_with_the_timestep() -> None:
    inputs = draw_inputs(np.random.default_rng(3), 3, 3)
    coarse, fine = (
        compare(build("mse", None, recurrent=True, dt=dt), inputs, {"out": draw_signal(2)})
        for dt in (0.1, 0.01)
    )
    for key, error in fine.items():
        assert error < 0.3 * coarse[key], key


def test_a_wrong_factor_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is sharp: it fails if the scale of a loss is off by two percent."""
    true_scale = get_scale
    monkeypatch.setitem(globals(), "get_scale", lambda *args: 1.02 * true_scale(*args))
    with pytest.raises(AssertionError, match="differs"):
        check(
            build("sce", "avg"),
            draw_inputs(np.random.default_rng(3), 3, 3),
            {"out": 0},
            tolerance=0.01,
        )

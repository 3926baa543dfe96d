"""EventProp against an independent model that runs each example forwards, then backwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference import event_prop_adjoint as reference

from mlgenn_rs.connectivity import AvgPoolConv2D, Conv2D, Conv2DTranspose, OneToOne

from .gradient_networks import GradientNetwork, assert_gradients, draw_raster
from .test_convolution_forms import convolve, pool, transposed

TOLERANCE = 2e-5

LOSSES = [
    ("sce", "avg"),
    ("sce", "sum"),
    ("sce", "exp"),
    ("sce", "max"),
    ("per_timestep", "avg"),
    ("mse", None),
    ("sce", "first"),
    ("rmse", "first"),
]


@pytest.fixture(autouse=True, params=["next_batch", "same_batch"])
def _backward(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GradientNetwork, "backward", request.param)


def build(
    loss: str, readout: str | None, recurrent: bool = False, delays: str = "none", **size: int
) -> GradientNetwork:
    """5 inputs, 6 hidden neurons, 3 outputs."""
    rng = np.random.default_rng(7)
    net = GradientNetwork(**size)
    net.add_input("in", 5)
    net.add_hidden("hid", 6, tau_mem=18.0, v_thresh=0.9, v_reset=-0.1)
    net.add_output("out", 3, loss, readout, tau_mem=25.0)
    output_weight = 1.5 if readout == "first" else 0.4
    matrices = {
        "ih": ("in", "hid", rng.normal(1.6, 0.7, (5, 6))),
        "hh": ("hid", "hid", rng.normal(0.0, 0.5, (6, 6))),
        "ho": ("hid", "out", rng.normal(output_weight, 0.5, (6, 3))),
    }
    for name, (source, target, weights) in matrices.items():
        if name == "hh" and not recurrent:
            continue
        how: dict[str, Any] = {"tau_syn": 6.0 if name == "ho" else 4.0}
        drawn = rng.uniform(0.0, 5.0, weights.shape)
        if delays == "fixed":
            how["delays"] = np.round(drawn)
        elif delays == "constant":
            how["delays"] = 3
        elif delays == "learned":
            how |= {"delays": drawn, "learn_delays": True, "max_delay_steps": 6}
        net.connect_densely(name, source, target, weights, **how)
    return net


def draw_data(
    net: GradientNetwork, loss: str, examples: int, neurons: int = 5, outputs: int = 3
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(11)
    rasters = {"in": draw_raster(rng, examples, net.num_timesteps, neurons)}
    if loss == "mse":
        return rasters, {"out": rng.normal(0.0, 1.0, (examples, net.num_timesteps, outputs))}
    return rasters, {"out": rng.integers(0, outputs, examples)}


def check(
    net: GradientNetwork, data: Any, batch_size: int = 1, options: Any = None, **model: Any
) -> None:
    rasters, targets = data
    actual = net.train(rasters, targets, batch_size, **(options or {}))
    expected = net.predict_gradients(rasters, targets, batch_size, **model)
    assert set(actual) == set(expected)
    assert_gradients(actual, expected, TOLERANCE)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("loss", "readout"), LOSSES)
def test_losses(loss: str, readout: str | None, recurrent: bool, batch_size: int) -> None:
    net = build(loss, readout, recurrent)
    data = draw_data(net, loss, 4 * batch_size)
    check(net, data, batch_size, {"per_timestep_loss": loss == "per_timestep"})


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("delays", ["constant", "fixed", "learned"])
@pytest.mark.parametrize(("loss", "readout"), [LOSSES[0], LOSSES[5], LOSSES[6]])
def test_delays(loss: str, readout: str | None, delays: str, batch_size: int) -> None:
    net = build(loss, readout, recurrent=True, delays=delays)
    check(net, draw_data(net, loss, 4 * batch_size), batch_size)


@pytest.mark.parametrize("dt", [0.5, 2.0])
def test_timestep(dt: float) -> None:
    net = build("sce", "first", recurrent=True, delays="learned", dt=dt)
    options = {"softmax_temperature": 0.7, "ttfs_alpha": 0.3}
    data = draw_data(net, "sce", 4)
    check(net, data, options=options, temperature=0.7, ttfs_alpha=0.3)


def test_spike_counts_are_regularised() -> None:
    """Each jump of a hidden neuron is kicked by its spike count in the same batch."""
    nu, upper, lower, batch_size = 6.0, 3e-3, 1e-3, 2
    net = build("sce", "avg", recurrent=True)
    rasters, targets = draw_data(net, "sce", batch_size if net.is_exact else 2 * batch_size)
    options = {"reg_nu_upper": nu, "reg_lambda_upper": upper, "reg_lambda_lower": lower}
    actual = net.train(rasters, targets, batch_size, **options)
    plain = net.predict_gradients(rasters, targets, batch_size)
    models = [
        reference.Model(
            [*net.models.values()],
            [*net.synapses.values()],
            net.num_timesteps,
            is_exact=net.is_exact,
        )
        for _ in range(batch_size)
    ]
    hidden = net.models["hid"]
    counts = np.zeros(6)
    for model, raster in zip(models, rasters["in"], strict=False):
        counts += model.forward({net.models["in"]: raster}).spikes[hidden].sum(axis=0)
    excess = counts - int(nu * batch_size)
    assert np.any(excess > 0) and np.any(excess < 0)
    hidden.kick = np.where(excess > 0, upper, lower) * excess / batch_size**2
    kicked = net.predict_gradients(rasters, targets, batch_size)
    assert_gradients(actual, kicked, TOLERANCE)
    with pytest.raises(AssertionError, match="differs"):
        assert_gradients(actual, plain, TOLERANCE)


KERNELS: dict[str, tuple[Any, Any, tuple[int, ...], float]] = {
    # Connectivity, the same in numpy, shape of the kernel, its share of the weight
    "valid": (
        lambda k: Conv2D(k, 3, 3, flatten=True),
        lambda x, k: convolve(x, k, (1, 1), "valid"),
        (3, 3, 2, 3),
        1.0,
    ),
    "same": (
        lambda k: Conv2D(k, 3, 3, flatten=True, conv_padding="same"),
        lambda x, k: convolve(x, k, (1, 1), "same"),
        (3, 3, 2, 3),
        1.0,
    ),
    "strided": (
        lambda k: Conv2D(k, 2, (3, 2), flatten=True, conv_strides=2),
        lambda x, k: convolve(x, k, (2, 2), "valid"),
        (3, 2, 2, 2),
        1.0,
    ),
    "transposed": (
        lambda k: Conv2DTranspose(k, 2, 3, flatten=True, conv_strides=2, conv_padding="same"),
        lambda x, k: transposed(x, k, (2, 2), "same"),
        (3, 3, 2, 2),
        1.0,
    ),
    "pooled": (
        lambda k: AvgPoolConv2D(k, 4, 2, 2, flatten=True),
        lambda x, k: convolve(pool(x, (2, 2), (2, 2)), k, (1, 1), "valid"),
        (2, 2, 2, 4),
        0.25,
    ),
}


def index_kernel(connect: Any, shape: tuple[int, ...], pixels: tuple[int, ...]) -> np.ndarray:
    """Return which entry of a kernel each pair of neurons has, by trying all of them."""
    impulses = np.eye(int(np.prod(pixels))).reshape(-1, *pixels)
    index = None
    for entry, kernel in enumerate(np.eye(int(np.prod(shape)))):
        response = connect(impulses, kernel.reshape(shape)).reshape(len(impulses), -1)
        index = np.full(response.shape, -1) if index is None else index
        index[response != 0.0] = entry
    assert index is not None
    return index


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("case", KERNELS)
def test_shared_weights(case: str, batch_size: int) -> None:
    """Gradients of kernels are summed over all places, first from inputs, then between layers."""
    create, connect, shape, share = KERNELS[case]
    rng, pixels = np.random.default_rng(5), (5, 5, 2)
    kernel = rng.normal(0.9, 0.8, shape).astype(np.float32) / share
    index = index_kernel(connect, shape, pixels)
    net = GradientNetwork()
    net.add_input("in", pixels)
    net.add_hidden("first", pixels)
    net.add_hidden("second", index.shape[1])
    net.add_output("out", 3)
    size = index.shape[0]
    eye = np.where(np.eye(size, dtype=bool), np.arange(size)[:, np.newaxis], -1)
    weights = rng.uniform(4.0, 6.0, size)
    net.connect("in", "in", "first", OneToOne(weights), weights, eye)
    net.connect("shared", "first", "second", create(kernel), kernel * share, index)
    output = rng.normal(0.3, 0.4, (index.shape[1], 3))
    net.connect_densely("out", "second", "out", output)
    check(net, draw_data(net, "sce", 4 * batch_size, neurons=size), batch_size)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_sparse_recurrent_network(batch_size: int) -> None:
    rng = np.random.default_rng(9)
    net = GradientNetwork()
    net.add_input("in", 6)
    net.add_hidden("hid", 8, v_thresh=0.8)
    net.add_output("out", 3)
    for name, source, target, shape, mean in (
        ("ih", "in", "hid", (6, 8), 2.5),
        ("hh", "hid", "hid", (8, 8), 0.3),
        ("ho", "hid", "out", (8, 3), 0.4),
    ):
        index = np.full(shape, -1)
        is_connected = rng.random(shape) < 0.5
        index[is_connected] = np.arange(is_connected.sum())
        weights = rng.normal(mean, 0.7, is_connected.sum())
        net.connect_sparsely(name, source, target, weights, index)
    check(net, draw_data(net, "sce", 4 * batch_size, neurons=6), batch_size)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_several_outputs(batch_size: int) -> None:
    """Every kind of loss at once, on two hidden layers with a connection that skips one."""
    rng = np.random.default_rng(13)
    net = GradientNetwork()
    net.add_input("in", 5)
    net.add_hidden("first", 6)
    net.add_hidden("second", 5, tau_mem=15.0)
    net.add_output("class", 3)
    net.add_output("signal", 2, "mse", None, tau_mem=30.0)
    net.add_output("time", 2, "rmse", "first")
    for name, source, target, shape, mean in (
        ("a", "in", "first", (5, 6), 1.8),
        ("b", "first", "second", (6, 5), 1.2),
        ("skip", "first", "class", (6, 3), 0.4),
        ("c", "second", "class", (5, 3), 0.4),
        ("d", "second", "signal", (5, 2), 0.3),
        ("e", "second", "time", (5, 2), 2.5),
    ):
        net.connect_densely(name, source, target, rng.normal(mean, 0.5, shape))
    examples = 4 * batch_size
    rasters = {"in": draw_raster(rng, examples, net.num_timesteps, 5, 0.2)}
    targets = {
        "class": rng.integers(0, 3, examples),
        "signal": rng.normal(0.0, 1.0, (examples, net.num_timesteps, 2)),
        "time": rng.integers(0, 2, examples),
    }
    check(net, (rasters, targets), batch_size)


@pytest.mark.parametrize(("loss", "readout"), LOSSES)
def test_batch_of_copies(loss: str, readout: str | None) -> None:
    """Copies of an example share its gradient; only that of RMSE is not divided by their number."""
    copies = 4
    net = build(loss, readout, recurrent=True)
    rasters, targets = draw_data(net, loss, 2)
    options = {"per_timestep_loss": loss == "per_timestep"}
    one = net.train(rasters, targets, **options)
    many = net.train(
        {"in": np.repeat(rasters["in"], copies, axis=0)},
        {"out": np.repeat(targets["out"], copies, axis=0)},
        copies,
        **options,
    )
    factor = copies if loss == "rmse" else 1
    assert_gradients(
        {name: values.sum(axis=1) for name, values in many.items()},
        {name: factor * values.sum(axis=1) for name, values in one.items()},
        TOLERANCE,
    )


@pytest.mark.parametrize(
    ("what", "value"),
    [("tau_mem", 18.1), ("v_thresh", 0.901), ("v_reset", -0.101), ("tau_syn", 4.05)],
)
def test_a_small_difference_is_seen(what: str, value: float) -> None:
    """The comparison is sharp: it fails if the reference differs from the network by a percent."""
    net = build("sce", "avg", recurrent=True)
    rasters, targets = draw_data(net, "sce", 4)
    actual = net.train(rasters, targets)
    for model in (net.synapses["ih"], net.synapses["hh"], net.models["hid"]):
        if hasattr(model, what):
            setattr(model, what, value)
    with pytest.raises(AssertionError, match="differs"):
        assert_gradients(actual, net.predict_gradients(rasters, targets), TOLERANCE)

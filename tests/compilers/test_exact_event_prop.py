"""Exact gradients of EventProp: adaptation, refractoriness, any reset, all parameters of neurons.

Golden values were computed with a model of their own, event by event and on a grid of 0.1 ms; the
reference model here reproduces those of the grid to the last bits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from reference.extended_event_prop import Network, Scheme, Simulation, softmax

from .extension_networks import Compiled, cases, load_golden, load_gradients, load_network

GRID = 0.1
CASES = cases()
DRIVEN_CONSTANTLY = [case for case in CASES if not case.endswith("mse")]
"""Cases whose loss the compiler has, up to a factor."""


def load(case: str, dt: float = GRID, duration: float = 30.0) -> Network:
    """Return a network, with targets in every timestep instead of a few samples."""
    net = replace(load_network(case), duration=duration)
    if net.loss["kind"] == "mse":
        times = (np.arange(round(net.duration / dt)) + 1.0) * dt
        signal = np.stack([0.5 * np.sin(times / 5.0 + k) for k in range(2)], axis=1)
        net = replace(net, loss={"kind": "signal", "Y": signal})
    return net


def predict(net: Network, dt: float = GRID, **scheme: Any) -> dict[str, np.ndarray]:
    simulation = Simulation(net, Scheme(dt, is_engine=True, **scheme))
    return simulation.backward(simulation.forward())


def get_errors(
    actual: dict[str, np.ndarray], expected: dict[str, np.ndarray], factor: float = 1.0
) -> dict[str, float]:
    """Return differences relative to the norm of what is expected, by parameter."""
    errors = {}
    for name, values in actual.items():
        if name in expected:
            where = ~np.isnan(values)
            norm = np.linalg.norm(expected[name][where])
            assert norm > 0.0, f"the gradient of {name} vanishes"
            difference = np.linalg.norm(factor * values[where] - expected[name][where])
            errors[name] = float(difference / norm)
    return errors


def assert_close(
    actual: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    tolerance: float,
    factor: float = 1.0,
) -> None:
    for name, error in get_errors(actual, expected, factor).items():
        assert error < tolerance, f"{name}: differs by {error:.1e}"


@pytest.mark.parametrize("case", CASES)
def test_reference_model(case: str) -> None:
    simulation = Simulation(load_network(case), Scheme(GRID))
    done = simulation.forward()
    spikes = sorted((s.step, k) for k, mine in enumerate(done.spikes) for s in mine)
    golden = load_golden()[f"{case}/grid0.1/spikes"][:, :2].astype(int)
    assert np.array_equal(spikes, golden)
    gradients = simulation.backward(done)
    for name, expected in load_gradients(case, "grid0.1").items():
        np.testing.assert_allclose(
            gradients[name], expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max()
        )


@pytest.mark.parametrize("backward", ["next_batch", "same_batch"])
@pytest.mark.parametrize("case", CASES)
def test_stepwise(case: str, backward: str) -> None:
    net = load(case)
    compiled = Compiled(net, GRID)
    gradients, *_ = compiled.train(backward=backward)
    expected = compiled.translate(predict(net, keeps_currents=backward == "same_batch"))
    assert set(gradients) >= {"weights", "delays", "tau_mem", "tau_syn", "v_thresh", "v_reset"}
    assert ("tau_adapt" in gradients) == ("beta" in gradients) == case.startswith("alif")
    assert ("tau_refrac" in gradients) == ("integ" in case or "frozen" in case)
    assert_close(gradients, expected, 5e-5)


def get_factor(net: Network, dt: float, golden: Scheme) -> float:
    """Return golden gradients relative to those of the compiler.

    With two outputs they only differ by a factor, that of the probability of the wrong one: the
    golden values are for other averages over time and softmaxes with temperature.
    """
    out, label = np.flatnonzero(net.is_output), int(net.loss["y"])
    wrong = []
    for scheme in (golden, Scheme(dt, is_engine=True)):
        done = Simulation(net, scheme).forward()
        logits = done.average[out]
        if net.loss["kind"] == "ttfs":
            scale = 1.0 if scheme.is_engine else net.loss["temp"]
            logits = -np.minimum(done.first[out], net.duration) / scale
        wrong.append(1.0 - softmax(logits)[label])
    return float(wrong[0] / wrong[1])


@pytest.mark.parametrize("case", DRIVEN_CONSTANTLY)
def test_golden_values(case: str) -> None:
    net = load_network(case)
    compiled = Compiled(net, GRID)
    (gradients,) = compiled.train()
    expected = compiled.translate(load_gradients(case, "grid0.1"))
    assert_close(gradients, expected, 3e-4, get_factor(net, GRID, Scheme(GRID)))


@pytest.mark.parametrize("case", DRIVEN_CONSTANTLY)
def test_finite_differences(case: str) -> None:
    """Of the event-exact model; what is left at 0.01 ms is that spikes are late by a timestep."""
    dt, net = 0.01, load_network(case)
    compiled = Compiled(net, dt)
    (gradients,) = compiled.train()
    expected = compiled.translate(load_gradients(case, "fd"))
    errors = get_errors(gradients, expected, get_factor(net, dt, Scheme(dt)))
    assert errors.pop("weights") < 0.015
    assert errors.pop("delays", 0.0) < 0.02
    assert max(errors.values()) < 0.08, errors


@pytest.mark.parametrize("case", ["alif_avg", "alif_frozen", "lif_integ", "alif_rel"])
def test_differences_vanish_with_the_timestep(case: str) -> None:
    net, errors = load_network(case), []
    for dt in (0.1, 0.005):
        compiled = Compiled(net, dt)
        (gradients,) = compiled.train()
        expected = compiled.translate(load_gradients(case, "fd"))
        errors.append(get_errors(gradients, expected, get_factor(net, dt, Scheme(dt))))
    for name, error in errors[1].items():
        assert error < 0.5 * errors[0][name], name


def shift(net: Network, delay: float) -> Network:
    return replace(net, inputs=[(time + delay, line) for time, line in net.inputs])


@pytest.mark.parametrize(
    "case", ["alif_frozen_rel", "alif_integ_rel", "alif_frozen_ttfs", "lif_integ_forced_mse"]
)
@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("backward", ["next_batch", "same_batch"])
def test_batches(case: str, backward: str, batch_size: int) -> None:
    """Examples that differ, in several batches."""
    net = load(case, duration=60.0)  # so long that no spikes are left at the end
    examples = [shift(net, 0.7 * i) for i in range(4 * batch_size)]
    compiled = Compiled(net, GRID)
    inputs = [example.inputs for example in examples]
    batches = compiled.train(inputs, batch_size, backward=backward)
    assert len(batches) == (4 if backward == "same_batch" else 3)
    for i, gradients in enumerate(batches):
        members = examples[i * batch_size : (i + 1) * batch_size]
        each = [compiled.translate(predict(member)) for member in members]
        mean = {name: np.mean([e[name] for e in each], axis=0) for name in each[0]}
        assert_close(gradients, mean, 3e-4)


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize(
    "loss",
    [
        {"kind": "rmse", "y": 1, "delta": 1.5},
        {"kind": "ttfs", "y": 1, "temp": 0.7, "alpha": 4.0},
    ],
)
@pytest.mark.parametrize("case", ["alif_frozen_ttfs", "lif_ff_ttfs"])
def test_losses_of_first_spikes(case: str, loss: dict[str, Any], batch_size: int) -> None:
    """Other losses than the golden ones; that of a batch is the mean."""
    net = replace(load(case), loss=loss)
    compiled = Compiled(net, GRID)
    (gradients,) = compiled.train([net.inputs] * (2 * batch_size), batch_size)
    assert_close(gradients, compiled.translate(predict(net)), 1e-4)


@pytest.mark.parametrize("case", ["alif_frozen", "alif_rel"])
def test_spike_counts_are_regularised(case: str) -> None:
    net, nu, upper, lower = load(case), 3, 3e-3, 1e-3
    spikes = Simulation(net, Scheme(GRID, is_engine=True)).forward().spikes
    excess = np.array([len(mine) for mine in spikes]) - nu
    assert np.any(excess[~net.is_output] > 0) and np.any(excess[~net.is_output] < 0)
    compiled = Compiled(net, GRID)
    options = {"reg_nu_upper": nu, "reg_lambda_upper": upper, "reg_lambda_lower": lower}
    (gradients,) = compiled.train(**options)
    kick = np.where(excess > 0, upper, lower) * excess
    assert_close(gradients, compiled.translate(predict(replace(net, kick=kick))), 1e-4)


@pytest.mark.parametrize("case", ["lif_frozen", "alif_frozen_rel", "lif_integ", "alif_rel"])
def test_spikes_that_do_not_fit(case: str) -> None:
    """Those that are lost have no gradient; those before them have that of being the last ones."""
    net, kept = load(case), 6
    net = replace(net, weights=2.0 * net.weights)
    simulation = Simulation(net, Scheme(GRID, is_engine=True, keeps_currents=True))
    done = simulation.forward()
    assert max(map(len, done.spikes)) > kept
    compiled = Compiled(net, GRID)
    gradients, _ = compiled.train(backward="same_batch", max_spikes=kept)
    all_of_them = compiled.translate(simulation.backward(done))
    done.spikes = [spikes[:kept] for spikes in done.spikes]
    assert_close(gradients, compiled.translate(simulation.backward(done)), 1e-4)
    with pytest.raises(AssertionError, match="differs"):
        assert_close(gradients, all_of_them, 1e-3)


def test_slopes_have_a_lower_bound() -> None:
    net = load("alif_frozen_rel")
    (gradients,) = Compiled(net, GRID).train(min_slope=2.0)
    compiled = Compiled(net, GRID)
    assert_close(gradients, compiled.translate(predict(net, min_slope=2.0)), 5e-5)
    with pytest.raises(AssertionError, match="differs"):
        assert_close(gradients, compiled.translate(predict(net)), 1e-3)


@pytest.mark.parametrize("case", ["lif_frozen", "lif_rel", "lif_integ"])
def test_learning_parameters_does_not_change_other_gradients(case: str) -> None:
    compiled = Compiled(load_network(case), GRID)
    (with_parameters,), (without,) = compiled.train(), compiled.train(learn=False)
    assert set(without) == {"weights", "delays"}
    for name, values in without.items():
        assert np.array_equal(values, with_parameters[name])


@pytest.mark.parametrize("name", ["tau_mem", "tau_adapt", "beta", "v_thresh", "tau_refrac"])
def test_a_small_difference_is_seen(name: str) -> None:
    """The comparison is sharp: it fails if the reference differs by two percent."""
    net = load("alif_frozen")
    compiled = Compiled(net, GRID)
    (gradients,) = compiled.train()
    parameters = {**net.parameters, name: net.parameters[name] * 1.05}
    other = compiled.translate(predict(replace(net, parameters=parameters)))
    with pytest.raises(AssertionError, match="differs"):
        assert_close(gradients, other, 5e-5)

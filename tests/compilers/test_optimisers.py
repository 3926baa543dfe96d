"""Optimisers in training: limits of gradient norms, schedules, gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs.callbacks import Callback, OptimiserParamSchedule
from mlgenn_rs.compilers import EPropCompiler, EventPropCompiler
from mlgenn_rs.optimisers import SGD, Adam, Optimiser

from .eprop_networks import build as build_eprop
from .networks import CONSTANTS, Built, build, to_spikes

SCE = "sparse_categorical_crossentropy"
TIMESTEPS, NUM_EXAMPLES = 20, 5
SPIKES = to_spikes(CONSTANTS["X"], NUM_EXAMPLES, 3)
LABELS = [0, 1, 1, 0, 1]
RATE = 0.125


class Gradients(Callback):
    """Adds up raw gradients and weights of each batch, in the last timestep."""

    def __init__(self, built: Built, gradient: str, out: list[dict[str, np.ndarray]]) -> None:
        self.built, self.gradient, self.out = built, gradient, out

    def set_params(self, compiled_network: Any, **_: Any) -> None:
        self.groups = {
            name: compiled_network.connection_populations[conn]
            for name, conn in self.built.connections.items()
        }

    def on_timestep_end(self, timestep: int) -> None:
        if timestep == TIMESTEPS - 1:
            entry = {}
            for name, group in self.groups.items():
                size = group.vars["g"].values.size
                entry[f"{name}.gradient"] = (
                    group.vars[self.gradient].values.reshape(-1, size).sum(axis=0, dtype=float)
                )
                entry[f"{name}.before"] = group.vars["g"].values
            self.out.append(entry)

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        for name, group in self.groups.items():
            self.out[-1][f"{name}.after"] = group.vars["g"].values


def train(rule: str, optimiser: Optimiser, batch_size: int, **arguments: Any) -> Any:
    out: list[dict[str, np.ndarray]] = []
    np.random.seed(1)
    if rule == "e_prop":
        built = build_eprop()
        compiler: Any = EPropCompiler(
            TIMESTEPS,
            SCE,
            optimiser=optimiser,
            batch_size=batch_size,
            train_output_bias=False,
            **arguments,
        )
    else:
        built = build()
        compiler = EventPropCompiler(
            TIMESTEPS,
            SCE,
            optimiser=optimiser,
            batch_size=batch_size,
            max_spikes=64,
            accumulate_per_member=True,
            **arguments,
        )
    compiled = compiler.compile(built.network, "test")
    gradient = "DeltaG" if rule == "e_prop" else "Gradient"
    with compiled:
        compiled.train(
            {built.populations["in"]: SPIKES[:4]},
            {built.populations["out"]: LABELS[:4]},
            num_epochs=2,
            shuffle=False,
            callbacks=[Gradients(built, gradient, out)],
        )
    return built, out


@pytest.mark.parametrize("clip_each", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("rule", ["event_prop", "e_prop"])
def test_norms_are_limited(rule: str, batch_size: int, clip_each: bool) -> None:
    built, plain = train(rule, SGD(RATE), batch_size)
    norms = {
        name: [float(np.linalg.norm(batch[f"{name}.gradient"])) for batch in plain]
        for name in built.connections
    }
    limit = 0.5 * max(map(max, norms.values()))
    built, clipped = train(rule, SGD(RATE, clip_norm=limit, clip_each=clip_each), batch_size)
    was_limited = []
    for i, batch in enumerate(clipped):
        is_first = rule == "event_prop" and i % (4 // batch_size) == 0
        total = np.sqrt(sum(np.sum(batch[f"{name}.gradient"] ** 2) for name in built.connections))
        for name in built.connections:
            gradient = batch[f"{name}.gradient"]
            norm = np.linalg.norm(gradient) if clip_each else total
            scale = min(1.0, limit / norm) if norm > 0.0 else 1.0
            was_limited.append(scale < 1.0 and not is_first)
            change = batch[f"{name}.after"] - batch[f"{name}.before"]
            expected = np.zeros_like(change) if is_first else -RATE * scale * gradient
            np.testing.assert_allclose(change, expected, rtol=1e-4, atol=1e-6)
    assert any(was_limited) and not all(was_limited)


def test_generous_limits_change_nothing_and_threads_do_not_matter() -> None:
    results = [
        train("event_prop", Adam(0.01, clip_norm=limit), 2, num_threads=threads)[1][-1]
        for limit, threads in ((None, 1), (1e9, 1), (1e-4, 1), (1e-4, 2))
    ]
    plain, generous, one, two = results
    for name in plain:
        np.testing.assert_array_equal(plain[name], generous[name])
        np.testing.assert_array_equal(one[name], two[name])
    assert any(not np.array_equal(plain[name], one[name]) for name in plain)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_limits_are_positive(value: float) -> None:
    for optimiser in (Adam, SGD):
        with pytest.raises(ValueError, match="clip_norm"):
            optimiser(clip_norm=value)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_gradient_descent(momentum: float) -> None:
    built, batches = train("e_prop", SGD(RATE, momentum), 2)
    for name in built.connections:
        velocity: Any = 0.0
        for batch in batches:
            velocity = momentum * velocity + batch[f"{name}.gradient"]
            expected = batch[f"{name}.before"] - RATE * velocity
            np.testing.assert_allclose(batch[f"{name}.after"], expected, rtol=1e-5, atol=1e-6)


def test_gradient_descent_by_name() -> None:
    built = build()
    compiled = EventPropCompiler(TIMESTEPS, SCE, optimiser="sgd").compile(built.network, "test")
    assert isinstance(compiled.optimisers[0][0], SGD)
    with pytest.raises(ValueError, match="momentum"):
        SGD(momentum=1.0)


def compile_with_delays(weights: Any, delays: Any) -> tuple[Built, Any]:
    built = build(max_delay_steps=5)
    compiler = EventPropCompiler(
        TIMESTEPS,
        SCE,
        optimiser=weights,
        max_spikes=64,
        delay_learn_conns=list(built.connections.values()),
        delay_optimiser=delays,
    )
    return built, compiler.compile(built.network, "test")


def run(built: Built, compiled: Any, *callbacks: Any) -> None:
    with compiled:
        compiled.train(
            {built.populations["in"]: SPIKES},
            {built.populations["out"]: LABELS},
            num_epochs=2,
            callbacks=callbacks,
        )


class Alphas(Callback):
    """Keeps the learning rates that custom updates were given."""

    def __init__(self, seen: list[list[float]]) -> None:
        self.seen = seen

    def set_params(self, compiled_network: Any, **_: Any) -> None:
        model = compiled_network.genn_model
        self.views = [
            model.simulation.view(f"{update.path}.params.Alpha")
            for _, updates in compiled_network.optimisers
            for update in updates[:1]
        ]

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        self.seen.append([float(view[0]) for view in self.views])


def test_schedules_act_on_all_optimisers_or_one() -> None:
    weights, delays = Adam(0.5), SGD(0.25)
    for chosen, expected in (
        (None, [[0.25, 0.125], [0.125, 0.0625]]),
        (weights, [[0.25, 0.25], [0.125, 0.25]]),
        (delays, [[0.5, 0.125], [0.5, 0.0625]]),
    ):
        seen: list[list[float]] = []
        built, compiled = compile_with_delays(weights, delays)
        schedule = OptimiserParamSchedule("alpha", lambda _, a: a / 2, optimiser=chosen)
        run(built, compiled, schedule, Alphas(seen))
        assert seen == expected
    assert (weights.alpha, delays.alpha) == (0.5, 0.25)  # those of the user stay as they are


def test_schedules_of_what_is_not_there() -> None:
    built, compiled = compile_with_delays(Adam(0.5), SGD(0.25))
    with pytest.raises(RuntimeError, match="not compiled with"):
        run(built, compiled, OptimiserParamSchedule("alpha", lambda _, a: a, optimiser=Adam()))
    with pytest.raises(RuntimeError, match=r"SGD\(alpha=0.25.*has no parameter 'beta1'"):
        run(built, compiled, OptimiserParamSchedule("beta1", lambda _, a: a))

"""Losses as numbers, against their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs.callbacks import Callback, MetricLog, VarRecorder
from mlgenn_rs.compilers import EPropCompiler, EventPropCompiler
from mlgenn_rs.losses import (
    MeanSquareError,
    RelativeMeanSquareError,
    SparseCategoricalCrossentropy,
)
from mlgenn_rs.losses.label_loss import LabelLoss
from mlgenn_rs.optimisers import Adam

from .eprop_networks import build as build_eprop
from .networks import CONSTANTS, build, to_spikes

SCE = "sparse_categorical_crossentropy"
NUM_EXAMPLES, TIMESTEPS = 5, 20
SPIKES = to_spikes(CONSTANTS["X"], NUM_EXAMPLES, 3)
LABELS = np.asarray([0, 1, 1, 0, 1])
ALPHA = 0.25


def cross_entropy(outputs: np.ndarray, label: int) -> float:
    outputs = outputs.astype(np.float64)
    return float(-outputs[label] + np.log(np.sum(np.exp(outputs))))


def first_spike(times: np.ndarray, label: int) -> float:
    times = np.where(times > TIMESTEPS, float(TIMESTEPS), times)
    return cross_entropy(-times, label) + ALPHA / (1.01 * TIMESTEPS - times[label])


class Readouts(Callback):
    """Keeps what was read out after each batch."""

    def __init__(self, output: Any, seen: list[np.ndarray]) -> None:
        self.output, self.seen = output, seen

    def set_params(self, compiled_network: Any, **_: Any) -> None:
        self.compiled_network = compiled_network

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.seen.append(np.copy(self.compiled_network.get_readout(self.output)))


def train(
    compiled: Any, x: dict, y: dict, output: Any, examples: int, **arguments: Any
) -> tuple[Any, np.ndarray, np.ndarray, Any]:
    """Train an epoch; return the loss, potentials and readouts of all examples, and the log."""
    seen: list[np.ndarray] = []
    with compiled:
        metrics, data = compiled.train(
            x,
            y,
            num_epochs=1,
            shuffle=False,
            report_loss=True,
            callbacks=[
                Readouts(output, seen),
                VarRecorder(output, genn_var="V", key="V"),
                MetricLog("log"),
            ],
            **arguments,
        )
    readouts = np.concatenate(seen)[:examples]
    return metrics, np.stack(data["V"])[:examples], readouts, data["log"]


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("readout", ["avg_var", "avg_var_exp_weight", "sum_var", "max_var"])
def test_cross_entropy_of_readouts(readout: str, batch_size: int) -> None:
    built = build(readout=readout)
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EventPropCompiler(
        TIMESTEPS, SCE, optimiser=Adam(0.01), max_spikes=64, batch_size=batch_size
    ).compile(built.network, "test")
    metrics, v, readouts, log = train(compiled, {inp: SPIKES}, {out: LABELS}, out, NUM_EXAMPLES)
    expected = np.mean([cross_entropy(o, y) for o, y in zip(readouts, LABELS, strict=True)])
    assert metrics["loss"].result == pytest.approx(expected, rel=1e-6)
    if readout == "avg_var":
        averages = v.mean(axis=1)
        expected = np.mean([cross_entropy(o, y) for o, y in zip(averages, LABELS, strict=True)])
        assert metrics["loss"].result == pytest.approx(expected, rel=1e-5)
    assert log == [{"epoch": 0, out: metrics[out].result, "loss": metrics["loss"].result}]
    assert metrics["loss"].by_output == {out: metrics["loss"].result}


@pytest.mark.parametrize("native", [True, False])
def test_per_timestep_cross_entropy(native: bool) -> None:
    built = build()
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EventPropCompiler(
        TIMESTEPS, SCE, optimiser=Adam(0.01), max_spikes=64, batch_size=2, per_timestep_loss=True
    ).compile(built.network, "test")
    if not native:

        class EveryTimestep(Callback):
            def on_timestep_end(self, timestep: int) -> None:
                pass

        compiled.base_train_callbacks.append(EveryTimestep())
    metrics, v, _, _ = train(compiled, {inp: SPIKES}, {out: LABELS}, out, NUM_EXAMPLES)
    expected = [[cross_entropy(o, y) for o in os] for os, y in zip(v, LABELS, strict=True)]
    assert metrics["loss"].result == pytest.approx(np.mean(expected), rel=1e-6)


def test_mean_square_error() -> None:
    built = build(readout="var")
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EventPropCompiler(
        TIMESTEPS, "mean_square_error", optimiser=Adam(0.01), max_spikes=64, batch_size=2
    ).compile(built.network, "test")
    targets = np.random.default_rng(1).normal(size=(4, TIMESTEPS, 2))
    metrics, v, _, _ = train(compiled, {inp: SPIKES[:4]}, {out: targets}, out, 4, metrics=None)
    expected = np.mean(0.5 * np.sum((v - targets) ** 2, axis=2))
    assert metrics["loss"].result == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("relative", [False, True])
def test_first_spike_times(relative: bool) -> None:
    built = build(spiking_output=True, readout="first_spike_time")
    inp, out = built.populations["in"], built.populations["out"]
    loss: Any = RelativeMeanSquareError(3.0) if relative else SCE
    compiled = EventPropCompiler(
        TIMESTEPS, loss, optimiser=Adam(0.01), max_spikes=64, ttfs_alpha=ALPHA
    ).compile(built.network, "test")
    metrics, _, readouts, _ = train(compiled, {inp: SPIKES}, {out: LABELS}, out, NUM_EXAMPLES)
    times = -readouts.astype(np.float64)
    assert np.any(times < TIMESTEPS)
    if relative:
        times[times > TIMESTEPS] = 0.0
        expected = [
            0.5 * sum((t - ts[y] - 3.0) ** 2 for k, t in enumerate(ts) if k != y)
            for ts, y in zip(times, LABELS, strict=True)
        ]
    else:
        expected = [first_spike(ts, y) for ts, y in zip(times, LABELS, strict=True)]
    assert metrics["loss"].result == pytest.approx(np.mean(expected), rel=1e-6)


@pytest.mark.parametrize("loss", [SCE, "mean_square_error"])
def test_e_prop(loss: str) -> None:
    """Cross entropy is that of the potential, not of the softmax that is read out."""
    built = build_eprop(readout="avg_var" if loss == SCE else "var")
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EPropCompiler(TIMESTEPS, loss, optimiser=Adam(0.01), batch_size=2).compile(
        built.network, "test"
    )
    num_out = out.shape[0]
    spikes = SPIKES[:4]
    if loss == SCE:
        targets: np.ndarray = LABELS[:4]
    else:
        targets = np.random.default_rng(1).normal(size=(4, TIMESTEPS, num_out))
    metrics, v, _, _ = train(compiled, {inp: spikes}, {out: targets}, out, 4, metrics=None)
    if loss == SCE:
        expected = np.mean(
            [[cross_entropy(o, y) for o in os] for os, y in zip(v, targets, strict=True)]
        )
    else:
        expected = np.mean(0.5 * np.sum((v - targets) ** 2, axis=2))
    assert metrics["loss"].result == pytest.approx(expected, rel=1e-6)


def test_validation_and_progress_bar(capsys: Any) -> None:
    built = build(readout="var")
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EventPropCompiler(
        TIMESTEPS, "mean_square_error", optimiser=Adam(0.01), max_spikes=64
    ).compile(built.network, "test")
    targets = np.random.default_rng(1).normal(size=(NUM_EXAMPLES, TIMESTEPS, 2))
    with compiled:
        metrics, validation, log, validation_log = compiled.train(
            {inp: SPIKES},
            {out: targets},
            num_epochs=3,
            validation_split=0.4,
            report_loss=True,
            metrics=None,
            callbacks=["batch_progress_bar", MetricLog("log")],
            validation_callbacks=[MetricLog("log")],
        )
    assert len(log["log"]) == len(validation_log["log"]) == 3
    assert [entry["loss"] for entry in log["log"]][-1] == metrics["loss"].result
    assert [entry["loss"] for entry in validation_log["log"]][-1] == validation["loss"].result
    assert len({entry["loss"] for entry in log["log"]}) == 3
    assert f"LossValue: {metrics['loss'].result:.4f}" in capsys.readouterr().err


def test_loss_is_absent_unless_asked_for() -> None:
    built = build()
    inp, out = built.populations["in"], built.populations["out"]
    compiled = EventPropCompiler(TIMESTEPS, SCE, max_spikes=64).compile(built.network, "test")
    with compiled:
        metrics, _ = compiled.train({inp: SPIKES}, {out: LABELS}, 1, callbacks=[])
    assert list(metrics) == [out]


def test_values_of_losses() -> None:
    outputs = np.asarray([[1e4, -1e4], [0.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(
        SparseCategoricalCrossentropy().get_values([1, 0], outputs), [2e4, np.log(2.0)], rtol=1e-12
    )
    zeros = np.zeros((1, 4, 2, 2))
    np.testing.assert_allclose(MeanSquareError().get_values(zeros + 3.0, zeros), [0.5 * 4 * 9.0])

    class Custom(LabelLoss):
        pass

    with pytest.raises(NotImplementedError, match="Custom"):
        Custom().get_values([0], outputs)

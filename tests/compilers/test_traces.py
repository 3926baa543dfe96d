"""The exact order of events in training and inference loops."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback
from mlgenn_rs.compilers import (
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
    eprop_compiler,
)
from mlgenn_rs.compilers.compiled_network import UNPACK_GROUP, CompiledNetwork
from mlgenn_rs.compilers.event_prop_compiler import UpdateTrial
from mlgenn_rs.connectivity import Dense, FixedProbability
from mlgenn_rs.losses import Loss, RelativeMeanSquareError
from mlgenn_rs.metrics import SparseCategoricalAccuracy, default_metrics
from mlgenn_rs.neurons import (
    FewSpikeRelu,
    FewSpikeReluInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
    SpikeInput,
)
from mlgenn_rs.neurons.input import InputBase
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.utils.data import preprocess_spikes

from .networks import GOLDEN, build

TRACES = json.loads((GOLDEN / "traces.json").read_text())

HOOKS = [
    f"on_{event}_{when}"
    for event in ("test", "train", "epoch", "batch", "timestep")
    for when in ("begin", "end")
]


class TracedModel:
    """Engine model that writes down what is done with it."""

    def __init__(self, genn_model: Any, trace: list[str]) -> None:
        self.__dict__.update(genn_model=genn_model, trace=trace)

    def __getattr__(self, name: str) -> Any:
        if name == "run":
            raise AssertionError("callbacks with timestep events need one step after the other")
        return getattr(self.genn_model, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.trace.append(f"{name}={value}")
        setattr(self.genn_model, name, value)

    def custom_update(self, *names: str, **kwargs: Any) -> None:
        # What completes inputs belongs to set_input, which writes all of them in the original.
        own = (name for name in names if not name.startswith(UNPACK_GROUP))
        self.trace.extend(f"custom_update({name})" for name in own)
        self.genn_model.custom_update(*names, **kwargs)

    def step_time(self) -> None:
        self.trace.append("step_time")
        self.genn_model.step_time()


class TracedMetric(SparseCategoricalAccuracy):
    """Metric that writes down what is done with it."""

    trace: list[str]

    def update(self, *args: Any) -> None:
        self.trace.append("metric.update")
        super().update(*args)

    def reset(self) -> None:
        self.trace.append("metric.reset")
        super().reset()


class TracedCallback(Callback):
    """Callback that writes down its events."""

    def __init__(self, name: str, trace: list[str]) -> None:
        for hook in HOOKS:

            def write(*args: Any, hook: str = hook) -> None:
                numbers = f"({args[0]})" if args and isinstance(args[0], int) else ""
                trace.append(f"cb.{name}.{hook}{numbers}")

            setattr(self, hook, write)


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which everything that loops do is added."""
    trace: list[str] = []

    def watch(owner: type, method: str, entry: Any) -> None:
        original = getattr(owner, method)

        def watched(self: Any, *args: Any) -> Any:
            trace.append(entry(self, *args))
            return original(self, *args)

        monkeypatch.setattr(owner, method, watched)

    # A GPU may be given the inputs of the next batch before the outputs of this one are read
    monkeypatch.setattr(CompiledNetwork, "_can_upload_ahead", lambda *args: False)
    watch(SpikeInput, "set_input", lambda *args: "set_input")
    watch(InputBase, "set_input", lambda *args: "set_input")
    watch(Neuron, "get_readout", lambda *args: "read_output")
    for loss in (Loss, *Loss.__subclasses__()):
        if "set_target" in vars(loss):
            watch(loss, "set_target", lambda *args: "set_target")
    watch(UpdateTrial, "on_batch_begin", lambda self, batch: f"set_trial({batch})")
    watch(Adam, "set_step", lambda self, cu, step: f"set_step({cu.name},{step})")
    monkeypatch.setattr(TracedMetric, "trace", trace, raising=False)
    monkeypatch.setitem(default_metrics, "traced_metric", TracedMetric)
    return trace


def metric(trace: list[str]) -> str:
    """Return the name of the traced metric, which the fixture has registered."""
    return "traced_metric"


def spikes(count: int, num_neurons: int = 3) -> list[Any]:
    return [preprocess_spikes(np.array([0.0]), np.array([0]), num_neurons)] * count


def traced(compiled: Any, trace: list[str]) -> Any:
    compiled.genn_model = TracedModel(compiled.genn_model, trace)
    return compiled


def test_event_prop_training_with_validation(trace: list[str]) -> None:
    built = build()
    compiler = EventPropCompiler(
        3, losses="sparse_categorical_crossentropy", reg_lambda_upper=1e-3, reg_lambda_lower=1e-3
    )
    compiled = traced(compiler.compile(built.network, "test"), trace)
    inp, out = built.populations["in"], built.populations["out"]
    with compiled:
        trace.clear()
        compiled.train(
            {inp: spikes(2)},
            {out: [0, 1]},
            2,
            shuffle=False,
            metrics=metric(trace),
            callbacks=[TracedCallback("user", trace)],
            validation_callbacks=[TracedCallback("val", trace)],
            validation_x={inp: spikes(1)},
            validation_y={out: [0]},
        )
    assert trace == TRACES["event_prop_sce_train_validate"]


def test_event_prop_first_spike_time_training(trace: list[str]) -> None:
    built = build(readout="first_spike_time", spiking_output=True)
    compiler = EventPropCompiler(3, losses=RelativeMeanSquareError(2.0))
    compiled = traced(compiler.compile(built.network, "test"), trace)
    inp, out = built.populations["in"], built.populations["out"]
    with compiled:
        trace.clear()
        compiled.train(
            {inp: spikes(2)},
            {out: [0, 1]},
            1,
            shuffle=False,
            metrics=metric(trace),
            callbacks=[TracedCallback("user", trace)],
        )
    expected = TRACES["event_prop_ttfs_rmse_train"]
    assert trace == expected


def test_eprop_training_with_deep_r(trace: list[str]) -> None:
    network = Network(eprop_compiler.default_params)
    with network:
        inp = Population(SpikeInput(), 3)
        hid = Population(LeakyIntegrateFire(tau_refrac=3.0), 4)
        out = Population(LeakyIntegrate(readout="avg_var"), 2)
        sparse = Connection(inp, hid, FixedProbability(0.5, 1.0))
        Connection(hid, out, Dense(np.ones((4, 2))))
    compiler = EPropCompiler(3, "sparse_categorical_crossentropy", deep_r_conns=[sparse])
    compiled = traced(compiler.compile(network, "test"), trace)
    with compiled:
        trace.clear()
        compiled.train(
            {inp: spikes(2)},
            {out: [0, 1]},
            1,
            shuffle=False,
            metrics=metric(trace),
            callbacks=[TracedCallback("user", trace)],
        )
    assert trace == TRACES["eprop_deepr_train"]


@pytest.mark.parametrize(
    "function", ["evaluate", "predict", "evaluate_batch", "evaluate_batch_iter"]
)
def test_inference(function: str, trace: list[str]) -> None:
    built = build()
    compiled = traced(InferenceCompiler(3).compile(built.network, "test"), trace)
    inp, out = built.populations["in"], built.populations["out"]
    arguments: dict[str, Any] = {"callbacks": [TracedCallback("user", trace)]}
    if function != "predict":
        arguments["metrics"] = metric(trace)
    with compiled:
        trace.clear()
        if function == "evaluate":
            compiled.evaluate({inp: spikes(2)}, {out: np.array([0, 1])}, **arguments)
        elif function == "predict":
            compiled.predict({inp: spikes(3)}, out, **arguments)
        elif function == "evaluate_batch":
            compiled.evaluate_batch({inp: spikes(1)}, {out: np.array([0])}, **arguments)
        else:
            batches = ((spikes(1), np.array([i])) for i in range(2))
            compiled.evaluate_batch_iter(inp, out, batches, **arguments)
    assert trace == TRACES[f"inference_{function}"]


def test_few_spike_evaluation(trace: list[str]) -> None:
    network = Network()
    with network:
        inp = Population(FewSpikeReluInput(4), 3)
        hid = Population(FewSpikeRelu(4), 4)
        out = Population(FewSpikeRelu(4, readout="var"), 2)
        Connection(inp, hid, Dense(np.ones((3, 4))))
        Connection(hid, out, Dense(np.ones((4, 2))))
    compiled = FewSpikeCompiler(k=4).compile(network, "test", inputs=inp, outputs=out)
    traced(compiled, trace)
    with compiled:
        trace.clear()
        compiled.evaluate(
            {inp: np.ones((3, 3))},
            {out: np.array([0, 1, 0])},
            metrics=metric(trace),
            callbacks=[TracedCallback("user", trace)],
        )
    assert trace == TRACES["few_spike_evaluate"]

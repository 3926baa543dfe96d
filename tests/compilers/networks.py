"""Networks, data and comparison shared by the tests of the EventProp compiler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback, VarRecorder
from mlgenn_rs.compilers import EventPropCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.metrics import Metric
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

GOLDEN = Path(__file__).parents[1] / "golden" / "compilers"


def load_golden(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a golden file by name."""
    with np.load(GOLDEN / name) as arrays:
        return dict(arrays)


def load_constants(name: str = "eventprop_b1.npz") -> dict[str, np.ndarray]:
    """Return the constants of a golden file, without their prefix."""
    return {
        key.removeprefix("const/"): value
        for key, value in load_golden(name).items()
        if key.startswith("const/")
    }


CONSTANTS = load_constants()


def to_spikes(rows: np.ndarray, num_examples: int, num_neurons: int) -> list[Any]:
    """Return preprocessed spikes from rows of (example, neuron, time)."""
    examples = []
    for i in range(num_examples):
        mine = rows[rows[:, 0] == i]
        examples.append(preprocess_spikes(mine[:, 2], mine[:, 1].astype(int), num_neurons))
    return examples


def assert_close(actual: Any, expected: Any, what: str, tolerance: float = 1e-4) -> None:
    """Compare arrays relative to the largest expected value."""
    expected = np.asarray(expected, dtype=np.float64)
    actual = np.asarray(actual, dtype=np.float64).reshape(expected.shape)
    limit = tolerance * np.max(np.abs(expected), initial=0.0) + 1e-9
    worst = np.max(np.abs(actual - expected), initial=0.0)
    assert worst <= limit, f"{what}: differs by {worst}, more than {limit}"


class NoMetric(Metric):
    """Metric that takes any labels."""

    def update(self, y_true: Any, y_pred: Any, communicator: Any) -> None:
        pass

    def reset(self) -> None:
        pass

    @property
    def result(self) -> None:
        return None


class GradientRecorder(Callback):
    """Copies gradients after the last timestep of each batch, before they are used."""

    def __init__(self, connections: dict[str, Connection], num_timesteps: int, out: dict) -> None:
        self.connections, self.num_timesteps, self.out = connections, num_timesteps, out

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.compiled_network = compiled_network

    def on_timestep_end(self, timestep: int) -> None:
        if timestep != self.num_timesteps - 1:
            return
        for name, conn in self.connections.items():
            group = self.compiled_network.connection_populations[conn]
            for var in ("Gradient", "DelayGradient"):
                if var in group.vars:
                    self.out.setdefault(f"{name}.{var}", []).append(group.vars[var].values)


class BackwardRecorder(GradientRecorder):
    """Copies gradients after the backward pass of each batch, before they are used."""

    on_timestep_end = None

    def on_backward_end(self, batch: int) -> None:
        super().on_timestep_end(self.num_timesteps - 1)


class WeightRecorder(Callback):
    """Copies what was learned after each batch, and what was read out."""

    def __init__(
        self, connections: dict[str, Connection], output: Population, out: dict[str, Any]
    ) -> None:
        self.connections, self.output, self.out = connections, output, out

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.compiled_network = compiled_network

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        for name, conn in self.connections.items():
            group = self.compiled_network.connection_populations[conn]
            for var in ("g", "d"):
                if var in group.vars:
                    self.out.setdefault(f"{name}.{var}", []).append(group.vars[var].values)
        readout = np.copy(self.compiled_network.get_readout(self.output))
        self.out.setdefault("out.readout", []).append(readout)
        variables = self.compiled_network.neuron_populations[self.output].vars
        if "Softmax" in variables:
            self.out.setdefault("out.Softmax", []).append(variables["Softmax"].values)


@dataclass
class Built:
    """A network with the names that golden files use."""

    network: Network
    populations: dict[str, Population] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)


def build(
    *,
    readout: Any = "avg_var",
    spiking_output: bool = False,
    recurrent: bool = False,
    two_hidden: bool = False,
    hidden: bool = True,
    delays: dict[str, Any] | None = None,
    max_delay_steps: int | None = None,
    hidden_args: dict[str, Any] | None = None,
    output_args: dict[str, Any] | None = None,
    tau_syn: dict[str, float] | None = None,
    scale_ih: float = 1.0,
) -> Built:
    """Build the network of the golden files: 3 inputs, 4 hidden neurons, 2 outputs."""
    delays, tau_syn = delays or {}, tau_syn or {}
    c = CONSTANTS
    network = Network(default_params)
    built = Built(network)
    with network:
        pops = built.populations
        pops["in"] = Population(SpikeInput(max_spikes=200), 3, name="in")
        if hidden:
            pops["hid"] = Population(
                LeakyIntegrateFire(**{"v_thresh": 1.0, "tau_mem": 20.0, **(hidden_args or {})}),
                4,
                name="hid",
                record_spikes=True,
            )
        if two_hidden:
            pops["hid2"] = Population(
                LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0), 4, name="hid2"
            )
        arguments = {"tau_mem": 20.0, "readout": readout, **(output_args or {})}
        if spiking_output:
            neuron: Any = LeakyIntegrateFire(**{"v_thresh": 1.0, **arguments})
        else:
            neuron = LeakyIntegrate(**arguments)
        pops["out"] = Population(neuron, 2, name="out")

        def connect(name: str, source: str, target: str, weight: np.ndarray) -> None:
            built.connections[name] = Connection(
                pops[source],
                pops[target],
                Dense(weight, delay=delays.get(name, 0)),
                Exponential(tau_syn.get(name, 5.0)),
                name=name,
                max_delay_steps=max_delay_steps,
            )

        w_ho = c["W_ho_lif"] if spiking_output else c["W_ho"]
        if not hidden:
            connect("io", "in", "out", c["W_io"] + (1.0 if spiking_output else 0.0))
            return built
        connect("ih", "in", "hid", c["W_ih"] * scale_ih)
        if recurrent:
            connect("hh", "hid", "hid", c["W_hh"])
        if two_hidden:
            connect("h2", "hid", "hid2", c["W_h2"])
            connect("h2o", "hid2", "out", w_ho)
        else:
            connect("ho", "hid", "out", w_ho)
    return built


def train(
    built: Built,
    spikes: Sequence[Any],
    targets: Any,
    *,
    num_timesteps: int,
    loss: Any = "sparse_categorical_crossentropy",
    learn_delays: bool = False,
    native: bool = False,
    record: Sequence[tuple[str, str]] = (),
    **compiler_args: Any,
) -> dict[str, Any]:
    """Train for one epoch without shuffling and return everything that golden files hold."""
    if learn_delays:
        compiler_args["delay_learn_conns"] = list(built.connections.values())
        compiler_args["delay_optimiser"] = Adam(0.05)
    compiler = EventPropCompiler(
        num_timesteps,
        losses=loss,
        optimiser=Adam(0.01),
        accumulate_per_member=True,
        **{"max_spikes": 64, **compiler_args},
    )
    compiled = compiler.compile(built.network, "test")
    out: dict[str, Any] = {}
    recorders = [
        VarRecorder(built.populations[pop], genn_var=var, key=f"{pop}.{var}") for pop, var in record
    ]
    watchers: list[Any] = [WeightRecorder(built.connections, built.populations["out"], out)]
    if not native:
        watchers.append(GradientRecorder(built.connections, num_timesteps, out))
    with compiled:
        _, data = compiled.train(
            {built.populations["in"]: spikes},
            {built.populations["out"]: targets},
            num_epochs=1,
            shuffle=False,
            metrics=NoMetric(),
            callbacks=[*recorders, *watchers],
        )
    out.update({key: np.concatenate(values) for key, values in data.items()})
    return out

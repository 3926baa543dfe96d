"""Networks and training shared by the tests of the e-prop compiler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback, VarRecorder
from mlgenn_rs.compilers import EPropCompiler
from mlgenn_rs.compilers.eprop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.synapses import Delta

from .networks import Built, NoMetric, load_constants

CONSTANTS = load_constants("eprop_b1.npz")
NUM_TIMESTEPS = 20


class BatchRecorder(Callback):
    """Copies weights, biases and readouts after each batch."""

    def __init__(self, built: Built, out: dict[str, Any]) -> None:
        self.built, self.out = built, out

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.compiled_network = compiled_network
        self.output = compiled_network.neuron_populations[self.built.populations["out"]]
        self.groups = {
            name: compiled_network.connection_populations[conn]
            for name, conn in self.built.connections.items()
        }

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        for name, group in self.groups.items():
            self.keep(f"{name}.g", group.vars, "g")
        self.keep("out.Bias", self.output.vars, "Bias")
        readout = self.compiled_network.get_readout(self.built.populations["out"])
        self.out.setdefault("out.readout", []).append(np.copy(readout))

    def keep(self, key: str, variables: Any, name: str) -> None:
        if name in variables:
            variables[name].pull_from_device()
            self.out.setdefault(key, []).append(np.copy(variables[name].current_values))


class StateRecorder(BatchRecorder):
    """Copies also gradients after the last timestep, and traces after each one."""

    def __init__(self, built: Built, out: dict[str, Any], traced: str | None = None) -> None:
        super().__init__(built, out)
        self.traced = traced

    def on_timestep_end(self, timestep: int) -> None:
        if self.traced is not None:
            group = self.groups[self.traced]
            for variables in (group.vars, group.pre_vars, group.post_vars):
                for name in variables:
                    self.keep(f"{self.traced}.trace.{name}", variables, name)
        if timestep == NUM_TIMESTEPS - 1:
            for name, group in self.groups.items():
                self.keep(f"{name}.DeltaG", group.vars, "DeltaG")
            self.keep("out.DeltaBias", self.output.vars, "DeltaBias")


def build(
    *,
    readout: Any = "avg_var",
    adaptive: bool = False,
    recurrent: bool = False,
    mixed: bool = False,
    delay: int = 0,
    hidden_args: dict[str, Any] | None = None,
    output_args: dict[str, Any] | None = None,
) -> Built:
    """Build the network of the golden files: 3 inputs, 4 hidden neurons, 2 outputs."""
    c = CONSTANTS
    adaptation: dict[str, Any] = {"tau_adapt": 200.0, "beta": 0.17} if adaptive else {}
    kind: Any = AdaptiveLeakyIntegrateFire if adaptive else LeakyIntegrateFire
    arguments = {"v_thresh": 0.6, "tau_mem": 20.0, "tau_refrac": 3.0, **adaptation}
    built = Built(Network(default_params))
    with built.network:
        pops = built.populations
        pops["in"] = Population(SpikeInput(max_spikes=200), 3, name="in")
        pops["hid"] = Population(kind(**{**arguments, **(hidden_args or {})}), 4, name="hid")
        if mixed:
            neuron = AdaptiveLeakyIntegrateFire(
                v_thresh=0.5, tau_mem=20.0, tau_refrac=2.0, tau_adapt=200.0, beta=0.1
            )
            pops["hid2"] = Population(neuron, 3, name="hid2")
        output = {"tau_mem": 20.0, "bias": 0.05, "readout": readout, **(output_args or {})}
        pops["out"] = Population(LeakyIntegrate(**output), 2, name="out")

        def connect(name: str, source: str, target: str, delay: int = 0) -> None:
            built.connections[name] = Connection(
                pops[source], pops[target], Dense(c[f"W_{name}"], delay=delay), Delta(), name=name
            )

        connect("ih", "in", "hid", delay)
        if recurrent:
            connect("hh", "hid", "hid")
        connect("ho", "hid", "out", delay)
        if mixed:
            connect("ih2", "in", "hid2")
            connect("h2o", "hid2", "out")
    return built


def train(
    built: Built,
    spikes: Sequence[Any],
    targets: Any,
    *,
    loss: Any = "sparse_categorical_crossentropy",
    native: bool = False,
    traced: str | None = None,
    record: Sequence[tuple[str, str]] = (),
    **compiler_args: Any,
) -> dict[str, Any]:
    """Train for one epoch without shuffling and return everything that golden files hold."""
    arguments = {
        "optimiser": Adam(0.01),
        "accumulate_per_member": True,
        "tau_reg": 100.0,
        "c_reg": 0.1,
        "f_target": 20.0,
    }
    compiler = EPropCompiler(NUM_TIMESTEPS, loss, **{**arguments, **compiler_args})
    compiled = compiler.compile(built.network, "test")
    out: dict[str, Any] = {}
    callbacks: list[Any] = [
        VarRecorder(built.populations[pop], genn_var=var, key=f"{pop}.{var}") for pop, var in record
    ]
    # A callback of timesteps makes the loop run one timestep after the other
    recorder = BatchRecorder(built, out) if native else StateRecorder(built, out, traced)
    with compiled:
        _, data = compiled.train(
            {built.populations["in"]: spikes},
            {built.populations["out"]: targets},
            num_epochs=1,
            shuffle=False,
            metrics=NoMetric(),
            callbacks=[*callbacks, recorder],
        )
    out.update({key: np.concatenate(values) for key, values in data.items()})
    return out

"""Networks of ``golden/eventprop_extensions``, for reference models and for the compiler."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from reference.extended_event_prop import Network, to_steps

from mlgenn_rs import Connection, Population
from mlgenn_rs import Network as MLNetwork
from mlgenn_rs.callbacks import Callback
from mlgenn_rs.compilers import EventPropCompiler
from mlgenn_rs.compilers.event_prop.learned_parameters import VARIABLES
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.losses import RelativeMeanSquareError
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

from .networks import BackwardRecorder, GradientRecorder, NoMetric

GOLDEN = Path(__file__).parents[1] / "golden" / "eventprop_extensions" / "gradients.npz"

NAMES = {
    "weights": "W",
    "delays": "D",
    "tau_mem": "tau_m",
    "tau_syn": "tau_s",
    "tau_adapt": "tau_a",
    "beta": "beta",
    "v_thresh": "v_th",
    "v_reset": "v_r",
    "tau_refrac": "tau_ref",
    "bias": "b",
}
"""Names of parameters in the golden values."""


@cache
def load_golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


def cases() -> list[str]:
    return sorted({key.split("/")[0] for key in load_golden()})


def load_network(case: str) -> Network:
    golden = load_golden()
    net = {key.split("/")[2]: v for key, v in golden.items() if key.startswith(f"{case}/net/")}
    loss: dict[str, Any] = {"kind": str(net["loss"])}
    for key in ("y", "temp", "ts", "Y"):
        if f"loss_{key}" in net:
            loss[key] = net[f"loss_{key}"]
    return Network(
        net["W"],
        net["D"],
        net["mask"],
        {name: net[NAMES[name]] for name in NAMES if name not in ("weights", "delays")},
        net["spk"],
        net["out"],
        net["rel"],
        net["frz"],
        [(float(time), int(line)) for time, line in net["x_in"]],
        float(net["T"]),
        loss,
    )


def load_gradients(case: str, kind: str) -> dict[str, np.ndarray]:
    """Return golden gradients: ``grid0.1``, ``exact`` or ``fd``."""
    golden = load_golden()
    keys = {name: f"{case}/{kind}/g_{short}" for name, short in NAMES.items()}
    return {name: golden[key] for name, key in keys.items() if key in golden}


SCE = "sparse_categorical_crossentropy"


class ParameterRecorder(Callback):
    """Copies gradients of parameters of neurons after the last timestep of each batch."""

    def __init__(self, populations: list[Population], num_timesteps: int, out: dict) -> None:
        self.populations, self.num_timesteps, self.out = populations, num_timesteps, out

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.groups = {p.name: compiled_network.neuron_populations[p] for p in self.populations}

    def on_timestep_end(self, timestep: int) -> None:
        if timestep != self.num_timesteps - 1:
            return
        for pop, group in self.groups.items():
            for name, variable in VARIABLES.items():
                if f"{variable}Gradient" in group.vars:
                    values = group.vars[f"{variable}Gradient"].values
                    self.out.setdefault((pop, name), []).append(values)


class BackwardParameterRecorder(ParameterRecorder):
    """Copies them after the backward pass of each batch, before they are used."""

    on_timestep_end = None

    def on_backward_end(self, batch: int) -> None:
        super().on_timestep_end(self.num_timesteps - 1)


@dataclass
class Compiled:
    """The compiler's version of a network."""

    net: Network
    dt: float
    network: MLNetwork = field(default_factory=lambda: MLNetwork(default_params))

    def __post_init__(self) -> None:
        net, dt = self.net, self.dt
        self.steps = int(to_steps(net.duration, dt))
        self.num_hidden = int((~net.is_output).sum())
        self.parameters = net.parameters
        hidden, output = slice(0, self.num_hidden), slice(self.num_hidden, net.size)
        self.ranges = {"hid": hidden, "out": output}
        rows = {
            "in": slice(0, net.num_inputs),
            "hid": slice(net.num_inputs, net.num_inputs + self.num_hidden),
        }
        self.synapses: dict[str, tuple[slice, slice]] = {}
        self.connections: dict[str, Connection] = {}
        with self.network:
            source = SpikeInput(max_spikes=4000)
            self.populations = {"in": Population(source, net.num_inputs, name="in")}
            for name, where in self.ranges.items():
                size = where.stop - where.start
                neuron = self.create_neuron(name, where)
                self.populations[name] = Population(neuron, size, name=name)
            for pre, post in (("in", "hid"), ("hid", "hid"), ("hid", "out")):
                where = rows[pre], self.ranges[post]
                if not net.mask[where].any():
                    continue
                assert net.mask[where].all()
                self.synapses[pre + post] = where
                delays = to_steps(net.delays[where], dt)
                self.connections[pre + post] = Connection(
                    self.populations[pre],
                    self.populations[post],
                    Dense(net.weights[where], delays),
                    Exponential(self.parameters["tau_syn"][self.ranges[post]]),
                    name=pre + post,
                    max_delay_steps=int(delays.max()) + 1,
                )

    def create_neuron(self, name: str, where: slice) -> Any:
        """Return neurons; a constant input current is a shift of the potential."""
        p = {key: values[where] for key, values in self.parameters.items()}
        if not self.net.spikes[where].all():
            bias = (1.0 - np.exp(-self.dt / p["tau_mem"])) * p["bias"]
            readout = "var" if self.net.loss["kind"] in ("mse", "signal") else "avg_var"
            return LeakyIntegrate(bias=bias, tau_mem=p["tau_mem"], readout=readout)
        # Half a timestep less, so that rounding does not decide how many timesteps that is
        refractory = p["tau_refrac"] - 0.5 * self.dt if p["tau_refrac"].any() else None
        arguments: dict[str, Any] = {
            "v": -p["bias"],
            "v_thresh": p["v_thresh"] - p["bias"],
            "v_reset": p["v_reset"] - p["bias"],
            "tau_mem": p["tau_mem"],
            "tau_refrac": refractory,
            "relative_reset": bool(self.net.is_relative[where].any()),
            "integrate_during_refrac": not self.net.is_frozen[where].any(),
            "readout": "first_spike_time" if name == "out" else None,
        }
        if not self.is_adaptive:
            return LeakyIntegrateFire(**arguments)
        return AdaptiveLeakyIntegrateFire(
            beta=p["beta"], tau_adapt=p["tau_adapt"], scale_i=True, **arguments
        )

    @property
    def is_adaptive(self) -> bool:
        return bool(self.parameters["beta"].any())

    @property
    def learned(self) -> dict[Population, list[str]]:
        """All parameters that can be learned."""
        spiking = ["tau_mem", "tau_syn", "v_thresh", "v_reset"]
        if self.parameters["tau_refrac"].any():
            spiking.append("tau_refrac")
        if self.is_adaptive:
            spiking += ["beta", "tau_adapt"]
        is_integrator = not self.net.spikes.all()
        output = ["tau_mem", "tau_syn", "bias"] if is_integrator else spiking
        return {self.populations["hid"]: spiking, self.populations["out"]: output}

    def targets(self, examples: int) -> Any:
        loss = self.net.loss
        return np.stack([loss["y" if "y" in loss else "Y"]] * examples)

    def to_example(self, inputs: Any) -> Any:
        """Return spikes in the middle of the timestep before they arrive."""
        rows = np.array([(line, to_steps(time, self.dt) - 1.5) for time, line in inputs])
        times, lines = rows[:, 1] * self.dt, rows[:, 0].astype(int)
        return preprocess_spikes(times, lines, self.net.num_inputs)

    def train(
        self, inputs: Any = None, batch_size: int = 1, learn: bool = True, **options: Any
    ) -> list[dict[str, np.ndarray]]:
        """Return gradients of all batches that have them, in the order of the network.

        The last one has none if it would be computed in the next one. There is one list of inputs
        for each example, and by default two examples with those of the network.
        """
        net, dt = self.net, self.dt
        examples = [self.to_example(i) for i in (inputs or [net.inputs] * 2)]
        out: dict[Any, Any] = {}
        options = {
            "max_spikes": 100,
            "min_slope": 1e-6,
            "softmax_temperature": float(net.loss.get("temp", 1.0)),
            "ttfs_alpha": float(net.loss.get("alpha", 0.0)),
            "learn": self.learned if learn else {},
            "param_optimiser": Adam(1e-30),
            "delay_learn_conns": list(self.connections.values()),
            "delay_optimiser": Adam(1e-30),
            "exact_adjoint": True,
            **options,
        }
        losses: dict[str, Any] = {"avg": SCE, "ttfs": SCE, "signal": "mean_square_error"}
        if net.loss["kind"] == "rmse":
            losses["rmse"] = RelativeMeanSquareError(net.loss["delta"])
        compiled = EventPropCompiler(
            self.steps,
            losses[net.loss["kind"]],
            Adam(1e-30),
            dt=dt,
            batch_size=batch_size,
            accumulate_per_member=True,
            **options,
        ).compile(self.network, "extensions")
        populations = [self.populations[name] for name in self.ranges]
        lags = options.get("backward") != "same_batch"
        recorders: Any = (GradientRecorder, ParameterRecorder)
        if not lags:
            recorders = (BackwardRecorder, BackwardParameterRecorder)
        with compiled:
            compiled.train(
                {self.populations["in"]: examples},
                {self.populations["out"]: self.targets(len(examples))},
                num_epochs=1,
                shuffle=False,
                metrics={self.populations["out"]: NoMetric()},
                callbacks=[
                    recorders[0](self.connections, self.steps, out),
                    recorders[1](populations, self.steps, out),
                ],
            )
        num_batches = len(examples) // batch_size
        return [self.collect(out, batch, batch_size) for batch in range(lags, num_batches)]

    def collect(self, out: dict[Any, Any], batch: int, batch_size: int) -> dict[str, np.ndarray]:
        """Return the gradients recorded in a batch, summed over its members."""
        gradients = {
            name: np.zeros(self.net.weights.shape)
            for name in ("weights", "delays")
            if name == "weights" or "inhid.DelayGradient" in out
        }
        for name, where in self.synapses.items():
            for kind, variable in (("weights", "Gradient"), ("delays", "DelayGradient")):
                if kind in gradients:
                    shape = gradients[kind][where].shape
                    values = np.asarray(out[f"{name}.{variable}"][batch], dtype=np.float64)
                    gradients[kind][where] = values.reshape(batch_size, *shape).sum(axis=0)
        for (pop, name), values in ((k, v) for k, v in out.items() if isinstance(k, tuple)):
            gradient = gradients.setdefault(name, np.full(self.net.size, np.nan))
            values = np.asarray(values[batch], dtype=np.float64).reshape(batch_size, -1)
            gradient[self.ranges[pop]] = values.sum(axis=0)
        for name in ("tau_mem", "tau_syn", "tau_adapt"):
            if name in gradients:  # of their logarithms
                gradients[name] /= self.parameters[name]
        return gradients

    def translate(self, gradients: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return gradients of the reference by the parameters of the compiler.

        A leaky integrator gets its bias once per timestep, instead of a current that also acts
        more with a shorter ``tau_mem``.
        """
        result = dict(gradients)
        tau, bias = self.parameters["tau_mem"], self.parameters["bias"]
        alpha = np.exp(-self.dt / tau)
        change = bias * alpha * self.dt / tau**2 / (1.0 - alpha)
        is_integrator = ~self.net.spikes
        result["tau_mem"] = result["tau_mem"] + is_integrator * result["bias"] * change
        result["bias"] = result["bias"] / (1.0 - alpha)
        return result

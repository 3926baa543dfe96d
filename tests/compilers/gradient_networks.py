"""Networks that are described once, for the EventProp compiler and for reference models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from reference import event_prop_adjoint as reference

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import EventPropCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense, FixedProbability
from mlgenn_rs.losses import RelativeMeanSquareError
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.synapses import Exponential

from .networks import BackwardRecorder, GradientRecorder, NoMetric, to_spikes

READOUTS = {
    "avg": "avg_var",
    "sum": "sum_var",
    "exp": "avg_var_exp_weight",
    "max": "max_var",
    None: "var",
}
SCE = "sparse_categorical_crossentropy"
STILL = Adam(1e-30)
"""An optimiser that changes nothing, so that all batches see the same weights."""


@dataclass
class GradientNetwork:
    """A network of the compiler, ``network``, and the same populations of the reference.

    The class variable ``backward`` is when all of them run their backward passes.
    """

    backward: ClassVar[str] = "next_batch"

    num_timesteps: int = 28
    dt: float = 1.0
    network: Network = field(default_factory=lambda: Network(default_params))
    populations: dict[str, Population] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    models: dict[str, reference.Population] = field(default_factory=dict)
    synapses: dict[str, reference.Connection] = field(default_factory=dict)
    losses: dict[Population, Any] = field(default_factory=dict)
    learned: list[Connection] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        """Whether every batch has a gradient, and examples know nothing of each other."""
        return self.backward == "same_batch"

    def add_input(self, name: str, shape: Any) -> None:
        with self.network:
            neuron = SpikeInput(max_spikes=4000)
            self.populations[name] = Population(neuron, shape, name=name)
        self.models[name] = reference.Population(int(np.prod(shape)), is_input=True)

    def add_hidden(
        self,
        name: str,
        shape: Any,
        tau_mem: float = 20.0,
        v_thresh: float = 1.0,
        v_reset: float = 0.0,
    ) -> None:
        with self.network:
            neuron = LeakyIntegrateFire(v_thresh=v_thresh, v_reset=v_reset, tau_mem=tau_mem)
            self.populations[name] = Population(neuron, shape, name=name)
        self.models[name] = reference.Population(
            int(np.prod(shape)), tau_mem=tau_mem, v_thresh=v_thresh, v_reset=v_reset
        )

    def add_output(
        self,
        name: str,
        shape: Any,
        loss: str = "sce",
        readout: str | None = "avg",
        tau_mem: float = 20.0,
        delta: float = 1.5,
    ) -> None:
        """Add an output; the readout ``first`` is the time of the first spike."""
        spikes = readout == "first"
        neuron: Any
        with self.network:
            if spikes:
                neuron = LeakyIntegrateFire(tau_mem=tau_mem, readout="first_spike_time")
            else:
                neuron = LeakyIntegrate(tau_mem=tau_mem, readout=READOUTS[readout])
            self.populations[name] = pop = Population(neuron, shape, name=name)
        self.models[name] = reference.Population(
            int(np.prod(shape)), spikes, False, tau_mem, loss=loss, readout=readout, delta=delta
        )
        losses = {"mse": "mean_square_error", "rmse": RelativeMeanSquareError(delta)}
        self.losses[pop] = losses.get(loss, SCE)

    def connect(
        self,
        name: str,
        source: str,
        target: str,
        connectivity: Any,
        weights: np.ndarray,
        index: np.ndarray,
        tau_syn: float = 5.0,
        learn_delays: bool = False,
        max_delay_steps: int | None = None,
    ) -> None:
        """Connect populations; delays are those of the connectivity."""
        delays = np.broadcast_to(np.asarray(connectivity.delay, dtype=np.float64), index.shape)
        self.synapses[name] = reference.Connection(
            self.models[source],
            self.models[target],
            np.asarray(weights, dtype=np.float32).astype(np.float64).ravel(),
            index,
            np.round(delays).astype(int),
            tau_syn,
        )
        with self.network:
            conn = Connection(
                self.populations[source],
                self.populations[target],
                connectivity,
                Exponential(tau_syn),
                name=name,
                max_delay_steps=max_delay_steps,
            )
        self.connections[name] = conn
        if learn_delays:
            self.learned.append(conn)

    def connect_densely(
        self, name: str, source: str, target: str, weights: np.ndarray, delays: Any = 0, **how: Any
    ) -> None:
        index = np.arange(weights.size).reshape(weights.shape)
        self.connect(name, source, target, Dense(weights, delays), weights, index, **how)

    def connect_sparsely(
        self, name: str, source: str, target: str, weights: np.ndarray, index: np.ndarray
    ) -> None:
        """Connect where the index of the weight is not negative."""
        connectivity = FixedProbability(0.5, weights)
        connectivity.pre_ind, connectivity.post_ind = np.nonzero(index >= 0)
        self.connect(name, source, target, connectivity, weights, index)

    def train(
        self,
        rasters: dict[str, np.ndarray],
        targets: dict[str, Any],
        batch_size: int = 1,
        **options: Any,
    ) -> dict[str, np.ndarray]:
        """Return the gradients of all batches that have them: (batches, members, weights).

        The last one has none if it would be computed in the next one. Rasters are (examples,
        timesteps, neurons). The key of the gradient of delays ends with ``.delay``.
        """
        if self.learned:
            options |= {"delay_learn_conns": self.learned, "delay_optimiser": STILL}
        compiled = EventPropCompiler(
            self.num_timesteps,
            losses=self.losses,
            optimiser=STILL,
            dt=self.dt,
            batch_size=batch_size,
            accumulate_per_member=True,
            backward=self.backward,
            **{"max_spikes": 200, **options},
        ).compile(self.network, "gradients")
        out: dict[str, Any] = {}
        recorder = BackwardRecorder if self.is_exact else GradientRecorder
        x = {}
        for name, raster in rasters.items():
            rows = np.argwhere(raster)[:, [0, 2, 1]].astype(np.float64)
            # Between two timesteps, so that rounding does not decide which one it is
            rows[:, 2] = (rows[:, 2] - 0.5) * self.dt
            x[self.populations[name]] = to_spikes(rows, len(raster), raster.shape[2])
        with compiled:
            compiled.train(
                x,
                {self.populations[name]: target for name, target in targets.items()},
                num_epochs=1,
                shuffle=False,
                metrics={self.populations[name]: NoMetric() for name in targets},
                callbacks=[recorder(self.connections, self.num_timesteps, out)],
            )
        gradients = {}
        for key, batches in out.items():
            name, variable = key.split(".")
            values = np.asarray(batches if self.is_exact else batches[1:], dtype=np.float64)
            suffix = ".delay" if variable == "DelayGradient" else ""
            gradients[name + suffix] = values.reshape(len(values), batch_size, -1)
        return gradients

    def predict_gradients(
        self,
        rasters: dict[str, np.ndarray],
        targets: dict[str, Any],
        batch_size: int = 1,
        **options: Any,
    ) -> dict[str, np.ndarray]:
        """Return what :meth:`train` should, from the reference model."""
        num_batches = len(next(iter(rasters.values()))) // batch_size - (not self.is_exact)
        gradients: dict[str, Any] = {}
        for member in range(batch_size):
            model = reference.Model(
                list(self.models.values()),
                list(self.synapses.values()),
                self.num_timesteps,
                self.dt,
                batch_size,
                is_exact=self.is_exact,
                **options,
            )
            for batch in range(num_batches):
                i = batch * batch_size + member
                forward = model.forward({self.models[k]: r[i] for k, r in rasters.items()})
                spiking = [pop for pop in self.models.values() if pop.spikes and not pop.loss]
                assert all(forward.spikes[pop].any() for pop in spiking), "a silent population"
                by_weight, by_delay = model.backward(
                    forward, {self.models[k]: target[i] for k, target in targets.items()}
                )
                for name, conn in self.synapses.items():
                    gradients.setdefault(name, {})[batch, member] = by_weight[conn]
                    if self.connections[name] in self.learned:
                        key = f"{name}.delay"
                        gradients.setdefault(key, {})[batch, member] = by_delay[conn].ravel()
        return {
            name: np.asarray(
                [[values[b, m] for m in range(batch_size)] for b in range(num_batches)]
            )
            for name, values in gradients.items()
        }


def draw_raster(
    rng: np.random.Generator, examples: int, steps: int, neurons: int, rate: float = 0.2
) -> np.ndarray:
    """Return random spikes (examples, timesteps, neurons), none where they would leak."""
    raster = rng.random((examples, steps, neurons)) < rate
    if GradientNetwork.backward == "next_batch":
        raster[:, -2:] = False
    return raster


def assert_gradients(
    actual: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    tolerance: float,
    names: Sequence[str] = (),
) -> None:
    """Compare gradients relative to the largest of each connection; none may vanish."""
    for name in names or expected:
        scale = np.abs(expected[name]).max()
        assert scale > 0.0, f"the gradient of {name} vanishes"
        assert actual[name].shape == expected[name].shape, name
        worst = np.abs(actual[name] - expected[name]).max() / scale
        assert worst < tolerance, f"{name}: differs by {worst:.2e} of the largest gradient"

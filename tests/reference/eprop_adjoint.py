"""E-prop gradients from one pass forwards and one backwards, without any trace of a synapse.

E-prop filters products of presynaptic traces and pseudo-derivatives for every synapse.  They are
linear in the presynaptic traces, so the gradient of a window of time is a product of two matrices:
presynaptic traces, and for each target neuron a factor that is found going back from the end of
the window.  Bellec et al., "A solution to the learning dilemma for recurrent networks of spiking
neurons", Nature Communications 11, 3625 (2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(eq=False)
class Population:
    """Inputs, hidden neurons (adaptive with a ``beta``) or, with a loss, leaky integrators."""

    size: int
    is_input: bool = False
    loss: str | None = None
    tau_mem: float = 20.0
    v_thresh: float = 1.0
    tau_refrac: float = 0.0
    beta: float = 0.0
    tau_adapt: float = 200.0
    bias: float = 0.0


@dataclass(eq=False)
class Connection:
    """Dense connection with a delay in timesteps, the same for all synapses."""

    source: Population
    target: Population
    weights: Array
    delay: int = 0


@dataclass
class History:
    """States of a population after each timestep since the start of training."""

    spikes: list[Array] = field(default_factory=list)
    errors: list[Array] = field(default_factory=list)
    psi: list[Array] = field(default_factory=list)
    rates: list[Array] = field(default_factory=list)
    softmax: list[Array] = field(default_factory=list)


@dataclass
class Model:
    """A network that is not changed by what it learns, one member of a batch."""

    populations: Sequence[Population]
    connections: Sequence[Connection]
    num_timesteps: int
    tau_mem: float = 20.0
    dt: float = 1.0
    c_reg: float = 0.1
    f_target: float = 20.0
    tau_reg: float = 100.0

    def __post_init__(self) -> None:
        self.history = {pop: History() for pop in self.populations}
        self.v = {pop: np.zeros(pop.size) for pop in self.populations}
        self.adaptation = {pop: np.zeros(pop.size) for pop in self.populations}
        self.refractory = {pop: np.zeros(pop.size) for pop in self.populations}
        self.rate = {pop: np.zeros(pop.size) for pop in self.populations}

    def forward(self, inputs: dict[Population, Array], targets: dict[Population, Any]) -> None:
        """Go on with an example: spikes (timesteps, neurons), labels or (timesteps, neurons)."""
        for n in range(self.num_timesteps):
            arriving = {pop: np.zeros(pop.size) for pop in self.populations}
            feedback = {pop: np.zeros(pop.size) for pop in self.populations}
            for conn in self.connections:
                spikes = self.history[conn.source].spikes
                if len(spikes) > conn.delay:
                    arriving[conn.target] += spikes[-1 - conn.delay] @ conn.weights
                errors = self.history[conn.target].errors
                if conn.target.loss and errors:
                    feedback[conn.source] += conn.weights @ errors[-1]
            for pop in self.populations:
                if pop.is_input:
                    self.history[pop].spikes.append(inputs[pop][n].astype(float))
                elif pop.loss:
                    self._step_output(pop, arriving[pop], targets[pop], n)
                else:
                    self._step_hidden(pop, arriving[pop], feedback[pop])

    def _step_output(self, pop: Population, current: Array, target: Any, n: int) -> None:
        history = self.history[pop]
        self.v[pop] = np.exp(-self.dt / pop.tau_mem) * self.v[pop] + current + pop.bias
        if pop.loss == "mse":
            history.errors.append(self.v[pop] - target[n])
        else:  # the softmax of the timestep before
            before = history.softmax[-1] if history.softmax else np.zeros(pop.size)
            history.errors.append(before - (np.arange(pop.size) == target))
        e = np.exp(self.v[pop] - self.v[pop].max())
        history.softmax.append(e / e.sum())

    def _step_hidden(self, pop: Population, current: Array, feedback: Array) -> None:
        history = self.history[pop]
        v = np.exp(-self.dt / self.tau_mem) * self.v[pop] + current
        adaptation = np.exp(-self.dt / pop.tau_adapt) * self.adaptation[pop]
        refractory = np.maximum(self.refractory[pop] - self.dt, 0.0)
        threshold = pop.v_thresh + pop.beta * adaptation
        distance = np.abs(v - threshold) / pop.v_thresh
        psi = 0.3 / pop.v_thresh * np.maximum(0.0, 1.0 - distance)
        spikes = ((v >= threshold) & (refractory <= 0.0)).astype(float)
        keep = np.exp(-self.dt / self.tau_reg)
        self.rate[pop] = keep * self.rate[pop] + (1.0 - keep) * spikes
        history.spikes.append(spikes)
        history.errors.append(feedback)
        history.psi.append(np.where(refractory > 0.0, 0.0, psi))
        history.rates.append(self.rate[pop])
        self.v[pop] = v - pop.v_thresh * spikes
        self.adaptation[pop] = adaptation + spikes
        self.refractory[pop] = np.where(spikes > 0.0, pop.tau_refrac, refractory)

    def gradient(self, conn: Connection) -> Array:
        """Return the gradient of the last example, including what earlier ones have left."""
        traces = self._traces(conn.source, conn.delay)
        start = len(traces) - self.num_timesteps
        errors = self._shifted(self.history[conn.target].errors)
        if conn.target.loss:
            return traces[start:].T @ errors[start:]
        return traces.T @ self._factors(conn.target, errors, start)

    def bias_gradient(self, pop: Population) -> Array:
        """Return the gradient of the biases of an output."""
        return np.sum(self.history[pop].errors[-self.num_timesteps :], axis=0)

    def _traces(self, source: Population, delay: int) -> Array:
        """Return filtered spikes, as each timestep finds them.

        A neuron whose spikes are delayed does not let its trace decay when it spikes, as in GeNN.
        """
        alpha = np.exp(-self.dt / self.tau_mem)
        is_delayed = any(c.delay for c in self.connections if c.source is source)
        trace, traces = np.zeros(source.size), []
        for spikes in self.history[source].spikes:
            traces.append(trace)
            trace = np.where(is_delayed * spikes > 0.0, 1.0, alpha) * trace + spikes
        late = [np.zeros(source.size)] * delay
        return np.asarray([*late, *traces][: len(traces)])

    def _shifted(self, values: list[Array]) -> Array:
        """Return values as the next timestep finds them."""
        return np.asarray([np.zeros_like(values[0]), *values[:-1]])

    def _factors(self, target: Population, errors: Array, start: int) -> Array:
        """Return what each timestep's presynaptic trace is multiplied by."""
        alpha = np.exp(-self.dt / self.tau_mem)
        rho = np.exp(-self.dt / target.tau_adapt)
        psi = self._shifted(self.history[target].psi)
        excess = self._shifted(self.history[target].rates) - self.f_target * self.dt / 1000.0
        factors = np.zeros_like(errors)
        learning, adaptation = np.zeros(target.size), np.zeros(target.size)
        for n in reversed(range(len(errors))):
            is_inside = n >= start
            learning = alpha * learning + is_inside * errors[n]
            signal = learning + is_inside * self.c_reg * excess[n]
            factors[n] = psi[n] * (signal + adaptation)
            slope = psi[n] * target.beta
            adaptation = (rho - slope) * adaptation - slope * signal
        return factors

"""EventProp gradients of one example at a time: all timesteps forwards, then all of them backwards.

The compiler can run the backward pass of one batch during the forward pass of the next.  Here both
are plain loops over the timesteps of an example, with time running forwards in every array:
``lv[n]`` is the adjoint variable of the potential before timestep ``n``, as it is found going back
from the end.  Connections are matrices; those that share weights or have gaps say with ``index``
which weight each pair of neurons has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(eq=False)
class Population:
    """Neurons with a time constant; outputs have a loss: ``sce``, ``per_timestep``, ``mse``, ...

    The readout of a leaky integrator (``spikes=False``) is ``avg``, ``sum``, ``exp`` or ``max``.
    """

    size: int
    spikes: bool = True
    is_input: bool = False
    tau_mem: float = 20.0
    v_thresh: float = 1.0
    v_reset: float = 0.0
    loss: str | None = None
    readout: str | None = None
    delta: float = 0.0
    kick: Any = 0.0
    """What each jump of a regularised neuron subtracts from its adjoint variable."""


@dataclass(eq=False)
class Connection:
    """Weights, and for each pair of neurons its weight (or -1) and its delay in timesteps."""

    source: Population
    target: Population
    weights: Array
    index: Array
    delays: Array
    tau_syn: float = 5.0

    @property
    def matrix(self) -> Array:
        """The weight of each pair, 0 if there is no synapse."""
        return np.where(self.index >= 0, self.weights[self.index], 0.0)

    def collect(self, pairs: Array) -> Array:
        """Sum values of pairs over all that share a weight."""
        total = np.zeros(len(self.weights))
        np.add.at(total, self.index[self.index >= 0], pairs[self.index >= 0])
        return total


@dataclass
class Pass:
    """What the forward pass of an example leaves for the backward pass."""

    spikes: dict[Population, Array] = field(default_factory=dict)
    i_minus_v: dict[Population, Array] = field(default_factory=dict)
    v: dict[Population, Array] = field(default_factory=dict)


@dataclass
class Model:
    """A network; ``forward`` keeps what its last spikes cause for the next example.

    Unless it ``is_exact``: then examples know nothing of each other, and spikes of the last
    timestep do not block those before them.
    """

    populations: list[Population]
    connections: list[Connection]
    num_timesteps: int
    dt: float = 1.0
    batch_size: int = 1
    ttfs_alpha: float = 0.01
    temperature: float = 1.0
    is_exact: bool = False
    current: dict[Connection, Array] = field(default_factory=dict)
    in_flight: dict[Connection, Array] = field(default_factory=dict)

    def incoming(self, pop: Population) -> list[Connection]:
        return [conn for conn in self.connections if conn.target is pop]

    def forward(self, inputs: dict[Population, Array]) -> Pass:
        """Simulate an example from spikes (timesteps, neurons) of the inputs."""
        steps, dt, result = self.num_timesteps, self.dt, Pass()
        if self.is_exact:
            self.current, self.in_flight = {}, {}
        arriving, current = {}, self.current
        for conn in self.connections:
            late = self.in_flight.get(conn, np.zeros((0, conn.target.size)))
            length = 2 * steps + int(conn.delays.max())
            arriving[conn] = np.zeros((length, conn.target.size))
            arriving[conn][: len(late)] = late
            current.setdefault(conn, np.zeros(conn.target.size))
        for pop in self.populations:
            for values in (result.spikes, result.i_minus_v, result.v):
                values[pop] = np.zeros((steps, pop.size))
            if pop.is_input:
                result.spikes[pop][:] = inputs[pop]
        potential = {pop: np.zeros(pop.size) for pop in self.populations}
        for n in range(steps + 1):
            if (
                n == steps - 1 and not self.is_exact
            ):  # before the last timestep all that is under way is dropped ...
                for conn in self.connections:
                    current[conn][:] = 0.0
                    arriving[conn][n:] = 0.0
            if n > 0:  # ... but for the spikes of the timestep before it
                for conn in self.connections:
                    for pre in np.flatnonzero(result.spikes[conn.source][n - 1]):
                        where = n + conn.delays[pre], np.arange(conn.target.size)
                        arriving[conn][where] += conn.matrix[pre]
            if n == steps:
                break
            for pop in self.populations:
                if pop.is_input:
                    continue
                alpha, charge, drive = np.exp(-dt / pop.tau_mem), 0.0, 0.0
                for conn in self.incoming(pop):
                    current[conn] += arriving[conn][n]
                    beta = np.exp(-dt / conn.tau_syn)
                    drive = drive + current[conn]
                    charge = charge + current[conn] * (1.0 - beta) * conn.tau_syn / dt
                    current[conn] = current[conn] * beta
                potential[pop] = alpha * potential[pop] + (1.0 - alpha) * charge
                result.v[pop][n] = potential[pop]
                if pop.spikes:
                    result.i_minus_v[pop][n] = drive - potential[pop]
                    fired = potential[pop] >= pop.v_thresh
                    result.spikes[pop][n] = fired
                    potential[pop] = np.where(fired, pop.v_reset, potential[pop])
        self.in_flight = {conn: arriving[conn][steps:] for conn in self.connections}
        return result

    def backward(
        self, forward: Pass, targets: dict[Population, Any]
    ) -> tuple[dict[Connection, Array], dict[Connection, Array]]:
        """Return gradients of weights, and of the delay of each pair of neurons (per ms)."""
        steps, dt = self.num_timesteps, self.dt
        lv = {p: np.zeros((steps + 1, p.size)) for p in self.populations}
        li = {p: np.zeros((steps + 1, p.size)) for p in self.populations}
        weight_gradient = {c: np.zeros(c.index.shape) for c in self.connections}
        delay_gradient = {c: np.zeros(c.index.shape) for c in self.connections}
        spikes = forward.spikes
        if not self.is_exact:  # a spike in the last timestep blocks those before it
            spikes = {p: np.where(s[-1] > 0.0, 0.0, s) for p, s in spikes.items()}
        drives = {
            p: self._drive(p, forward, targets[p])
            for p in self.populations
            if p.loss and not p.spikes
        }
        for n in reversed(range(steps)):
            feedback = {p: np.zeros(p.size) for p in self.populations}
            for conn in self.connections:
                post = np.arange(conn.target.size)
                for pre in np.flatnonzero(spikes[conn.source][n]):
                    arrival = np.minimum(n + 1 + conn.delays[pre], steps)
                    l_v, l_i = lv[conn.target][arrival, post], li[conn.target][arrival, post]
                    weight_gradient[conn][pre] -= conn.tau_syn * l_i
                    delay_gradient[conn][pre] += conn.matrix[pre] * (l_v - l_i)
                    feedback[conn.source][pre] += conn.matrix[pre] @ (l_v - l_i)
            for pop in self.populations:
                if pop.is_input:
                    continue
                tau_syn = self.incoming(pop)[0].tau_syn
                alpha, beta = np.exp(-dt / pop.tau_mem), np.exp(-dt / tau_syn)
                drive = drives[pop][n] if pop in drives else 0.0
                # Exact solution of tau_mem LV' = drive - LV, tau_syn LI' = LV - LI
                before = lv[pop][n + 1] - drive
                mixing = pop.tau_mem / (pop.tau_mem - tau_syn) * (alpha - beta)
                li[pop][n] = drive + (li[pop][n + 1] - drive) * beta + before * mixing
                lv[pop][n] = drive + before * alpha
                if pop.spikes:
                    self._jump(pop, n, lv[pop], spikes[pop], forward, targets, feedback[pop])
        return (
            {c: c.collect(weight_gradient[c]) for c in self.connections},
            {c: np.where(c.index >= 0, delay_gradient[c], 0.0) for c in self.connections},
        )

    def readout(self, pop: Population, forward: Pass) -> Array:
        """Return what is read out at the end of an example."""
        n, v = np.arange(self.num_timesteps), forward.v[pop]
        if pop.readout == "avg":
            return v.mean(axis=0)
        if pop.readout == "sum":
            return v.sum(axis=0)
        if pop.readout == "exp":
            return np.exp(-n / self.num_timesteps) @ v / self.num_timesteps
        assert pop.readout == "max", pop.readout
        return np.maximum(v.max(axis=0), 0.0)

    def _drive(self, pop: Population, forward: Pass, target: Any) -> Array:
        """Return minus the derivative of the loss by the potential in each timestep."""
        steps, v = self.num_timesteps, forward.v[pop]
        scale = 1.0 / (pop.tau_mem * self.batch_size * steps * self.dt)
        if pop.loss == "mse":
            return scale * (target - v)
        is_label = np.arange(pop.size) == target
        if pop.loss == "per_timestep":
            return scale * (is_label - softmax(v))
        error = scale * (is_label - softmax(self.readout(pop, forward)))
        if pop.readout == "exp":
            return np.exp(-(np.arange(steps)[:, np.newaxis] + 1.0) / steps) * error
        if pop.readout == "max":
            when = np.where(v.max(axis=0) > 0.0, v.argmax(axis=0), 0)
            return (np.arange(steps)[:, np.newaxis] == when) * error
        return np.broadcast_to(error, v.shape)

    def _jump(
        self,
        pop: Population,
        n: int,
        lv: Array,
        spikes: Array,
        forward: Pass,
        targets: dict[Population, Any],
        feedback: Array,
    ) -> None:
        """Let the adjoint of the potential jump at the spikes of a timestep."""
        if pop.loss is None:
            jump = pop.v_thresh * lv[n] + feedback
        else:
            jump = self._first_spike_jump(pop, n, lv, spikes, forward, targets[pop])
        fired = np.flatnonzero(spikes[n])
        lv[n, fired] += jump[fired] / forward.i_minus_v[pop][n][fired]
        lv[n, fired] -= np.broadcast_to(pop.kick, pop.size)[fired]

    def _first_spike_jump(
        self, pop: Population, n: int, lv: Array, spikes: Array, forward: Pass, label: int
    ) -> Array:
        duration, fired = self.num_timesteps * self.dt, forward.spikes[pop].any(axis=0)
        times = np.where(fired, forward.spikes[pop].argmax(axis=0) * self.dt, np.inf)
        is_first = spikes[n] * (times == n * self.dt)
        is_label = np.arange(pop.size) == label
        if pop.loss == "rmse":
            times = np.where(fired, times, 0.0)
            wrong = times - times[label] - pop.delta
            return is_first * np.where(is_label, -(wrong.sum() + pop.delta), wrong)
        assert pop.loss == "sce", pop.loss
        if n == self.num_timesteps - 1:
            # The first timestep going back: a silent neuron that should have spiked is lifted
            lift = self.ttfs_alpha / (1e-4 * duration**2) / self.batch_size
            lv[n] += np.where(is_label & ~fired, lift, 0.0)
        late = self.ttfs_alpha / (1.01 * duration - np.where(fired, times, 0.0)) ** 2
        p = softmax(np.where(fired, -times, np.finfo(np.float32).min))
        error = (is_label - p) / self.temperature + is_label * late
        return pop.v_thresh * lv[n] + is_first * error / self.batch_size


def softmax(x: Array) -> Array:
    """Return the softmax along the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

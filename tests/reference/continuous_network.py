"""Leaky integrate-and-fire networks in continuous time, solved event by event.

Between events potentials are sums of two exponentials, so spike times are found to machine
precision and losses are smooth in weights and delays: their finite differences are what EventProp
computes.  All connections into a population have the same synaptic time constant.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import exp, log
from typing import Any

import numpy as np

from .event_prop_adjoint import Connection, Population, softmax

Array = np.ndarray
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass
class Segment:
    """Free run of the potentials of a population from a time on, as two exponentials."""

    start: float
    length: float
    slow: Array
    fast: Array
    tau_mem: float
    tau_syn: float

    def potential(self, after: Any) -> Array:
        """Potentials some time after the start: (times, neurons)."""
        after = np.asarray(after, dtype=float).reshape(-1, 1)
        return self.slow * np.exp(-after / self.tau_mem) - self.fast * np.exp(-after / self.tau_syn)

    def peak(self) -> Array:
        """Return the largest potential of each neuron."""
        ends = self.potential([0.0, self.length]).max(axis=0)
        rising = (self.slow > 0.0) & (self.fast > 0.0)
        ratio = np.where(rising, self.fast, 1.0) * self.tau_mem
        ratio = ratio / (np.where(rising, self.slow, 1.0) * self.tau_syn)
        after = np.log(ratio) / (1.0 / self.tau_syn - 1.0 / self.tau_mem)
        inside = rising & (after > 0.0) & (after < self.length)
        after = np.where(inside, after, 0.0)
        top = self.slow * np.exp(-after / self.tau_mem) - self.fast * np.exp(-after / self.tau_syn)
        return np.maximum(ends, np.where(inside, top, ends))


@dataclass
class ContinuousNetwork:
    """The network of a reference model, with delays in ms."""

    populations: Sequence[Population]
    connections: Sequence[Connection]
    duration: float
    num_timesteps: int = 1
    """Number of potentials that the readout ``sum`` adds up."""

    def run(
        self, inputs: Sequence[tuple[Population, int, float]], delays: dict[Connection, Array]
    ) -> tuple[dict[Population, list[Segment]], dict[Population, list[list[float]]]]:
        """Return the free runs of outputs and all spike times, from spikes of the inputs."""
        neurons = [pop for pop in self.populations if not pop.is_input]
        v = {pop: np.zeros(pop.size) for pop in neurons}
        i = {pop: np.zeros(pop.size) for pop in neurons}
        tau_syn = {conn.target: conn.tau_syn for conn in self.connections}
        segments: dict[Population, list[Segment]] = {pop: [] for pop in neurons if pop.loss}
        spikes: dict[Population, list[list[float]]] = {
            pop: [[] for _ in range(pop.size)] for pop in neurons
        }
        matrices = {conn: conn.matrix for conn in self.connections}
        order, queue = count(), [(self.duration, -1, None, 0, 0.0)]

        def emit(pop: Population, neuron: int, time: float) -> None:
            for conn in self.connections:
                if conn.source is pop:
                    for post in np.flatnonzero(conn.index[neuron] >= 0):
                        arrival = time + delays[conn][neuron, post]
                        weight = matrices[conn][neuron, post]
                        heapq.heappush(queue, (arrival, next(order), conn.target, post, weight))

        for pop, neuron, time in inputs:
            emit(pop, neuron, time)
        now = 0.0
        while True:
            arrival, _, target, post, weight = queue[0]
            until, spiking = min(arrival, self.duration), None
            free = {}
            for pop in neurons:
                k = tau_syn[pop] / (pop.tau_mem - tau_syn[pop])
                free[pop] = Segment(
                    now, until - now, v[pop] + k * i[pop], k * i[pop], pop.tau_mem, tau_syn[pop]
                )
                if pop.spikes:
                    for neuron, after in find_crossings(free[pop], pop.v_thresh):
                        if now + after < until:
                            until, spiking = now + after, (pop, neuron)
            for pop in neurons:
                run, length = free[pop], until - now
                v[pop] = run.potential(length)[0]
                i[pop] = i[pop] * np.exp(-length / run.tau_syn)
                if pop.loss and length > 0.0:
                    run.length = length
                    segments[pop].append(run)
            now = until
            if spiking is not None:
                pop, neuron = spiking
                v[pop][neuron] = pop.v_reset
                spikes[pop][neuron].append(now)
                emit(pop, neuron, now)
            elif now >= self.duration:
                return segments, spikes
            else:
                heapq.heappop(queue)
                i[target][post] += weight

    def loss(
        self,
        inputs: Sequence[tuple[Population, int, float]],
        delays: dict[Connection, Array],
        targets: dict[Population, Any],
        ttfs_alpha: float = 0.0,
        scales: dict[Population, float] | None = None,
    ) -> float:
        """Sum the losses of all outputs, each times its scale."""
        segments, spikes = self.run(inputs, delays)
        total = 0.0
        for pop, target in targets.items():
            scale = 1.0 if scales is None else scales[pop]
            total += scale * self._loss(pop, segments[pop], spikes[pop], target, ttfs_alpha)
        return total

    def _loss(
        self,
        pop: Population,
        segments: list[Segment],
        spikes: list[list[float]],
        target: Any,
        ttfs_alpha: float,
    ) -> float:
        if pop.readout == "first":
            first = np.array([times[0] for times in spikes])
            if pop.loss == "rmse":
                late = np.delete(first, target) - first[target] - pop.delta
                return 0.5 * float(late @ late)
            early = ttfs_alpha / (1.01 * self.duration - first[target])
            return cross_entropy(-first, target) + early
        if pop.loss == "mse":
            return 0.5 * self._average(segments, lambda v, t: ((v - target(t)) ** 2).sum(axis=1))
        if pop.loss == "per_timestep":
            return self._average(segments, lambda v, t: -np.log(softmax(v)[:, target]))
        if pop.readout == "max":
            peaks = np.max([segment.peak() for segment in segments], axis=0)
            return cross_entropy(np.maximum(peaks, 0.0), target)
        decay = pop.readout == "exp"
        mean = self._average(
            segments, lambda v, t: v * np.exp(-decay * t / self.duration)[:, np.newaxis]
        )
        return cross_entropy(mean * (self.num_timesteps if pop.readout == "sum" else 1), target)

    def _average(self, segments: list[Segment], function: Callable[[Array, Array], Array]) -> Any:
        """Return the mean over time of a function of potentials and times."""
        total: Any = 0.0
        for segment in segments:
            after = 0.5 * segment.length * (NODES + 1.0)
            values = function(segment.potential(after), segment.start + after)
            total = total + 0.5 * segment.length * (NODE_WEIGHTS @ values)
        return total / self.duration


def find_crossings(segment: Segment, threshold: float) -> list[tuple[int, float]]:
    """Return the neurons that reach a positive threshold, and how long after the start."""
    tau_mem, tau_syn = segment.tau_mem, segment.tau_syn
    found = []
    # Only potentials that rise to a peak below their slow part get there
    for neuron in np.flatnonzero((segment.slow >= threshold) & (segment.fast > 0.0)):
        slow, fast = float(segment.slow[neuron]), float(segment.fast[neuron])
        rates = 1.0 / tau_syn - 1.0 / tau_mem
        low, high = 0.0, log(fast * tau_mem / (slow * tau_syn)) / rates
        high = min(high, segment.length)
        if high <= 0.0 or slow * exp(-high / tau_mem) - fast * exp(-high / tau_syn) < threshold:
            continue
        for _ in range(55):
            middle = 0.5 * (low + high)
            v = slow * exp(-middle / tau_mem) - fast * exp(-middle / tau_syn)
            low, high = (low, middle) if v >= threshold else (middle, high)
        found.append((int(neuron), high))
    return found


def cross_entropy(logits: Array, label: int) -> float:
    """Return the cross entropy of the softmax of an output with its label."""
    return -float(np.log(softmax(logits)[label]))


def differentiate(function: Callable[[], float], values: Array, step: float = 1e-5) -> Array:
    """Return central differences of a function by the entries of an array that it depends on."""
    gradient = np.zeros(values.shape)
    for where in np.ndindex(values.shape):
        centre = values[where]
        sides = []
        for value in (centre + step, centre - step):
            values[where] = value
            sides.append(function())
        values[where] = centre
        gradient[where] = (sides[0] - sides[1]) / (2.0 * step)
    return gradient

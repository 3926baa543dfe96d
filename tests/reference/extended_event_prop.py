"""EventProp for adaptive, refractory neurons with any reset, and gradients of all parameters.

All neurons are in one vector, of which inputs, hidden neurons and outputs are ranges; each has its
own parameters.  Row ``r`` of weights and delays (ms) belongs to input line ``r`` if it is smaller
than the number of lines, and to a neuron otherwise.  Derivatives of a loss are ``-tau_mem * lv`` by
the potential, ``-tau_syn * li`` by the current and ``-tau_adapt * la`` by the adaptation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray
PARAMETERS = (
    "tau_mem",
    "tau_syn",
    "tau_adapt",
    "beta",
    "v_thresh",
    "v_reset",
    "tau_refrac",
    "bias",
)


@dataclass
class Network:
    """Neurons and their connections; the order of the parameters is that of ``PARAMETERS``."""

    weights: Array
    delays: Array
    mask: Array
    parameters: dict[str, Array]
    spikes: Array
    """Which neurons spike."""
    is_output: Array
    is_relative: Array
    """Which neurons are reset by subtraction."""
    is_frozen: Array
    """Which neurons stand still while they are refractory."""
    inputs: list[tuple[float, int]]
    """Times in ms at which input lines deliver, without their delay."""
    duration: float
    loss: dict[str, Any]
    """``kind`` is ``avg``, ``mse`` (at times ``ts``), ``signal`` (in each timestep), ``ttfs``, or
    ``rmse`` (of first spikes)."""
    kick: Any = 0.0
    """What each jump of a regularised neuron subtracts from its adjoint variable."""

    @property
    def size(self) -> int:
        return int(self.weights.shape[1])

    @property
    def num_inputs(self) -> int:
        return int(self.weights.shape[0]) - self.size


@dataclass(frozen=True)
class Scheme:
    """How time is discretised."""

    dt: float
    is_engine: bool = False
    """Neurons get the mean current of a timestep, the readout is the mean of potentials after
    timesteps, and what is under way before the last timestep is dropped, as in the compiler."""
    keeps_currents: bool = False
    """Whether it is not dropped, as with ``backward="same_batch"``."""
    min_slope: float = 0.0
    """Smallest slope at a spike, relative to the distance of threshold and reset."""


@dataclass
class Spike:
    """What a spike leaves behind for the backward pass."""

    step: int
    slope: float
    """Current minus potential."""
    before: float
    """Potential before the reset."""
    adaptation: float
    after: float
    """Potential after the reset."""
    is_forced: bool
    current_at_end: float = 0.0
    """Current when the neuron ceases to stand still."""


@dataclass
class Pass:
    """What the forward pass leaves behind."""

    spikes: list[list[Spike]]
    v: Array
    i: Array
    a: Array
    first: Array
    average: Array
    samples: Array
    after: Array = field(default_factory=lambda: np.zeros(0))
    """Potentials after each timestep."""


def to_steps(times: Any, dt: float) -> Array:
    return np.floor(np.asarray(times) / dt + 0.5).astype(int)


def quotient(x: Array) -> Array:
    """Return (1 - exp(-x)) / x."""
    safe = np.where(np.abs(x) > 1e-8, x, 1.0)
    return np.where(np.abs(x) > 1e-8, -np.expm1(-safe) / safe, 1.0 - x / 2.0)


class Simulation:
    """Runs a network forwards and backwards."""

    def __init__(self, net: Network, scheme: Scheme) -> None:
        self.net, self.scheme, self.dt = net, scheme, scheme.dt
        dt, p = scheme.dt, net.parameters
        self.tau_mem, self.tau_syn = p["tau_mem"], p["tau_syn"]
        self.steps = int(to_steps(net.duration, dt))
        self.delays = to_steps(net.delays, dt)
        self.refractory = to_steps(p["tau_refrac"], dt)
        self.alpha = np.exp(-dt / self.tau_mem)
        self.syn_decay = np.exp(-dt / self.tau_syn)
        self.rho = np.exp(-dt / p["tau_adapt"])
        x = dt * (self.tau_mem - self.tau_syn) / (self.tau_mem * self.tau_syn)
        overlap = dt * self.alpha * quotient(x)
        self.coupling = overlap / self.tau_syn
        self.mean = self.tau_syn / dt * (1.0 - self.syn_decay)
        self.charge = overlap / self.tau_mem
        if scheme.is_engine:
            self.charge = (1.0 - self.alpha) * self.mean
        self.ratio = p["beta"] * self.tau_mem / p["tau_adapt"]
        self.arriving: dict[int, list[int]] = {}
        for time, line in net.inputs:
            self.arriving.setdefault(int(to_steps(time, dt)), []).append(line)
        self.sampled = {int(step): k for k, step in enumerate(to_steps(net.loss.get("ts", []), dt))}

    def forward(self) -> Pass:
        net, p, dt, n = self.net, self.net.parameters, self.dt, self.net.size
        steps = self.steps
        queue = np.zeros((steps + 1 + int(self.delays.max()), n))
        v, i, a = np.zeros(n), np.zeros(n), np.zeros(n)
        left, suppressed = np.zeros(n, dtype=int), np.zeros(n, dtype=bool)
        done = Pass(
            [[] for _ in range(n)],
            *(np.zeros((steps, n)) for _ in range(3)),
            np.full(n, np.inf),
            np.zeros(n),
            np.zeros((len(self.sampled), n)),
            np.zeros((steps, n)),
        )

        def emit(row: int, when: int) -> None:
            for target in np.flatnonzero(net.mask[row]):
                queue[min(when + self.delays[row, target], len(queue) - 1), target] += net.weights[
                    row, target
                ]

        for line in self.arriving.get(0, []):
            emit(line, 0)
        for m in range(steps):
            i = i + queue[m]
            done.v[m], done.i[m], done.a[m] = v, i, a
            stands_still = net.is_frozen & (left > 0)
            moved = self.alpha * v + self.charge * i + (1.0 - self.alpha) * p["bias"]
            moved = np.where(stands_still, v, moved)
            done.average += (moved if self.scheme.is_engine else 0.5 * (v + moved)) / steps
            v, i, a = moved, self.syn_decay * i, self.rho * a
            done.after[m] = v
            if m + 1 in self.sampled:
                done.samples[self.sampled[m + 1]] = v
            was_refractory, left = left > 0, np.maximum(left - 1, 0)
            for k in np.flatnonzero(net.is_frozen & was_refractory & (left == 0)):
                done.spikes[k][-1].current_at_end = i[k] + p["bias"][k]
            above = net.spikes & (v >= p["v_thresh"] + p["beta"] * a)
            fired = above & (left == 0)
            is_dropped = self.scheme.is_engine and not self.scheme.keeps_currents
            if is_dropped and m == steps - 2:
                i, queue[m + 1 :] = np.zeros(n), 0.0
            for line in self.arriving.get(m + 1, []):
                emit(line, m + 1)
            current = done.i[m] * self.syn_decay + p["bias"]
            for k in np.flatnonzero(fired):
                down = p["v_thresh"][k] - p["v_reset"][k]
                after = v[k] - down if net.is_relative[k] else p["v_reset"][k]
                done.spikes[k].append(
                    Spike(m, current[k] - v[k], v[k], a[k], after, bool(suppressed[k]))
                )
                done.first[k] = min(done.first[k], (m + 1) * dt)
                v[k], a[k], left[k] = after, a[k] + 1.0, self.refractory[k]
                emit(net.num_inputs + k, m + 1)
            suppressed = above & (left > 0) & ~fired
        return done

    def backward(self, done: Pass) -> dict[str, Array]:
        """Return gradients by all parameters, weights and delays (per ms)."""
        net, p, n, steps = self.net, self.net.parameters, self.net.size, self.steps
        drives, kicks, by_first = self.differentiate_loss(done)
        lv, li, la, held, carry = (np.zeros(n) for _ in range(5))
        history_v, history_i = np.zeros((steps + 1, n)), np.zeros((steps + 1, n))
        grad = {name: np.zeros(n) for name in PARAMETERS}
        grad |= {name: np.zeros(net.weights.shape) for name in ("weights", "delays")}
        todo = [list(spikes) for spikes in done.spikes]
        # Who stands still to the end has nothing that happens when it ceases to
        frozen = [
            [s for s in spikes if s.step + 1 + r <= steps]
            for spikes, r in zip(done.spikes, self.refractory, strict=True)
        ]

        def gather(row: int, when: int) -> float:
            target = np.flatnonzero(net.mask[row])
            target = target[when + self.delays[row, target] < steps]
            at = when + self.delays[row, target], target
            grad["weights"][row, target] -= self.tau_syn[target] * history_i[at]
            change = net.weights[row, target] * (history_v[at] - history_i[at])
            grad["delays"][row, target] += change
            return float(change.sum())

        for when in range(steps, -1, -1):
            history_v[when], history_i[when] = lv, li
            for line in self.arriving.get(when, []):
                gather(line, when)
            if when == 0:
                break
            m = when - 1
            fired = [k for k in range(n) if todo[k] and todo[k][-1].step == m]
            external = {k: gather(net.num_inputs + k, when) for k in fired}
            for k in np.flatnonzero(net.is_frozen & (self.refractory > 0)):
                if frozen[k] and frozen[k][-1].step + 1 + self.refractory[k] == when:
                    spike = frozen[k].pop()
                    held[k], lv[k] = lv[k], 0.0
                    grad["tau_refrac"][k] += held[k] * (spike.current_at_end - spike.after)
            for k in fired:
                spike = todo[k].pop()
                stood_still = net.is_frozen[k] and self.refractory[k] > 0
                after = held[k] if stood_still else lv[k]
                # Of the potential just after the spike, had the spike come later
                gain = spike.current_at_end if stood_still else spike.slope + spike.before
                gain -= spike.after + (spike.slope if net.is_relative[k] else 0.0)
                gamma = after * gain + external[k] - la[k] + carry[k]
                gamma += by_first[k] if not todo[k] else 0.0
                held[k] = carry[k] = 0.0
                lv[k] = after if net.is_relative[k] else 0.0
                grad["v_reset"][k] -= self.tau_mem[k] * after
                grad["v_thresh"][k] += self.tau_mem[k] * lv[k]
                if spike.is_forced:
                    carry[k] = gamma
                    grad["tau_refrac"][k] += gamma
                    continue
                slope = spike.slope + self.ratio[k] * spike.adaptation
                if self.scheme.min_slope:
                    down = p["v_thresh"][k] - p["v_reset"][k]
                    slope = max(slope, self.scheme.min_slope * down)
                kick = gamma / slope
                lv[k] += kick - np.broadcast_to(net.kick, n)[k]
                la[k] -= self.ratio[k] * kick
                grad["v_thresh"][k] += self.tau_mem[k] * kick
                grad["beta"][k] += self.tau_mem[k] * kick * spike.adaptation
            if when in self.sampled:
                lv = lv - kicks[self.sampled[when]] / self.tau_mem
            drive = drives[m]
            self.add_time_constants(grad, done, m, (lv, li, la), drive)
            li = drive + (li - drive) * self.syn_decay + self.coupling * (lv - drive)
            lv = drive + (lv - drive) * self.alpha
            la = la * self.rho
        return grad

    def add_time_constants(
        self, grad: dict[str, Array], done: Pass, m: int, adjoint: Any, drive: Array
    ) -> None:
        """Add what a timestep contributes to gradients of what acts between spikes."""
        dt, p, tau_mem, tau_syn = self.dt, self.net.parameters, self.tau_mem, self.tau_syn
        by_v, by_i = -tau_mem * adjoint[0], -tau_syn * adjoint[1]
        by_a = -p["tau_adapt"] * adjoint[2]
        v, i, a = done.v[m] - p["bias"], done.i[m], done.a[m]
        alpha_tau = self.alpha * dt / tau_mem**2
        decay_tau = self.syn_decay * dt / tau_syn**2
        if self.scheme.is_engine:
            mean_tau = (1.0 - self.syn_decay) / dt - tau_syn / dt * decay_tau
            by_mem = alpha_tau * (v - self.mean * i)
            charge_syn = (1.0 - self.alpha) * mean_tau
            current = self.mean * i
        else:
            # Derivatives of the convolution of both kernels, by quadrature
            x, w = np.polynomial.legendre.leggauss(10)
            u, w = dt * (x[:, None] + 1.0) / 2.0, dt * w[:, None] / 2.0
            kernel = w * np.exp(-(dt - u) / tau_mem - u / tau_syn)
            charge_mem = -self.charge / tau_mem + (kernel * (dt - u)).sum(0) / tau_mem**3
            charge_syn = (kernel * u).sum(0) / (tau_mem * tau_syn**2)
            by_mem = alpha_tau * v + charge_mem * i
            current = i
        within = drive * dt**2 / 2.0
        grad["tau_mem"] += by_v * by_mem + within * (current - v) / tau_mem**2
        grad["tau_syn"] += (by_i * decay_tau + by_v * charge_syn) * i
        grad["tau_adapt"] += by_a * self.rho * dt / p["tau_adapt"] ** 2 * a
        grad["bias"] += by_v * (1.0 - self.alpha) - within / tau_mem

    def differentiate_loss(self, done: Pass) -> tuple[Array, Array, Array]:
        """Return minus the derivative by potentials, and those by samples and first spikes."""
        net, loss, steps = self.net, self.net.loss, self.steps
        drives, kicks = np.zeros((steps, net.size)), np.zeros_like(done.samples)
        by_first, out = np.zeros(net.size), np.flatnonzero(net.is_output)
        if loss["kind"] == "avg":
            drives[:, out] = (np.arange(len(out)) == loss["y"]) - softmax(done.average[out])
            drives /= net.duration
        elif loss["kind"] == "mse":
            kicks[:, out] = (done.samples[:, out] - loss["Y"]) / len(done.samples)
        elif loss["kind"] == "signal":
            drives[:, out] = (loss["Y"] - done.after[:, out]) / net.duration
        elif loss["kind"] == "rmse":
            late = done.first[out] - done.first[out][loss["y"]] - loss["delta"]
            late[loss["y"]] = 0.0
            late[loss["y"]] = -late.sum()
            by_first[out] = late
        else:
            first = np.minimum(done.first[out], net.duration)
            temperature = loss["temp"]
            scale = 1.0 if self.scheme.is_engine else temperature
            error = (np.arange(len(out)) == loss["y"]) - softmax(-first / scale)
            error = error / temperature
            # The first spikes of the compiler are those before their timestep
            left = 1.01 * net.duration - (first[loss["y"]] - self.dt)
            error[loss["y"]] += loss.get("alpha", 0.0) / left**2
            by_first[out] = np.where(np.isfinite(done.first[out]), error, 0.0)
        return drives, kicks, by_first


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max())
    return np.asarray(e / e.sum())

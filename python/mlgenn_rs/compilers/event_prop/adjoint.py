"""Adjoint variables of a neuron: their time constants, and the equations between spikes.

``LambdaV`` and ``LambdaI`` are the derivatives of the loss with respect to membrane potential and
synaptic current, up to constant factors.  Backwards in time both decay, ``LambdaV`` with the time
constant of the membrane and ``LambdaI``, which follows it, with that of the synapses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...population import Population
from ...synapses import Exponential
from ...utils.model import NeuronModel
from ...utils.value import is_value_array, is_value_constant


def get_tau_syn(pop: Population) -> float:
    """Return the synaptic time constant in ms that all connections to a population share.

    Raises
    ------
    AssertionError
        If there are no connections to the population.
    NotImplementedError
        If their synapses are not ``Exponential`` with one number as time constant.
    """
    tau = get_tau_syns(pop)
    if not is_value_constant(tau):
        raise NotImplementedError(
            f"population {pop.name!r}: EventProp needs one number as time constant of its "
            "synapses, got an array; the exact rule takes one per neuron (exact_adjoint=True)"
        )
    return float(tau)


def get_tau_syns(pop: Population) -> Any:
    """Return the synaptic time constant in ms that all connections to a population share.

    It is a number, or an array with one per neuron.

    Raises
    ------
    AssertionError
        If there are no connections to the population.
    NotImplementedError
        If their synapses are not ``Exponential`` with the same time constant.
    """
    if not pop.incoming_connections:
        raise AssertionError(
            f"population {pop.name!r} has no incoming connections, so EventProp cannot train it; "
            "connect it, or use an input neuron"
        )
    taus: dict[bytes, Any] = {}
    for reference in pop.incoming_connections:
        conn = reference()
        if conn is None:
            continue
        if not isinstance(conn.synapse, Exponential):
            raise NotImplementedError(
                f"connection {conn.name!r}: EventProp needs Exponential synapses, got "
                f"{type(conn.synapse).__name__}"
            )
        tau = as_flat(conn.synapse.tau)
        taus[np.asarray(tau, dtype=np.float64).tobytes()] = tau
    if len(taus) != 1:
        raise NotImplementedError(
            f"population {pop.name!r}: EventProp needs the same synaptic time constant for all "
            f"incoming connections, got {', '.join(f'{tau} ms' for tau in taus.values())}"
        )
    return taus.popitem()[1]


def as_flat(value: Any) -> Any:
    """Return a number as it is, and an array as one value per neuron."""
    return np.asarray(value, dtype=np.float64).ravel() if is_value_array(value) else value


def get_coupling(dt: float, tau_mem: Any, tau_syn: Any) -> Any:
    """Return how much of ``LambdaV`` is added to ``LambdaI`` in a timestep.

    That is ``tau_mem / (tau_syn - tau_mem) * (beta - alpha)`` with the decay factors ``alpha`` and
    ``beta`` of membrane and synapse, written such that it holds for equal time constants too.
    """
    tau_mem = np.asarray(tau_mem, dtype=np.float64)
    x = dt * (tau_syn - tau_mem) / (tau_mem * tau_syn)
    safe = np.where(x == 0.0, 1.0, x)
    ratio = np.where(x == 0.0, 1.0, -np.expm1(-safe) / safe)
    coupling = np.exp(-dt / tau_syn) * (dt / tau_syn) * ratio
    return float(coupling) if coupling.ndim == 0 else coupling


def add_adjoint(model: NeuronModel, dt: float, tau_mem: Any, tau_syn: float) -> None:
    """Add the adjoint variables of a neuron and the parameters of their dynamics."""
    model.add_var("LambdaV", "scalar", 0.0)
    model.add_var("LambdaI", "scalar", 0.0)
    model.add_param("SynDecay", "scalar", float(np.exp(-dt / tau_syn)))
    model.add_param("Coupling", "scalar", get_coupling(dt, tau_mem, tau_syn))


UNDRIVEN_DYNAMICS = """
    LambdaI = (Coupling * LambdaV) + (LambdaI * SynDecay);
    LambdaV *= Alpha;
"""
"""Code for one timestep of the adjoint variables of a spiking neuron."""

DRIVEN_DYNAMICS = """
    LambdaI = drive + ((LambdaI - drive) * SynDecay) + (Coupling * (LambdaV - drive));
    LambdaV = drive + ((LambdaV - drive) * Alpha);
"""
"""Code for one timestep of the adjoint variables of an output whose loss provides ``drive``."""

ADJOINT_RESET: list[tuple[str, str, Any]] = [
    ("LambdaV", "scalar", 0.0),
    ("LambdaI", "scalar", 0.0),
]
"""Values of the adjoint variables at the end of an example, where backward integration begins."""

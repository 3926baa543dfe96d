"""Constants of the exact rule that are derived from time constants.

They are numbers or one per neuron.  If the time constants are learned, they are variables of the
neurons, which a custom update computes anew after each step of the optimiser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.enums import VarAccess
from ...utils.model import NeuronModel
from ...utils.value import is_value_constant
from .adjoint import get_coupling


@dataclass(frozen=True)
class Constant:
    """A constant that is computed from others, by numpy from ``dt`` and them, and by code."""

    inputs: tuple[str, ...]
    value: Callable[..., Any]
    code: str


CONSTANTS: dict[str, Constant] = {
    "Alpha": Constant(
        ("TauMem",), lambda dt, tau_mem: np.exp(-dt / tau_mem), "Alpha = exp(-dt / TauMem);"
    ),
    "SynDecay": Constant(
        ("TauSyn",), lambda dt, tau_syn: np.exp(-dt / tau_syn), "SynDecay = exp(-dt / TauSyn);"
    ),
    "SynScale": Constant(
        ("TauSyn",),
        lambda dt, tau_syn: (tau_syn / dt) * -np.expm1(-dt / tau_syn),
        "SynScale = (TauSyn / dt) * -expm1(-dt / TauSyn);",
    ),
    "CurrentScale": Constant(
        ("TauSyn",),
        lambda dt, tau_syn: (dt / tau_syn) / np.expm1(dt / tau_syn),
        "CurrentScale = (dt / TauSyn) / expm1(dt / TauSyn);",
    ),
    "Coupling": Constant(
        ("TauMem", "TauSyn"),
        get_coupling,
        """
        const scalar difference = dt * (TauSyn - TauMem) / (TauMem * TauSyn);
        Coupling = (dt / TauSyn) * exp(-dt / TauSyn);
        if (difference != 0.0) {
            Coupling *= -expm1(-difference) / difference;
        }
        """,
    ),
    "Rho": Constant(
        ("TauAdapt",), lambda dt, tau_adapt: np.exp(-dt / tau_adapt), "Rho = exp(-dt / TauAdapt);"
    ),
    "AdaptRatio": Constant(
        ("Beta", "TauMem", "TauAdapt"),
        lambda dt, beta, tau_mem, tau_adapt: beta * tau_mem / tau_adapt,
        "AdaptRatio = Beta * TauMem / TauAdapt;",
    ),
}
"""Constants by name, in an order in which they can be computed.

``Coupling`` is how much of ``LambdaV`` is added to ``LambdaI`` in a timestep, ``SynScale`` turns
the synaptic current at the beginning of a timestep into its mean, and ``CurrentScale`` that into
the current at the end.
"""


def add_constant(model: NeuronModel, name: str, value: Any, is_learned: bool = False) -> None:
    """Add a number, or one per neuron, or a variable if it is to change, under a name.

    What the model has as a parameter already becomes a variable if it is to change.
    """
    if model.has_param(name):
        if is_learned:
            model.make_param_var(name)
    elif is_learned or not is_value_constant(value):
        model.add_var(name, "scalar", value, VarAccess.READ_ONLY)
    else:
        model.add_param(name, "scalar", value)


def add_constants(
    model: NeuronModel, dt: float, given: dict[str, Any], learned: set[str], names: list[str]
) -> list[str]:
    """Add constants of a neuron, and what they are derived from.

    Parameters
    ----------
    model
        Model to extend.
    dt
        Duration of a timestep in ms.
    given
        Values of what constants are derived from, such as ``TauMem`` in ms, by name.
    learned
        Which of them are learned.
    names
        Constants to add.

    Returns
    -------
    list
        Those of the names that have to be computed anew after learning.
    """
    for name, value in given.items():
        add_constant(model, name, value, name in learned)
    derived = []
    for name in names:
        constant = CONSTANTS[name]
        inputs = [np.asarray(given[other], dtype=np.float64) for other in constant.inputs]
        value = constant.value(dt, *inputs)
        is_learned = bool(learned.intersection(constant.inputs))
        add_constant(model, name, float(value) if np.ndim(value) == 0 else value, is_learned)
        if is_learned:
            derived.append(name)
    return derived

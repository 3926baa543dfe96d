"""Hidden populations of leaky integrate-and-fire neurons.

Between spikes the adjoint variables decay; at each spike of the forward pass ``LambdaV`` jumps by
what the spike did to its targets (``RevISyn``) and to the neuron itself, over the slope of the
membrane potential.
"""

from __future__ import annotations

import logging

import numpy as np

from ...neurons import AdaptiveLeakyIntegrateFire, LeakyIntegrateFire
from ...population import Population
from ...utils.model import NeuronModel
from .adjoint import ADJOINT_RESET, UNDRIVEN_DYNAMICS, add_adjoint, get_tau_syn
from .exact_spiking_model import add_exact_rule
from .learned_parameters import LearnedParameters
from .population import PopulationState, Role
from .regularisation import SpikeCountRegularisation
from .settings import Settings
from .spike_tape import SpikeTape

logger = logging.getLogger(__name__)

FEEDBACK_INPUT = "RevISyn"
"""Input variable of hidden neurons that receives what the targets of a spike send back."""

SLOPE = "const scalar slopeRecip = 1.0 / tapedIMinusV;"
"""Code that declares one over the slope that was taped."""

EXTERNAL = f"const scalar external = {FEEDBACK_INPUT};"
"""Code that declares what a spike did to its targets."""

_JUMP = f"LambdaV += slopeRecip * ((Vthresh * LambdaV) + {FEEDBACK_INPUT});"


def build_hidden(
    pop: Population,
    model: NeuronModel,
    num_neurons: int,
    settings: Settings,
    regularisation: SpikeCountRegularisation | None,
    learned: LearnedParameters | None = None,
) -> PopulationState:
    """Extend the model of a hidden population.

    Parameters
    ----------
    pop, model, num_neurons
        Population, its model and its size.
    settings
        Settings.
    regularisation
        Regularisation of its spike counts, if there is one.
    learned
        Parameters of its neurons that are trained with the exact rule; ``None`` for the rule of
        ml_genn.

    Raises
    ------
    NotImplementedError
        If its neurons are not leaky integrate-and-fire neurons, with or without adaptation.
    """
    neuron = pop.neuron
    if not isinstance(neuron, LeakyIntegrateFire | AdaptiveLeakyIntegrateFire):
        raise NotImplementedError(
            f"population {pop.name!r}: EventProp trains LeakyIntegrateFire and "
            f"AdaptiveLeakyIntegrateFire hidden neurons, not {type(neuron).__name__}"
        )
    reset_vars = [*model.reset_vars, *ADJOINT_RESET]
    model.add_additional_input_var(FEEDBACK_INPUT, "scalar", 0.0)
    state = PopulationState(Role.HIDDEN, reset_vars, regularisation=regularisation)
    kick = ""
    if regularisation is not None:
        regularisation.add_to_model(model)
        reset_vars += regularisation.reset_vars
        state.kept_vars += regularisation.kept_vars
        kick = regularisation.jump
    if learned is not None:
        add_exact_rule(pop, model, num_neurons, settings, learned, state, EXTERNAL, kick=kick)
        return state
    warn_about_reset(pop, neuron)
    tau_syn = get_tau_syn(pop)
    add_adjoint(model, settings.dt, neuron.tau_mem, tau_syn)
    taped = tape_slope(model, settings.dt, tau_syn)
    state.tape = SpikeTape(settings, num_neurons, taped, ahead=list(taped))
    # In a forward pass adjoint variables are zero; the potential need not outlive it
    state.tape.add_to_model(model, UNDRIVEN_DYNAMICS, SLOPE + _JUMP + kick, is_idle=True)
    return state


def tape_slope(model: NeuronModel, dt: float, tau_syn: float) -> dict[str, str]:
    """Return what to tape for the slope of the membrane potential at a spike.

    ``IsynScale`` turns the mean input current of a timestep into that at its beginning.
    """
    model.add_param("IsynScale", "scalar", float(dt / (tau_syn * -np.expm1(-dt / tau_syn))))
    return {"IMinusV": "(Isyn * IsynScale) - V"}


def warn_about_reset(
    pop: Population, neuron: LeakyIntegrateFire | AdaptiveLeakyIntegrateFire
) -> None:
    """Warn if gradients do not take account of what a neuron does after a spike."""
    if neuron.integrate_during_refrac:
        logger.warning(
            "population %s: EventProp gradients do not take account of neurons that integrate "
            "while they are refractory (integrate_during_refrac=True), unless the compiler has "
            "exact_adjoint=True",
            pop.name,
        )
    if neuron.relative_reset:
        logger.warning(
            "population %s: EventProp gradients do not take account of reset by subtraction "
            "(relative_reset=True), unless the compiler has exact_adjoint=True",
            pop.name,
        )

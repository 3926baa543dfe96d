"""Spiking populations, hidden or outputs, that are trained with the exact rule.

That is the adjoint of what their neurons really do: of any reset, of refractoriness and of
adaptation.  Jumps come before the decay of the timestep in which they act.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...neurons import AdaptiveLeakyIntegrateFire
from ...population import Population
from ...synapses import Exponential
from ...utils.model import NeuronModel
from ...utils.value import is_value_initializer
from .adaptation import add_adaptation
from .adjoint import as_flat, get_tau_syns
from .constants import add_constant, add_constants
from .exact_rule import ExactRule
from .learned_parameters import LearnedParameters
from .population import PopulationState
from .refractory import add_refractoriness
from .settings import Settings


def add_exact_rule(
    pop: Population,
    model: NeuronModel,
    num_neurons: int,
    settings: Settings,
    learned: LearnedParameters,
    state: PopulationState,
    external: str,
    before: str = "",
    kick: str = "",
) -> None:
    """Add the exact rule to the model of a spiking population, and its tapes to its state.

    Parameters
    ----------
    pop, model, num_neurons, settings
        Population, its model and size, and settings.
    learned
        Parameters of its neurons that are trained.
    state
        What became of the population, to be extended.
    external
        Code that declares ``external``, what a spike did to targets or to the loss.
    before
        Code that runs in every timestep, before all else.
    kick
        Code that runs at each spike, after all else.

    Raises
    ------
    NotImplementedError
        If currents are not scaled, or parameters are drawn from an initialiser.
    """
    neuron: Any = pop.neuron
    is_adaptive = isinstance(neuron, AdaptiveLeakyIntegrateFire)
    for name in ("v_thresh", "v_reset", *(("beta",) if is_adaptive else ())):
        if is_value_initializer(getattr(neuron, name)):
            raise NotImplementedError(
                f"population {pop.name!r}: exact gradients of EventProp need a number or an array "
                f"as {name}, got {getattr(neuron, name)}"
            )
    add_exact_constants(pop, model, settings, learned, ["Alpha", "SynDecay", "CurrentScale"])
    model.add_param("MinSlope", "scalar", settings.min_slope)
    thresh, reset = as_flat(neuron.v_thresh), as_flat(neuron.v_reset)
    add_constant(model, "Distance", thresh - reset)
    learned.given |= {"Distance": thresh - reset, "Vthresh": thresh, "Vreset": reset}
    rule = ExactRule(neuron.relative_reset, external)
    rule.before.append(before)
    if is_adaptive:
        add_adaptation(rule, model)
    add_refractoriness(rule, model, neuron)
    step, state.state_tape = learned.add_to_model(model, settings, num_neurons)
    rule.step.append(step)
    learned.add_to_rule(rule, model, not neuron.integrate_during_refrac)
    rule.jump.append(kick)
    state.learned = learned
    state.tape = rule.add_to_model(model, settings, num_neurons)
    state.reset_vars += rule.reset_vars


def add_exact_constants(
    pop: Population,
    model: NeuronModel,
    settings: Settings,
    learned: LearnedParameters,
    names: Iterable[str],
) -> None:
    """Add adjoint variables and constants to a model.

    Raises
    ------
    NotImplementedError
        If currents are not scaled.
    """
    _check_scaling(pop)
    neuron: Any = pop.neuron
    learned.check(pop)
    given: dict[str, Any] = {
        "TauMem": as_flat(neuron.tau_mem),
        "TauSyn": as_flat(get_tau_syns(pop)),
    }
    names = [*names, "Coupling"]
    if "tau_syn" in learned.names:
        names.append("SynScale")
    if isinstance(neuron, AdaptiveLeakyIntegrateFire):
        given |= {"TauAdapt": as_flat(neuron.tau_adapt), "Beta": as_flat(neuron.beta)}
        names += ["Rho", "AdaptRatio"]
    model.add_var("LambdaV", "scalar", 0.0)
    model.add_var("LambdaI", "scalar", 0.0)
    learned.given = given
    learned.derived = add_constants(model, settings.dt, given, learned.variables, names)


def _check_scaling(pop: Population) -> None:
    """Raise an error if input currents are not in units of the potential."""
    neuron: Any = pop.neuron
    if not neuron.scale_i:
        raise NotImplementedError(
            f"population {pop.name!r}: exact gradients of EventProp need scaled currents, that is "
            f"{type(neuron).__name__}(scale_i=True); build the network with default_params of "
            "mlgenn_rs.compilers.event_prop_compiler"
        )
    for reference in pop.incoming_connections:
        conn = reference()
        if conn is None or not isinstance(conn.synapse, Exponential):
            continue
        if not conn.synapse.scale_i:
            raise NotImplementedError(
                f"connection {conn.name!r}: exact gradients of EventProp need scaled currents, "
                "that is Exponential(scale_i=True); build the network with default_params of "
                "mlgenn_rs.compilers.event_prop_compiler"
            )

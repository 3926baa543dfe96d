"""Parameters of neurons that are learned beside weights and delays: time constants, thresholds ...

Gradients of time constants are sums over timesteps of adjoint variables times the state at that
time, which is taped; those of all others are collected at spikes.  Time constants are learned by
their logarithms, so steps of the optimiser are relative changes and they stay positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...engine import create_var_ref
from ...engine.enums import VarAccess, VarAccessMode
from ...neurons import AdaptiveLeakyIntegrateFire, Input, LeakyIntegrate, LeakyIntegrateFire
from ...optimisers import Optimiser, default_optimisers
from ...population import Population
from ...utils.model import CustomUpdateModel, NeuronModel, SynapseModel
from ...utils.module import get_object
from ...utils.network import get_underlying_pop
from ...utils.value import is_value_constant
from .constants import CONSTANTS
from .exact_rule import CURRENT, ExactRule
from .refractory import has_refractoriness
from .settings import Settings
from .state_tape import StateTape

_TIME_CONSTANTS = {"tau_mem": "TauMem", "tau_syn": "TauSyn", "tau_adapt": "TauAdapt"}

_OTHERS = {
    "v_thresh": "Vthresh",
    "v_reset": "Vreset",
    "beta": "Beta",
    "tau_refrac": "TauRefrac",
    "bias": "Bias",
}

VARIABLES = {**_TIME_CONSTANTS, **_OTHERS}
"""Variables of the engine model by the names of parameters."""

_LONGEST = 1e6
"""Largest value of time constants in ms."""

_KEEP_DISTANCE = {
    "Vthresh": "Vthresh = fmax(Vthresh, Vreset + (0.1 * Distance));",
    "Vreset": "Vreset = fmin(Vreset, Vthresh - (0.1 * Distance));",
}
"""Code that keeps threshold and reset apart, by which of them gives way."""

_SUPPORTED: dict[type, tuple[str, ...]] = {
    LeakyIntegrate: ("tau_mem", "tau_syn", "bias"),
    LeakyIntegrateFire: ("tau_mem", "tau_syn", "v_thresh", "v_reset", "tau_refrac"),
    AdaptiveLeakyIntegrateFire: (
        "tau_mem",
        "tau_syn",
        "tau_adapt",
        "beta",
        "v_thresh",
        "v_reset",
        "tau_refrac",
    ),
}


@dataclass(frozen=True)
class LearnedVariable:
    """A variable that an optimiser changes."""

    name: str
    gradient: str
    clamp: tuple[float, float] | None = None


@dataclass
class LearnedParameters:
    """Learned parameters of one population."""

    names: tuple[str, ...] = ()
    """Names of the parameters."""
    derived: list[str] = field(default_factory=list)
    """Constants to be computed anew after learning."""
    given: dict[str, Any] = field(default_factory=dict)
    """Initial values of all that constants are derived from, by their names in the model."""

    @property
    def variables(self) -> set[str]:
        """Names in the model."""
        return {VARIABLES[name] for name in self.names}

    @property
    def tau_syn(self) -> float | None:
        """Time constant of incoming synapses in ms; ``None`` if it is a variable of the neurons."""
        tau = self.given["TauSyn"]
        is_variable = "tau_syn" in self.names or not is_value_constant(tau)
        return None if is_variable else float(tau)

    def build_synapse_model(self, model: SynapseModel) -> SynapseModel:
        """Return the model of an incoming synapse, with the constants of the neurons if learned."""
        if "tau_syn" not in self.names:
            return model
        names = {"ExpDecay": "SynDecay", "IScale": "SynScale"}
        description = {key: value for key, value in model.model.items() if key != "params"}
        refs = [(name, "scalar", VarAccessMode.READ_ONLY) for name in names]
        return SynapseModel(description | {"neuron_var_refs": refs}, neuron_var_refs=dict(names))

    def check(self, pop: Population) -> None:
        """Raise an error if a population does not have them.

        Raises
        ------
        NotImplementedError
            If parameters of its neurons are not learned by EventProp.
        ValueError
            If it has no refractory period that could be learned, or ``beta`` is negative.
        """
        neuron: Any = pop.neuron
        supported = next((_SUPPORTED[kind] for kind in _SUPPORTED if isinstance(neuron, kind)), ())
        for name in self.names:
            if name not in supported:
                known = ", ".join(supported) or "none"
                raise NotImplementedError(
                    f"population {pop.name!r}: EventProp does not learn {name} of "
                    f"{type(neuron).__name__} neurons; what it learns of them: {known}"
                )
        if "tau_refrac" in self.names and not has_refractoriness(neuron):
            raise ValueError(
                f"population {pop.name!r}: its tau_refrac cannot be learned because it has no "
                "refractory period; give tau_refrac a value larger than 0"
            )
        if "beta" in self.names and np.any(np.asarray(neuron.beta) < 0.0):
            raise ValueError(
                f"population {pop.name!r}: beta has to be at least 0 to be learned, got "
                f"{neuron.beta}"
            )
        if "tau_adapt" in self.names and np.any(np.asarray(neuron.a) != 0.0):
            raise NotImplementedError(
                f"population {pop.name!r}: EventProp learns tau_adapt of neurons whose adaptation "
                f"is 0 at first, got a={neuron.a}"
            )

    def add_to_model(
        self, model: NeuronModel, settings: Settings, num_neurons: int, drive: bool = False
    ) -> tuple[str, StateTape | None]:
        """Add what is learned and its gradients to a model.

        Parameters
        ----------
        model
            Model to extend, with all constants.
        settings
            Settings.
        num_neurons
            Size of the population.
        drive
            Whether a loss drives the adjoint variables between spikes by ``drive``.

        Returns
        -------
        tuple
            Code that collects gradients in every timestep, and the tape that it needs.
        """
        for name in self.names:
            variable = VARIABLES[name]
            if model.has_param(variable):
                model.make_param_var(variable)
            if name in _TIME_CONSTANTS:
                start = np.log(np.asarray(self.given[variable], dtype=np.float64))
                value = start if start.ndim else float(start)
                model.add_var(f"Log{variable}", "scalar", value, VarAccess.READ_ONLY)
            model.add_var(f"{variable}Gradient", "scalar", 0.0)
        taped, code = {}, []
        if "tau_mem" in self.names:
            taped["Change"] = "Isyn - V"
            within = " + (0.5 * dt * dt * drive / TauMem)" if drive else ""
            code.append(f"TauMemGradient += ((Alpha * dt * LambdaV){within}) * backChange;")
        if "tau_syn" in self.names:
            taped["Isyn"] = "Isyn"
            code.append(
                """
                TauSynGradient -= (backIsyn / SynScale)
                    * ((SynDecay * dt * LambdaI)
                       + (TauMem * (1.0 - Alpha) * (SynScale - SynDecay) * LambdaV));
                """
            )
        if "bias" in self.names:
            code.append("BiasGradient -= (TauMem * LambdaV) + (0.5 * dt * drive);")
        tape = StateTape(settings, num_neurons, taped) if taped else None
        if tape is not None:
            code.insert(0, tape.add_to_model(model))
        return "\n".join(code), tape

    def add_to_rule(self, rule: ExactRule, model: NeuronModel, is_frozen: bool) -> None:
        """Collect gradients at spikes."""
        if "tau_adapt" in self.names:
            rule.add_state(model, "AdaptTrace")
            rule.gamma.append("TauAdaptGradient += AdaptTrace;")
            rule.step.append("AdaptTrace = Rho * (AdaptTrace - (LambdaA * dt));")
        if "v_thresh" in self.names:
            change = "(kick + after)" if rule.is_reset_relative else "kick"
            rule.jump.append(f"VthreshGradient += TauMem * {change};")
        if "v_reset" in self.names:
            rule.jump.append("VresetGradient -= TauMem * after;")
        if "beta" in self.names:
            rule.taped["Adaptation"] = "A"
            rule.jump.append("BetaGradient += TauMem * kick * tapedAdaptation;")
        if "tau_refrac" not in self.names:
            return
        if not is_frozen:
            rule.jump.append("TauRefracGradient += Carry;")
        elif not rule.is_reset_relative:
            rule.jump.append(f"TauRefracGradient += after * {rule.gain};")
        else:
            rule.taped["IMinusV"] = f"{CURRENT} - V"
            rule.jump.append(f"TauRefracGradient += after * ({rule.gain} + tapedIMinusV);")

    def learned_variables(self, settings: Settings) -> list[LearnedVariable]:
        """Return what optimisers change."""
        variables = []
        for name in self.names:
            variable = VARIABLES[name]
            clamp = None
            if name in _TIME_CONSTANTS:
                clamp = (float(np.log(settings.dt)), float(np.log(_LONGEST)))
            elif name == "tau_refrac":
                clamp = (0.0, settings.example_time)
            elif name == "beta":
                clamp = (0.0, float(np.finfo(np.float32).max))
            changed = f"Log{variable}" if name in _TIME_CONSTANTS else variable
            variables.append(LearnedVariable(changed, f"{variable}Gradient", clamp))
        return variables

    def derive_model(self, genn_pop: Any) -> CustomUpdateModel | None:
        """Return a custom update model that computes constants from what was learned, if any.

        It also keeps thresholds above resets.
        """
        corrected = ""
        is_distance_learned = not {"v_thresh", "v_reset"}.isdisjoint(self.names)
        if not self.derived and not is_distance_learned:
            return None
        model = CustomUpdateModel({"params": [], "vars": [], "var_refs": [], "update_code": ""})

        def refer(name: str, is_written: bool) -> None:
            model.add_var_ref(name, "scalar", create_var_ref(genn_pop, name))
            mode = VarAccessMode.READ_WRITE if is_written else VarAccessMode.READ_ONLY
            model.set_var_ref_access_mode(name, mode)

        inputs = {name for constant in self.derived for name in CONSTANTS[constant].inputs}
        if is_distance_learned:
            inputs |= {"Distance", "Vthresh", "Vreset"}
            corrected = "Vthresh" if "v_thresh" in self.names else "Vreset"
        for name, value in self.given.items():
            if name not in inputs:
                continue
            if name not in genn_pop.vars:
                model.add_param(name, "scalar", value)
                continue
            is_log = name in self.variables and name in _TIME_CONSTANTS.values()
            refer(name, is_log or name == corrected)
            if is_log:
                refer(f"Log{name}", is_written=False)
                model.append_update_code(f"{name} = exp(Log{name});")
        if is_distance_learned:
            model.append_update_code(_KEEP_DISTANCE[corrected])
        for name in self.derived:
            refer(name, is_written=True)
            model.append_update_code(CONSTANTS[name].code)
        return model


def check_learned(learned: Iterable[Population], populations: Iterable[Population]) -> None:
    """Raise an error if one of the populations that learn is an input or not part of a network.

    Raises
    ------
    NotImplementedError, RuntimeError
        If so.
    """
    known = set(populations)
    for pop in learned:
        if pop not in known:
            raise RuntimeError(
                f"population {pop.name!r}: its parameters are to be learned, but it is not part of "
                "the network"
            )
        if isinstance(pop.neuron, Input):
            raise NotImplementedError(
                f"population {pop.name!r}: EventProp does not learn parameters of inputs"
            )


def parse_learned(given: Any, what: str) -> dict[Population, LearnedParameters]:
    """Return learned parameters by population; layers stand for their populations.

    Raises
    ------
    TypeError, ValueError
        If it is not a dictionary from populations or layers to names of parameters.
    """
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{what} must be a dictionary from populations or layers to names of parameters, got "
            f"{given!r}"
        )
    parsed = {}
    for pop, names in given.items():
        names = (names,) if isinstance(names, str) else names
        if not isinstance(names, Iterable):
            raise TypeError(f"{what} of {pop}: expected names of parameters, got {names!r}")
        names = tuple(dict.fromkeys(names))
        for name in names:
            if name not in VARIABLES:
                raise ValueError(
                    f"{what} of {pop}: unknown parameter {name!r}; known are: "
                    f"{', '.join(VARIABLES)}"
                )
        if names:
            parsed[get_underlying_pop(pop)] = LearnedParameters(names)
    return parsed


def parse_param_optimisers(given: Any, default: Optimiser, what: str) -> dict[str, Optimiser]:
    """Return an optimiser for each parameter that can be learned, by name.

    Raises
    ------
    ValueError
        If one is given for something else.
    RuntimeError
        If one is neither an object nor a known name.
    """
    by_name = given if isinstance(given, Mapping) else {}
    for name in by_name:
        if name not in VARIABLES:
            raise ValueError(
                f"{what}: unknown parameter {name!r}; known are: {', '.join(VARIABLES)}"
            )
    other = default if given is None or isinstance(given, Mapping) else given
    shared = get_object(other, Optimiser, "Optimiser", default_optimisers)
    return {
        name: get_object(by_name[name], Optimiser, "Optimiser", default_optimisers)
        if name in by_name
        else shared
        for name in VARIABLES
    }

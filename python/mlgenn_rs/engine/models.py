"""Models: what neurons, synapses, current sources and custom updates do, as model code.

Each ``create_*`` function checks the declarations and returns an immutable model that can be used
for any number of groups.  Code is a string or a sequence of lines.  Its types and names are checked
when the network is built.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .code import CodeLike, prepare
from .declarations import (
    AdditionalInput,
    DerivedParam,
    Egp,
    Param,
    Var,
    VarRef,
    parse_additional_inputs,
    parse_custom_update_vars,
    parse_derived_params,
    parse_egps,
    parse_params,
    parse_var_refs,
    parse_vars,
)
from .errors import ModelError
from .names import check_distinct

Declarations = Sequence[Any] | None


@dataclass(frozen=True)
class Model:
    """What all models and snippets have: a name and parameters."""

    name: str
    params: tuple[Param, ...] = ()
    derived_params: tuple[DerivedParam, ...] = ()
    extra_global_params: tuple[Egp, ...] = ()

    def __post_init__(self) -> None:
        check_distinct(self._declared_names(), f"model {self.name!r}")

    def _declared_names(self) -> Iterable[str]:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                yield from (item.name for item in value)

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        description: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "derived_params":
                value = [Param.describe(item) for item in value]
            elif isinstance(value, tuple):
                value = [item.describe() for item in value]
            description[field.name] = value
        return description


@dataclass(frozen=True)
class NeuronModel(Model):
    """What a neuron does in a timestep."""

    vars: tuple[Var, ...] = ()
    additional_input_vars: tuple[AdditionalInput, ...] = ()
    sim_code: str = ""
    threshold_condition_code: str = ""
    reset_code: str = ""
    auto_refractory_required: bool = False


@dataclass(frozen=True)
class PostsynapticModel(Model):
    """How accumulated synaptic output acts on a neuron."""

    vars: tuple[Var, ...] = ()
    neuron_var_refs: tuple[VarRef, ...] = ()
    sim_code: str = ""


@dataclass(frozen=True)
class WeightUpdateModel(Model):
    """What spikes and spike-like events do to synapses."""

    vars: tuple[Var, ...] = ()
    pre_vars: tuple[Var, ...] = ()
    post_vars: tuple[Var, ...] = ()
    pre_neuron_var_refs: tuple[VarRef, ...] = ()
    post_neuron_var_refs: tuple[VarRef, ...] = ()
    psm_var_refs: tuple[VarRef, ...] = ()
    pre_spike_syn_code: str = ""
    pre_event_syn_code: str = ""
    pre_event_threshold_condition_code: str = ""
    post_spike_syn_code: str = ""
    post_event_syn_code: str = ""
    post_event_threshold_condition_code: str = ""
    synapse_dynamics_code: str = ""
    pre_spike_code: str = ""
    post_spike_code: str = ""
    pre_dynamics_code: str = ""
    post_dynamics_code: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for side in ("pre", "post"):
            condition = f"{side}_event_threshold_condition_code"
            handler = f"{side}_event_syn_code"
            if bool(getattr(self, condition)) != bool(getattr(self, handler)):
                raise ModelError(
                    f"weight update model {self.name!r}: {side}synaptic spike-like events need "
                    f"both {condition} and {handler}; give both or neither"
                )


@dataclass(frozen=True)
class CurrentSourceModel(Model):
    """What a current source injects in a timestep."""

    vars: tuple[Var, ...] = ()
    neuron_var_refs: tuple[VarRef, ...] = ()
    injection_code: str = ""


@dataclass(frozen=True)
class CustomUpdateModel(Model):
    """Code run on demand over neurons or synapses."""

    vars: tuple[Var, ...] = ()
    var_refs: tuple[VarRef, ...] = ()
    extra_global_param_refs: tuple[Egp, ...] = ()
    update_code: str = ""


@dataclass(frozen=True)
class CustomConnectivityUpdateModel(Model):
    """Code run on demand that adds and removes synapses."""

    vars: tuple[Var, ...] = ()
    pre_vars: tuple[Var, ...] = ()
    post_vars: tuple[Var, ...] = ()
    var_refs: tuple[VarRef, ...] = ()
    pre_var_refs: tuple[VarRef, ...] = ()
    post_var_refs: tuple[VarRef, ...] = ()
    extra_global_param_refs: tuple[Egp, ...] = ()
    row_update_code: str = ""
    host_update_code: str = ""


def create_neuron_model(
    class_name: str,
    params: Declarations = None,
    vars: Declarations = None,
    derived_params: Declarations = None,
    sim_code: CodeLike = None,
    threshold_condition_code: CodeLike = None,
    reset_code: CodeLike = None,
    extra_global_params: Declarations = None,
    additional_input_vars: Declarations = None,
    auto_refractory_required: bool = False,
) -> NeuronModel:
    """Create a neuron model.

    Parameters
    ----------
    class_name
        Name, for messages.
    params
        Names of parameters, or ``(name, type)``.
    vars
        ``(name, type[, VarAccess])`` of state variables.
    derived_params
        ``(name, function(params, dt)[, type])`` of parameters computed from the others.
    sim_code
        Code run for every neuron in every timestep.
    threshold_condition_code
        Condition for a spike; without it, the neurons never spike.
    reset_code
        Code run for neurons that spike.
    extra_global_params
        ``(name, "type*")`` of arrays that code reads and writes.
    additional_input_vars
        ``(name, type, initial value)`` of inputs beside ``Isyn``.
    auto_refractory_required
        Whether a spike needs the condition to *become* true.
    """
    return NeuronModel(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        extra_global_params=parse_egps(extra_global_params, class_name),
        vars=parse_vars(vars, class_name),
        additional_input_vars=parse_additional_inputs(additional_input_vars, class_name),
        sim_code=prepare(sim_code, class_name, "sim_code"),
        threshold_condition_code=prepare(
            threshold_condition_code, class_name, "threshold_condition_code"
        ),
        reset_code=prepare(reset_code, class_name, "reset_code"),
        auto_refractory_required=bool(auto_refractory_required),
    )


def create_postsynaptic_model(
    class_name: str,
    params: Declarations = None,
    vars: Declarations = None,
    neuron_var_refs: Declarations = None,
    derived_params: Declarations = None,
    sim_code: CodeLike = None,
    extra_global_params: Declarations = None,
) -> PostsynapticModel:
    """Create a postsynaptic model.

    ``sim_code`` runs once per target neuron and timestep, before the neuron code; it passes
    ``inSyn`` on with ``injectCurrent`` and lets it decay.  ``neuron_var_refs`` are
    ``(name, type[, VarAccessMode])`` of variables of the target population, always read only.
    """
    return PostsynapticModel(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        extra_global_params=parse_egps(extra_global_params, class_name),
        vars=parse_vars(vars, class_name),
        neuron_var_refs=parse_var_refs(neuron_var_refs, class_name),
        sim_code=prepare(sim_code, class_name, "sim_code"),
    )


def create_weight_update_model(
    class_name: str,
    params: Declarations = None,
    vars: Declarations = None,
    pre_vars: Declarations = None,
    post_vars: Declarations = None,
    pre_neuron_var_refs: Declarations = None,
    post_neuron_var_refs: Declarations = None,
    psm_var_refs: Declarations = None,
    derived_params: Declarations = None,
    pre_spike_syn_code: CodeLike = None,
    pre_event_syn_code: CodeLike = None,
    post_event_syn_code: CodeLike = None,
    post_spike_syn_code: CodeLike = None,
    synapse_dynamics_code: CodeLike = None,
    pre_event_threshold_condition_code: CodeLike = None,
    post_event_threshold_condition_code: CodeLike = None,
    pre_spike_code: CodeLike = None,
    post_spike_code: CodeLike = None,
    pre_dynamics_code: CodeLike = None,
    post_dynamics_code: CodeLike = None,
    extra_global_params: Declarations = None,
) -> WeightUpdateModel:
    """Create a weight update model.

    ``*_syn_code`` and ``synapse_dynamics_code`` run per synapse: for each spike, for each
    spike-like event, or in every timestep.  The other slots run per neuron and are the only ones
    that may write ``pre_vars`` and ``post_vars``.  The condition of an event and the code that
    handles it must be given together.
    """
    return WeightUpdateModel(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        extra_global_params=parse_egps(extra_global_params, class_name),
        vars=parse_vars(vars, class_name),
        pre_vars=parse_vars(pre_vars, class_name),
        post_vars=parse_vars(post_vars, class_name),
        pre_neuron_var_refs=parse_var_refs(pre_neuron_var_refs, class_name),
        post_neuron_var_refs=parse_var_refs(post_neuron_var_refs, class_name),
        psm_var_refs=parse_var_refs(psm_var_refs, class_name),
        pre_spike_syn_code=prepare(pre_spike_syn_code, class_name, "pre_spike_syn_code"),
        pre_event_syn_code=prepare(pre_event_syn_code, class_name, "pre_event_syn_code"),
        pre_event_threshold_condition_code=prepare(
            pre_event_threshold_condition_code, class_name, "pre_event_threshold_condition_code"
        ),
        post_spike_syn_code=prepare(post_spike_syn_code, class_name, "post_spike_syn_code"),
        post_event_syn_code=prepare(post_event_syn_code, class_name, "post_event_syn_code"),
        post_event_threshold_condition_code=prepare(
            post_event_threshold_condition_code, class_name, "post_event_threshold_condition_code"
        ),
        synapse_dynamics_code=prepare(synapse_dynamics_code, class_name, "synapse_dynamics_code"),
        pre_spike_code=prepare(pre_spike_code, class_name, "pre_spike_code"),
        post_spike_code=prepare(post_spike_code, class_name, "post_spike_code"),
        pre_dynamics_code=prepare(pre_dynamics_code, class_name, "pre_dynamics_code"),
        post_dynamics_code=prepare(post_dynamics_code, class_name, "post_dynamics_code"),
    )


def create_current_source_model(
    class_name: str,
    params: Declarations = None,
    vars: Declarations = None,
    neuron_var_refs: Declarations = None,
    derived_params: Declarations = None,
    injection_code: CodeLike = None,
    extra_global_params: Declarations = None,
) -> CurrentSourceModel:
    """Create a current source model; ``injection_code`` calls ``injectCurrent``."""
    return CurrentSourceModel(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        extra_global_params=parse_egps(extra_global_params, class_name),
        vars=parse_vars(vars, class_name),
        neuron_var_refs=parse_var_refs(neuron_var_refs, class_name),
        injection_code=prepare(injection_code, class_name, "injection_code"),
    )


def create_custom_update_model(
    class_name: str,
    params: Declarations = None,
    vars: Declarations = None,
    derived_params: Declarations = None,
    var_refs: Declarations = None,
    update_code: CodeLike = None,
    extra_global_params: Declarations = None,
    extra_global_param_refs: Declarations = None,
) -> CustomUpdateModel:
    """Create a custom update model.

    ``vars`` are ``(name, type[, CustomUpdateVarAccess])``, ``var_refs`` are
    ``(name, type[, VarAccessMode])``; at least one reference is needed, since references decide
    what the update runs over.
    """
    return CustomUpdateModel(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        extra_global_params=parse_egps(extra_global_params, class_name),
        vars=parse_custom_update_vars(vars, class_name),
        var_refs=parse_var_refs(var_refs, class_name),
        extra_global_param_refs=parse_egps(extra_global_param_refs, class_name),
        update_code=prepare(update_code, class_name, "update_code"),
    )


def create_custom_connectivity_update_model(
    class_name: str,
    params: Declarations = None,
    vars: Declarations = None,
    pre_vars: Declarations = None,
    post_vars: Declarations = None,
    derived_params: Declarations = None,
    var_refs: Declarations = None,
    pre_var_refs: Declarations = None,
    post_var_refs: Declarations = None,
    row_update_code: CodeLike = None,
    host_update_code: CodeLike = None,
    extra_global_params: Declarations = None,
    extra_global_param_refs: Declarations = None,
) -> CustomConnectivityUpdateModel:
    """Create a custom connectivity update model for ``SPARSE`` synapse groups.

    ``row_update_code`` runs once per presynaptic neuron and may call ``add_synapse`` and, inside
    ``for_each_synapse``, ``remove_synapse``; ``host_update_code`` runs once before it.
    """
    return CustomConnectivityUpdateModel(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        extra_global_params=parse_egps(extra_global_params, class_name),
        vars=parse_vars(vars, class_name),
        pre_vars=parse_vars(pre_vars, class_name),
        post_vars=parse_vars(post_vars, class_name),
        var_refs=parse_var_refs(var_refs, class_name),
        pre_var_refs=parse_var_refs(pre_var_refs, class_name),
        post_var_refs=parse_var_refs(post_var_refs, class_name),
        extra_global_param_refs=parse_egps(extra_global_param_refs, class_name),
        row_update_code=prepare(row_update_code, class_name, "row_update_code"),
        host_update_code=prepare(host_update_code, class_name, "host_update_code"),
    )

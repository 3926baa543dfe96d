"""Creation of references, which custom updates bind their references to."""

from __future__ import annotations

from .arrays import Variable
from .current_source import CurrentSource
from .custom_connectivity_update import CustomConnectivityUpdate
from .custom_update import CustomUpdate
from .enums import SynapseMatrixType, VarAccessDim
from .errors import ModelError
from .neuron_group import NeuronGroup
from .reference_types import EgpReference, VarReference
from .synapse_group import SynapseGroup

_ALL = VarAccessDim.ELEMENT | VarAccessDim.BATCH


def create_var_ref(group: NeuronGroup | CurrentSource | CustomUpdate, name: str) -> VarReference:
    """Refer to a variable of a population, a current source or a neuron-sized custom update."""
    if isinstance(group, NeuronGroup):
        target = {"kind": "neuron", "population": group.name, "var": name}
        return _to(group.vars[name], target, group.num_neurons)
    if isinstance(group, CurrentSource):
        target = {"kind": "current_source", "current_source": group.name, "var": name}
        return _to(group.vars[name], target, group.trg.num_neurons)
    if isinstance(group, CustomUpdate):
        if group.synapse_group is not None:
            raise ModelError(f"{group.label} runs over synapses; use create_wu_var_ref")
        target = {"kind": "custom_update", "custom_update": group.name, "var": name}
        return _to(group.vars[name], target, group.num_neurons)
    raise _wrong("create_var_ref", "a population, current source or custom update", group)


def create_psm_var_ref(group: SynapseGroup, name: str) -> VarReference:
    """Refer to a variable of the postsynaptic model of a synapse group."""
    target = {"kind": "psm", "synapse_group": group.name, "var": name}
    return _to(group.psm_vars[name], target, group.trg.num_neurons)


def create_wu_pre_var_ref(group: SynapseGroup, name: str) -> VarReference:
    """Refer to a presynaptic variable of the weight update model of a synapse group."""
    target = {"kind": "wu_pre", "synapse_group": group.name, "var": name}
    return _to(group.pre_vars[name], target, group.src.num_neurons)


def create_wu_post_var_ref(group: SynapseGroup, name: str) -> VarReference:
    """Refer to a postsynaptic variable of the weight update model of a synapse group."""
    target = {"kind": "wu_post", "synapse_group": group.name, "var": name}
    return _to(group.post_vars[name], target, group.trg.num_neurons)


def create_pre_var_ref(group: CustomConnectivityUpdate, name: str) -> VarReference:
    """Refer to a presynaptic variable of a custom connectivity update."""
    target = {"kind": "custom_connectivity_update", "update": group.name, "var": name}
    return _to(group.pre_vars[name], target, group.synapse_group.src.num_neurons)


def create_post_var_ref(group: CustomConnectivityUpdate, name: str) -> VarReference:
    """Refer to a postsynaptic variable of a custom connectivity update."""
    target = {"kind": "custom_connectivity_update", "update": group.name, "var": name}
    return _to(group.post_vars[name], target, group.synapse_group.trg.num_neurons)


def create_wu_var_ref(
    group: SynapseGroup | CustomUpdate | CustomConnectivityUpdate,
    name: str,
    transpose_group: SynapseGroup | None = None,
    transpose_name: str | None = None,
) -> VarReference:
    """Refer to a synapse variable of a synapse group, custom update or connectivity update.

    With ``transpose_group`` and ``transpose_name``, the value is also written to the transposed
    place of that variable.  Both groups must be ``DENSE`` and have swapped sizes.
    """
    if isinstance(group, SynapseGroup):
        variable = group.vars[name]
        target = {"kind": "wu", "synapse_group": group.name, "var": name}
        reference = VarReference(target, variable.type, variable.dims, synapse_group=group)
        if transpose_group is None:
            return reference
        return _with_transpose(reference, group, transpose_group, transpose_name or name)
    if transpose_group is not None:
        raise ModelError("create_wu_var_ref: only variables of a synapse group can be transposed")
    if isinstance(group, CustomUpdate):
        if group.synapse_group is None:
            raise ModelError(f"{group.label} runs over neurons; use create_var_ref")
        target = {"kind": "custom_update", "custom_update": group.name, "var": name}
    elif isinstance(group, CustomConnectivityUpdate):
        target = {"kind": "custom_connectivity_update", "update": group.name, "var": name}
    else:
        raise _wrong("create_wu_var_ref", "a synapse group or custom update", group)
    variable = group.vars[name]
    return VarReference(target, variable.type, variable.dims, synapse_group=group.synapse_group)


def create_out_post_var_ref(group: SynapseGroup) -> VarReference:
    """Refer to the synaptic output that a group has accumulated for each target neuron."""
    target = {"kind": "out_post", "synapse_group": group.name}
    return VarReference(target, "scalar", _ALL, group.trg.num_neurons)


def create_den_delay_var_ref(group: SynapseGroup) -> VarReference:
    """Refer to the dendritic delay buffer of a synapse group."""
    target = {"kind": "den_delay", "synapse_group": group.name}
    return VarReference(target, "scalar", _ALL, group.trg.num_neurons)


def create_spike_time_var_ref(group: NeuronGroup) -> VarReference:
    """Refer to the time of the last spike of each neuron of a population."""
    target = {"kind": "spike_time", "population": group.name}
    return VarReference(target, "timepoint", _ALL, group.num_neurons)


def create_prev_spike_time_var_ref(group: NeuronGroup) -> VarReference:
    """Refer to the time of the last but one spike of each neuron of a population."""
    target = {"kind": "prev_spike_time", "population": group.name}
    return VarReference(target, "timepoint", _ALL, group.num_neurons)


def create_src_spike_count_var_ref(group: SynapseGroup) -> VarReference:
    """Refer to the number of spikes of the source population in the last timestep."""
    target = {"kind": "spike_count", "synapse_group": group.name}
    return VarReference(target, "uint32_t", VarAccessDim.BATCH, group.src.num_neurons)


def create_egp_ref(group: NeuronGroup | CurrentSource | CustomUpdate, name: str) -> EgpReference:
    """Refer to an extra global parameter of a population, current source or custom update."""
    if isinstance(group, NeuronGroup):
        target = {"kind": "neuron", "population": group.name, "egp": name}
    elif isinstance(group, CurrentSource):
        target = {"kind": "current_source", "current_source": group.name, "egp": name}
    elif isinstance(group, CustomUpdate):
        target = {"kind": "custom_update", "custom_update": group.name, "egp": name}
    else:
        raise _wrong("create_egp_ref", "a population, current source or custom update", group)
    return EgpReference(target, group.extra_global_params[name].type)


def create_psm_egp_ref(group: SynapseGroup, name: str) -> EgpReference:
    """Refer to an extra global parameter of the postsynaptic model of a synapse group."""
    target = {"kind": "psm", "synapse_group": group.name, "egp": name}
    return EgpReference(target, group.psm_extra_global_params[name].type)


def create_wu_egp_ref(group: SynapseGroup, name: str) -> EgpReference:
    """Refer to an extra global parameter of the weight update model of a synapse group."""
    target = {"kind": "wu", "synapse_group": group.name, "egp": name}
    return EgpReference(target, group.extra_global_params[name].type)


def _to(variable: Variable, target: dict[str, str], num_neurons: int | None) -> VarReference:
    return VarReference(target, variable.type, variable.dims, num_neurons)


def _with_transpose(
    reference: VarReference, group: SynapseGroup, transposed: SynapseGroup, name: str
) -> VarReference:
    what = f"transpose of {group.label} into {transposed.label}"
    dense = SynapseMatrixType.DENSE
    if group.matrix_type is not dense or transposed.matrix_type is not dense:
        raise ModelError(f"{what}: both must be DENSE")
    if group.src.num_neurons != transposed.trg.num_neurons or (
        group.trg.num_neurons != transposed.src.num_neurons
    ):
        raise ModelError(f"{what}: the sizes of source and target must be swapped")
    variable = transposed.vars[name]
    if variable.type != reference.type or variable.dims != reference.dims:
        raise ModelError(f"{what}: both variables must have the same type and the same access")
    target = {
        **reference.target,
        "transpose": {"synapse_group": transposed.name, "var": name},
    }
    return VarReference(target, reference.type, reference.dims, synapse_group=group)


def _wrong(function: str, expected: str, given: object) -> ModelError:
    return ModelError(f"{function}: expected {expected}, got {given!r}")

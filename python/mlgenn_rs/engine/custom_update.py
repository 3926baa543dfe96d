"""Custom updates: code run on demand over neurons or synapses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .arrays import NamedItems, make_egps, make_variables
from .enums import CustomUpdateVarAccess, VarAccessDim, VarAccessMode
from .errors import ModelError
from .group import DynamicParamGroup, describe_initial
from .models import CustomUpdateModel
from .names import check_complete, check_group_name
from .parameters import Parameters
from .reference_types import EgpReference, VarReference, check_references

if TYPE_CHECKING:
    from .description import NetworkDescription
    from .synapse_group import SynapseGroup

_REDUCE_MODES = (VarAccessMode.REDUCE_SUM, VarAccessMode.REDUCE_MAX)
_REDUCE_BATCH = (CustomUpdateVarAccess.REDUCE_BATCH_SUM, CustomUpdateVarAccess.REDUCE_BATCH_MAX)
_REDUCE_NEURON = (CustomUpdateVarAccess.REDUCE_NEURON_SUM, CustomUpdateVarAccess.REDUCE_NEURON_MAX)


class CustomUpdate(DynamicParamGroup):
    """A custom update: runs over the neurons or synapses that its references belong to."""

    path_prefix = "cu"
    what = "custom update"

    def __init__(
        self,
        network: NetworkDescription,
        name: str,
        group_name: str,
        model: CustomUpdateModel,
        params: Mapping[str, Any],
        vars: Mapping[str, Any],
        var_refs: Mapping[str, VarReference],
        egp_refs: Mapping[str, EgpReference],
    ) -> None:
        """See :meth:`GeNNModel.add_custom_update`."""
        super().__init__(network, name)
        check_group_name(group_name, f"{self.label}: name of the update group")
        self.update_group_name = group_name
        self.model = model
        self.params = Parameters(model, params, self.label)
        check_references(model.var_refs, var_refs, f"{self.label}: references")
        check_references(
            model.extra_global_param_refs, egp_refs, f"{self.label}: references to arrays"
        )
        self._var_refs = dict(var_refs)
        self._egp_refs = dict(egp_refs)
        self.num_neurons, self.synapse_group = self._find_shape()
        self.dims = self._find_dims()
        """Dimensions over which the update runs."""
        self._check_reductions()
        check_complete(vars, [var.name for var in model.vars], f"{self.label}: variables")
        self.vars = make_variables(
            network,
            f"{self.path}.vars",
            self.label,
            model.vars,
            vars,
            pop_dims=self.dims,
            sparse_group=self.synapse_group.sparse_group if self.synapse_group else None,
        )
        """Variables by name."""
        self.extra_global_params = make_egps(
            network, f"{self.path}.egps", self.label, model.extra_global_params
        )
        """Extra global parameters by name."""

    def _find_shape(self) -> tuple[int | None, SynapseGroup | None]:
        """Return the number of neurons or the synapse group that all references agree on."""
        references = self._var_refs.values()
        if not references:
            raise ModelError(
                f"{self.label}: a custom update must reference at least one variable, which says "
                f"what it runs over"
            )
        synapse_groups = {id(ref.synapse_group): ref.synapse_group for ref in references}
        if len(synapse_groups) > 1:
            raise ModelError(
                f"{self.label}: references must all be to neuron variables, or all to synapse "
                f"variables of one synapse group"
            )
        sizes = {ref.num_neurons for ref in references}
        if len(sizes) > 1:
            raise ModelError(
                f"{self.label}: referenced variables have different numbers of neurons: {sizes}"
            )
        return sizes.pop(), next(iter(synapse_groups.values()))

    def _find_dims(self) -> VarAccessDim:
        dims = VarAccessDim.NONE
        for ref in self._var_refs.values():
            dims |= ref.dims
        return dims

    def _check_reductions(self) -> None:
        over_batch = over_neurons = False
        for var in self.model.vars:
            over_batch |= var.access in _REDUCE_BATCH
            over_neurons |= var.access in _REDUCE_NEURON
        for declared in self.model.var_refs:
            missing = self.dims & ~self._var_refs[declared.name].dims
            if declared.access in _REDUCE_MODES:
                if missing not in (VarAccessDim.BATCH, VarAccessDim.ELEMENT):
                    raise ModelError(
                        f"{self.label}: reduction target {declared.name!r} must lack exactly one "
                        f"of the dimensions (element, batch) that the update runs over"
                    )
                over_batch |= missing == VarAccessDim.BATCH
                over_neurons |= missing == VarAccessDim.ELEMENT
            elif missing & VarAccessDim.ELEMENT and declared.access is VarAccessMode.READ_WRITE:
                raise ModelError(
                    f"{self.label}: {declared.name!r} has one value for all neurons, so it can "
                    f"only be read or be the target of a reduction"
                )
        if over_batch and over_neurons:
            raise ModelError(
                f"{self.label}: a custom update cannot reduce over the batch and over neurons; "
                f"use two"
            )
        if over_neurons and self.synapse_group is not None:
            raise ModelError(f"{self.label}: a custom update of synapses cannot reduce over them")
        transposes = sum(ref.is_transpose for ref in self._var_refs.values())
        if transposes > 1 or (transposes and (over_batch or over_neurons)):
            raise ModelError(
                f"{self.label}: a custom update can write one transpose, and not with a reduction"
            )

    def array_groups(self) -> Iterator[NamedItems]:
        """Yield the dictionaries of arrays that may have initial values."""
        yield self.vars
        yield self.extra_global_params

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        self._check_batch()
        return {
            "name": self.name,
            "group": self.update_group_name,
            "model": self.model.describe(),
            "params": self.params.describe(self._network.dt),
            "dynamic_params": self.params.dynamic,
            "vars": describe_initial(self.vars),
            "var_refs": {name: ref.target for name, ref in self._var_refs.items()},
            "egp_refs": {name: ref.target for name, ref in self._egp_refs.items()},
        }

    def _check_batch(self) -> None:
        if self._network.batch_size == 1:
            return
        for declared in self.model.var_refs:
            missing = self.dims & ~self._var_refs[declared.name].dims
            if missing & VarAccessDim.BATCH and declared.access is VarAccessMode.READ_WRITE:
                raise ModelError(
                    f"{self.label}: {declared.name!r} is shared by the batch, so it can only be "
                    f"read or be the target of a reduction when batch_size is more than 1"
                )

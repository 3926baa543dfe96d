"""Custom connectivity updates: code run on demand that adds and removes synapses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .arrays import NamedItems, make_egps, make_variables
from .enums import SynapseMatrixType, VarAccessDim
from .errors import ModelError
from .group import DynamicParamGroup, describe_initial
from .models import CustomConnectivityUpdateModel
from .names import check_complete, check_group_name
from .parameters import Parameters
from .reference_types import EgpReference, VarReference, check_references
from .synapse_group import SynapseGroup

if TYPE_CHECKING:
    from .description import NetworkDescription


class CustomConnectivityUpdate(DynamicParamGroup):
    """A custom update of the connectivity of one sparse synapse group."""

    path_prefix = "ccu"
    what = "custom connectivity update"

    def __init__(
        self,
        network: NetworkDescription,
        name: str,
        group_name: str,
        synapse_group: SynapseGroup,
        model: CustomConnectivityUpdateModel,
        params: Mapping[str, Any],
        vars: Mapping[str, Any],
        pre_vars: Mapping[str, Any],
        post_vars: Mapping[str, Any],
        var_refs: Mapping[str, VarReference],
        pre_var_refs: Mapping[str, VarReference],
        post_var_refs: Mapping[str, VarReference],
        egp_refs: Mapping[str, EgpReference],
    ) -> None:
        """See :meth:`GeNNModel.add_custom_connectivity_update`."""
        super().__init__(network, name)
        check_group_name(group_name, f"{self.label}: name of the update group")
        if synapse_group.matrix_type is not SynapseMatrixType.SPARSE:
            raise ModelError(
                f"{self.label}: only SPARSE connectivity can be changed; {synapse_group.label} is "
                f"{synapse_group.matrix_type.name}"
            )
        self.update_group_name = group_name
        self.synapse_group = synapse_group
        self.model = model
        self.params = Parameters(model, params, self.label)
        self._make_variables(vars, pre_vars, post_vars)
        self._var_refs = dict(var_refs)
        self._pre_var_refs = dict(pre_var_refs)
        self._post_var_refs = dict(post_var_refs)
        self._egp_refs = dict(egp_refs)
        self._check_references()

    def _make_variables(
        self, vars: Mapping[str, Any], pre_vars: Mapping[str, Any], post_vars: Mapping[str, Any]
    ) -> None:
        model, network = self.model, self._network
        for declared, given, kind in (
            (model.vars, vars, "variables"),
            (model.pre_vars, pre_vars, "presynaptic variables"),
            (model.post_vars, post_vars, "postsynaptic variables"),
        ):
            check_complete(given, [var.name for var in declared], f"{self.label}: {kind}")
        # Variables of connectivity updates are never duplicated over the batch.
        dims = VarAccessDim.ELEMENT
        self.vars = make_variables(
            network,
            f"{self.path}.vars",
            self.label,
            model.vars,
            vars,
            pop_dims=dims,
            sparse_group=self.synapse_group,
        )
        """Synapse variables by name."""
        self.pre_vars = make_variables(
            network, f"{self.path}.pre_vars", self.label, model.pre_vars, pre_vars, pop_dims=dims
        )
        """Presynaptic variables by name."""
        self.post_vars = make_variables(
            network, f"{self.path}.post_vars", self.label, model.post_vars, post_vars, pop_dims=dims
        )
        """Postsynaptic variables by name."""
        self.extra_global_params = make_egps(
            network, f"{self.path}.egps", self.label, model.extra_global_params
        )
        """Extra global parameters by name."""

    def _check_references(self) -> None:
        model = self.model
        check_references(model.var_refs, self._var_refs, f"{self.label}: references")
        for declared, given, size, side in (
            (model.pre_var_refs, self._pre_var_refs, self.synapse_group.src, "presynaptic"),
            (model.post_var_refs, self._post_var_refs, self.synapse_group.trg, "postsynaptic"),
        ):
            check_references(declared, given, f"{self.label}: {side} references")
            for name, reference in given.items():
                if reference.num_neurons != size.num_neurons:
                    raise ModelError(
                        f"{self.label}: {side} reference {name!r} must have {size.num_neurons} "
                        f"values, as {size.label} has neurons"
                    )
        for name, reference in self._var_refs.items():
            if reference.synapse_group is not self.synapse_group:
                raise ModelError(
                    f"{self.label}: reference {name!r} must be to a variable of "
                    f"{self.synapse_group.label}"
                )
        check_references(
            model.extra_global_param_refs, self._egp_refs, f"{self.label}: references to arrays"
        )

    def array_groups(self) -> Iterator[NamedItems]:
        """Yield the dictionaries of arrays that may have initial values."""
        yield self.vars
        yield self.pre_vars
        yield self.post_vars
        yield self.extra_global_params

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        return {
            "name": self.name,
            "group": self.update_group_name,
            "synapse_group": self.synapse_group.name,
            "model": self.model.describe(),
            "params": self.params.describe(self._network.dt),
            "dynamic_params": self.params.dynamic,
            "vars": describe_initial(self.vars),
            "pre_vars": describe_initial(self.pre_vars),
            "post_vars": describe_initial(self.post_vars),
            "var_refs": {name: ref.target for name, ref in self._var_refs.items()},
            "pre_var_refs": {name: ref.target for name, ref in self._pre_var_refs.items()},
            "post_var_refs": {name: ref.target for name, ref in self._post_var_refs.items()},
            "egp_refs": {name: ref.target for name, ref in self._egp_refs.items()},
        }

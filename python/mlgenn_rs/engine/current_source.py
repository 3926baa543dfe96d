"""Current sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .arrays import NamedItems, make_egps, make_variables
from .group import DynamicParamGroup, describe_initial
from .models import CurrentSourceModel
from .names import check_complete
from .neuron_group import NeuronGroup
from .parameters import Parameters
from .reference_types import local_references

if TYPE_CHECKING:
    from .description import NetworkDescription


class CurrentSource(DynamicParamGroup):
    """A source of current attached to one population."""

    path_prefix = "cs"
    what = "current source"

    def __init__(
        self,
        network: NetworkDescription,
        name: str,
        model: CurrentSourceModel,
        population: NeuronGroup,
        params: Mapping[str, Any],
        vars: Mapping[str, Any],
        var_refs: Mapping[str, Any],
    ) -> None:
        """See :meth:`GeNNModel.add_current_source`."""
        super().__init__(network, name)
        self.model = model
        self.trg = population
        self.params = Parameters(model, params, self.label)
        check_complete(vars, [var.name for var in model.vars], f"{self.label}: variables")
        self.vars = make_variables(network, f"{self.path}.vars", self.label, model.vars, vars)
        """Variables by name."""
        self.extra_global_params = make_egps(
            network, f"{self.path}.egps", self.label, model.extra_global_params
        )
        """Extra global parameters by name."""
        self._var_refs = local_references(
            model.neuron_var_refs,
            var_refs,
            population.vars,
            "neuron",
            population.name,
            f"{self.label}: references",
        )
        self._target_var = "Isyn"

    @property
    def target_var(self) -> str:
        """Input variable of the population that receives the current."""
        return self._target_var

    @target_var.setter
    def target_var(self, name: str) -> None:
        self._check_not_built("choosing the target variable")
        self._target_var = self.trg.check_input(name, self.label)

    def array_groups(self) -> Iterator[NamedItems]:
        """Yield the dictionaries of arrays that may have initial values."""
        yield self.vars
        yield self.extra_global_params

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        return {
            "name": self.name,
            "population": self.trg.name,
            "model": self.model.describe(),
            "params": self.params.describe(self._network.dt),
            "dynamic_params": self.params.dynamic,
            "vars": describe_initial(self.vars),
            "neuron_var_refs": self._var_refs,
            "target_var": "" if self._target_var == "Isyn" else self._target_var,
        }

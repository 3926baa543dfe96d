"""What all groups share: a name, a place in the network, parameters and locations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from .arrays import InitialArray, NamedItems
from .enums import VarLocation
from .errors import RuntimeFault
from .names import check_group_name
from .parameters import Parameters

if TYPE_CHECKING:
    from .description import NetworkDescription


class Group:
    """A named part of a network."""

    path_prefix: ClassVar[str]
    """First part of the paths of its arrays."""
    what: ClassVar[str]
    """What messages call it."""

    def __init__(self, network: NetworkDescription, name: str) -> None:
        check_group_name(name, f"name of a {self.what}")
        self._network = network
        self.name = name
        self._locations: dict[str, VarLocation] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    @property
    def path(self) -> str:
        """Common part of the paths of its arrays."""
        return f"{self.path_prefix}.{self.name}"

    @property
    def label(self) -> str:
        """What messages call this group."""
        return f"{self.what} {self.name!r}"

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        raise NotImplementedError

    def array_groups(self) -> Iterator[NamedItems]:
        """Yield the dictionaries of arrays that may have initial values."""
        raise NotImplementedError

    def initial_arrays(self) -> Iterator[tuple[str, InitialArray]]:
        """Yield paths and values of arrays to load."""
        for arrays in self.array_groups():
            for array in arrays.values():
                yield from array.initial_arrays()

    def set_var_location(self, name: str, location: VarLocation) -> None:
        """Say where a variable is to live.  On a CPU all locations mean the same."""
        self._locations[name] = location

    def get_var_location(self, name: str) -> VarLocation:
        """Return where a variable is to live."""
        return self._locations.get(name, self._network.default_var_location)

    def _check_not_built(self, operation: str) -> None:
        if self._network.is_built:
            raise RuntimeFault(
                f"{self.label}: {operation} must be done before the network is built"
            )

    def _set_dynamic_value(self, params: Parameters, section: str, name: str, value: float) -> None:
        params.check_dynamic(name)
        self._network.simulation.set_dynamic_param(f"{self.path}.{section}.{name}", value)


class DynamicParamGroup(Group):
    """A group with a single model, whose parameters can be made dynamic."""

    params: Parameters

    def set_param_dynamic(self, name: str, dynamic: bool = True) -> None:
        """Let a parameter change while the network runs.  Derived parameters do not follow."""
        self._check_not_built("making a parameter dynamic")
        self.params.set_dynamic(name, dynamic)

    def set_dynamic_param_value(self, name: str, value: float) -> None:
        """Set a dynamic parameter of a loaded network."""
        self._set_dynamic_value(self.params, "params", name, value)


def describe_initial(variables: NamedItems) -> dict[str, Any]:
    """Return the descriptions of the initial values of variables."""
    return {name: variable.describe_initial() for name, variable in variables.items()}

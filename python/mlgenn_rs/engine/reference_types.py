"""What a reference is: a variable or array of some group, with type and dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .arrays import NamedItems
from .declarations import Egp, VarRef
from .enums import VarAccessDim
from .errors import ModelError
from .names import check_complete

if TYPE_CHECKING:
    from .synapse_group import SynapseGroup


@dataclass(frozen=True)
class VarReference:
    """A reference to a variable or to internal state of a group."""

    target: Mapping[str, Any]
    """Description handed to the engine."""
    type: str
    """Type of the variable as its model declares it."""
    dims: VarAccessDim
    """Dimensions over which it is stored."""
    num_neurons: int | None = None
    """Number of neurons that it has values for; ``None`` for synapse variables."""
    synapse_group: SynapseGroup | None = None
    """Synapse group that a synapse variable belongs to."""

    @property
    def is_transpose(self) -> bool:
        """Whether the value is also written to a transposed place."""
        return self.target.get("transpose") is not None


@dataclass(frozen=True)
class EgpReference:
    """A reference to an extra global parameter of a group."""

    target: Mapping[str, Any]
    """Description handed to the engine."""
    type: str
    """Type of the array as its model declares it."""


def check_references(
    declared: Iterable[VarRef] | Iterable[Egp],
    given: Mapping[str, VarReference] | Mapping[str, EgpReference],
    what: str,
) -> None:
    """Raise :class:`ModelError` unless every declared reference is bound to its type."""
    types = {ref.name: ref.type for ref in declared}
    check_complete(given, types, what)
    for name, type_name in types.items():
        reference = given[name]
        if not isinstance(reference, (VarReference, EgpReference)):
            raise ModelError(f"{what}: {name!r} must be bound to a reference, got {reference!r}")
        if reference.type != type_name:
            raise ModelError(
                f"{what}: {name!r} is declared as {type_name!r} but bound to something of type "
                f"{reference.type!r}; the types must be written alike"
            )


def local_references(
    declared: Iterable[VarRef],
    given: Mapping[str, Any],
    variables: NamedItems,
    target_kind: str,
    target_group: str,
    what: str,
) -> dict[str, str]:
    """Return the variable that each reference of a model to its own surroundings is bound to.

    Parameters
    ----------
    declared
        References that the model declares.
    given
        For each, the name of a variable or a :class:`VarReference` to it.
    variables
        Variables that may be referenced.
    target_kind, target_group
        Kind and name of the group that those variables belong to.
    what
        What the references are of, for messages.
    """
    declared = list(declared)
    check_complete(given, [ref.name for ref in declared], what)
    bound = {}
    for ref in declared:
        target = given[ref.name]
        name = target
        if isinstance(target, VarReference):
            owners = [
                target.target.get(key)
                for key in ("population", "synapse_group")
                if key in target.target
            ]
            if target.target["kind"] != target_kind or owners != [target_group]:
                raise ModelError(
                    f"{what}: {ref.name!r} must be bound to a variable of {target_group!r}"
                )
            name = target.target["var"]
        variable = variables[name]
        if variable.type != ref.type:
            raise ModelError(
                f"{what}: {ref.name!r} is declared as {ref.type!r} but {name!r} is declared as "
                f"{variable.type!r}; the types must be written alike"
            )
        bound[ref.name] = name
    return bound

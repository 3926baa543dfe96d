"""What models declare: parameters, variables, references and extra global parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .enums import CustomUpdateVarAccess, VarAccess, VarAccessMode
from .errors import ModelError
from .names import check_identifier
from .types import is_pointer

ParamDict = Mapping[str, Any]
"""Values of parameters as functions of a model see them: floats, or ints if numpy integers."""

DerivedFunc = Callable[[Any, float], float]
"""Function of the parameter values and the timestep that gives a derived parameter."""


@dataclass(frozen=True)
class Param:
    """A parameter: one number for the whole group."""

    name: str
    type: str = "scalar"

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        return {"name": self.name, "type": self.type}


@dataclass(frozen=True)
class DerivedParam(Param):
    """A parameter computed once from the others and the timestep."""

    func: DerivedFunc = lambda params, dt: 0.0


@dataclass(frozen=True)
class Var:
    """A state variable."""

    name: str
    type: str
    access: VarAccess | CustomUpdateVarAccess

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        return {"name": self.name, "type": self.type, "access": self.access.name}


@dataclass(frozen=True)
class VarRef:
    """A reference to a variable of another object, bound when the model is used."""

    name: str
    type: str
    access: VarAccessMode

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        return {"name": self.name, "type": self.type, "access": self.access.name}


@dataclass(frozen=True)
class Egp:
    """An extra global parameter (EGP): an array of any length.  Also a reference to one."""

    name: str
    type: str

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        return {"name": self.name, "type": self.type}


@dataclass(frozen=True)
class AdditionalInput:
    """An input of a neuron model beside ``Isyn``: starts each timestep at ``initial``."""

    name: str
    type: str
    initial: float

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        return {"name": self.name, "type": self.type, "initial": self.initial}


def parse_params(given: Iterable[Any] | None, what: str) -> tuple[Param, ...]:
    """Read ``name`` or ``(name, type)`` entries."""
    params = []
    for entry in given or ():
        fields = (entry,) if isinstance(entry, str) else _fields(entry, 1, 2, what, "name[, type]")
        check_identifier(fields[0], f"{what}: parameters")
        params.append(Param(*fields))
    return tuple(params)


def parse_derived_params(given: Iterable[Any] | None, what: str) -> tuple[DerivedParam, ...]:
    """Read ``(name, function(params, dt)[, type])`` entries."""
    params = []
    for entry in given or ():
        fields = _fields(entry, 2, 3, what, "name, function(params, dt)[, type]")
        check_identifier(fields[0], f"{what}: derived parameters")
        if not callable(fields[1]):
            raise ModelError(
                f"{what}: derived parameter {fields[0]!r} needs a function of the parameters and "
                f"the timestep, got {fields[1]!r}"
            )
        params.append(
            DerivedParam(fields[0], fields[2] if len(fields) == 3 else "scalar", fields[1])
        )
    return tuple(params)


def parse_vars(given: Iterable[Any] | None, what: str) -> tuple[Var, ...]:
    """Read ``(name, type[, VarAccess])`` entries."""
    return tuple(_parse_var(entry, VarAccess, what) for entry in given or ())


def parse_custom_update_vars(given: Iterable[Any] | None, what: str) -> tuple[Var, ...]:
    """Read ``(name, type[, CustomUpdateVarAccess])`` entries."""
    return tuple(_parse_var(entry, CustomUpdateVarAccess, what) for entry in given or ())


def _parse_var(
    entry: Any, access_type: type[VarAccess] | type[CustomUpdateVarAccess], what: str
) -> Var:
    fields = _fields(entry, 2, 3, what, f"name, type[, {access_type.__name__}]")
    check_identifier(fields[0], f"{what}: variables")
    access = fields[2] if len(fields) == 3 else access_type.READ_WRITE
    if not isinstance(access, access_type):
        raise ModelError(
            f"{what}: variable {fields[0]!r} needs an access of type {access_type.__name__}, "
            f"got {access!r}"
        )
    return Var(fields[0], fields[1], access)


def parse_var_refs(given: Iterable[Any] | None, what: str) -> tuple[VarRef, ...]:
    """Read ``(name, type[, VarAccessMode])`` entries."""
    refs = []
    for entry in given or ():
        fields = _fields(entry, 2, 3, what, "name, type[, VarAccessMode]")
        check_identifier(fields[0], f"{what}: references")
        access = fields[2] if len(fields) == 3 else VarAccessMode.READ_WRITE
        if not isinstance(access, VarAccessMode):
            raise ModelError(
                f"{what}: reference {fields[0]!r} needs an access of type VarAccessMode, "
                f"got {access!r}"
            )
        refs.append(VarRef(fields[0], fields[1], access))
    return tuple(refs)


def parse_egps(given: Iterable[Any] | None, what: str) -> tuple[Egp, ...]:
    """Read ``(name, "type*")`` entries."""
    egps = []
    for entry in given or ():
        fields = _fields(entry, 2, 2, what, 'name, "type*"')
        check_identifier(fields[0], f"{what}: extra global parameters")
        if not is_pointer(fields[1]):
            raise ModelError(
                f"{what}: extra global parameter {fields[0]!r} has type {fields[1]!r}; extra "
                f"global parameters are arrays, so write '{fields[1]}*', or use a dynamic "
                f"parameter for a single number"
            )
        egps.append(Egp(*fields))
    return tuple(egps)


def parse_additional_inputs(given: Iterable[Any] | None, what: str) -> tuple[AdditionalInput, ...]:
    """Read ``(name, type, initial value)`` entries."""
    inputs = []
    for entry in given or ():
        fields = _fields(entry, 3, 3, what, "name, type, initial value")
        check_identifier(fields[0], f"{what}: additional input variables")
        inputs.append(AdditionalInput(fields[0], fields[1], float(fields[2])))
    return tuple(inputs)


def _fields(entry: Any, least: int, most: int, what: str, form: str) -> tuple[Any, ...]:
    if isinstance(entry, Sequence) and not isinstance(entry, str) and least <= len(entry) <= most:
        return tuple(entry)
    raise ModelError(f"{what}: expected ({form}), got {entry!r}")

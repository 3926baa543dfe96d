"""Values of models: numbers, arrays and initialisers, and the attributes that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from numbers import Number, Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..initializers import default_initializers
from ..initializers.initializer import Initializer

Value: TypeAlias = "int | float | Sequence[int] | Sequence[float] | npt.NDArray[Any] | Initializer"
InitValue: TypeAlias = "Value | str"
Transform: TypeAlias = Callable[[Any, float], Any]


def is_value_constant(value: Any) -> bool:
    """Whether a value is one number for all neurons or synapses."""
    return isinstance(value, Number)


def is_value_array(value: Any) -> bool:
    """Whether a value is a sequence or array with one number per neuron or synapse."""
    return isinstance(value, np.ndarray) or (
        isinstance(value, Sequence) and not isinstance(value, str | bytes)
    )


def is_value_initializer(value: Any) -> bool:
    """Whether a value is drawn from an initialiser."""
    return isinstance(value, Initializer)


class ValueDescriptor:
    """Attribute that becomes one or more parameters or variables of an engine model.

    Parameters
    ----------
    *args
        Each a name in the engine model, or ``(name, f(value, dt))`` for a quantity that is derived
        from the value and the timestep ``dt`` (ms).
    learned
        Name of the variable with the value itself in models in which it is learned.

    A number, sequence, array, initialiser or ``None`` can be assigned, and the name of a default
    initialiser. Initialisers cannot be assigned to a transformed attribute
    (:class:`NotImplementedError`); anything else raises :class:`RuntimeError`. NaN raises
    :class:`ValueError`.
    """

    def __init__(self, *args: str | tuple[str, Transform], learned: str | None = None) -> None:
        self.learned = learned
        self.genn_transforms: list[tuple[str, Transform | None]] = [
            (arg, None) if isinstance(arg, str) else (arg[0], arg[1]) for arg in args
        ]

    @property
    def genn_names(self) -> list[str]:
        """Names that the value has in engine models."""
        names = [name for name, _ in self.genn_transforms]
        return names if self.learned is None else [*names, self.learned]

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember the name of the attribute."""
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the value; the descriptor itself when accessed through the class."""
        return self if instance is None else getattr(instance, f"_{self.name}")

    def __set__(self, instance: Any, value: Any) -> None:
        """Check and store a value; arrays are shared with the caller, all else is copied."""
        what = f"{type(instance).__name__}.{self.name}"
        setattr(instance, f"_{self.name}", self._convert(value, what))

    def get_transformed(self, instance: Any, dt: float) -> dict[str, Any]:
        """Return the values of the engine model by name, for a timestep of ``dt`` ms."""
        value = self.__get__(instance)
        return {
            name: value if transform is None or value is None else transform(value, dt)
            for name, transform in self.genn_transforms
        }

    def _convert(self, value: Any, what: str) -> Any:
        transformed = any(transform is not None for _, transform in self.genn_transforms)
        if transformed and isinstance(value, str | Initializer):
            raise NotImplementedError(
                f"{what}: enters the model transformed, so it cannot be initialised with "
                f"{value!r}; give a number or an array"
            )
        if isinstance(value, str):
            if value not in default_initializers:
                known = ", ".join(sorted(default_initializers))
                raise RuntimeError(f"{what}: unknown initialiser {value!r}; known are: {known}")
            return default_initializers[value]()
        if is_value_array(value):
            value = _as_numbers(value, what)
            self._check_range(value, what)
            return value
        if isinstance(value, Real):
            self._check_range(value, what)
            return deepcopy(value)
        if is_value_initializer(value):
            return deepcopy(value)
        if value is None:
            return None
        raise RuntimeError(
            f"{what}: expected a number, an array of numbers, an Initializer or the name of one, "
            f"got {value!r}"
        )

    def _check_range(self, value: Any, what: str) -> None:
        if np.any(np.isnan(value)):
            raise ValueError(f"{what}: expected numbers, got NaN")


class PositiveValueDescriptor(ValueDescriptor):
    """Attribute whose values are larger than 0; others raise :class:`ValueError`."""

    def _check_range(self, value: Any, what: str) -> None:
        super()._check_range(value, what)
        if not np.all(np.asarray(value) > 0):
            raise ValueError(f"{what}: must be larger than 0, got {value}")


class NonNegativeValueDescriptor(ValueDescriptor):
    """Attribute whose values are at least 0; others raise :class:`ValueError`."""

    def _check_range(self, value: Any, what: str) -> None:
        super()._check_range(value, what)
        if not np.all(np.asarray(value) >= 0):
            raise ValueError(f"{what}: must not be negative, got {value}")


def _as_numbers(value: Any, what: str) -> Any:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise RuntimeError(f"{what}: rows of different lengths: {error}") from error
    if array.dtype.kind not in "biuf":
        raise RuntimeError(f"{what}: expected an array of numbers, got dtype {array.dtype}")
    return array.item() if array.ndim == 0 else array


def _descriptors(inst: Any) -> Iterator[ValueDescriptor]:
    seen: set[str] = set()
    for cls in type(inst).__mro__:
        for name, attribute in vars(cls).items():
            if name not in seen:
                seen.add(name)
                if isinstance(attribute, ValueDescriptor):
                    yield attribute


def get_genn_var_name(inst: Any, name: str) -> str:
    """Return the name in the engine model of an attribute.

    Raises
    ------
    AttributeError
        If there is no such attribute.
    RuntimeError
        If it is no value of the model, or enters it transformed only.
    """
    descriptor = getattr(type(inst), name, None)
    if descriptor is None:
        known = ", ".join(repr(d.name) for d in _descriptors(inst)) or "none"
        raise AttributeError(
            f"{type(inst).__name__} has no attribute {name!r}; values of the model are: {known}"
        )
    if not isinstance(descriptor, ValueDescriptor):
        raise RuntimeError(f"{type(inst).__name__}.{name} is not a value of the model")
    for genn_name, transform in descriptor.genn_transforms:
        if transform is None:
            return genn_name
    raise RuntimeError(
        f"{type(inst).__name__}.{name} enters the model transformed and has no variable of its own"
    )


def get_values(
    inst: Any,
    name_types: Iterable[Any],
    dt: float,
    vals: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Collect the values that an object's attributes give to an engine model.

    Parameters
    ----------
    inst
        Object with :class:`ValueDescriptor` attributes.
    name_types
        Declarations ``(name, type, ...)``; only these names are collected.
    dt
        Timestep (ms).
    vals
        Dictionary to add to; a new one by default.

    Returns
    -------
    dict
        ``vals``.

    Raises
    ------
    RuntimeError
        If an attribute that the model needs is ``None``.
    """
    vals = {} if vals is None else vals
    wanted = {entry[0] for entry in name_types}
    for descriptor in _descriptors(inst):
        if any(name in wanted for name, _ in descriptor.genn_transforms):
            if getattr(inst, descriptor.name) is None:
                what = f"{type(inst).__name__}.{descriptor.name}"
                raise RuntimeError(f"{what} needs a value, got None")
            transformed = descriptor.get_transformed(inst, dt)
            vals.update({n: v for n, v in transformed.items() if n in wanted})
    return vals


def check_sizes(inst: Any, num_neurons: int, pop: str) -> None:
    """Raise ``ValueError`` if an array does not have one value for each neuron of a population."""
    for descriptor in _descriptors(inst):
        value: Any = getattr(inst, descriptor.name, None)
        # The engine says whether one value for all of them will do
        if is_value_array(value) and np.size(value) not in (1, num_neurons):
            raise ValueError(
                f"{type(inst).__name__}.{descriptor.name}: population {pop!r} has {num_neurons} "
                f"neurons, but the array has {np.size(value)} values, in the shape "
                f"{np.shape(value)}"
            )


def set_values(inst: Any, vals: Mapping[str, Any]) -> None:
    """Assign values to attributes by their names in the engine model.

    Names that no attribute has are ignored. Transforms are not inverted: what belongs to a
    transformed name is stored as it is.
    """
    for descriptor in _descriptors(inst):
        for genn_name in descriptor.genn_names:
            if genn_name in vals:
                descriptor.__set__(inst, vals[genn_name])

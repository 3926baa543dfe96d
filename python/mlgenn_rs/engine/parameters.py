"""Values of the parameters of one model, fixed or dynamic."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import ModelError, UnknownName
from .models import Model
from .names import check_complete


class Parameters:
    """Values of the parameters of one model.

    Python numbers become floats, as functions of parameters expect; numpy integers stay integers.
    """

    def __init__(self, model: Model, values: Mapping[str, Any] | None, what: str) -> None:
        """Check that ``values`` has exactly the parameters that ``model`` declares."""
        values = values or {}
        self._model = model
        self._what = what
        check_complete(values, [param.name for param in model.params], f"{what}: parameters")
        self.values = {
            param.name: _number(values[param.name], f"{what}: parameter {param.name!r}")
            for param in model.params
        }
        self.dynamic: list[str] = []

    def set_dynamic(self, name: str, dynamic: bool = True) -> None:
        """Make a parameter dynamic (it may change between timesteps), or constant again."""
        self.check_declared(name)
        if dynamic and name not in self.dynamic:
            self.dynamic.append(name)
        elif not dynamic and name in self.dynamic:
            self.dynamic.remove(name)

    def check_declared(self, name: str) -> None:
        """Raise :class:`UnknownName` unless the model declares the parameter."""
        if name not in self.values:
            declared = ", ".join(map(repr, self.values)) or "none"
            raise UnknownName(f"{self._what} has no parameter {name!r}; parameters: {declared}")

    def check_dynamic(self, name: str) -> None:
        """Raise :class:`ModelError` unless the parameter was made dynamic."""
        self.check_declared(name)
        if name not in self.dynamic:
            raise ModelError(
                f"{self._what}: parameter {name!r} is constant; make it dynamic before building"
            )

    def describe(self, dt: float) -> dict[str, float]:
        """Return values of parameters and derived parameters as the engine takes them."""
        described = {name: _finite(value) for name, value in self.values.items()}
        for param in self._model.derived_params:
            what = f"{self._what}: derived parameter {param.name!r}"
            described[param.name] = _finite(_number(param.func(self.values, dt), what))
        return described


def _number(value: Any, what: str) -> float | int:
    if isinstance(value, np.integer):
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ModelError(f"{what} must be a number, got {value!r}") from None
    if math.isnan(number):
        raise ModelError(f"{what} is not a number (NaN)")
    return number


def _finite(value: float | int) -> float:
    """Return the value, with infinities replaced by the largest number: JSON has no infinities."""
    return max(-sys.float_info.max, min(sys.float_info.max, float(value)))

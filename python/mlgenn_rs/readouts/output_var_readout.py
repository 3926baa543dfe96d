"""Base class of readouts that follow the output variable."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .readout import Readout, read_var

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class OutputVarReadout(Readout):
    """Readout that accumulates the neuron's output variable in a variable of its own."""

    suffix: str
    """Appended to the name of the output variable."""

    def __init__(self) -> None:
        self.output_var_name: str | None = None
        self._reset_vars: list[tuple[str, str, Any]] = []

    def get_readout(
        self, genn_pop: Any, batch_size: int, shape: tuple[int, ...]
    ) -> npt.NDArray[np.generic]:
        """Return the output: ``(batch_size,) + shape``, a view on engine memory."""
        name = None if self.output_var_name is None else self.output_var_name + self.suffix
        return read_var(genn_pop, name, batch_size, shape)

    @property
    def reset_vars(self) -> list[tuple[str, str, Any]]:
        """``(name, type, value)`` of what has to be reset before each example."""
        return self._reset_vars

    def _add_var(self, model: NeuronModel) -> tuple[NeuronModel, str, str]:
        """Return a copy of the model with the variable, and the names of what to read and write."""
        name, type, *_ = _find_output_var(model)
        self.output_var_name = name
        model = deepcopy(model)
        model.add_var(name + self.suffix, type, 0.0)
        self._reset_vars = [(name + self.suffix, type, 0.0)]
        return model, name, name + self.suffix


def _find_output_var(model: NeuronModel) -> tuple[Any, ...]:
    try:
        return model.output_var
    except AssertionError as error:
        raise RuntimeError(
            f"the neuron model has no variable {model.output_var_name!r} that could be read out"
        ) from error

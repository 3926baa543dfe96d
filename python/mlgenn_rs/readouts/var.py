"""Final value of the output variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .output_var_readout import _find_output_var
from .readout import Readout, read_var

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class Var(Readout):
    """Final value of the neuron's output variable, after the reset of the last timestep."""

    def __init__(self) -> None:
        self.output_var_name: str | None = None

    def add_readout_logic(self, model: NeuronModel, **kwargs: Any) -> NeuronModel:
        """Return the model itself: nothing has to be computed."""
        self.output_var_name = _find_output_var(model)[0]
        return model

    def get_readout(
        self, genn_pop: Any, batch_size: int, shape: tuple[int, ...]
    ) -> npt.NDArray[np.generic]:
        """Return the output: ``(batch_size,) + shape``, a view on engine memory."""
        return read_var(genn_pop, self.output_var_name, batch_size, shape)

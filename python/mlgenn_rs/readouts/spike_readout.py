"""Base class of readouts that follow spikes."""

from __future__ import annotations

from abc import abstractmethod
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .readout import Readout, read_var

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class SpikeReadout(Readout):
    """Readout with one variable that is updated whenever the neuron spikes."""

    @property
    @abstractmethod
    def reset_vars(self) -> list[tuple[str, str, Any]]:
        """``(name, type, value)`` of what has to be reset before each example."""

    def get_readout(
        self, genn_pop: Any, batch_size: int, shape: tuple[int, ...]
    ) -> npt.NDArray[np.generic]:
        """Return the output: ``(batch_size,) + shape``, a view on engine memory."""
        return read_var(genn_pop, self.reset_vars[0][0], batch_size, shape)

    def _add_to_reset(self, model: NeuronModel, code: str) -> NeuronModel:
        if not model.model.get("threshold_condition_code"):
            raise RuntimeError(f"{type(self).__name__} can only be used with neurons that spike")
        model = deepcopy(model)
        model.add_var(*self.reset_vars[0])
        model.append_reset_code(code)
        return model

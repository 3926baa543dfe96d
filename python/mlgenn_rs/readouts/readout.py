"""Base class of readouts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class Readout(ABC):
    """Base class of readouts."""

    @abstractmethod
    def add_readout_logic(self, model: NeuronModel, **kwargs: Any) -> NeuronModel:
        """Return a copy of a model that also computes the output.

        Parameters
        ----------
        model
            Model of the neuron.
        **kwargs
            ``example_timesteps`` (timesteps per example), ``dt`` (ms) and, if the time of the
            maximum is needed, ``max_time_required``.

        Raises
        ------
        RuntimeError
            If the model lacks what the readout reads.
        """

    @abstractmethod
    def get_readout(
        self, genn_pop: Any, batch_size: int, shape: tuple[int, ...]
    ) -> npt.NDArray[np.generic]:
        """Return the output: ``(batch_size,) + shape``, a view on engine memory."""

    @property
    def reset_vars(self) -> list[tuple[str, str, Any]]:
        """``(name, type, value)`` of what has to be reset before each example."""
        return []

    def __repr__(self) -> str:
        """Return the class."""
        return f"{type(self).__name__}()"


def read_var(
    genn_pop: Any, name: str | None, batch_size: int, shape: tuple[int, ...]
) -> npt.NDArray[np.generic]:
    """Download a variable: ``(batch_size,) + shape``.

    Raises
    ------
    RuntimeError
        If the readout was not added to a model.
    """
    if name is None:
        raise RuntimeError("the readout is not part of a compiled network")
    variable = genn_pop.vars[name]
    variable.pull_from_device()
    view: npt.NDArray[np.generic] = np.reshape(
        variable.open_current_view("r"), (batch_size, *shape)
    )
    return view

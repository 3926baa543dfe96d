"""Base class of neurons."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..readouts import Readout, default_readouts
from ..utils.checks import check_keywords
from ..utils.module import get_object

if TYPE_CHECKING:
    from ..population import Population
    from ..utils.model import NeuronModel


class Neuron(ABC):
    """Base class of neurons.

    Parameters
    ----------
    readout
        How the population's output is read: a readout, its name or ``None``.
    **kwargs
        Passed to the next class in the method resolution order (input mix-ins).
    """

    def __init__(self, readout: Readout | str | None = None, **kwargs: Any) -> None:
        check_keywords(self, Neuron, kwargs)
        super().__init__(**kwargs)
        self.readout = readout

    @abstractmethod
    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values.

        Parameters
        ----------
        population
            Population that the neuron belongs to.
        dt
            Timestep (ms).
        batch_size
            Number of examples simulated at once.
        """

    def get_readout(
        self, genn_pop: Any, batch_size: int, shape: tuple[int, ...]
    ) -> npt.NDArray[np.generic]:
        """Read the population's output: ``(batch_size,) + shape``, a view on engine memory.

        Raises
        ------
        RuntimeError
            If the neuron has no readout.
        """
        if self.readout is None:
            raise RuntimeError(
                f"{type(self).__name__} has no readout; give one when creating the neuron, e.g. "
                f"readout='var'"
            )
        return self.readout.get_readout(genn_pop, batch_size, shape)

    @property
    def readout(self) -> Readout | None:
        """How the output is read; a copy of what was assigned."""
        return self._readout

    @readout.setter
    def readout(self, r: Readout | str | None) -> None:
        self._readout = get_object(r, Readout, "Readout", default_readouts)

    def __repr__(self) -> str:
        """Return class and attributes."""
        values = ", ".join(f"{k.lstrip('_')}={v!r}" for k, v in vars(self).items())
        return f"{type(self).__name__}({values})"

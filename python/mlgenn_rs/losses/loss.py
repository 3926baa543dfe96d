"""Base class of losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class Loss(ABC):
    """Base class of losses."""

    @abstractmethod
    def add_to_neuron(
        self, model: NeuronModel, shape: tuple[int, ...], batch_size: int, example_timesteps: int
    ) -> None:
        """Make targets available to the code of an output neuron's model, which is changed.

        Parameters
        ----------
        model
            Model of the neuron.
        shape
            Shape of the population.
        batch_size
            Number of examples simulated at once.
        example_timesteps
            Timesteps per example.
        """

    @abstractmethod
    def set_target(
        self,
        genn_pop: Any,
        y_true: Any,
        shape: tuple[int, ...],
        batch_size: int,
        example_timesteps: int,
    ) -> None:
        """Upload the targets of one batch.

        Parameters
        ----------
        genn_pop
            Neuron group of the engine.
        y_true
            Targets.
        shape, batch_size, example_timesteps
            As for :meth:`add_to_neuron`.

        Raises
        ------
        RuntimeError
            If the targets have the wrong shape.
        """

    def get_values(
        self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """Return the loss of each example, which is what training minimises.

        Parameters
        ----------
        y_true
            Targets of the examples.
        y_pred
            What they are compared with.

        Raises
        ------
        NotImplementedError
            If the class does not say how it is computed.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: losses of this class cannot be reported, as it lacks the "
            "method get_values"
        )

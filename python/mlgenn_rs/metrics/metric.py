"""Base class of metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from ..communicators import Communicator


class Metric(ABC):
    """Measure of how good predictions are, accumulated over batches."""

    @abstractmethod
    def update(
        self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any], communicator: Communicator | None
    ) -> None:
        """Accumulate one batch.

        Parameters
        ----------
        y_true
            Targets.
        y_pred
            Predictions.
        communicator
            Sums over processes; ``None`` if there is only one.

        Raises
        ------
        RuntimeError
            If shapes do not fit.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget all batches."""

    @property
    @abstractmethod
    def result(self) -> float | None:
        """Value over all batches; ``None`` if there were none."""

    def __repr__(self) -> str:
        """Return class and value."""
        return f"{type(self).__name__}(result={self.result})"

"""Mean square error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .metric import Metric

if TYPE_CHECKING:
    from ..communicators import Communicator


class MeanSquareError(Metric):
    """Sum over batches of the mean square error, divided by the number of *examples*.

    With a batch size B the value is therefore about B times smaller than the mean square error.
    """

    def __init__(self) -> None:
        self.reset()

    def update(
        self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any], communicator: Communicator | None
    ) -> None:
        """Accumulate one batch; targets and predictions must have the same shape."""
        targets = np.asarray(y_true)
        if targets.shape != y_pred.shape:
            raise RuntimeError(
                f"MeanSquareError: targets and predictions must have the same shape, got "
                f"{targets.shape} and {y_pred.shape}"
            )
        mse = np.mean(np.square(targets - y_pred))
        total = targets.shape[0]
        if communicator is not None:
            mse = communicator.reduce_sum(mse)
            total = communicator.reduce_sum(total)
        self.sum_mse += mse
        self.total += total

    def reset(self) -> None:
        """Forget all batches."""
        self.sum_mse = 0.0
        self.total = 0

    @property
    def result(self) -> float | None:
        """Value over all batches; ``None`` if there were none."""
        return None if self.total == 0 else float(self.sum_mse / self.total)

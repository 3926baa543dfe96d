"""Mean square error relative to the labelled neuron."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..utils.checks import check_number
from .label_loss import LabelLoss


class RelativeMeanSquareError(LabelLoss):
    """Mean square error of the distances between the labelled neuron and the others.

    Parameters
    ----------
    delta
        Distance that other neurons should keep from the labelled one.
    """

    def __init__(self, delta: float) -> None:
        self.delta = check_number(delta, "RelativeMeanSquareError: delta")

    def get_values(
        self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """Return half the sum of squares of what distances lack, for each example.

        ``y_pred`` holds minus the first spike times (ms), shape ``(examples, *shape)``.
        """
        labels = np.asarray(y_true)
        examples = np.arange(len(labels))
        times = -y_pred.reshape(len(labels), -1).astype(np.float64)
        errors = times - times[examples, labels][:, np.newaxis] - self.delta
        errors[examples, labels] = 0.0
        values: npt.NDArray[np.float64] = 0.5 * np.square(errors).sum(axis=1)
        return values

"""Fraction of correct labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..utils.checks import check_labels
from .metric import Metric

if TYPE_CHECKING:
    from ..communicators import Communicator


class SparseCategoricalAccuracy(Metric):
    """Fraction of examples whose largest output is that of their label; the first maximum wins."""

    def __init__(self) -> None:
        self.reset()

    def update(
        self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any], communicator: Communicator | None
    ) -> None:
        """Accumulate one batch: labels (examples,), predictions (examples, classes)."""
        labels = np.asarray(y_true)
        if labels.ndim == 0 or y_pred.ndim < 2 or labels.shape[0] != y_pred.shape[0]:
            raise RuntimeError(
                f"SparseCategoricalAccuracy: expected labels (examples,) and predictions "
                f"(examples, classes), got the shapes {labels.shape} and {y_pred.shape}"
            )
        if labels.ndim == 1:
            check_labels(labels, y_pred.shape[1], "SparseCategoricalAccuracy")
        correct = np.sum(np.argmax(y_pred, axis=1) == labels)
        total = labels.shape[0]
        if communicator is not None:
            correct = communicator.reduce_sum(correct)
            total = communicator.reduce_sum(total)
        self.correct += int(correct)
        self.total += int(total)

    def reset(self) -> None:
        """Forget all batches."""
        self.total = 0
        self.correct = 0

    @property
    def result(self) -> float | None:
        """Fraction over all batches; ``None`` if there were none."""
        return None if self.total == 0 else self.correct / self.total

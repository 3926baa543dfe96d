"""Callback that reports trained variables which are no longer finite numbers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..callbacks import Callback

logger = logging.getLogger(__name__)


class CheckFinite(Callback):
    """Logs a warning after each epoch if trained variables became NaN or infinite.

    Parameters
    ----------
    variables
        Groups with the names of variables that are trained.
    """

    def __init__(self, variables: Sequence[tuple[Any, str]]) -> None:
        self._variables = list(variables)

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Count values that are not finite."""
        for group, name in self._variables:
            variable = group.vars[name]
            variable.pull_from_device()
            values = variable.values
            count = values.size - np.count_nonzero(np.isfinite(values))
            if count > 0:
                logger.warning(
                    "%s: %d of %d values of %s are NaN or infinite after epoch %d; use a smaller "
                    "learning rate, and check the inputs",
                    group.name,
                    count,
                    values.size,
                    name,
                    epoch,
                )

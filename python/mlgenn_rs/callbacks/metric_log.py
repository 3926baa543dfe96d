"""Log of the metrics of every epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .callback import Callback


class MetricLog(Callback):
    """Keeps the result of each metric at the end of every epoch.

    The data is a list with one dictionary per epoch: the number of the epoch under ``"epoch"``,
    and results under the keys of metrics: outputs, and ``"loss"`` if losses are reported.

    Parameters
    ----------
    key
        Key under which the data is returned.
    """

    def __init__(self, key: Any) -> None:
        self._key = key

    def set_params(self, **kwargs: Any) -> None:
        """Start with an empty log."""
        self._data: list[dict[Any, Any]] = []

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Log the results."""
        results = {key: metric.result for key, metric in metrics.items()}
        self._data.append({"epoch": epoch, **results})

    def get_data(self) -> tuple[Any, list[dict[Any, Any]]]:
        """Return the key and the log."""
        return self._key, self._data

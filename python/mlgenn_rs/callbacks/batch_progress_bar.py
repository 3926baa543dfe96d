"""Progress bar over the batches of an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tqdm.auto import tqdm

from .callback import Callback


class BatchProgressBar(Callback):
    """Shows progress through the batches with ``tqdm``, and the current value of each metric."""

    def set_params(self, num_batches: int | None, **kwargs: Any) -> None:
        """Take the number of batches per epoch; ``None`` if it is not known."""
        self._num_batches = num_batches
        self._bar: Any = None

    def on_test_begin(self) -> None:
        """Start the bar."""
        self._start()

    def on_test_end(self, metrics: Mapping[Any, Any]) -> None:
        """Close the bar."""
        self._close()

    def on_train_begin(self) -> None:
        """Start the bar."""
        self._start()

    def on_train_end(self, metrics: Mapping[Any, Any]) -> None:
        """Close the bar."""
        self._close()

    def on_epoch_begin(self, epoch: int) -> None:
        """Start again from zero, with the number of the epoch as description."""
        self._bar.set_description_str(f"Epoch {epoch}", refresh=False)
        self._bar.set_postfix_str("", refresh=False)
        self._bar.reset()

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Advance by one batch and show the metrics."""
        results = [
            f"{type(metric).__name__}: {metric.result:.4f}"
            for metric in metrics.values()
            if metric.result is not None
        ]
        self._bar.set_postfix_str(",".join(results), refresh=False)
        self._bar.update(1)

    def _start(self) -> None:
        if self._bar is None:
            self._bar = tqdm(total=self._num_batches)
        self._bar.reset()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

"""What all recorders share: the choice of examples, and one entry of data per example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..utils.filter import ExampleFilter
from .callback import Callback

if TYPE_CHECKING:
    from ..compilers.compiled_network import CompiledNetwork

AnyArray = np.ndarray[Any, Any]


class ExampleRecorder(Callback):
    """Base of recorders, which collect one entry of data per example.

    Parameters
    ----------
    key
        Key under which the data is returned; ``None`` for the position in the callback list.
    example_filter
        Examples to record: indices, a boolean mask, one index or ``None`` for all.  Without a
        filter, the unused slots of an incomplete last batch are recorded too.
    """

    def __init__(self, key: Any = None, example_filter: Any = None) -> None:
        self.key = key
        self._example_filter = ExampleFilter(example_filter)

    def set_params(
        self, data: dict[Any, Any], compiled_network: CompiledNetwork, **kwargs: Any
    ) -> None:
        """Take the network to record from, and start with no data."""
        self._compiled_network = compiled_network
        self._batch_size: int = compiled_network.genn_model.batch_size
        self._data = data
        self._batch_mask = np.ones(self._batch_size, dtype=bool)
        # The simulation may have been used without batches before the first batch begins
        self._entries: list[Any] = []

    def on_batch_begin(self, batch: int) -> None:
        """Find out which slots of the batch to record."""
        self._batch_mask = self._example_filter.get_batch_mask(batch, self._batch_size)

    def get_data(self) -> tuple[Any, Any]:
        """Return the key and the recorded data."""
        return self.key, self._entries

    @property
    def _recorded_slots(self) -> list[int]:
        """Slots of the current batch to record."""
        return [int(slot) for slot in np.flatnonzero(self._batch_mask)]


class TimestepRecorder(ExampleRecorder):
    """Base of recorders that sample an array at the end of every timestep.

    An entry has shape ``(timesteps, ...)``.
    """

    def set_params(
        self, data: dict[Any, Any], compiled_network: CompiledNetwork, **kwargs: Any
    ) -> None:
        """Take the network to record from, and start with no data."""
        super().set_params(data=data, compiled_network=compiled_network, **kwargs)
        self._open: list[list[AnyArray]] | None = None

    def on_batch_begin(self, batch: int) -> None:
        """Start a new entry for each recorded slot of the batch."""
        super().on_batch_begin(batch)
        self._open = None

    def _append_timestep(self, copies: AnyArray) -> None:
        """Add the values of one timestep, shape ``(copies, ...)``, copied by the caller."""
        slots = self._recorded_slots
        if self._open is None:
            self._open = [[] for _ in slots]
            self._entries += self._open
        for entry, slot in zip(self._open, slots, strict=True):
            entry.append(copies[slot if len(copies) > 1 else 0])

    def _append_run(self, timesteps: AnyArray) -> None:
        """Add the values of all timesteps of a batch, shape ``(timesteps, copies, ...)``."""
        num_copies = timesteps.shape[1]
        for slot in self._recorded_slots:
            self._entries.append(timesteps[:, slot if num_copies > 1 else 0])

    def get_data(self) -> tuple[Any, list[AnyArray]]:
        """Return the key, and one array per recorded example."""
        return self.key, [
            np.stack(entry) if isinstance(entry, list) else entry for entry in self._entries
        ]

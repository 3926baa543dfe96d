"""Spike trains of many examples in a form that batches are quickly made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from .data import PreprocessedSpikes

if TYPE_CHECKING:
    from .._core import SpikeTrains


class SpikeDataset(Sequence[PreprocessedSpikes]):
    """Spike trains of examples, with a copy of them in a form that batches are quickly made of.

    Selecting examples, in any order, selects their numbers only.  What the examples hold later
    does not matter, as it was copied.

    Parameters
    ----------
    examples
        Examples as they were given.
    trains
        The copy of them.
    order
        Numbers of those that are selected.
    """

    def __init__(
        self,
        examples: Sequence[PreprocessedSpikes],
        trains: SpikeTrains,
        order: npt.NDArray[np.int64],
    ) -> None:
        self._examples = examples
        self._trains = trains
        self._order = order

    @classmethod
    def copy(
        cls, examples: Sequence[PreprocessedSpikes], num_threads: int = 1
    ) -> SpikeDataset | None:
        """Copy examples; ``None`` if any of them is not in the usual form, or unsound."""
        from .._core import SpikeTrains

        trains = SpikeTrains.copy(examples, PreprocessedSpikes, num_threads)
        return None if trains is None else cls(examples, trains, np.arange(trains.num_examples))

    @property
    def num_neurons(self) -> int:
        """Number of neurons of every example."""
        return self._trains.num_neurons

    @property
    def num_spikes(self) -> int:
        """Number of spikes of the selected examples together."""
        return self._trains.count(self._order)

    def write(self, starts: Any, times: Any) -> bool:
        """Write the spike trains of a batch; see ``SpikeTrains.write``."""
        return self._trains.write(self._order, starts, times)

    def take(self, indices: npt.NDArray[np.integer[Any]]) -> SpikeDataset:
        """Return the examples of some indices."""
        return SpikeDataset(self._examples, self._trains, self._order[indices])

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> PreprocessedSpikes: ...

    @overload
    def __getitem__(self, index: slice) -> SpikeDataset: ...

    def __getitem__(self, index: int | slice) -> PreprocessedSpikes | SpikeDataset:
        """Return an example, or a part of the data set."""
        if isinstance(index, slice):
            return SpikeDataset(self._examples, self._trains, self._order[index])
        return self._examples[int(self._order[index])]

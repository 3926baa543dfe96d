"""Explicit sparse connectivity: pairs sorted into rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import AnyArray
from .errors import ModelError

Indices = npt.NDArray[np.uint32]


class SparsePairs:
    """Pairs of connected neurons, sorted by source and then by target."""

    def __init__(
        self, pre: npt.ArrayLike, post: npt.ArrayLike, num_pre: int, num_post: int, what: str
    ) -> None:
        """Sort pairs, which may come in any order and more than once."""
        given_pre = _indices(pre, num_pre, f"{what}: presynaptic indices")
        given_post = _indices(post, num_post, f"{what}: postsynaptic indices")
        if len(given_pre) != len(given_post):
            raise ModelError(
                f"{what}: got {len(given_pre)} presynaptic and {len(given_post)} postsynaptic "
                f"indices; every synapse needs one of each"
            )
        self.order: npt.NDArray[np.intp] = np.lexsort((given_post, given_pre))
        """Position among the given pairs of each sorted pair."""
        self.pre: Indices = given_pre[self.order]
        self.post: Indices = given_post[self.order]
        self.row_lengths = np.bincount(self.pre, minlength=num_pre)

    @property
    def max_row_length(self) -> int:
        """Length of the longest row."""
        return int(self.row_lengths.max(initial=0))

    def __len__(self) -> int:
        return len(self.pre)

    def to_row_order(self, values: AnyArray, what: str) -> AnyArray:
        """Reorder values (last axis: one per given pair) like the pairs."""
        if values.size == 1 and len(self) != 1:
            return np.broadcast_to(values.ravel(), (len(self),))
        if values.shape[-1:] != (len(self),):
            raise ModelError(
                f"{what}: expected {len(self)} values, one per synapse, got shape {values.shape}"
            )
        reordered: AnyArray = values[..., self.order]
        return reordered


def _indices(given: npt.ArrayLike, limit: int, what: str) -> Indices:
    indices: npt.NDArray[Any] = np.atleast_1d(np.asarray(given))
    if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
        raise ModelError(
            f"{what}: expected a one-dimensional array of integers, got {indices.ndim} dimensions "
            f"of {indices.dtype}"
        )
    if indices.size and not (int(indices.min()) >= 0 and int(indices.max()) < limit):
        raise ModelError(
            f"{what}: expected indices from 0 to {limit - 1}, got {indices.min()} to "
            f"{indices.max()}"
        )
    return indices.astype(np.uint32)

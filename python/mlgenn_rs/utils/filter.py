"""Filters that choose which examples and neurons recorders keep."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

BoolArray: TypeAlias = "npt.NDArray[np.bool_]"
ExampleFilterType: TypeAlias = "Sequence[int] | Sequence[bool] | npt.NDArray[Any] | int | None"
NeuronFilterType: TypeAlias = (
    "Sequence[int] | Sequence[bool] | npt.NDArray[Any] | Sequence[slice] | slice | int | None"
)

logger = logging.getLogger(__name__)


class ExampleFilter:
    """Choice of examples.

    Parameters
    ----------
    f
        ``None`` for all; a mask with one boolean per example; indices of examples; or one index.

    Raises
    ------
    RuntimeError
        If ``f`` is something else.
    """

    def __init__(self, f: ExampleFilterType) -> None:
        self._mask: BoolArray | None = None
        if f is None:
            return
        kinds = (Sequence, np.ndarray, int, np.integer)
        if isinstance(f, str | bytes) or not isinstance(f, kinds):
            raise RuntimeError(f"example filter: expected booleans or indices, got {f!r}")
        chosen = np.asarray(f)
        if chosen.dtype == np.bool_ and chosen.ndim == 1:
            self._mask = chosen
        elif np.issubdtype(chosen.dtype, np.integer) and chosen.ndim <= 1:
            indices = np.atleast_1d(chosen)
            if len(indices) > 0 and np.amin(indices) < 0:
                raise RuntimeError(f"example filter: indices must not be negative, got {f!r}")
            if np.any(np.diff(indices) < 0):
                logger.warning(
                    "example filter: indices are not in ascending order; data are returned in the "
                    "order in which examples are presented"
                )
            self._mask = np.zeros(int(np.amax(indices, initial=-1)) + 1, dtype=np.bool_)
            self._mask[indices] = True
        else:
            raise RuntimeError(f"example filter: expected booleans or indices, got {f!r}")

    def get_batch_mask(self, batch: int, batch_size: int) -> BoolArray:
        """Return which slots of a batch are chosen: one boolean per slot.

        Without a filter all slots are, also those that an incomplete last batch leaves unused.
        """
        if self._mask is None:
            return np.ones(batch_size, dtype=np.bool_)
        part = self._mask[batch * batch_size : (batch + 1) * batch_size]
        mask = np.zeros(batch_size, dtype=np.bool_)
        mask[: len(part)] = part
        return mask


def get_neuron_filter_mask(f: NeuronFilterType, shape: int | Sequence[int]) -> BoolArray:
    """Return which neurons of a population are chosen: a flat mask in C order.

    Parameters
    ----------
    f
        ``None`` for all; a slice (1-D populations); a mask in the population's shape; an index or
        indices, one list per dimension if there are several; or one slice per dimension
        (``np.index_exp[2:4, 2:4]``).
    shape
        Shape of the population.

    Raises
    ------
    RuntimeError
        If ``f`` is something else or does not fit the shape.
    IndexError
        If an index is out of range.
    """
    dims: tuple[int, ...] = tuple(shape) if isinstance(shape, Sequence) else (int(shape),)
    if f is None:
        return np.ones(int(np.prod(dims)), dtype=np.bool_)
    mask = np.zeros(dims, dtype=np.bool_)
    expected = "expected a slice, a mask, indices or one slice per dimension"
    if isinstance(f, slice):
        if len(dims) != 1:
            raise RuntimeError(f"neuron filter: a single slice needs a 1-D population, not {dims}")
        mask[f] = True
    elif isinstance(f, Sequence) and len(f) > 0 and all(isinstance(s, slice) for s in f):
        if len(f) > len(dims):
            raise RuntimeError(f"neuron filter: {len(f)} slices for a population of shape {dims}")
        slices: tuple[Any, ...] = tuple(f)
        mask[slices] = True
    elif isinstance(f, str | bytes) or (
        isinstance(f, Sequence) and any(isinstance(s, slice) for s in f)
    ):
        raise RuntimeError(f"neuron filter: {expected}, got {f!r}")
    else:
        try:
            chosen = np.asarray(f)
        except ValueError as error:
            raise RuntimeError(f"neuron filter: {expected}, got {f!r}") from error
        if chosen.dtype == np.bool_:
            if chosen.shape != dims:
                raise RuntimeError(
                    f"neuron filter: a mask must have the population's shape {dims}, got "
                    f"{chosen.shape}"
                )
            mask = chosen
        elif np.issubdtype(chosen.dtype, np.integer):
            if len(dims) > 1 and chosen.ndim == 0:
                raise RuntimeError(
                    f"neuron filter: give one list of indices per dimension of {dims}, got {f!r}"
                )
            try:
                mask[chosen if len(dims) == 1 else tuple(chosen)] = True
            except IndexError as error:
                raise IndexError(f"neuron filter: population of shape {dims}: {error}") from None
        else:
            raise RuntimeError(f"neuron filter: {expected}, got {f!r}")
    return mask.flatten()

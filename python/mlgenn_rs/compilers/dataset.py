"""Checks on the data that networks are trained and evaluated with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..utils.data import get_dataset_size

Dataset = Mapping[Any, Any]
"""Examples of each population or layer."""


def check_dataset(x: Dataset, y: Dataset | None, what: str) -> int:
    """Return the number of examples.

    Parameters
    ----------
    x
        Inputs of each input population or layer.
    y
        Labels or targets of each output population or layer, if there are any.
    what
        What the data is used for, for messages.

    Raises
    ------
    RuntimeError
        If there is nothing, or not the same number of examples everywhere.
    """
    sizes = []
    for role, data in (("inputs", x), ("labels", y)):
        if data is None:
            continue
        if not isinstance(data, Mapping):
            raise TypeError(
                f"{what}: {role} must be a dictionary from populations or layers to data, got "
                f"{type(data).__name__}"
            )
        if not data:
            raise RuntimeError(f"{what}: the dictionary of {role} is empty")
        size = get_dataset_size(data)
        if size is None:
            lengths = ", ".join(str(len(values)) for values in data.values())
            raise RuntimeError(f"{what}: {role} differ in their number of examples ({lengths})")
        sizes.append(size)
    if len(set(sizes)) != 1:
        raise RuntimeError(
            f"{what}: there are {sizes[0]} examples of inputs but {sizes[1]} of labels"
        )
    return sizes[0]

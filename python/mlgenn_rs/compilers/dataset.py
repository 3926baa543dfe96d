"""The data that networks are trained and evaluated with: checks, and how it is split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..utils.data import batch_dataset, get_dataset_size, split_dataset
from ..utils.network import get_underlying_pop

Dataset = Mapping[Any, Any]
"""Examples of each population or layer."""


def check_dataset(what: str, **parts: Any) -> int:
    """Return the number of examples.

    Parameters
    ----------
    what
        What the data is used for, for messages.
    parts
        ``inputs`` of each input population or layer, and ``labels`` (or targets) of each output
        population or layer if there are any.

    Raises
    ------
    RuntimeError
        If there are no examples, or not the same number of them everywhere.
    TypeError
        If data is no dictionary, or holds something without a length.
    """
    sizes = []
    for role, data in parts.items():
        if not isinstance(data, Mapping):
            raise TypeError(
                f"{what}: {role} must be a dictionary from populations or layers to data, got "
                f"{type(data).__name__}"
            )
        if not data:
            raise RuntimeError(f"{what}: the dictionary of {role} is empty")
        for key, values in data.items():
            pop = get_underlying_pop(key)
            if not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0:
                raise TypeError(
                    f"{what}: {role} of {pop.name!r} must be an array or a sequence with one entry "
                    f"for each example, got {values!r}"
                )
        size = get_dataset_size(data)
        if size is None:
            lengths = ", ".join(str(len(values)) for values in data.values())
            raise RuntimeError(f"{what}: {role} differ in their number of examples ({lengths})")
        sizes.append(size)
    if len(set(sizes)) != 1:
        raise RuntimeError(
            f"{what}: there are {sizes[0]} examples of inputs but {sizes[1]} of labels"
        )
    if sizes[0] == 0:
        raise RuntimeError(f"{what}: there are no examples")
    return sizes[0]


def split_batches(
    x: Dataset, y: Dataset, batch_size: int, what: str
) -> list[tuple[Dataset, Dataset]]:
    """Return inputs and labels of each batch; the last one may be short."""
    size = check_dataset(what, inputs=x, labels=y)
    return list(
        zip(batch_dataset(x, batch_size, size), batch_dataset(y, batch_size, size), strict=True)
    )


def split_validation(
    x: Dataset,
    y: Dataset,
    validation_split: float,
    validation_x: Dataset | None,
    validation_y: Dataset | None,
) -> tuple[Dataset, Dataset, tuple[Dataset, Dataset] | None]:
    """Return training inputs and labels, and those for validation if there are any."""
    if (validation_x is None) != (validation_y is None):
        raise RuntimeError("train: give validation_x and validation_y together")
    has_explicit = validation_x is not None
    if validation_split == 0.0:
        if validation_x is None or validation_y is None:
            return x, y, None
        return x, y, (validation_x, validation_y)
    if has_explicit:
        raise RuntimeError(
            "train: give validation data either as validation_x and validation_y or with "
            "validation_split, not both"
        )
    size = check_dataset("train", inputs=x, labels=y)
    train_x, validate_x = split_dataset(x, validation_split)
    train_y, validate_y = split_dataset(y, validation_split)
    num_train = get_dataset_size(train_x)
    if num_train in (0, size):
        raise RuntimeError(
            f"train: validation_split={validation_split} of {size} examples leaves none to "
            + ("train with" if num_train == 0 else "validate with")
        )
    return train_x, train_y, (validate_x, validate_y)

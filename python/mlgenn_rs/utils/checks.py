"""Checks on arguments: numbers, counts and keywords."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_COUNT = 2**32 - 1
"""The engine counts with 32 bits."""


def check_count(value: Any, what: str) -> int:
    """Return a whole number from 1 to ``MAX_COUNT``, or raise ``TypeError`` or ``ValueError``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{what} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1, got {value}")
    if value > MAX_COUNT:
        raise ValueError(f"{what} must be at most {MAX_COUNT}, got {value}")
    return int(value)


def check_number(value: Any, what: str) -> float:
    """Return a finite number, or raise ``TypeError`` or ``ValueError``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise TypeError(f"{what} must be a number, got {value!r}")
    if not np.isfinite(value):
        raise ValueError(f"{what} must be finite, got {value}")
    return float(value)


def check_positive(value: Any, what: str) -> float:
    """Return a finite number above 0, or raise ``TypeError`` or ``ValueError``."""
    number = check_number(value, what)
    if number <= 0.0:
        raise ValueError(f"{what} must be larger than 0, got {value}")
    return number


def check_not_negative(value: Any, what: str) -> float:
    """Return a finite number from 0 on, or raise ``TypeError`` or ``ValueError``."""
    number = check_number(value, what)
    if number < 0.0:
        raise ValueError(f"{what} must not be negative, got {value}")
    return number


def check_name(value: Any, what: str) -> str:
    """Return a string, or raise ``TypeError``."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, got {value!r}")
    return value


def check_keywords(inst: Any, base: type, names: Iterable[str]) -> None:
    """Raise ``TypeError`` if keywords are left over that no constructor after ``base`` takes."""
    order = type(inst).__mro__
    following = order[order.index(base) + 1 :]
    if any("__init__" in vars(cls) for cls in following if cls is not object):
        return
    for name in names:
        raise TypeError(f"{type(inst).__name__}: unexpected keyword argument {name!r}")


def check_labels(labels: npt.NDArray[Any], num_classes: int, what: str) -> None:
    """Raise ``ValueError`` if labels do not number classes: whole numbers from 0."""
    if labels.dtype.kind in "biuf" and (
        labels.size == 0
        or (
            # Not true of any order with NaN
            0 <= labels.min() <= labels.max() < num_classes
            and (labels.dtype.kind != "f" or bool(np.all(labels == np.floor(labels))))
        )
    ):
        return
    raise ValueError(
        f"{what}: labels must be integers between 0 and {num_classes - 1}, the number of the "
        f"neuron that stands for the class; got {labels[:10]}"
    )

"""Checks on the arguments of compilers."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_count(value: Any, what: str) -> int:
    """Return a whole number that is at least 1, or raise ``TypeError`` or ``ValueError``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{what} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1, got {value}")
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

"""Losses: what training minimises."""

from __future__ import annotations

from ..utils.module import get_module_classes
from .loss import Loss
from .mean_square_error import MeanSquareError
from .relative_mean_square_error import RelativeMeanSquareError
from .sparse_categorical_crossentropy import SparseCategoricalCrossentropy

default_losses = get_module_classes(globals(), Loss)

__all__ = [
    "Loss",
    "MeanSquareError",
    "RelativeMeanSquareError",
    "SparseCategoricalCrossentropy",
    "default_losses",
]

"""Metrics: how good predictions are."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..utils.module import get_module_classes
from .mean_square_error import MeanSquareError
from .metric import Metric
from .sparse_categorical_accuracy import SparseCategoricalAccuracy

MetricType: TypeAlias = "Metric | str"
MetricsType: TypeAlias = "dict[Any, MetricType] | MetricType"

default_metrics = get_module_classes(globals(), Metric)

__all__ = [
    "MeanSquareError",
    "Metric",
    "MetricType",
    "MetricsType",
    "SparseCategoricalAccuracy",
    "default_metrics",
]

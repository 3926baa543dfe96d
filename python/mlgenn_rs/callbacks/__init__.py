"""Callbacks: code that runs at the events of the training and inference loops.

``default_callbacks`` maps the names accepted as a shorthand to the classes.
"""

from __future__ import annotations

from ..utils.module import get_module_classes
from .batch_progress_bar import BatchProgressBar
from .callback import Callback
from .checkpoint import Checkpoint
from .conn_var_recorder import ConnVarRecorder
from .custom_update import (
    CustomUpdateOnBatchBegin,
    CustomUpdateOnBatchEnd,
    CustomUpdateOnEpochBegin,
    CustomUpdateOnEpochEnd,
    CustomUpdateOnTimestepBegin,
    CustomUpdateOnTimestepEnd,
)
from .metric_log import MetricLog
from .optimiser_param_schedule import OptimiserParamSchedule
from .spike_recorder import SpikeRecorder
from .var_recorder import VarRecorder

__all__ = [
    "BatchProgressBar",
    "Callback",
    "Checkpoint",
    "ConnVarRecorder",
    "CustomUpdateOnBatchBegin",
    "CustomUpdateOnBatchEnd",
    "CustomUpdateOnEpochBegin",
    "CustomUpdateOnEpochEnd",
    "CustomUpdateOnTimestepBegin",
    "CustomUpdateOnTimestepEnd",
    "MetricLog",
    "OptimiserParamSchedule",
    "SpikeRecorder",
    "VarRecorder",
    "default_callbacks",
]

default_callbacks = get_module_classes(globals(), Callback)

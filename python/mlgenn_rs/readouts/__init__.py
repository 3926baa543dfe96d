"""Readouts: how the output of a population is computed from its neurons."""

from __future__ import annotations

from ..utils.module import get_module_classes
from .avg_var import AvgVar
from .avg_var_exp_weight import AvgVarExpWeight
from .first_spike_time import FirstSpikeTime
from .max_var import MaxVar
from .readout import Readout
from .spike_count import SpikeCount
from .sum_var import SumVar
from .var import Var

default_readouts = get_module_classes(globals(), Readout)

__all__ = [
    "AvgVar",
    "AvgVarExpWeight",
    "FirstSpikeTime",
    "MaxVar",
    "Readout",
    "SpikeCount",
    "SumVar",
    "Var",
    "default_readouts",
]

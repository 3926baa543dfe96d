"""Converters from Keras models to spiking networks."""

from __future__ import annotations

from .converter import Converter
from .data_norm import DataNorm
from .enum import InputType
from .few_spike import FewSpike
from .simple import Simple
from .spike_norm import spike_normalise

__all__ = ["Converter", "DataNorm", "FewSpike", "InputType", "Simple", "spike_normalise"]

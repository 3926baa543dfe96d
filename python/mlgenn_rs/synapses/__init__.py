"""Synapse models: how arriving weights become current."""

from __future__ import annotations

from ..utils.module import get_module_classes
from .delta import Delta
from .exponential import Exponential
from .synapse import Synapse

default_synapses = get_module_classes(globals(), Synapse)

__all__ = ["Delta", "Exponential", "Synapse", "default_synapses"]

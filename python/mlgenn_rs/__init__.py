"""Machine learning with spiking neural networks.

Describe a network with :class:`Network`, :class:`Population` and :class:`Connection` (or, layer by
layer, with :class:`SequentialNetwork`, :class:`InputLayer` and :class:`Layer`), then turn it into
something that runs with one of the :mod:`mlgenn_rs.compilers`.
"""

from __future__ import annotations

from .connection import Connection
from .input_layer import InputLayer
from .layer import Layer
from .network import Network
from .population import Population
from .sequential_network import SequentialNetwork
from .versions import show_versions

# The order matters: the sub-modules below use the classes above.
from . import (  # isort: skip
    callbacks,
    communicators,
    compilers,
    connectivity,
    initializers,
    losses,
    metrics,
    neurons,
    optimisers,
    readouts,
    serialisers,
    synapses,
    utils,
)

__version__ = "0.1.0"

__all__ = [
    "Connection",
    "InputLayer",
    "Layer",
    "Network",
    "Population",
    "SequentialNetwork",
    "callbacks",
    "communicators",
    "compilers",
    "connectivity",
    "initializers",
    "losses",
    "metrics",
    "neurons",
    "optimisers",
    "readouts",
    "serialisers",
    "show_versions",
    "synapses",
    "utils",
]

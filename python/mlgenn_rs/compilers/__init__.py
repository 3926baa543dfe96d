"""Compilers, which turn networks into compiled networks, and the compiled networks."""

from __future__ import annotations

from .compiled_few_spike_network import CompiledFewSpikeNetwork
from .compiled_inference_network import CompiledInferenceNetwork
from .compiled_network import CompiledNetwork
from .compiled_training_network import CompiledTrainingNetwork
from .compiler import Compiler
from .eprop_compiler import EPropCompiler
from .event_prop_compiler import EventPropCompiler
from .few_spike_compiler import FewSpikeCompiler
from .inference_compiler import InferenceCompiler

__all__ = [
    "CompiledFewSpikeNetwork",
    "CompiledInferenceNetwork",
    "CompiledNetwork",
    "CompiledTrainingNetwork",
    "Compiler",
    "EPropCompiler",
    "EventPropCompiler",
    "FewSpikeCompiler",
    "InferenceCompiler",
]

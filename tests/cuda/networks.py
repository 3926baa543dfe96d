"""The CUDA texts of all golden cases and of all example networks."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.golden import build, case_names, load_case

from mlgenn_rs import engine as e

ROOT = Path(__file__).resolve().parents[2]

EXAMPLES = (
    "latency_mnist",
    "latency_mnist --conv",
    "latency_mnist --rule eprop",
    "yin_yang --train-size 64",
    "pattern_generation",
    "pattern_generation --rule eprop",
    "learned_delays --train-size 64",
    "deep_r",
)
"""Example programs with options, whose networks are compiled."""

OWN = "\n// The functions of this network\n"
"""Where the text that all networks start with ends."""


def join(texts: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """Return one text with the kernels of many, and the name of the network of each kernel.

    What all texts have in common is there once, as it takes most of the time to compile.  Kernel
    ``kernel3_x`` of the second network becomes ``network1_kernel3_x``.
    """
    prelude, bodies = "", []
    for number, (_, text) in enumerate(texts):
        common, kernels = split(text)
        assert prelude in ("", common)
        prelude = common
        own = r"\b(kernel(?=\d+_)|run_trial\b|finish_trial\b|Resident\b)"
        bodies.append(re.sub(own, rf"network{number}_\1", kernels))
    return prelude + "".join(bodies), [name for name, _ in texts]


def split(text: str) -> tuple[str, str]:
    """Return what all networks start with, and the functions of this one."""
    common, _, own = text.partition(OWN)
    return common, own


class Compiled(Exception):
    """A network was compiled, which is all that is wanted."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def golden_texts() -> Iterator[tuple[str, str]]:
    """Return name and text of each golden case."""
    for name in case_names():
        model = build(load_case(name).definition["model"], "cpu")
        model.build()
        # Synapses that are given one by one are compiled when they are loaded
        if any(group.lacks_connectivity for group in model.synapse_populations.values()):
            continue
        yield name, model.dump()


def stop_at_load(patch: pytest.MonkeyPatch, folder: str) -> None:
    """Let programs of a folder get no further than to a compiled network."""

    def load(model: e.GeNNModel, *_: Any, **__: Any) -> None:
        raise Compiled(model.dump())

    patch.syspath_prepend(str(ROOT / folder))
    patch.setattr(e.GeNNModel, "load", load)


def example_texts(patch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Return name and text of the network of each example program."""
    stop_at_load(patch, "examples")
    for command in EXAMPLES:
        name, *options = command.split()
        module = importlib.import_module(name)
        try:
            module.run(module.read_options(options))
        except Compiled as compiled:
            yield command, compiled.text


def workload_texts(patch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Return name and text of each network of the benchmarks."""
    stop_at_load(patch, "benchmarks")
    measure = importlib.import_module("measure")
    workloads = importlib.import_module("workloads").WORKLOADS
    for name, workload in workloads.items():
        for number, options in enumerate(workload.variants(measure.Request((1,), None, True))):
            try:
                workload(**options)
            except Compiled as compiled:
                yield f"{name}-{number}", compiled.text
    for module in ("measure", "workloads"):
        sys.modules.pop(module, None)

"""The CUDA texts of all golden cases and of all example networks."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
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
"""Where the text that networks have in common ends."""


@dataclass(frozen=True)
class CudaNetwork:
    """What a network is compiled to."""

    name: str
    text: str
    launches: str

    @classmethod
    def of(cls, name: str, model: e.GeNNModel) -> CudaNetwork:
        """Return that of a model that was built."""
        return cls(name, model.dump("cuda"), model.dump("cuda launches"))

    def split(self) -> tuple[str, str]:
        """Return the part of the text that networks have in common, and the kernels of this one."""
        common, _, own = self.text.partition(OWN)
        return common, own

    def functions(self) -> set[str]:
        """Return the functions of the text that can be launched."""
        head = r"__global__ void (?:__launch_bounds__\(.*?\) )?(\w+)\("
        return set(re.findall(head, self.text))

    def launched(self) -> set[str]:
        """Return the functions that are launched."""
        lines = self.launches.splitlines()
        return {line.partition(":")[0].strip() for line in lines if line.startswith(" ")}


def join(networks: list[CudaNetwork]) -> str:
    """Return one text with the kernels of many.

    What texts have in common is there once, as it takes most of the time to compile.  Kernel
    ``kernel3_x`` of the second network becomes ``network1_kernel3_x``.
    """
    common: dict[str, None] = {}
    bodies = []
    for number, network in enumerate(networks):
        start, kernels = network.split()
        common.update(dict.fromkeys(start.strip().split("\n\n")))
        own = r"\b(kernel(?=\d+_)|run_trial\b|finish_trial\b|Resident\b)"
        bodies.append(re.sub(own, rf"network{number}_\1", kernels))
    return "\n\n".join(common) + "\n" + "".join(bodies)


class Compiled(Exception):
    """A network was compiled, which is all that is wanted."""

    def __init__(self, model: e.GeNNModel) -> None:
        super().__init__()
        self.model = model


def golden_networks() -> Iterator[CudaNetwork]:
    """Return each golden case."""
    for name in case_names():
        model = build(load_case(name).definition["model"], "cpu")
        model.build()
        # Synapses that are given one by one are compiled when they are loaded
        if any(group.lacks_connectivity for group in model.synapse_populations.values()):
            continue
        yield CudaNetwork.of(name, model)


def stop_at_load(patch: pytest.MonkeyPatch, folder: str) -> None:
    """Let programs of a folder get no further than to a compiled network."""

    def load(model: e.GeNNModel, *_: Any, **__: Any) -> None:
        raise Compiled(model)

    patch.syspath_prepend(str(ROOT / folder))
    patch.setattr(e.GeNNModel, "load", load)


def example_networks(patch: pytest.MonkeyPatch) -> Iterator[CudaNetwork]:
    """Return the network of each example program."""
    stop_at_load(patch, "examples")
    for command in EXAMPLES:
        name, *options = command.split()
        module = importlib.import_module(name)
        try:
            module.run(module.read_options(options))
        except Compiled as compiled:
            yield CudaNetwork.of(command, compiled.model)


def workload_networks(patch: pytest.MonkeyPatch) -> Iterator[CudaNetwork]:
    """Return each network of the benchmarks."""
    stop_at_load(patch, "benchmarks")
    measure = importlib.import_module("measure")
    workloads = importlib.import_module("workloads").WORKLOADS
    for name, workload in workloads.items():
        for number, options in enumerate(workload.variants(measure.Request((1,), None, True))):
            try:
                workload(**options)
            except Compiled as compiled:
                yield CudaNetwork.of(f"{name}-{number}", compiled.model)
    for module in ("measure", "workloads"):
        sys.modules.pop(module, None)

"""Every kernel of golden cases and example networks compiles, for two generations of GPUs and
with two generations of the compiler, within what `budgets.json` allows.

That needs no GPU. The compilers are those of NVIDIA's packages, which the extra ``dev`` installs.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .compiler import ARCHITECTURES, LIBRARIES, compile_text, find_library, read_report
from .networks import EXAMPLES, CudaNetwork, join

BUDGETS = json.loads((Path(__file__).parent / "budgets.json").read_text())
"""Largest registers, stack, spills and shared memory of a kernel; for some networks others."""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("release", LIBRARIES)
def test_every_kernel_compiles(
    networks: list[CudaNetwork], release: int, architecture: int
) -> None:
    if find_library(release) is None:
        pytest.skip(f"NVRTC of CUDA {release} is not installed")
    text = join(networks)
    image, log = compile_text(text, release, architecture)
    assert image.startswith(b"\x7fELF")
    report = read_report(log)
    assert len(report) == text.count("__global__ void") > 300
    over = []
    for kernel, needed in report.items():
        network = re.match(r"network(\d+)_", kernel)
        name = networks[int(network[1])].name if network else "schedule"
        budget = BUDGETS["every network"] | BUDGETS.get(name, {})
        for resource, limit in budget.items():
            if getattr(needed, resource) > limit:
                over.append(f"{name}: {kernel}: {needed}")
    assert not over, "\n".join(over)


def test_all_networks_are_there(networks: list[CudaNetwork]) -> None:
    names = {network.name.rpartition("-")[0] or network.name for network in networks}
    assert {"adam_dense", "train_mnist", "e_prop_recurrent", "convolutional_inference"} <= names
    assert names >= {name.rpartition("-")[0] or name for name in EXAMPLES}
    assert len(names) >= 60

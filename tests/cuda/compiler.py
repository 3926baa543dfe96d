"""NVRTC from the packages of NVIDIA, and what its report says."""

from __future__ import annotations

import re
import site
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlgenn_rs import _core

LIBRARIES = {
    12: "nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
    13: "nvidia/cu13/lib/libnvrtc.so.13",
}
"""Where the packages ``nvidia-cuda-nvrtc-cu12`` and ``nvidia-cuda-nvrtc`` have the library."""

ARCHITECTURES = (80, 90)


@dataclass(frozen=True)
class Resources:
    """What a kernel needs of a GPU, in registers of a thread and bytes."""

    registers: int
    stack: int
    spills: int
    shared: int


@cache
def find_library(release: int) -> Path | None:
    """Return where the library of a release of CUDA is, if it is installed."""
    folders = [*sys.path, *site.getsitepackages()]
    paths = (Path(folder) / LIBRARIES[release] for folder in folders)
    return next((path for path in paths if path.exists()), None)


def compile_text(text: str, release: int, architecture: int) -> tuple[bytes, str]:
    """Return machine code and report."""
    library = find_library(release)
    assert library is not None
    return _core.compile_cuda(text, str(library), architecture)


def read_report(log: str) -> dict[str, Resources]:
    """Return what each kernel needs; anything else in the report is an error."""
    kernels: dict[str, Resources] = {}
    name, stack, spills = "", 0, 0
    for line in log.splitlines():
        if found := re.search(r"Compiling entry function '(\w+)'", line):
            name = found[1]
        elif found := re.search(r"(\d+) bytes stack frame, (\d+) .* stores, (\d+)", line):
            stack, spills = int(found[1]), int(found[2]) + int(found[3])
        elif found := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            kernels[name] = Resources(int(found[1]), stack, spills, int(shared[1]) if shared else 0)
        elif line.strip() and not re.search(r"bytes gmem|Function properties for", line):
            compile_time = re.search(r"Compile time", line)
            assert compile_time, f"unexpected message of the compiler: {line}"
    return kernels

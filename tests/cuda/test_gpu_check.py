"""The check that runs on GPUs, on a machine without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mlgenn_rs
from mlgenn_rs import _core
from mlgenn_rs.engine import BackendUnavailable

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = str(Path(mlgenn_rs.__file__).parents[1])

needs_cxx = pytest.mark.skipif(bool(os.environ.get("MLGENN_NO_CXX")), reason="there is no g++")


def test_no_gpu_is_reported() -> None:
    try:
        device = _core.describe_cuda()
    except BackendUnavailable:
        pass
    else:
        pytest.skip(f"there is a GPU: {device}")
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu_check.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "There is no GPU to check" in done.stdout
    assert "CUDA cannot be used" in done.stdout or "NVRTC" in done.stdout


CEILINGS = """
import sys
sys.path[:0] = ["tests", "benchmarks"]
import pathlib, tempfile
import pretended_gpu
pretended_gpu.install(pathlib.Path(tempfile.mkdtemp()))
from gpu_ceilings import is_on_gpu, measure_gpu_ceilings
assert is_on_gpu()
found = measure_gpu_ceilings(smoke=True)
print(min(found.read.values()) > 0, found.timestep > 0, found.read_seconds(1e9, 1e9) > 0)
"""


BUILDS = """
import sys
sys.path[:0] = ["tests", "benchmarks"]
import json, pathlib, tempfile
import pretended_gpu
pretended_gpu.install(pathlib.Path(tempfile.mkdtemp()))
from gpu_build import measure_builds
print(json.dumps(measure_builds("train_mnist", {"batch_size": 8, "examples": 16})))
"""


HOST = """
import sys
sys.path.append("benchmarks")
import json, pathlib, tempfile
from gpu_host import install_idle_gpu, measure_host
install_idle_gpu(pathlib.Path(tempfile.mkdtemp()))
print(json.dumps(measure_host("train_mnist", {"batch_size": 8, "examples": 16})))
"""


def run_on_pretended_gpu(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "MLGENN_BACKEND": "cuda", "PYTHONPATH": PACKAGE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_cxx
def test_ceilings_of_a_gpu_are_measured() -> None:
    assert run_on_pretended_gpu(CEILINGS).split() == ["True"] * 3


@needs_cxx
def test_stages_of_builds_are_measured() -> None:
    figures = json.loads(run_on_pretended_gpu(BUILDS))
    assert set(figures["open_stages"]) == {"GPU", "NVRTC library"}
    first, again = figures["builds"]
    assert set(first["stages"]) - set(again["stages"]) == {"NVRTC"}
    always = {"plan", "text", "cache", "module", "arrays", "rehearsal", "memory", "contents"}
    assert always <= set(again["stages"])
    assert "functions" in again["first_batch_stages"]
    for build in (first, again):
        assert sum(build["stages"].values()) <= 1.01 * build["seconds"]


@needs_cxx
def test_time_of_the_host_is_measured() -> None:
    runs = json.loads(run_on_pretended_gpu(HOST))["us_per_batch"]
    assert len(runs) > 1 and min(runs) > 0.0

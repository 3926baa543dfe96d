"""The check that runs on GPUs, on a machine without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlgenn_rs import _core
from mlgenn_rs.engine import BackendUnavailable

ROOT = Path(__file__).resolve().parents[2]


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

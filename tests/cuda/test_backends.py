"""Choosing a backend, on a machine with or without a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from engine.networks import new_model, sink

import mlgenn_rs
from mlgenn_rs import _core
from mlgenn_rs import engine as e

TESTS = Path(__file__).resolve().parents[1]

ON_PRETENDED_GPU = (
    "engine",
    "compilers/test_traces.py",
    "compilers/test_training.py",
    "cuda/test_copies.py",
    "cuda/test_driver_calls.py",
)
"""Tests that also run on the pretended GPU."""


def has_gpu() -> bool:
    try:
        _core.describe_cuda()
    except e.BackendUnavailable:
        return False
    return True


def test_the_variable_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGENN_BACKEND", "interpreter")
    assert new_model().backend_name == "interpreter"
    assert new_model("cpu").backend_name == "cpu"
    monkeypatch.setenv("MLGENN_BACKEND", "gpu")
    model = new_model()
    sink(model, 1)
    with pytest.raises(e.ModelError, match=r"\"gpu\".*there are: cpu, .*cuda"):
        model.build()


def test_unknown_vector_units_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGENN_SIMD", "avx-512")
    model = new_model("cpu")
    sink(model, 1)
    with pytest.raises(e.ModelError, match=r"MLGENN_SIMD is \"avx-512\".*has: .*baseline"):
        model.build()
    # The interpreter uses none
    other = new_model("interpreter")
    sink(other, 1)
    other.build()


def test_the_default_depends_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLGENN_BACKEND", raising=False)
    assert new_model().backend_name == ("cuda" if has_gpu() else "cpu")
    assert new_model(num_threads=2).backend_name == "cpu"


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
def test_a_missing_gpu_is_explained() -> None:
    model = new_model("cuda")
    sink(model, 1)
    with pytest.raises(e.BackendUnavailable, match=r"tried|NVRTC") as raised:
        model.build()
    assert isinstance(raised.value, RuntimeError)
    assert mlgenn_rs.versions.get_versions()["cuda"].startswith("off: ")


def test_the_number_of_the_gpu_is_checked() -> None:
    for number in (-1, 1.5, True):
        with pytest.raises(e.ModelError, match="manual_device_id"):
            new_model("cpu", manual_device_id=number).build()


def test_cuda_text_needs_no_gpu() -> None:
    model = new_model("cpu")
    with pytest.raises(e.RuntimeFault, match="build"):
        model.dump()
    sink(model, 1)
    model.build()
    assert "run_trial(" in model.dump("cuda")
    with pytest.raises(e.ModelError, match="'ptx'"):
        model.dump("ptx")


@pytest.mark.skipif(
    bool(os.environ.get("MLGENN_NO_CXX") or os.environ.get("MLGENN_TEST_BACKENDS")),
    reason="there is no g++, or these tests run on a GPU already",
)
def test_networks_run_on_a_pretended_gpu() -> None:
    """Tests of the engine and of training through everything but a real GPU."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header"]
    command += [str(TESTS / name) for name in ON_PRETENDED_GPU]
    pretended = {"MLGENN_PRETEND_GPU": "1", "MLGENN_TEST_BACKENDS": "cuda"}
    done = subprocess.run(
        command,
        env={**os.environ, **pretended, "MLGENN_BACKEND": "cuda"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout

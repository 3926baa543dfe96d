"""Every workload of the benchmarks runs, and reports what it should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mlgenn_rs

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PACKAGE = Path(mlgenn_rs.__file__).parents[1]

WORKLOADS = {
    "mlp_inference",
    "convolutional_inference",
    "recurrent_inference",
    "sparse_recurrent",
    "compile_and_load",
    "empty_timestep",
    "empty_batch",
    "batch_overhead",
    "import_package",
    "train_mnist",
    "train_yin_yang",
    "train_recurrent",
    "e_prop_mnist",
    "e_prop_recurrent",
    "e_prop_pattern",
}

RUN_ALL = """
import json
from measure import Request
from workloads import WORKLOADS
for name, workload in WORKLOADS.items():
    assert workload.__doc__
    for options in workload.variants(Request((1,), None, True)):
        extra = {"floor": True} if "threads" in options else {}
        print(json.dumps({"workload": name, "options": options, **workload(**options, **extra)}))
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(BENCHMARKS), str(PACKAGE)])
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    done = run("-c", RUN_ALL)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_all_workloads_run(lines: list[dict[str, Any]]) -> None:
    assert {line["workload"] for line in lines} == WORKLOADS
    for line in lines:
        assert any(key.startswith("seconds") for key in line)


def test_examples_are_counted(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        if "threads" not in line["options"]:
            continue
        assert line["items_per_second"] > 0.0 and line["compile_seconds"] > 0.0
        assert line["cpu_seconds"] >= 0.0 and line["peak_memory_mib"] > 10.0
        assert {"accuracy", "checksum", "loss"} & set(line)


def test_times_are_compared_with_floors(lines: list[dict[str, Any]]) -> None:
    floors = [line for line in lines if "times_floor" in line]
    assert len(floors) >= 10
    for line in floors:
        ratio = line["seconds"] / line["floor_seconds"]
        # The ratio is rounded to one decimal, the floor to three digits
        assert abs(line["times_floor"] - ratio) <= 0.0501 + 0.00501 * ratio, line


def test_runner(tmp_path: Path) -> None:
    output = tmp_path / "lines.jsonl"
    script = str(BENCHMARKS / "run.py")
    done = run(script, "e_prop_pattern", "--smoke", "--threads", "1", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert json.loads(output.read_text())["workload"] == "e_prop_pattern"
    assert done.stdout == output.read_text()
    listed = run(script, "--list").stdout
    assert {line.split(":")[0] for line in listed.splitlines()} == WORKLOADS
    assert "unknown: nonsense" in run(script, "nonsense").stderr


def test_missing_peers_are_skipped() -> None:
    for peer in ("brian2", "snntorch", "spyx"):
        script = str(BENCHMARKS / "run.py")
        listed = run(script, "--peer", peer, "--list")
        assert listed.stdout.count(":") >= 1
        code = f"import peers; print(peers.find_missing({peer!r}))"
        if run("-c", code).stdout.strip():
            done = run(script, "--peer", peer, "--smoke")
            assert done.returncode == 0 and f"skipped: {peer} is not installed" in done.stderr

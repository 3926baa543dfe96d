"""Figures of kernels are read from what criterion leaves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from kernels import describe, read_results


def write(folder: Path, name: str, nanoseconds: float, elements: int, num_bytes: int) -> None:
    """Write what criterion writes about a benchmark."""
    group, function = name.split("/", 1)
    path = folder / name / "new"
    path.mkdir(parents=True)
    throughput = {"ElementsAndBytes": {"elements": elements, "bytes": num_bytes}}
    benchmark = {"group_id": group, "function_id": function, "throughput": throughput}
    (path / "benchmark.json").write_text(json.dumps(benchmark))
    (path / "estimates.json").write_text(json.dumps({"median": {"point_estimate": nanoseconds}}))


@pytest.mark.parametrize(
    ("name", "num_bytes", "level", "times_floor"),
    [
        ("lif/avx512/native/1000", 24_000, "L1", 5.0),
        ("lif/avx512/native/9000", 216_000, "L2", 0.3),
        ("dense/avx512/128", 8_000, "L2", 15.0),
        ("sparse/1000", 8_000, "L2", 7.5),
        ("sparse/10000", 8_000, "memory", 0.2),
    ],
)
def test_times_are_compared_with_the_cache_that_memory_is_in(
    tmp_path: Path, name: str, num_bytes: int, level: str, times_floor: float
) -> None:
    for kind, factor in (("read", 1), ("update", 2)):
        for cache, each in (("L1", 1), ("L2", 2), ("L3", 4), ("memory", 64)):
            write(tmp_path, f"floor/{kind}/{cache}", factor * each * 100, 100, 400)
    write(tmp_path, name, 60_000, 1000, num_bytes)
    write(tmp_path, "compile/lif", 1.0, 1, 1)
    (tmp_path / "compile/lif/new/benchmark.json").write_text(
        json.dumps({"group_id": "compile", "function_id": "lif", "throughput": None})
    )
    results = {result.name: result for result in read_results(tmp_path)}
    assert "compile/lif" not in results
    floors = {n: r.nanoseconds / r.num_bytes for n, r in results.items() if n.startswith("floor")}
    described = describe(results[name], floors)
    assert described["nanoseconds_per_element"] == 60.0
    assert (described["level"], described["times_floor"]) == (level, times_floor)

"""Say what a GPU spends its time on: kernels and copies of the workloads that aims are given for.

Prints a JSON line for each: seconds of some runs and, as the profiler of PyTorch sees them, how
often each kernel and kind of copy ran in one more run, and for how long. Needs a GPU and PyTorch.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import floors
import measure
import numpy as np
from gpu_targets import add_workloads, find_wanted
from workloads import WORKLOADS

RUNS = 4
LEAST_MS = 0.1
"""Kernels that take less together are left out."""


def profile_kernels(run: Callable[[], Any]) -> tuple[float, dict[str, dict[str, float]]]:
    """Return milliseconds of a GPU in a run, and calls and milliseconds of each kernel."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as found:
        run()
    rows = found.key_averages()
    kernels = {
        row.key: {"calls": row.count, "ms": round(row.device_time_total / 1e3, 3)}
        for row in sorted(rows, key=lambda row: -row.device_time_total)
        if row.device_time_total >= LEAST_MS * 1e3
    }
    return round(sum(row.device_time_total for row in rows) / 1e3, 3), kernels


def profile_case(case: measure.Case) -> dict[str, Any]:
    """Stand in for :func:`measure.measure`."""
    np.random.seed(1)
    start = perf_counter()
    compiled = case.compiler.compile(case.network, "profile")
    with compiled:
        compile_seconds = round(perf_counter() - start, 3)
        run = case.start(compiled)
        runs = [round(measure.fastest(run, 1)[0], 4) for _ in range(RUNS)]
        gpu_ms, kernels = profile_kernels(run)
    return {
        "runs": runs,
        "compile_seconds": compile_seconds,
        "items_per_second": round(case.items / min(runs), 1),
        "gpu_ms": gpu_ms,
        "kernels": kernels,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_workloads(parser)
    wanted = find_wanted(parser, parser.parse_args().workloads)
    from mlgenn_rs import _core, engine

    try:
        device = _core.describe_cuda()
    except engine.BackendUnavailable as error:
        sys.exit(str(error))
    floors.measure = profile_case
    for name, options in wanted:
        figures = WORKLOADS[name](**options, threads=1)
        print(json.dumps({"device": device, "workload": name, "options": options, **figures}))


if __name__ == "__main__":
    main()

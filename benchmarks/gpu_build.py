"""Say how long networks take to build on a GPU, stage by stage.

Prints a JSON line for each of two processes per workload: with an empty cache of compiled kernels,
and with what that one left. Each opens the GPU, and builds the network twice. Seconds: ``open``,
and for each build ``seconds`` in all, its ``stages``, and the first two batches with it, which
training makes after each other. Needs a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from time import perf_counter
from typing import Any

import floors
import measure
import numpy as np
from gpu_targets import add_workloads, find_wanted
from workloads import WORKLOADS

from mlgenn_rs import _core, engine

BUILDS = 2


def timed(function: Any) -> tuple[float, dict[str, float]]:
    """Return the seconds of a call, and of the stages of building in it."""
    _core.take_stages()
    start = perf_counter()
    function()
    seconds = perf_counter() - start
    return round(seconds, 4), {name: round(time, 5) for name, time in _core.take_stages()}


def build_case(case: measure.Case) -> dict[str, Any]:
    """Stand in for :func:`measure.measure`."""
    builds = []
    for _ in range(BUILDS):
        np.random.seed(1)
        compiled = case.compiler.compile(case.network, "build")
        seconds, stages = timed(compiled.__enter__)
        try:
            run = case.start(compiled)
            (first, prepared), (second, _) = timed(run), timed(run)
        finally:
            compiled.__exit__(None, None, None)
        batches = {"first_batch": first, "first_batch_stages": prepared, "second_batch": second}
        builds.append({"seconds": seconds, "stages": stages, **batches})
    return {"builds": builds}


def measure_builds(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Open the GPU, if this process has not yet, and build the network of a workload."""
    seconds, stages = timed(_core.describe_cuda)
    # A batch is enough
    batch = {"examples": options["batch_size"]} if "examples" in options else {}
    floors.measure = build_case
    figures = WORKLOADS[name](**{**options, **batch}, threads=1)
    return {"open": seconds, "open_stages": stages, **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_workloads(parser)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    wanted = find_wanted(parser, arguments.workloads)
    if arguments.one:
        print(json.dumps(measure_builds(*wanted[0])))
        return
    try:
        device = _core.describe_cuda()
    except engine.BackendUnavailable as error:
        sys.exit(str(error))
    for name, _ in wanted:
        with tempfile.TemporaryDirectory() as cache:
            environment = {**os.environ, "MLGENN_BACKEND": "cuda", "MLGENN_CACHE_DIR": cache}
            for state in ("empty", "filled"):
                command = [sys.executable, __file__, "--one", name]
                done = subprocess.run(
                    command, stdout=subprocess.PIPE, text=True, check=True, env=environment
                )
                figures = json.loads(done.stdout.splitlines()[-1])
                line = {"device": device, "workload": name, "cache": state, **figures}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

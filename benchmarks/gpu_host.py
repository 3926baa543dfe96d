"""Say how long the host takes for each batch when it runs networks on a GPU.

The workloads that aims for GPUs are given for run on a pretended GPU (see ``tests``) that does
nothing, in no time.  Prints a JSON line for each: microseconds of a batch in some runs.  What
copies take is that of copies within the host, and calls of a real driver take longer.  Needs g++
and a checkout of the repository, but no GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import floors
import measure
import numpy as np
from gpu_targets import add_workloads, find_wanted
from workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
RUNS = 6


def time_batches(case: measure.Case) -> dict[str, Any]:
    """Stand in for :func:`measure.measure`."""
    np.random.seed(1)
    compiled = case.compiler.compile(case.network, "host")
    with compiled:
        run = case.start(compiled)
        batches = -(-case.items // compiled.genn_model.batch_size)
        runs = [measure.fastest(run, 1)[0] for _ in range(RUNS)]
    return {"us_per_batch": [round(1e6 * seconds / batches, 1) for seconds in runs]}


def install_idle_gpu(folder: Path) -> None:
    """Put a pretended GPU that does nothing in the place of a real one, for this process."""
    sys.path.append(str(ROOT / "tests"))
    import pretended_gpu

    pretended_gpu.install(folder).pretend_idle(True)
    os.environ["MLGENN_BACKEND"] = "cuda"


def measure_host(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a workload."""
    floors.measure = time_batches
    figures: dict[str, Any] = WORKLOADS[name](**options, threads=1)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_workloads(parser)
    parser.add_argument("--mnist", help="mnist.npz, for images")
    arguments = parser.parse_args()
    wanted = find_wanted(parser, arguments.workloads)
    with tempfile.TemporaryDirectory() as folder:
        install_idle_gpu(Path(folder))
        for name, options in wanted:
            mnist = {"mnist": arguments.mnist} if "mnist" in name else {}
            figures = measure_host(name, {**options, **mnist})
            print(json.dumps({"workload": name, "options": options, **figures}), flush=True)


if __name__ == "__main__":
    main()

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
from gpu_check import ROOT, TARGETS
from workloads import WORKLOADS

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [name for name, _ in TARGETS]
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(names)}")
    parser.add_argument("--mnist", help="mnist.npz, for images")
    arguments = parser.parse_args()
    wanted = arguments.workloads or names
    if unknown := set(wanted) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    sys.path.append(str(ROOT / "tests"))
    import pretended_gpu

    with tempfile.TemporaryDirectory() as folder:
        pretended_gpu.install(Path(folder)).pretend_idle(True)
        os.environ["MLGENN_BACKEND"] = "cuda"
        floors.measure = time_batches
        for name, options in TARGETS:
            if name in wanted:
                mnist = {"mnist": arguments.mnist} if "mnist" in name else {}
                figures = WORKLOADS[name](**options, **mnist, threads=1)
                print(json.dumps({"workload": name, "options": options, **figures}), flush=True)


if __name__ == "__main__":
    main()

"""Run benchmarks: every workload in a fresh process, one JSON line each."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from measure import Request
from peers import PEERS, find_missing
from workloads import WORKLOADS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="default: all")
    parser.add_argument("--list", action="store_true", help="print the names of the workloads")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--mnist", type=Path, metavar="NPZ", help="default: random images")
    parser.add_argument("--smoke", action="store_true", help="only show that the workloads run")
    parser.add_argument("--floor", action="store_true", help="compare with what is possible")
    parser.add_argument("--peer", choices=PEERS, help="run another package instead, if installed")
    parser.add_argument("--output", type=Path, help="append the lines to this file too")
    parser.add_argument("--one", metavar="JSON", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    available = PEERS[arguments.peer] if arguments.peer else WORKLOADS
    if arguments.list:
        for name, workload in available.items():
            print(f"{name}: {workload.__doc__.splitlines()[0]}")
        return
    if arguments.one:
        request = json.loads(arguments.one)
        table = PEERS[request["peer"]] if "peer" in request else WORKLOADS
        extra = {"floor": True} if request.pop("floor", False) else {}
        result = table[request["workload"]](**request["options"], **extra)
        print(json.dumps({**request, **result}))
        return

    unknown = set(arguments.workloads) - set(available)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(available)}")
    if arguments.peer and (missing := find_missing(arguments.peer)):
        print(f"skipped: {arguments.peer} is not installed here ({missing})", file=sys.stderr)
        return
    wanted = Request(tuple(arguments.threads), arguments.mnist, arguments.smoke)
    for name in arguments.workloads or available:
        for options in available[name].variants(wanted):
            request = {"workload": name, "options": options}
            if arguments.peer:
                request["peer"] = arguments.peer
            elif arguments.floor and "threads" in options:
                request["floor"] = True
            line = run_one(request)
            print(line, end="", flush=True)
            if arguments.output:
                with arguments.output.open("a") as file:
                    file.write(line)


def run_one(request: dict[str, object]) -> str:
    """Run a workload in a process of its own and return its line."""
    options = request["options"]
    threads = str(options.get("threads", 1)) if isinstance(options, dict) else "1"
    # Ceilings are those of one core; libraries of other packages get as many threads as asked for
    limit = threads if "peer" in request else "1"
    limits = {f"{name}_NUM_THREADS": limit for name in ("OMP", "OPENBLAS", "MKL")}
    command = [sys.executable, __file__, "--one", json.dumps(request)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **limits}
    )
    if done.returncode != 0:
        sys.exit(f"{request['workload']} {options} failed:\n{done.stderr}")
    return done.stdout.splitlines()[-1] + "\n"


if __name__ == "__main__":
    main()

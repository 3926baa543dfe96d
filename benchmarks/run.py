"""Run benchmarks: every workload in a fresh process, one JSON line each."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from workloads import WORKLOADS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="default: all")
    parser.add_argument("--list", action="store_true", help="print the names of the workloads")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--mnist", type=Path, metavar="NPZ", help="default: random images")
    parser.add_argument("--output", type=Path, help="append the lines to this file too")
    parser.add_argument("--one", metavar="JSON", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    if arguments.list:
        for name, workload in WORKLOADS.items():
            print(f"{name}: {workload.__doc__.splitlines()[0]}")
        return
    if arguments.one:
        request = json.loads(arguments.one)
        result = WORKLOADS[request["workload"]](**request["options"])
        print(json.dumps({**request, **result}))
        return

    unknown = set(arguments.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(WORKLOADS)}")
    for name in arguments.workloads or WORKLOADS:
        for options in WORKLOADS[name].variants(arguments.threads, arguments.mnist):
            request = json.dumps({"workload": name, "options": options})
            command = [sys.executable, __file__, "--one", request]
            line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            print(line, end="", flush=True)
            if arguments.output:
                with arguments.output.open("a") as file:
                    file.write(line)


if __name__ == "__main__":
    main()

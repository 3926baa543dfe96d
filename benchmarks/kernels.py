"""Times of kernels per element, and how many times longer that is than this machine takes at best.

Runs ``cargo bench -p mlgenn-cpu``, or looks at what an earlier run left (``--no-run``)::

    python benchmarks/kernels.py lif dense

A floor counts the bytes that a kernel has to read and write, and divides them by what is reached in
a cache that holds them, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEVELS = (("L1", 32 << 10), ("L2", 512 << 10), ("L3", 16 << 20))
"""Caches, and the bytes that a kernel has to go through for the next one."""

MATRICES = {
    "dense": "L2",
    "convolution": "L1",
    "sparse/1000": "L2",
    "sparse/4000": "L3",
    "sparse/10000": "memory",
}
"""Where matrices lie of which a part is read each time."""

READERS = ("dense", "convolution", "floor/read")
"""Kernels that do little but read; others change what they read."""


@dataclass(frozen=True)
class Result:
    """What was measured for a kernel."""

    name: str
    nanoseconds: float
    elements: int
    num_bytes: int

    @property
    def level(self) -> str:
        """The cache that its memory is in."""
        for kernel, level in MATRICES.items():
            if f"{self.name}/".startswith(f"{kernel}/"):
                return level
        return next((level for level, size in LEVELS if self.num_bytes <= size), "memory")


def main() -> None:
    """Run benchmarks and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernels", nargs="*", help="only those whose names contain one of these")
    parser.add_argument("--no-run", action="store_true", help="print what was measured before")
    arguments = parser.parse_args()
    if not arguments.no_run:
        run(arguments.kernels)
    results = read_results(ROOT / "target" / "criterion")
    floors = {r.name: r.nanoseconds / r.num_bytes for r in results if r.name.startswith("floor/")}
    for result in results:
        if arguments.kernels and not any(kernel in result.name for kernel in arguments.kernels):
            continue
        print(json.dumps(describe(result, floors)))


def run(kernels: list[str]) -> None:
    """Run the benchmarks of some kernels, or of all, and those of the floors."""
    command = ["cargo", "bench", "--quiet", "-p", "mlgenn-cpu", "--bench", "kernels", "--"]
    pattern = "|".join(["floor/", *kernels]) if kernels else ""
    subprocess.run([*command, pattern], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def read_results(folder: Path) -> list[Result]:
    """Return what the last runs have measured, by name."""
    results = []
    for path in sorted(folder.glob("**/new/benchmark.json")):
        benchmark = json.loads(path.read_text())
        estimates = json.loads((path.parent / "estimates.json").read_text())
        name = "/".join(filter(None, (benchmark["group_id"], benchmark["function_id"])))
        throughput = (benchmark["throughput"] or {}).get("ElementsAndBytes")
        if throughput is not None:
            time = estimates["median"]["point_estimate"]
            results.append(Result(name, time, throughput["elements"], throughput["bytes"]))
    return results


def describe(result: Result, floors: dict[str, float]) -> dict[str, object]:
    """Return the figures of a result."""
    kind = "read" if result.name.startswith(READERS) else "update"
    floor = floors[f"floor/{kind}/{result.level}"] * result.num_bytes
    return {
        "kernel": result.name,
        "nanoseconds_per_element": float(f"{result.nanoseconds / result.elements:.3g}"),
        "level": result.level,
        "times_floor": round(result.nanoseconds / floor, 1),
    }


if __name__ == "__main__":
    main()

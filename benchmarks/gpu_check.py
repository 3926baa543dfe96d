"""Check an installed mlgenn_rs on a GPU: tests, repeats, CPU against GPU, sanitizer, benchmarks.

Runs unattended within nine minutes and prints a table last. Exit status: 0 if everything passed,
1 if something failed, 2 if there is no GPU that can be used.

With ``--wheels FOLDER`` it first installs the wheels in that folder, without a network, for this
check alone; what they need (numpy, tqdm, pytest, hypothesis, NVRTC) is there too or beside the
Python that runs it. With pytest-xdist the tests share the cores.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from gpu_targets import TARGETS

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 9 * 60 - 20
"""Time for everything, with some left to report."""

GOLDEN = (
    "tests/engine",
    *(
        f"tests/compilers/test_{name}_golden.py"
        for name in ("event_prop", "eprop", "few_spike", "inference")
    ),
)
"""Tests that come first."""
OTHERS = ("tests/frontend", "tests/compilers")
SANITIZED = ("batch", "adam_dense", "sparse", "procedural", "toeplitz", "ccu")
"""Small golden cases that run under compute-sanitizer, by parts of their names."""

REPEAT = """
import hashlib, json, sys
sys.path.insert(0, "benchmarks")
import numpy as np
from workloads import WORKLOADS
import floors, measure
outcome = []
def keep(case):
    np.random.seed(1)
    compiled = case.compiler.compile(case.network, "check")
    with compiled:
        result = case.start(compiled)()
        arrays = compiled.genn_model.state_arrays()
        digest = hashlib.sha256()
        for path in sorted(arrays):
            digest.update(np.ascontiguousarray(arrays[path]).tobytes())
        weights = {path: np.asarray(a, dtype=float) for path, a in arrays.items()
                   if path.endswith(".vars.g")}
    outcome.append((digest.hexdigest(), {p: float(np.abs(w).sum()) for p, w in weights.items()}))
    return {}
for module in (measure, floors):
    module.measure = keep
for name, workload in WORKLOADS.items():
    options = next(workload.variants(measure.Request((1,), None, True)))
    if "threads" in options and name.startswith(("train", "e_prop", "recurrent", "convol")):
        outcome.clear()
        workload(**options)
        if outcome:
            print(json.dumps([name, *outcome[-1]]))
"""


@dataclass
class Check:
    """Runs the parts one after the other and remembers their results."""

    python: str
    environment: dict[str, str]
    start: float
    lines: list[tuple[str, str, float]] = field(default_factory=list)
    failed: bool = False

    def left(self) -> float:
        return SECONDS - (monotonic() - self.start)

    def note(self, name: str, result: str, since: float, good: bool = True) -> None:
        self.failed |= not good
        self.lines.append((name, result, monotonic() - since))
        print(f"== {name}: {result}", flush=True)

    def run(
        self, command: list[str], seconds: float, **environment: str
    ) -> subprocess.CompletedProcess[str] | None:
        """Run a command in the repository; ``None`` if it took too long."""
        limit = min(seconds, self.left())
        if limit <= 1:
            return None
        try:
            return subprocess.run(
                command,
                cwd=ROOT,
                env={**self.environment, **environment},
                capture_output=True,
                text=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None

    def tests(self, name: str, tests: tuple[str, ...], seconds: float) -> None:
        since = monotonic()
        command = [self.python, "-m", "pytest", "-q", "--maxfail=20", *tests]
        if importlib.util.find_spec("xdist"):
            command += ["-n", str(min(os.cpu_count() or 1, 16))]
        done = self.run(command, seconds, MLGENN_TEST_BACKENDS="cuda", MLGENN_BACKEND="cuda")
        if done is None:
            self.note(name, f"took more than {seconds:.0f} s", since, False)
            return
        print(done.stdout[-6000:])
        summary = done.stdout.strip().splitlines()[-1:] or [done.stderr[-500:]]
        self.note(name, summary[0].strip("= "), since, done.returncode == 0)

    def digests(self, backend: str) -> dict[str, tuple[str, dict[str, float]]] | None:
        done = self.run([self.python, "-c", REPEAT], 90, MLGENN_BACKEND=backend)
        if done is None or done.returncode != 0:
            print(done.stderr[-3000:] if done else "took too long")
            return None
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        return {name: (digest, sums) for name, digest, sums in rows}

    def repeats(self) -> None:
        since = monotonic()
        first, second = self.digests("cuda"), self.digests("cuda")
        if not first or not second:
            self.note("repeats", "did not run", since, False)
            return
        different = sorted(name for name in first if first[name][0] != second[name][0])
        result = "bit-identical" if not different else "differ: " + ", ".join(different)
        self.note(f"repeats of {len(first)} workloads", result, since, not different)
        since = monotonic()
        cpu = self.digests("cpu")
        if not cpu:
            self.note("CPU against GPU", "did not run", since, False)
            return
        largest, where = 0.0, ""
        for name, (_, sums) in first.items():
            for path, value in sums.items():
                expected = cpu[name][1][path]
                error = abs(value - expected) / max(abs(expected), 1e-9)
                if error > largest:
                    largest, where = error, f"{name} {path}"
        result = f"sums of weights differ by up to {largest:.1e} {where}"
        self.note("CPU against GPU", result, since, largest < 1e-3)

    def sanitizer(self) -> None:
        tool = shutil.which("compute-sanitizer")
        if tool is None:
            self.note("compute-sanitizer", "is not installed", monotonic())
            return
        for kind in ("memcheck", "racecheck"):
            since = monotonic()
            command = [tool, "--tool", kind, "--error-exitcode", "9", self.python, "-m", "pytest"]
            command += ["-q", "-x", "tests/engine/test_golden.py", "-k", " or ".join(SANITIZED)]
            done = self.run(command, 60, MLGENN_TEST_BACKENDS="cuda", MLGENN_BACKEND="cuda")
            if done is None:
                self.note(kind, "took too long", since, False)
                continue
            found = re.findall(r"ERROR SUMMARY: .*|RACECHECK SUMMARY: .*", done.stdout)
            good = done.returncode == 0
            if not good:
                print(done.stdout[-4000:])
            self.note(kind, found[-1] if found else f"status {done.returncode}", since, good)

    def builds(self, output: Path) -> None:
        since = monotonic()
        done = self.run([self.python, "benchmarks/gpu_build.py"], 60)
        if done is None or done.returncode != 0:
            print(done.stderr[-2000:] if done else "took too long")
            self.note("builds", "did not run", since, False)
            return
        with output.open("a") as file:
            file.write(done.stdout)
        for line in map(json.loads, done.stdout.splitlines()):
            first, again = (build["seconds"] for build in line["builds"])
            result = f"{first:.3f} s after {line['open']:.3f} s to open the GPU, then {again:.3f} s"
            self.note(f"build of {line['workload']}, cache {line['cache']}", result, since)
            since = monotonic()

    def benchmarks(self, device: str, output: Path) -> None:
        listed = self.run([self.python, "benchmarks/run.py", "--list"], 30)
        lines = listed.stdout.splitlines() if listed else []
        available = {line.partition(":")[0] for line in lines}
        requests = [(name, options) for name, options in TARGETS if name in available]
        requests += [(name, None) for name in sorted(available)]
        for name, options in requests:
            since = monotonic()
            if options is None:
                command = [self.python, "benchmarks/run.py", name, "--threads", "1", "--floor"]
            else:
                request = json.dumps(
                    {"workload": name, "options": {**options, "threads": 1}, "floor": True}
                )
                command = [self.python, "benchmarks/run.py", "--one", request]
            title = name if options is None else f"{name} {options}"
            done = self.run(command, 40, MLGENN_BACKEND="cuda")
            if done is None:
                self.note(title, "left out: no time", since)
                continue
            lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
            if done.returncode != 0 or not lines:
                print(done.stderr[-2000:])
                self.note(title, "failed", since, False)
                continue
            with output.open("a") as file:
                for line in lines:
                    file.write(json.dumps({"device": device, **json.loads(line)}) + "\n")
            figures = [json.loads(line) for line in lines]
            self.note(title, ", ".join(filter(None, map(in_words, figures))) or "ran", since)

    def report(self) -> None:
        print()
        for name, result, seconds in self.lines:
            print(f"{name[:60]:<60} {seconds:6.1f} s  {result}")
        print("FAILED" if self.failed else "passed")


def in_words(figures: dict[str, float]) -> str:
    """Rate of a workload, and how many times it takes the floor."""
    if "items_per_second" not in figures:
        return ""
    floor = f" ({figures['times_floor']:g} x floor)" if "times_floor" in figures else ""
    return f"{figures['items_per_second']:g}/s{floor}"


def install(wheels: Path, folder: Path) -> dict[str, str]:
    """Install all wheels of a folder; returns the environment that they are found in."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    files = [str(path) for path in sorted(wheels.glob("*.whl"))]
    subprocess.run([*command, "--no-compile", "--target", str(folder), *files], check=True)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, help="folder of wheels to install first")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    arguments = parser.parse_args()
    start = monotonic()
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        if arguments.wheels:
            environment = install(arguments.wheels, Path(folder))
        check = Check(sys.executable, environment, start)
        describe = "from mlgenn_rs import _core; print(_core.describe_cuda())"
        described = check.run([sys.executable, "-c", describe], 60)
        if described is None or described.returncode != 0:
            message = described.stderr.strip().splitlines()[-1:] if described else ["no answer"]
            print(f"There is no GPU to check: {message[0] if message else 'unknown reason'}")
            return 2
        device = described.stdout.strip()
        print(device)
        check.tests("engine and golden cases on the GPU", GOLDEN, 120)
        check.repeats()
        check.sanitizer()
        name = re.sub(r"[^a-z0-9]+", "-", device.partition("(")[0].lower()).strip("-")
        today = datetime.date.today().isoformat()
        output = arguments.results / f"{today}-{name}.jsonl"
        check.builds(output)
        check.benchmarks(device, output)
        check.tests("other tests on the GPU", OTHERS, check.left() - 5)
        check.report()
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())

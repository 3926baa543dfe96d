"""Measuring of workloads: the registry, times and memory."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

WORKLOADS: dict[str, Any] = {}
REPEATS = 5

Options = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What the user of the runner asked for."""

    threads: tuple[int, ...] = (1, 2)
    """Numbers of threads."""
    mnist: Path | None = None
    """Digits in the format of Keras; random images without."""
    smoke: bool = False
    """Only show that the workloads run: as little work as possible."""


def workload(variants: Callable[[Request], Iterator[Options]]) -> Callable[[Any], Any]:
    """Register a function together with the options that it is run with."""

    def register(function: Any) -> Any:
        function.variants = variants
        WORKLOADS[function.__name__] = function
        return function

    return register


def once(request: Request) -> Iterator[Options]:
    """Run a workload once, without options."""
    yield {}


def each(**values: Any) -> Callable[[Request], Iterator[Options]]:
    """Return variants: all combinations of values, for each number of threads.

    A pair ``(full, smoke)`` of tuples holds what a full run and a smoke run use.  The value of
    ``mnist`` is the file that the user gave.
    """

    def variants(request: Request) -> Iterator[Options]:
        chosen = {
            name: options[request.smoke] if isinstance(options[0], tuple) else options
            for name, options in values.items()
        }
        combinations: list[Options] = [{}]
        for name, options in chosen.items():
            combinations = [{**c, name: option} for c in combinations for option in options]
        if "mnist" in chosen:
            mnist = str(request.mnist) if request.mnist else None
            combinations = [{**c, "mnist": mnist} for c in combinations]
        for threads in request.threads:
            for combination in combinations:
                yield {**combination, "threads": threads}

    return variants


def peak_memory_mib() -> float:
    """Largest resident size of this process."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def fastest(function: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, float]:
    """Smallest wall time of several calls, and processor time of the same call, in seconds."""
    times = []
    for _ in range(repeats):
        start, cpu_start = perf_counter(), process_time()
        function()
        times.append((perf_counter() - start, process_time() - cpu_start))
    return min(times)


@dataclass
class Case:
    """A network with its compiler and examples."""

    network: Any
    compiler: Any
    x: dict[Any, Any]
    """Inputs."""
    outputs: dict[Any, Any]
    """Targets of each output population; ``None`` for inference."""
    items: int
    """What is counted: examples, timesteps."""
    train: dict[str, Any] | None = None
    """Arguments of training; ``None`` for inference."""
    timesteps: int | None = None
    """Number of timesteps of a simulation without examples."""
    repeats: int = 1

    def start(self, compiled: Any) -> Callable[[], Any]:
        """Return the function to be measured, which returns what tells results apart."""
        if self.timesteps is not None:
            compiled.set_input(self.x)
            model = compiled.genn_model
            return lambda: model.run(self.timesteps)
        if self.train is not None:
            return lambda: compiled.train(self.x, self.outputs, callbacks=[], **self.train)[0]
        return lambda: compiled.predict(self.x, list(self.outputs), callbacks=[])[0]


def measure(case: Case) -> dict[str, Any]:
    """Compile, run and return the figures."""
    np.random.seed(1)
    start = perf_counter()
    compiled = case.compiler.compile(case.network, "benchmark")
    with compiled:
        compile_seconds = perf_counter() - start
        run = case.start(compiled)
        results: list[Any] = []
        seconds, cpu_seconds = fastest(lambda: results.append(run()), case.repeats)
        outcome = _summarise(case, compiled, results[-1])
    return {
        "items_per_second": round(case.items / seconds, 1),
        "seconds": round(seconds, 7),
        "cpu_seconds": round(cpu_seconds, 7),
        "compile_seconds": round(compile_seconds, 4),
        **outcome,
        "peak_memory_mib": peak_memory_mib(),
    }


def _summarise(case: Case, compiled: Any, result: Any) -> dict[str, Any]:
    if case.timesteps is not None:
        groups = compiled.neuron_populations.values()
        potentials = [group.vars["V"].view for group in groups if "V" in group.vars]
        return {"checksum": float(sum(np.abs(v).sum(dtype=float) for v in potentials))}
    if case.train is None:
        values = [np.abs(values).sum(dtype=float) for values in result.values()]
        return {"checksum": float(sum(values))}
    outcome = {"loss": round(result["loss"].result, 6)} if "loss" in result else {}
    metric = result.get(next(iter(case.outputs)))
    if metric is not None and metric.result is not None:
        outcome["accuracy"] = round(metric.result, 4)
    return outcome

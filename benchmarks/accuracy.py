"""Run the real trainings of the examples with several seeds: a JSON line each, with mean and sd.

Trainings on MNIST take minutes for each seed. The options of examples were chosen on examples
held out of the training set (``--validate``); the results are those of the test set.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

EXAMPLES = Path(__file__).parents[1] / "examples"

TRAININGS: dict[str, tuple[str, list[str]]] = {
    "mnist_eventprop": ("latency_mnist", ["--mnist"]),
    "mnist_eventprop_conv": ("latency_mnist", ["--mnist", "--conv"]),
    "mnist_eprop": ("latency_mnist", ["--mnist", "--rule", "eprop"]),
    "digits_eventprop": ("latency_mnist", []),
    "digits_eventprop_conv": ("latency_mnist", ["--conv"]),
    "digits_eprop": ("latency_mnist", ["--rule", "eprop"]),
    "yin_yang": ("yin_yang", []),
    "pattern_eventprop": ("pattern_generation", ["--rule", "eventprop"]),
    "pattern_eprop": ("pattern_generation", ["--rule", "eprop"]),
    "delays_learned": ("learned_delays", ["--delays", "learned"]),
    "delays_fixed": ("learned_delays", ["--delays", "fixed"]),
    "delays_none": ("learned_delays", ["--delays", "none"]),
    "mnist_deep_r": ("deep_r", ["--mnist"]),
    "mnist_sparse": ("deep_r", ["--mnist", "--no-rewiring"]),
    "digits_deep_r": ("deep_r", []),
}


def run(name: str, extra: list[str], settings: argparse.Namespace) -> dict[str, Any]:
    """Results of a training for each seed, their mean and standard deviation."""
    module_name, options = TRAININGS[name]
    module = importlib.import_module(module_name)
    arguments = ["--threads", str(settings.threads), *extra]
    for option in options:
        arguments += [option, str(settings.mnist)] if option == "--mnist" else [option]
    seeds = settings.seeds
    results: list[dict[str, float]] = []
    start = process_time()
    for seed in seeds:
        results.append(module.run(module.read_options([*arguments, "--seed", str(seed)])))
    seconds = (process_time() - start) / len(seeds)
    values = {key: [result[key] for result in results] for key in results[0]}
    return {
        "training": name,
        "command": " ".join([f"examples/{module_name}.py", *options, *extra]),
        "seeds": seeds,
        "mean": {key: float(np.mean(value)) for key, value in values.items()},
        "sd": {key: float(np.std(value, ddof=1)) for key, value in values.items()}
        if len(seeds) > 1
        else {},
        "values": values,
        "cpu_seconds_per_seed": seconds,
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(),
    }


def describe_machine() -> str:
    """Processor and number of cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        models = []
    return f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trainings", nargs="*", metavar="TRAINING", help="default: all")
    parser.add_argument("--list", action="store_true", help="print the names of the trainings")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--mnist", type=Path, metavar="NPZ", help="without: no MNIST trainings")
    parser.add_argument("--epochs", type=int, help="default: that of the example")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--output", type=Path, help="append the lines to this file too")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(TRAININGS))
        return
    unknown = set(arguments.trainings) - set(TRAININGS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(TRAININGS)}")
    sys.path.insert(0, str(EXAMPLES))
    extra = [] if arguments.epochs is None else ["--epochs", str(arguments.epochs)]
    for name in arguments.trainings or TRAININGS:
        if "--mnist" in TRAININGS[name][1] and arguments.mnist is None:
            if arguments.trainings:
                parser.error(f"{name} needs --mnist")
            continue
        line = json.dumps(run(name, extra, arguments))
        print(line, flush=True)
        if arguments.output:
            with arguments.output.open("a") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()

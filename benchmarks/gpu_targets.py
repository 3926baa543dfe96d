"""The workloads that aims for GPUs are given for, for the scripts that measure them."""

from __future__ import annotations

import argparse
from typing import Any

TARGETS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("train_mnist", {"batch_size": 512, "examples": 30000}),
    (
        "train_recurrent",
        {
            "hidden": 256,
            "batch_size": 256,
            "timesteps": 1000,
            "input_spikes": 5700,
            "examples": 256,
        },
    ),
    (
        "recurrent_inference",
        {"hidden": 1024, "batch_size": 256, "timesteps": 500, "input_spikes": 8000},
    ),
)
"""Workloads with the sizes that the aims for GPUs are given for."""


def add_workloads(parser: argparse.ArgumentParser) -> None:
    """Let a command be given the names of some of them."""
    names = ", ".join(name for name, _ in TARGETS)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {names}")


def find_wanted(
    parser: argparse.ArgumentParser, names: list[str]
) -> list[tuple[str, dict[str, Any]]]:
    """Return the workloads of some names with their sizes, or all; unknown names are errors."""
    known = dict(TARGETS)
    if unknown := set(names) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    return [(name, options) for name, options in TARGETS if not names or name in names]

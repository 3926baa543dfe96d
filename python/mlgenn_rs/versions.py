"""Versions of the package and of what it works with, for reports of problems."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

OPTIONAL = ("numpy", "tqdm", "keras", "jax", "tensorflow", "torch", "matplotlib", "mpi4py")
"""Packages that are listed if they are installed, without importing them."""


def show_versions() -> None:
    """Print versions of the package, Python, packages it works with, and the machine."""
    for name, value in get_versions().items():
        print(f"{name:<12} {value}")


def get_versions() -> dict[str, str]:
    """Return what :func:`show_versions` prints, by name."""
    from . import __version__

    versions = {
        "mlgenn_rs": __version__,
        "python": sys.version.partition(" ")[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": str(os.cpu_count() or "unknown"),
        "engine": _get_engine(),
        "cuda": _get_cuda(),
    }
    return versions | {name: _get_version(name) for name in OPTIONAL}


def _get_engine() -> str:
    try:
        from . import _core
    except ImportError as error:
        return f"cannot be imported: {error}"
    return getattr(_core, "__version__", "available")


def _get_cuda() -> str:
    try:
        from . import _core

        return _core.describe_cuda()
    except (ImportError, RuntimeError) as error:
        return f"off: {error}"


def _get_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"

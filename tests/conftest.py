"""What all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _pretended_gpu(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Pretend that there is a GPU if ``MLGENN_PRETEND_GPU`` says so."""
    if os.environ.get("MLGENN_PRETEND_GPU"):
        import pretended_gpu

        pretended_gpu.install(Path(tmp_path_factory.mktemp("gpu")))


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> Iterator[None]:
    """Let tests interrupt themselves, also where the shell has made SIGINT ignored.

    That is so for background jobs of shell scripts, and Python then leaves the signal alone.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

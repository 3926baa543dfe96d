"""The backends that tests run on.

``MLGENN_TEST_BACKENDS=cuda`` runs them on a GPU; with ``MLGENN_PRETEND_GPU=1`` that is a pretended
one (`pretended_gpu`).
"""

from __future__ import annotations

import os

import pytest

BACKENDS = os.environ.get("MLGENN_TEST_BACKENDS", "cpu,interpreter").split(",")

DEFAULT = BACKENDS[0]
"""Backend of tests that need only one."""

NEEDS_FORK = pytest.mark.skipif(DEFAULT == "cuda", reason="forked processes cannot use CUDA")
"""Mark of tests that fork processes."""

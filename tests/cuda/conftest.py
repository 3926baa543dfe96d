"""Networks that are compiled for a GPU."""

from __future__ import annotations

import pytest

from .networks import CudaNetwork, example_networks, golden_networks, workload_networks


@pytest.fixture(scope="session")
def networks() -> list[CudaNetwork]:
    """Golden cases, benchmarks and example programs."""
    with pytest.MonkeyPatch.context() as patch:
        return [*golden_networks(), *workload_networks(patch), *example_networks(patch)]

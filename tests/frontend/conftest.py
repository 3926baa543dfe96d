"""Fixtures."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_open_network() -> Any:
    from mlgenn_rs import Network

    assert Network._context is None
    yield
    assert Network._context is None

"""Metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs.metrics import MeanSquareError, SparseCategoricalAccuracy

from .support import load_golden

CASE = load_golden("m01_metrics")


class Doubling:
    def reduce_sum(self, value: Any) -> Any:
        return 2 * value


@pytest.mark.parametrize(
    ("cls", "batches", "key", "state"),
    [
        (MeanSquareError, "mse_batches", "mse", ("sum_mse", "total")),
        (SparseCategoricalAccuracy, "acc_batches", "acc", ("correct", "total")),
    ],
)
def test_golden(cls: Any, batches: str, key: str, state: tuple[str, str]) -> None:
    metric = cls()
    out = CASE["outputs"]
    assert metric.result is None and out[f"{key}_result_before"] is None
    for (y_true, y_pred), expected in zip(
        CASE["inputs"][batches], out[f"{key}_results"], strict=True
    ):
        metric.update(y_true, np.asarray(y_pred), None)
        assert metric.result == pytest.approx(expected, abs=1e-12)
    assert [getattr(metric, s) for s in state] == pytest.approx(out[f"{key}_state"])
    metric.reset()
    assert metric.result is None
    y_true, y_pred = CASE["inputs"][batches][0]
    metric.update(y_true, np.asarray(y_pred), Doubling())
    expected = out[f"{key}_comm"]
    assert [*(getattr(metric, s) for s in state), metric.result] == pytest.approx(expected)


def test_errors() -> None:
    with pytest.raises(RuntimeError, match="same shape"):
        MeanSquareError().update([[1.0]], np.ones((1, 2)), None)
    with pytest.raises(RuntimeError, match="examples"):
        SparseCategoricalAccuracy().update([1, 2], np.ones((1, 2)), None)

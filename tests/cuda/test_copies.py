"""How much is copied to and from a GPU in a batch, as counted by the pretended one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlgenn_rs.callbacks import Callback

from .training import (
    BATCH,
    NEURONS,
    OUTPUTS,
    compile_training,
    needs_pretended_gpu,
    pretended_gpu,
)

pytestmark = needs_pretended_gpu


class CountCopies(Callback):
    """Counts copies in each batch."""

    def set_params(self, **kwargs: Any) -> None:
        self._library = pretended_gpu()
        self._counts: list[list[int]] = []

    def on_batch_begin(self, batch: int) -> None:
        self._counts.append([self._library.pretend_count(which) for which in range(4, 8)])

    def get_data(self) -> tuple[Any, Any]:
        return "copies", np.diff(self._counts, axis=0)


def test_training_copies_inputs_and_outputs_only() -> None:
    compiled, inputs, labels = compile_training()
    data: Mapping[str, Any]
    with compiled:
        _, data = compiled.train(inputs, labels, 1, callbacks=[CountCopies()])
    to_gpu, from_gpu, bytes_to_gpu, bytes_from_gpu = data["copies"][-1]
    # Starts and times of spikes, labels; counters, numbers of batch and step
    assert bytes_to_gpu <= 4 * (BATCH * NEURONS + 1) + 4 * 20 * BATCH + BATCH + 200
    assert to_gpu <= 10
    # The readout, and what watches for faults
    assert bytes_from_gpu <= 4 * BATCH * OUTPUTS + 64
    assert from_gpu <= 2

"""Base class of losses whose targets are labels."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import VarAccess
from ..utils.checks import check_labels
from .loss import Loss

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class LabelLoss(Loss):
    """Loss whose target is one integer label per example."""

    def add_to_neuron(
        self, model: NeuronModel, shape: tuple[int, ...], batch_size: int, example_timesteps: int
    ) -> None:
        """Add the variable ``YTrue``: the label, shared by all neurons.

        It is one byte, or wider where there are more neurons than a byte can number.
        """
        size = prod(shape)
        type = "uint8_t" if size <= 2**8 else "uint16_t" if size <= 2**16 else "uint32_t"
        model.add_var("YTrue", type, 0, VarAccess.READ_ONLY_SHARED_NEURON)

    def set_target(
        self,
        genn_pop: Any,
        y_true: Any,
        shape: tuple[int, ...],
        batch_size: int,
        example_timesteps: int,
    ) -> None:
        """Upload at most ``batch_size`` labels.

        Raises
        ------
        RuntimeError
            If labels are not 1-D or too many.
        ValueError
            If a label is no integer that can number the neurons.
        """
        labels = np.asarray(y_true)
        name = type(self).__name__
        if labels.ndim != 1 or len(labels) > batch_size:
            raise RuntimeError(
                f"{name}: targets must be up to {batch_size} labels in one dimension, got the "
                f"shape {labels.shape}"
            )
        check_labels(labels, prod(shape), name)
        variable = genn_pop.vars["YTrue"]
        view = variable.current_view
        view.reshape(batch_size, -1)[: len(labels), 0] = labels
        variable.push_to_device()

    def __repr__(self) -> str:
        """Return class and attributes."""
        values = ", ".join(f"{k}={v!r}" for k, v in vars(self).items())
        return f"{type(self).__name__}({values})"

"""Cross-entropy with integer labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .label_loss import LabelLoss

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class SparseCategoricalCrossentropy(LabelLoss):
    """Cross-entropy between the softmax of the outputs and one integer label per example."""

    def add_to_neuron(
        self, model: NeuronModel, shape: tuple[int, ...], batch_size: int, example_timesteps: int
    ) -> None:
        """Add the label ``YTrue`` and the local value ``yTrue``: 1 for its neuron, else 0."""
        super().add_to_neuron(model, shape, batch_size, example_timesteps)
        model.append_sim_code("const scalar yTrue = (id == YTrue) ? 1.0 : 0.0;")

    def get_values(
        self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """Return minus the logarithm of the softmax of the labelled output, for each example.

        ``y_pred`` has the shape ``(examples, *shape)``.
        """
        labels = np.asarray(y_true)
        outputs = y_pred.reshape(len(labels), -1).astype(np.float64)
        outputs = outputs - np.max(outputs, axis=1, keepdims=True)
        log_sum = np.log(np.sum(np.exp(outputs), axis=1))
        values: npt.NDArray[np.float64] = log_sum - outputs[np.arange(len(labels)), labels]
        return values

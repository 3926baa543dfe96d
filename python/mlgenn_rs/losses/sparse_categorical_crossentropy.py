"""Cross-entropy with integer labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

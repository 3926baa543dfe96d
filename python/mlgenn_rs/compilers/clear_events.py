"""Callback that makes a network forget the spikes that are on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..callbacks import Callback

if TYPE_CHECKING:
    from .compiled_network import CompiledNetwork


class ClearEvents(Callback):
    """Forgets spikes that have not arrived yet, at the beginning of batches and backward passes."""

    def set_params(self, compiled_network: CompiledNetwork, **kwargs: Any) -> None:
        """Take the network."""
        self._genn_model = compiled_network.genn_model

    def on_batch_begin(self, batch: int) -> None:
        """Forget the spikes of the batch before."""
        self._genn_model.clear_events()

    def on_backward_begin(self, batch: int) -> None:
        """Forget the spikes of the last timestep of the forward pass."""
        self._genn_model.clear_events()

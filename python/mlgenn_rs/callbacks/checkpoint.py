"""Saving of the trained state while training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..serialisers import Serialiser, default_serialisers
from ..utils.module import get_given_object
from .callback import Callback

if TYPE_CHECKING:
    from ..compilers.compiled_training_network import CompiledTrainingNetwork


class Checkpoint(Callback):
    """Saves the network at the end of every ``epoch_interval``-th epoch, starting with epoch 0.

    Parameters
    ----------
    serialiser
        Serialiser or its name; the keys of the saved arrays start with the number of the epoch.
    epoch_interval
        Number of epochs between two checkpoints, at least 1.
    include_training_state
        Also save all that is needed to go on with the training after an interruption, see
        ``CompiledTrainingNetwork.load_training_state``, once the epoch was validated.  It
        replaces the one that was saved before.
    """

    def __init__(
        self,
        serialiser: Serialiser | str = "numpy",
        epoch_interval: int = 1,
        *,
        include_training_state: bool = False,
    ) -> None:
        if isinstance(epoch_interval, bool) or not isinstance(epoch_interval, int):
            raise TypeError(
                f"Checkpoint: epoch_interval must be a whole number, got {epoch_interval!r}"
            )
        if epoch_interval < 1:
            raise ValueError(f"Checkpoint: epoch_interval must be at least 1, got {epoch_interval}")
        # Now, not only when the first epoch has ended
        self.serialiser = get_given_object(
            serialiser, Serialiser, "Serialiser", default_serialisers
        )
        self.epoch_interval = epoch_interval
        self.include_training_state = include_training_state

    def set_params(self, compiled_network: CompiledTrainingNetwork, **kwargs: Any) -> None:
        """Take the network to save."""
        self._compiled_network = compiled_network

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Save the network if it is due."""
        if epoch % self.epoch_interval == 0:
            self._compiled_network.save((epoch,), self.serialiser)

    def on_epoch_finished(self, epoch: int) -> None:
        """Save the training state if it is due."""
        if self.include_training_state and epoch % self.epoch_interval == 0:
            self._compiled_network.save_training_state((), self.serialiser)

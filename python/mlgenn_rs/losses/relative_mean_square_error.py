"""Mean square error relative to the labelled neuron."""

from __future__ import annotations

from .label_loss import LabelLoss


class RelativeMeanSquareError(LabelLoss):
    """Mean square error of the distances between the labelled neuron and the others.

    Parameters
    ----------
    delta
        Distance that other neurons should keep from the labelled one.
    """

    def __init__(self, delta: float) -> None:
        self.delta = delta

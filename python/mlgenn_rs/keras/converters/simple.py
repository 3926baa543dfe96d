"""Conversion to integrate-and-fire neurons without normalisation."""

from __future__ import annotations

from typing import Any

from ...neurons import IntegrateFire
from .enum import InputType
from .rate_coded import RateCoded


class Simple(RateCoded):
    """Converts to integrate-and-fire neurons with threshold 1.

    Rates saturate where activations exceed 1: use :func:`spike_normalise` on the result, or
    :class:`DataNorm`.

    Parameters
    ----------
    evaluate_timesteps
        Number of timesteps of an example.
    signed_input
        Whether inputs can be negative; ignored by ``InputType.IF``.
    input_type
        How inputs, about 0 to 1, become spikes: a member of :class:`InputType` or its value.
    """

    def __init__(
        self,
        evaluate_timesteps: int,
        signed_input: bool = False,
        input_type: InputType | str = InputType.POISSON,
    ) -> None:
        super().__init__(evaluate_timesteps, signed_input, input_type)

    def create_neurons(
        self, tf_layer: Any, pre_convert_output: Any, is_output: bool
    ) -> IntegrateFire:
        """Create the neurons of a layer."""
        return IntegrateFire(v_thresh=1.0, readout="spike_count" if is_output else None)

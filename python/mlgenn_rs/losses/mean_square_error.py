"""Mean square error."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .loss import Loss

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class MeanSquareError(Loss):
    """Mean square error between the outputs and a target for every neuron and timestep."""

    def add_to_neuron(
        self, model: NeuronModel, shape: tuple[int, ...], batch_size: int, example_timesteps: int
    ) -> None:
        """Add the array ``YTrue`` and the local value ``yTrue``, the target of this timestep."""
        num_neurons = prod(shape)
        model.add_egp(
            "YTrue",
            "scalar*",
            np.zeros(example_timesteps * batch_size * num_neurons, dtype=np.float32),
        )
        model.append_sim_code(
            f"""
            const int yTrueTimestep = min((int)round(t / dt), {example_timesteps - 1});
            const scalar yTrue = YTrue[
                (((batch * {example_timesteps}) + yTrueTimestep) * {num_neurons}) + id];
            """
        )

    def set_target(
        self,
        genn_pop: Any,
        y_true: Any,
        shape: tuple[int, ...],
        batch_size: int,
        example_timesteps: int,
    ) -> None:
        """Upload targets: ``(batch_size, example_timesteps) + shape``.

        Raises
        ------
        RuntimeError
            If the targets have another shape.
        TypeError
            If they are no numbers.
        """
        targets = np.asarray(y_true)
        expected = (batch_size, example_timesteps, *shape)
        if targets.shape != expected:
            raise RuntimeError(
                f"MeanSquareError: targets must have the shape {expected} (batch size, timesteps, "
                f"neurons), got {targets.shape}"
            )
        if targets.dtype.kind not in "biuf":
            raise TypeError(f"MeanSquareError: targets must be numbers, got {targets.dtype}")
        array = genn_pop.extra_global_params["YTrue"]
        array.view[...] = targets.flatten()
        array.push_to_device()

    def get_values(
        self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """Return half the sum of squares over neurons, averaged over timesteps, for each example.

        Both arguments have the shape ``(examples, timesteps, *shape)``.
        """
        errors = np.asarray(y_true, dtype=np.float64) - y_pred
        squares = np.square(errors).reshape(*errors.shape[:2], -1)
        values: npt.NDArray[np.float64] = 0.5 * squares.sum(axis=2).mean(axis=1)
        return values

    def __repr__(self) -> str:
        """Return the class."""
        return "MeanSquareError()"

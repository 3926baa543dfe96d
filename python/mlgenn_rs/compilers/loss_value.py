"""Values of losses while training: what is minimised, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..callbacks import Callback
from ..communicators import Communicator
from ..losses import Loss, MeanSquareError, RelativeMeanSquareError, SparseCategoricalCrossentropy
from ..metrics import Metric
from ..population import Population
from ..readouts import FirstSpikeTime
from ..utils.network import get_underlying_pop
from ..utils.timestep_plan import TimestepPlan

Values = npt.NDArray[np.float64]
"""Loss of each example."""

LOSS_KEY = "loss"
"""Key of the loss among metrics."""


class OutputLoss:
    """Loss of one output as a number for each example.

    Parameters
    ----------
    pop
        Output population.
    loss
        Its loss.
    per_timestep
        Compare the output with its target in every timestep, instead of comparing the readout.
    duration
        Duration of an example in ms.
    ttfs_alpha
        Strength of the pull towards earlier first spikes.

    Raises
    ------
    NotImplementedError
        On use, if a loss of another class has no method ``get_values``.
    """

    def __init__(
        self,
        pop: Population,
        loss: Loss,
        per_timestep: bool,
        duration: float,
        ttfs_alpha: float = 0.0,
    ) -> None:
        self._loss = loss
        self._is_first_spike = isinstance(pop.neuron.readout, FirstSpikeTime)
        self._duration = duration
        self._ttfs_alpha = ttfs_alpha
        recorded = not self._is_first_spike and (per_timestep or isinstance(loss, MeanSquareError))
        self.variable = "V" if recorded else None
        """Variable that is compared in every timestep, if that is what the loss does."""

    def get_values(self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any]) -> Values:
        """Return the loss of each example.

        Parameters
        ----------
        y_true
            Targets.
        y_pred
            Readout, ``(examples, *shape)``, or the recorded variable, with a second axis of
            timesteps.
        """
        if self._is_first_spike:
            return self._get_first_spike_values(np.asarray(y_true), y_pred)
        if self.variable is None or isinstance(self._loss, MeanSquareError):
            return self._loss.get_values(y_true, y_pred)
        steps = [self._loss.get_values(y_true, y_pred[:, i]) for i in range(y_pred.shape[1])]
        return np.asarray(np.mean(steps, axis=0), dtype=np.float64)

    def _get_first_spike_values(self, labels: npt.NDArray[Any], y_pred: npt.NDArray[Any]) -> Values:
        times = -y_pred.reshape(len(y_pred), -1).astype(np.float64)
        is_silent = times > self._duration
        if isinstance(self._loss, RelativeMeanSquareError):
            # As in the gradient, where the time of silent neurons counts as zero
            return self._loss.get_values(labels, -np.where(is_silent, 0.0, times))
        times[is_silent] = self._duration
        values = self._loss.get_values(labels, -times)
        if isinstance(self._loss, SparseCategoricalCrossentropy):
            first = times[np.arange(len(labels)), labels]
            values = values + self._ttfs_alpha / (1.01 * self._duration - first)
        return values


class OutputRecorder(Callback):
    """Keeps a variable of an output in every timestep of the last batch.

    Parameters
    ----------
    variable
        Variable of the engine, with a value for each batch member and neuron.
    shape
        Shape of batch and population.
    """

    def __init__(self, variable: Any, shape: tuple[int, ...]) -> None:
        self._variable = variable
        self._shape = shape
        self._timesteps: list[npt.NDArray[Any]] = []

    def on_batch_begin(self, batch: int) -> None:
        """Forget the batch before."""
        self._timesteps.clear()

    def on_timestep_end(self, timestep: int) -> None:
        """Record the variable."""
        self._variable.pull_from_device()
        self._timesteps.append(self._variable.current_values)

    def add_to_plan(self, plan: TimestepPlan) -> bool:
        """Let the engine record the variable."""
        return plan.add_recording(self._variable.path, self._timesteps.extend)

    @property
    def recorded(self) -> npt.NDArray[Any]:
        """Values: batch, timesteps, shape of the population."""
        recorded = [values.reshape(self._shape) for values in self._timesteps]
        return np.stack(recorded, axis=1)


class LossValue(Metric):
    """Mean loss per example, summed over outputs.

    Parameters
    ----------
    losses
        Loss of each output population.
    recorders
        Recorders of the outputs whose losses compare them in every timestep.
    """

    def __init__(
        self,
        losses: Mapping[Population, OutputLoss],
        recorders: Mapping[Population, OutputRecorder],
    ) -> None:
        self._losses = losses
        self._recorders = recorders
        self.reset()

    def update(
        self, y_true: npt.ArrayLike, y_pred: npt.NDArray[Any], communicator: Communicator | None
    ) -> None:
        """Refuse, as the loss is not computed from a single output."""
        raise NotImplementedError("LossValue: use update_outputs, which takes all outputs at once")

    def update_outputs(
        self, y: Mapping[Any, Any], readouts: Mapping[Any, Any], communicator: Communicator | None
    ) -> None:
        """Accumulate one batch.

        Parameters
        ----------
        y
            Targets of each output.
        readouts
            Readout of each output.
        communicator
            Sums over processes; ``None`` if there is only one.
        """
        for output, targets in y.items():
            pop = get_underlying_pop(output)
            recorder = self._recorders.get(pop)
            y_pred = readouts[output] if recorder is None else recorder.recorded
            values = self._losses[pop].get_values(targets, y_pred[: len(targets)])
            total, count = float(np.sum(values)), len(values)
            if communicator is not None:
                total = communicator.reduce_sum(total)
                count = communicator.reduce_sum(count)
            old_total, old_count = self._sums.get(output, (0.0, 0))
            self._sums[output] = (old_total + total, old_count + count)

    def reset(self) -> None:
        """Forget all batches."""
        self._sums: dict[Any, tuple[float, int]] = {}

    @property
    def by_output(self) -> dict[Any, float]:
        """Mean loss per example of each output."""
        return {output: total / count for output, (total, count) in self._sums.items()}

    @property
    def result(self) -> float | None:
        """Mean loss per example, summed over outputs; ``None`` if there were no examples."""
        return sum(self.by_output.values()) if self._sums else None

"""Mix-ins for neurons that data are presented to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import VarAccess
from ..utils.checks import check_count, check_keywords
from ..utils.model import NeuronModel


class Input(ABC):
    """Neuron that data can be presented to."""

    @abstractmethod
    def set_input(self, genn_pop: Any, batch_size: int, shape: tuple[int, ...], input: Any) -> None:
        """Upload the data of one batch.

        Parameters
        ----------
        genn_pop
            Neuron group of the engine.
        batch_size
            Number of examples simulated at once.
        shape
            Shape of the population.
        input
            The data.
        """


class InputBase(Input):
    """Neuron that arrays are presented to, constant or as a sequence of frames.

    Parameters
    ----------
    var_name
        Variable that holds constant input.
    egp_name
        Array that holds frames; needed for more than one.
    input_frames
        Number of frames per example.
    input_frame_timesteps
        Timesteps that each frame is shown for.
    **kwargs
        Passed to the next class in the method resolution order.
    """

    def __init__(
        self,
        var_name: str = "Input",
        egp_name: str | None = None,
        input_frames: int = 1,
        input_frame_timesteps: int = 1,
        **kwargs: Any,
    ) -> None:
        check_keywords(self, InputBase, kwargs)
        super().__init__(**kwargs)
        what = type(self).__name__
        input_frames = check_count(input_frames, f"{what}: input_frames")
        input_frame_timesteps = check_count(input_frame_timesteps, f"{what}: input_frame_timesteps")
        if input_frames > 1 and egp_name is None:
            raise RuntimeError(f"{type(self).__name__} does not support time-varying input")
        self.var_name = var_name
        self.egp_name = egp_name
        self.input_frames = input_frames
        self.input_frame_timesteps = input_frame_timesteps

    def create_input_model(
        self,
        base_model: NeuronModel,
        batch_size: int,
        shape: tuple[int, ...],
        replace_input: str | None = None,
    ) -> NeuronModel:
        """Return a copy of a model that takes its input from the data.

        Parameters
        ----------
        base_model
            Model to extend.
        batch_size
            Number of examples simulated at once.
        shape
            Shape of the population.
        replace_input
            Text in the code of the model that is replaced by the input value, e.g. ``"Isyn"``.
        """
        model = deepcopy(base_model)
        value = self.var_name if self.input_frames == 1 else "inputFrameValue"
        if replace_input is not None and replace_input != value:
            model.replace_sim_code(replace_input, value)
            model.replace_threshold_condition_code(replace_input, value)
            model.replace_reset_code(replace_input, value)
        if self.input_frames == 1:
            model.add_var(self.var_name, "scalar", 0.0, VarAccess.READ_ONLY_DUPLICATE)
            return model

        assert self.egp_name is not None
        model.prepend_sim_code(
            f"""
            const int inputFrame = min((int)(t / ({self.input_frame_timesteps} * dt)),
                                       {self.input_frames - 1});
            const scalar {value} = {self.egp_name}[
                (((batch * {self.input_frames}) + inputFrame) * num_neurons) + id];
            """
        )
        model.add_egp(
            self.egp_name,
            "scalar*",
            np.zeros(batch_size * self.input_frames * prod(shape), dtype=np.float32),
        )
        return model

    def set_input(
        self, genn_pop: Any, batch_size: int, shape: tuple[int, ...], input: npt.ArrayLike
    ) -> None:
        """Upload the data of one batch.

        Parameters
        ----------
        genn_pop
            Neuron group of the engine.
        batch_size
            Number of examples simulated at once.
        shape
            Shape of the population.
        input
            ``(examples,) + shape``, or with frames ``(examples, frames) + shape``; the leading
            axis can be left out if the batch size is 1. Missing examples are filled with zeros.

        Raises
        ------
        RuntimeError
            If the data have another shape, or are no real numbers.
        ValueError
            If some are NaN.
        """
        data = _as_numbers(input, type(self).__name__)
        shape = tuple(shape)
        leading = data.shape[: data.ndim - len(shape)]
        frames = () if self.input_frames == 1 else (self.input_frames,)
        fits = data.ndim >= len(shape) and data.shape[data.ndim - len(shape) :] == shape
        if batch_size == 1:
            fits = fits and leading in (frames, (1, *frames))
        else:
            fits = (
                fits
                and leading[1:] == frames
                and len(leading) == len(frames) + 1
                and leading[0] <= batch_size
            )
        if not fits:
            name = "examples" if batch_size == 1 else f"up to {batch_size} examples"
            expected = ", ".join([name, *(str(s) for s in (*frames, *shape))])
            raise RuntimeError(
                f"{type(self).__name__}: input must have the shape ({expected}), got {data.shape}"
            )
        flat = np.zeros((batch_size, prod(frames) * prod(shape)), dtype=np.float32)
        examples = data.reshape(-1, flat.shape[1])
        flat[: len(examples)] = examples
        if self.input_frames == 1:
            array = genn_pop.vars[self.var_name]
            view = array.current_view
        else:
            assert self.egp_name is not None
            array = genn_pop.extra_global_params[self.egp_name]
            view = array.view
        view[...] = flat.reshape(view.shape)
        array.push_to_device()


def _as_numbers(input: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    try:
        data = np.asarray(input)
    except ValueError as error:
        raise RuntimeError(f"{what}: input must be an array of numbers: {error}") from error
    if data.dtype.kind not in "biuf":
        raise RuntimeError(f"{what}: input must be an array of numbers, got dtype {data.dtype}")
    if np.any(np.isnan(data)):
        raise ValueError(f"{what}: input must be numbers, got NaN")
    return data

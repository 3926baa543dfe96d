"""Forward and backward pass: in the same timesteps, or one after the other.

By default every timestep belongs to the forward pass of one batch and to the backward pass of the
batch before it.  Otherwise the forward pass of a batch is followed by its own backward pass, and a
dynamic parameter of every population says which of them a timestep belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...callbacks import Callback
from ...callbacks.custom_update import CustomUpdate
from ...utils.model import NeuronModel
from .settings import Settings

IS_BACKWARD = "IsBackward"
"""Dynamic parameter: 1 in timesteps of a backward pass that has timesteps of its own."""


def add_backward_code(
    model: NeuronModel, code: str, settings: Settings, is_idle: bool = False
) -> None:
    """Add the code of the backward pass to a model whose code of the forward pass is complete.

    Parameters
    ----------
    model
        Model to be extended.
    code
        Code of the backward pass.
    settings
        Whether passes have timesteps of their own.
    is_idle
        Whether the code does nothing in a forward pass anyway, nor does that of the forward pass
        harm in a backward pass.  Then both run in every timestep, which is faster than branches,
        and the engine can tell which neurons need not be updated.
    """
    if not settings.same_batch:
        model.prepend_sim_code(code)
        return
    model.add_param(IS_BACKWARD, "unsigned int", 0)
    model.set_param_dynamic(IS_BACKWARD)
    if is_idle:
        model.prepend_sim_code(code)
    else:
        forward = model.model.get("sim_code", "")
        model.model["sim_code"] = f"if ({IS_BACKWARD}) {{\n{code}\n}}\nelse {{\n{forward}\n}}"
    condition = model.model.get("threshold_condition_code")
    if condition is not None:
        model.model["threshold_condition_code"] = f"!{IS_BACKWARD} && ({condition})"


class ChoosePass(Callback):
    """Tells populations whether the timesteps that follow belong to a backward pass.

    Parameters
    ----------
    genn_pops
        Neuron groups of the populations.
    """

    def __init__(self, genn_pops: list[Any]) -> None:
        self._genn_pops = genn_pops

    def on_batch_begin(self, batch: int) -> None:
        """Begin a forward pass; the backward pass before it may have been interrupted."""
        self._set(0)

    def on_backward_begin(self, batch: int) -> None:
        """Begin a backward pass."""
        self._set(1)

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """End a backward pass."""
        self._set(0)

    def _set(self, is_backward: int) -> None:
        for genn_pop in self._genn_pops:
            genn_pop.set_dynamic_param_value(IS_BACKWARD, is_backward)


class CustomUpdateOnBackwardBegin(CustomUpdate):
    """Runs a group of custom updates before backward passes."""

    def on_backward_begin(self, batch: int) -> None:
        """Run the group if the batch is selected."""
        self._run(batch)

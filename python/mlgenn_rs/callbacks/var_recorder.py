"""Recording of neuron variables."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.enums import VarAccessDim
from ..utils.endpoints import find_group, get_shape
from ..utils.filter import get_neuron_filter_mask
from ..utils.network import PopulationType, get_underlying_pop
from ..utils.timestep_plan import TimestepPlan
from ..utils.value import get_genn_var_name
from .example_recorder import AnyArray, TimestepRecorder

if TYPE_CHECKING:
    from ..compilers.compiled_network import CompiledNetwork

logger = logging.getLogger(__name__)


class VarRecorder(TimestepRecorder):
    """Records a neuron variable at the end of every timestep, after spiking neurons were reset.

    The data is a list with one array per recorded example, shape ``(timesteps, neurons)`` with the
    selected neurons only, in the type of the variable.  A variable shared by all neurons gives
    shape ``(timesteps, 1)``.

    Parameters
    ----------
    pop
        Population or layer.
    var
        Name of an attribute of the neuron, such as ``"v"``.
    key
        Key under which the data is returned; ``None`` for the position in the callback list.
    example_filter
        Examples to record: indices, a boolean mask, one index or ``None`` for all.
    neuron_filter
        Neurons to record: indices, a boolean mask, slices or ``None`` for all.
    genn_var
        Internal name of the variable, such as ``"LambdaV"``; used if ``var`` is not given.

    Raises
    ------
    RuntimeError
        If neither name is given; on use, if the compiled population has no such variable.
    """

    def __init__(
        self,
        pop: PopulationType,
        var: str | None = None,
        key: Any = None,
        example_filter: Any = None,
        neuron_filter: Any = None,
        genn_var: str | None = None,
    ) -> None:
        super().__init__(key, example_filter)
        self._pop = get_underlying_pop(pop)
        if var is not None:
            self._var = get_genn_var_name(self._pop.neuron, var)
        elif genn_var is not None:
            self._var = genn_var
        else:
            raise RuntimeError(
                "VarRecorder: give the variable to record, either as var (attribute of the "
                "neuron) or as genn_var (internal name)"
            )
        self._neuron_mask: Any = get_neuron_filter_mask(neuron_filter, get_shape(self._pop))
        self._has_neuron_filter = neuron_filter is not None

    def set_params(
        self, data: dict[Any, Any], compiled_network: CompiledNetwork, **kwargs: Any
    ) -> None:
        """Find the variable in the compiled network."""
        super().set_params(data=data, compiled_network=compiled_network, **kwargs)
        variables = find_group(compiled_network.neuron_populations, self._pop).vars
        if self._var not in variables:
            known = ", ".join(variables) or "none"
            raise RuntimeError(
                f"VarRecorder: population {self._pop.name!r} has no variable {self._var!r} "
                f"(variables: {known}); values given as a single number are not stored as variables"
            )
        self._variable = variables[self._var]
        self._mask = self._neuron_mask
        if not self._variable.dims & VarAccessDim.ELEMENT:
            if self._has_neuron_filter:
                logger.warning(
                    "VarRecorder: %s of population %s is shared by all neurons; "
                    "the neuron filter is ignored",
                    self._var,
                    self._pop.name,
                )
            self._mask = np.ones(1, dtype=bool)

    def on_timestep_end(self, timestep: int) -> None:
        """Record the variable."""
        self._variable.pull_from_device()
        copies = self._variable.dims & VarAccessDim.BATCH and self._batch_size
        view = self._variable.current_view.reshape(copies or 1, -1)
        self._append_timestep(view[:, self._mask])

    def add_to_plan(self, plan: TimestepPlan) -> bool:
        """Let the engine record the variable."""
        if not self._batch_mask.any():
            return True
        return plan.add_recording(self._variable.path, self._receive)

    def _receive(self, recorded: AnyArray) -> None:
        self._append_run(recorded[:, :, self._mask])

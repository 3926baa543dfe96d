"""Recording of synapse variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.enums import SynapseMatrixType, VarAccessDim
from ..utils.endpoints import find_group, get_shape, get_source, get_target
from ..utils.filter import get_neuron_filter_mask
from ..utils.network import ConnectionType, get_underlying_conn
from ..utils.timestep_plan import TimestepPlan
from .example_recorder import AnyArray, TimestepRecorder

if TYPE_CHECKING:
    from ..compilers.compiled_network import CompiledNetwork


class ConnVarRecorder(TimestepRecorder):
    """Records a synapse variable of a dense connection at the end of every timestep.

    The data is a list with one array per recorded example, shape
    ``(timesteps, source neurons, target neurons)`` with the selected neurons only.

    Parameters
    ----------
    conn
        Connection or layer.
    genn_var
        Internal name of the variable, such as ``"g"``.
    key
        Key under which the data is returned; ``None`` for the position in the callback list.
    example_filter
        Examples to record: indices, a boolean mask, one index or ``None`` for all.
    src_neuron_filter, trg_neuron_filter
        Source and target neurons to record: indices, a boolean mask, slices or ``None`` for all.

    Raises
    ------
    NotImplementedError
        On use, if the connection is not stored as a dense matrix.
    RuntimeError
        On use, if the connection has no such variable.
    """

    def __init__(
        self,
        conn: ConnectionType,
        genn_var: str,
        key: Any = None,
        example_filter: Any = None,
        src_neuron_filter: Any = None,
        trg_neuron_filter: Any = None,
    ) -> None:
        super().__init__(key, example_filter)
        self._conn = get_underlying_conn(conn)
        self._var = genn_var
        source, target = get_source(self._conn), get_target(self._conn)
        self._src_mask: Any = get_neuron_filter_mask(src_neuron_filter, get_shape(source))
        self._trg_mask: Any = get_neuron_filter_mask(trg_neuron_filter, get_shape(target))

    def set_params(
        self, data: dict[Any, Any], compiled_network: CompiledNetwork, **kwargs: Any
    ) -> None:
        """Find the variable in the compiled network."""
        super().set_params(data=data, compiled_network=compiled_network, **kwargs)
        group = find_group(compiled_network.connection_populations, self._conn)
        if group.matrix_type != SynapseMatrixType.DENSE:
            raise NotImplementedError(
                f"ConnVarRecorder: connection {self._conn.name!r} is stored as "
                f"{group.matrix_type.name}; only dense connections can be recorded"
            )
        if self._var not in group.vars:
            known = ", ".join(group.vars) or "none"
            raise RuntimeError(
                f"ConnVarRecorder: connection {self._conn.name!r} has no variable {self._var!r} "
                f"(variables: {known}); values given as a single number are not stored as variables"
            )
        self._variable = group.vars[self._var]

    def on_timestep_end(self, timestep: int) -> None:
        """Record the variable."""
        self._variable.pull_from_device()
        copies = self._variable.dims & VarAccessDim.BATCH and self._batch_size
        view = self._variable.current_view.reshape(copies or 1, self._src_mask.size, -1)
        self._append_timestep(view[:, self._src_mask][:, :, self._trg_mask])

    def add_to_plan(self, plan: TimestepPlan) -> bool:
        """Let the engine record the variable."""
        if not self._batch_mask.any():
            return True
        return plan.add_recording(self._variable.path, self._receive)

    def _receive(self, recorded: AnyArray) -> None:
        matrices = recorded.reshape(*recorded.shape[:2], self._src_mask.size, -1)
        self._append_run(matrices[:, :, self._src_mask][..., self._trg_mask])

"""Deep-R: training of sparse connections that removes synapses and adds as many elsewhere.

Every pair of neurons that could be connected has a sign, drawn at random.  A synapse whose weight
changes to the other sign is removed, and for each one removed, a synapse between two neurons that
are not connected is added with a weight of zero.  The number of synapses hence stays the same.

Bellec, G., Kappel, D., Maass, W. and Legenstein, R. (2018). Deep rewiring: training very sparse
deep networks. International Conference on Learning Representations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..callbacks import Callback, CustomUpdateOnBatchEnd, CustomUpdateOnEpochBegin
from ..connection import Connection
from ..engine import create_egp_ref, create_pre_var_ref, create_wu_var_ref
from ..engine.enums import SynapseMatrixType
from ..utils.checks import check_not_negative
from ..utils.model import CustomConnectivityUpdateModel
from ..utils.network import ConnectionType, get_underlying_conn
from .deep_r_models import (
    BITS_PER_WORD,
    MASKS,
    NUM_FAILED,
    NUM_REWIRINGS,
    add_model,
    init_model,
    l1_model,
    remove_model,
)

if TYPE_CHECKING:
    from .compiler import Compiler

INIT_GROUP = "DeepRInit"
"""Custom update group that draws the signs of pairs."""

L1_GROUP = "DeepRL1"
"""Custom update group that adds the L1 regularisation to gradients."""

REMOVE_GROUP = "DeepR1"
"""Custom update group that removes synapses whose weight changed its sign."""

ADD_GROUP = "DeepR2"
"""Custom update group that adds as many synapses as were removed."""


@dataclass(frozen=True)
class DeepRUpdates:
    """Custom updates that rewire a synapse group."""

    masks: Any
    """Custom update with the bit masks ``Connectivity`` and ``Inhibitory``: a row of words for
    each presynaptic neuron, a bit for each postsynaptic one."""
    rewiring: Any
    """Custom connectivity update that adds synapses, with ``NumRewirings`` and
    ``NumFailedRewirings``, how many were to be added the last time and how often a row was full."""

    @property
    def is_initialised(self) -> bool:
        """Whether signs were drawn since the network was loaded."""
        connectivity = self.masks.extra_global_params["Connectivity"]
        connectivity.pull_from_device()
        return bool(np.any(connectivity.view))


def add_deep_r(
    synapse_group: Any,
    genn_model: Any,
    compiler: Compiler,
    l1_strength: float,
    gradient_var: str,
    weight_var: str = "g",
) -> DeepRUpdates:
    """Add the custom updates that rewire a synapse group.

    They form the groups ``DeepRInit`` (once), ``DeepRL1`` (before gradients are used), ``DeepR1``
    and ``DeepR2`` (after weights were changed, in this order).

    Parameters
    ----------
    synapse_group
        Synapse group; stored as ``SPARSE``.
    genn_model
        Engine model.
    compiler
        Compiler that the custom updates are added with.
    l1_strength
        Added to the gradient of each synapse in the direction away from zero, for each member of
        the batch.
    gradient_var, weight_var
        Synapse variables with gradients and weights.

    Raises
    ------
    RuntimeError
        If the synapse group is not stored as ``SPARSE``, or its weights are not trained.
    """
    name = synapse_group.name
    if synapse_group.matrix_type != SynapseMatrixType.SPARSE:
        raise RuntimeError(
            f"connection {name!r}: Deep-R rewires connections that are stored as SPARSE, such as "
            f"FixedProbability ones; this one is stored as {synapse_group.matrix_type.name}"
        )
    if gradient_var not in synapse_group.vars:
        raise RuntimeError(
            f"connection {name!r}: Deep-R rewires connections whose weights are trained; those of "
            "this one are not"
        )
    num_words = -(-synapse_group.trg.num_neurons // BITS_PER_WORD)
    masks = compiler.add_custom_update(
        genn_model,
        l1_model(synapse_group, num_words, l1_strength, gradient_var),
        L1_GROUP,
        f"CUDeepRL1{name}",
    )

    def add(model: CustomConnectivityUpdateModel, group: str) -> Any:
        model.add_param("NumWords", "unsigned int", num_words)
        for mask in MASKS:
            model.model.setdefault("egp_refs", []).append((mask, "uint32_t*"))
            model.egp_refs[mask] = create_egp_ref(masks, mask)
        return compiler.add_custom_connectivity_update(
            genn_model, model, synapse_group, group, f"CCU{group}{name}"
        )

    weight_ref = create_wu_var_ref(synapse_group, weight_var)
    add(init_model(weight_ref), INIT_GROUP)
    rewiring = add(add_model(), ADD_GROUP)
    dormant_ref = create_pre_var_ref(rewiring, "NumDormant")
    add(remove_model(weight_ref, dormant_ref), REMOVE_GROUP)
    return DeepRUpdates(masks, rewiring)


class RewiringRecord(Callback):
    """Records how many synapses were rewired in each training batch.

    The data is a list with a tuple for each batch: the number of synapses that were replaced, and
    how often a row was drawn that had no space for another one.

    Parameters
    ----------
    rewiring
        Custom connectivity update that adds synapses.
    key
        Key under which the data is returned.
    """

    def __init__(self, rewiring: Any, key: Any) -> None:
        self._rewiring = rewiring
        self._key = key

    def set_params(self, **kwargs: Any) -> None:
        """Start with nothing recorded."""
        self._data: list[tuple[np.uint64, np.uint64]] = []

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Record the numbers of this batch."""
        self._data.append((self._read(NUM_REWIRINGS), self._read(NUM_FAILED)))

    def get_data(self) -> tuple[Any, list[tuple[np.uint64, np.uint64]]]:
        """Return the key and the recorded numbers."""
        return self._key, self._data

    def _read(self, name: str) -> np.uint64:
        array = self._rewiring.extra_global_params[name]
        array.pull_from_device()
        value: np.uint64 = array.view[0]
        return value


@dataclass(frozen=True)
class DeepR:
    """Which connections a compiler rewires, and how."""

    connections: frozenset[Connection]
    """Connections to rewire."""
    l1_strength: float
    """Strength of the L1 regularisation; 0 for none."""
    keys: dict[Connection, Any]
    """Connections whose rewirings are recorded, with the key of their data."""

    @classmethod
    def parse(
        cls,
        conns: Iterable[ConnectionType],
        l1_strength: float,
        record_rewirings: Mapping[ConnectionType, Any],
        what: str,
    ) -> DeepR:
        """Check the arguments of a compiler.

        Raises
        ------
        TypeError
            If they are of a wrong type.
        ValueError
            If the strength is negative, or a connection to be recorded is not rewired.
        """
        if not isinstance(conns, Iterable):
            raise TypeError(
                f"{what}: deep_r_conns must be a list of connections or layers, got {conns!r}"
            )
        if not isinstance(record_rewirings, Mapping):
            raise TypeError(
                f"{what}: deep_r_record_rewirings must be a dictionary of connections or layers "
                f"and keys, got {record_rewirings!r}"
            )
        strength = check_not_negative(l1_strength, f"{what}: deep_r_l1_strength")
        connections = frozenset(map(get_underlying_conn, conns))
        keys = {get_underlying_conn(conn): key for conn, key in record_rewirings.items()}
        for conn in keys:
            if conn not in connections:
                raise ValueError(
                    f"{what}: rewirings of connection {conn.name!r} cannot be recorded, as it is "
                    "not among deep_r_conns"
                )
        return cls(connections, strength, keys)

    def add(
        self,
        compiler: Compiler,
        genn_model: Any,
        connection_populations: Mapping[Connection, Any],
        gradient_var: str,
        l1_filter: Callable[[int], bool] | None = None,
    ) -> tuple[list[Callback], list[Callback]]:
        """Add custom updates to the engine model, and return the callbacks for training.

        Parameters
        ----------
        compiler
            Compiler that the custom updates are added with.
        genn_model
            Engine model.
        connection_populations
            Synapse group of each connection.
        gradient_var
            Synapse variable with gradients.
        l1_filter
            Function of the number of a batch that says whether gradients will be used.

        Returns
        -------
        tuple
            Callbacks that have to come before those that learn, and callbacks after them.
        """
        added = {
            conn: add_deep_r(group, genn_model, compiler, self.l1_strength, gradient_var)
            for conn, group in connection_populations.items()
            if conn in self.connections
        }
        if not added:
            return [], []

        def needs_signs(epoch: int) -> bool:
            return epoch == 0 or not all(updates.is_initialised for updates in added.values())

        before: list[Callback] = []
        if self.l1_strength > 0.0:
            before.append(CustomUpdateOnBatchEnd(L1_GROUP, l1_filter))
        after: list[Callback] = [
            CustomUpdateOnEpochBegin(INIT_GROUP, needs_signs),
            CustomUpdateOnBatchEnd(REMOVE_GROUP),
            CustomUpdateOnBatchEnd(ADD_GROUP),
        ]
        after += [
            RewiringRecord(added[conn].rewiring, key)
            for conn, key in self.keys.items()
            if conn in added
        ]
        return before, after

"""Arrays of a loaded network: variables, extra global parameters and internal state.

Views are live: what is written through them is seen by the next timestep, and they show what
running has changed.  So pushing and pulling have nothing to do.  On a GPU, arrays are copied when
they are needed on the other side, and those with a view in every run: hold no views for long, and
say what they are for (``open_view``) where it matters how long copies take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .declarations import Egp, Var
from .enums import CustomUpdateVarAccess, VarAccess, VarAccessDim, get_var_access_dim
from .errors import ModelError, RuntimeFault, UnknownName
from .initialisers import VarInit, init_var

if TYPE_CHECKING:
    from .description import NetworkDescription
    from .synapse_group import SynapseGroup

AnyArray = npt.NDArray[Any]

Mode = Literal["r", "r+", "w"]
"""What a view is for: reading, reading and writing, writing all of it."""

InitialArray = AnyArray | int
"""What an array starts with: values, or that many zeros."""


@dataclass(frozen=True)
class Zeros:
    """Initial values of an extra global parameter that is zero everywhere.

    Unlike an array of zeros it takes memory only where the network writes to it.
    """

    length: int
    """Number of elements."""


class NamedItems(dict[str, Any]):
    """A dictionary whose error for an unknown name lists the known ones."""

    def __init__(self, what: str, items: Mapping[str, Any]) -> None:
        super().__init__(items)
        self._what = what

    def __missing__(self, name: str) -> Any:
        known = ", ".join(map(repr, self)) or "none"
        raise UnknownName(f"{self._what} has no {name!r}; known: {known}")


class Array:
    """An array of a loaded network."""

    def __init__(self, network: NetworkDescription, path: str) -> None:
        self._network = network
        self._path = path

    @property
    def path(self) -> str:
        """Path of the array, as :meth:`GeNNModel.run` takes it for recording."""
        return self._path

    @property
    def view(self) -> AnyArray:
        """Live numpy view: batch members (if more than one copy), delay slots, elements."""
        return self._live()

    def open_view(self, mode: Mode) -> AnyArray:
        """Return the view for some uses only, which saves copies on a GPU.

        Parameters
        ----------
        mode
            ``"r"`` to read only, ``"r+"`` to read and write, ``"w"`` to write all of it: what is
            there before that is of no use.
        """
        return self._live(mode)

    @property
    def is_on_gpu(self) -> bool:
        """Whether the array is in the memory of a GPU."""
        return self._network.simulation.is_on_device

    @property
    def values(self) -> AnyArray:
        """Copy of the values; assign to write."""
        values: AnyArray = self._live("r").copy()
        return values

    @values.setter
    def values(self, values: npt.ArrayLike) -> None:
        self._live()[...] = values

    def push_to_device(self) -> None:
        """Copy from host to device; done anyway when something runs."""
        self._network.check_loaded()

    def pull_from_device(self) -> None:
        """Copy from device to host; done anyway when the array is read."""
        self._network.check_loaded()

    def _live(self, mode: Mode = "r+") -> AnyArray:
        return self._network.simulation.view(self._path, mode)


class DelayedArray(Array):
    """An array that may have a slot for each timestep of a delay."""

    def __init__(self, network: NetworkDescription, path: str, batched: bool) -> None:
        super().__init__(network, path)
        self._batched = batched

    @property
    def current_view(self) -> AnyArray:
        """Live view of the slot written last; the whole array if there is no delay."""
        return self._current(self._live())

    def open_current_view(self, mode: Mode) -> AnyArray:
        """Return the view of the slot written last for some uses only: see :meth:`open_view`."""
        # Other slots are not written
        if mode == "w" and self._network.simulation.num_slots(self._path) > 1:
            mode = "r+"
        return self._current(self._live(mode))

    @property
    def current_values(self) -> AnyArray:
        """Copy of the slot written last; assign to write."""
        values: AnyArray = self._current(self._live("r")).copy()
        return values

    @current_values.setter
    def current_values(self, values: npt.ArrayLike) -> None:
        self._current(self._live())[...] = values

    def _current(self, array: AnyArray) -> AnyArray:
        batched = self._batched and self._network.batch_size > 1
        if array.ndim <= (2 if batched else 1):
            return array
        slot = self._network.simulation.current_slot(self._path)
        return array[..., slot, :]


class ExtraGlobalParam(Array):
    """An extra global parameter (EGP): an array shared by a group and all batch members.

    Its values are given before loading, which fixes its length.
    """

    def __init__(self, network: NetworkDescription, path: str, declaration: Egp) -> None:
        super().__init__(network, path)
        self.name = declaration.name
        self.type = declaration.type
        self._initial: AnyArray | Zeros | None = None

    def set_init_values(self, values: npt.ArrayLike | Zeros) -> None:
        """Give the values that the array has when the network is loaded."""
        if self._network.is_loaded:
            raise RuntimeFault(
                f"{self._path}: the network is loaded, which fixed the length of this array; "
                f"write to `view` or `values` instead"
            )
        if isinstance(values, Zeros):
            self._initial = values
        else:
            self._initial = np.array(values, dtype=self._network.dtype(self.type)).ravel()

    def initial_arrays(self) -> Iterator[tuple[str, InitialArray]]:
        """Yield the path and values to load, if values were given."""
        if isinstance(self._initial, Zeros):
            yield self._path, self._initial.length
        elif self._initial is not None:
            yield self._path, self._initial


class Variable(DelayedArray):
    """A variable of a neuron, synapse, postsynaptic, current source or custom update model."""

    def __init__(
        self,
        network: NetworkDescription,
        path: str,
        declaration: Var,
        initial: Any,
        dims: VarAccessDim,
        sparse_group: SynapseGroup | None = None,
    ) -> None:
        """Keep the declaration and the initial value.

        Parameters
        ----------
        network
            Network that the variable belongs to.
        path
            Its path.
        declaration
            Name, type and access.
        initial
            Number, array, initialiser or ``None``.
        dims
            Dimensions over which it is stored.
        sparse_group
            Synapse group whose ragged rows it is stored in, if any.
        """
        super().__init__(network, path, bool(dims & VarAccessDim.BATCH))
        self.name = declaration.name
        self.type = declaration.type
        self.access = declaration.access
        self.dims = dims
        self._sparse_group = sparse_group
        self._initial: VarInit | AnyArray = _read_initial(initial, path, self._dtype)
        snippet_egps = (
            self._initial.snippet.extra_global_params if isinstance(self._initial, VarInit) else ()
        )
        self.extra_global_params = NamedItems(
            f"initialiser of {path}",
            {
                egp.name: ExtraGlobalParam(network, f"{path}.init_egps.{egp.name}", egp)
                for egp in snippet_egps
            },
        )

    @property
    def _dtype(self) -> np.dtype[np.generic]:
        return self._network.dtype(self.type)

    @property
    def is_constant(self) -> bool:
        """Whether the variable starts with one number everywhere."""
        return isinstance(self._initial, VarInit) and self._initial.snippet.name == "Constant"

    def set_init_values(self, values: npt.ArrayLike) -> None:
        """Give the values that the variable has when the network is loaded.

        One value per element, optionally with a leading batch axis.  For sparse connectivity, in
        the order of the pairs passed to ``set_sparse_connections``.
        """
        if self._network.is_loaded:
            raise RuntimeFault(
                f"{self._path}: the network is loaded; write to `values` or `current_view` instead"
            )
        self._initial = np.array(values, dtype=self._dtype)

    def describe_initial(self) -> dict[str, Any]:
        """Return the description of the initial value handed to the engine."""
        if isinstance(self._initial, VarInit):
            return self._initial.describe(self._network.dt)
        return {"kind": "array"}

    def initial_arrays(self) -> Iterator[tuple[str, InitialArray]]:
        """Yield paths and values to load: the variable itself and arrays of its initialiser."""
        if not isinstance(self._initial, VarInit):
            values = self._initial
            if self._sparse_group is not None:
                values = self._sparse_group.to_row_order(values, self._path)
            yield self._path, np.ascontiguousarray(values).ravel()
        for egp in self.extra_global_params.values():
            yield from egp.initial_arrays()

    @property
    def view(self) -> AnyArray:
        """Live numpy view: batch members (if more than one copy), delay slots, elements.

        Rows of sparse connectivity are padded in memory, so such variables have no view.
        """
        self._refuse_sparse("view")
        return self._live()

    def open_view(self, mode: Mode) -> AnyArray:
        """Return the view for some uses only: see :meth:`Array.open_view`."""
        self._refuse_sparse("view")
        return super().open_view(mode)

    @property
    def current_view(self) -> AnyArray:
        """Live view of the slot written last; the whole array if there is no delay."""
        self._refuse_sparse("current_view")
        return self._current(self._live())

    def open_current_view(self, mode: Mode) -> AnyArray:
        """Return the view of the slot written last for some uses only."""
        self._refuse_sparse("current_view")
        return super().open_current_view(mode)

    @property
    def values(self) -> AnyArray:
        """Copy of the values; assign to write.

        For sparse connectivity, one value per synapse in row order, without padding.
        """
        return self._unpadded(self._live("r"))

    @values.setter
    def values(self, values: npt.ArrayLike) -> None:
        self._write(self._live(), values)

    @property
    def current_values(self) -> AnyArray:
        """Copy of the slot written last; assign to write."""
        return self._unpadded(self._current(self._live("r")))

    @current_values.setter
    def current_values(self, values: npt.ArrayLike) -> None:
        self._write(self._current(self._live()), values)

    def _refuse_sparse(self, what: str) -> None:
        if self._sparse_group is not None:
            raise RuntimeFault(
                f"{self._path}: rows of sparse connectivity are padded in memory, so there is no "
                f"{what}; use `values`"
            )

    def _unpadded(self, array: AnyArray) -> AnyArray:
        unpadded: AnyArray = (
            array.copy()
            if self._sparse_group is None
            else array[..., self._sparse_group.occupied(array.shape[-1])]
        )
        return unpadded

    def _write(self, array: AnyArray, values: npt.ArrayLike) -> None:
        if self._sparse_group is None:
            array[...] = values
        else:
            array[..., self._sparse_group.occupied(array.shape[-1])] = values


def make_variables(
    network: NetworkDescription,
    path: str,
    what: str,
    declared: tuple[Var, ...],
    initial: Mapping[str, Any],
    pop_dims: VarAccessDim | None = None,
    sparse_group: SynapseGroup | None = None,
) -> NamedItems:
    """Return the variables of one kind of one group by name; ``initial`` must be complete."""
    variables = {}
    for declaration in declared:
        access = declaration.access
        if isinstance(access, CustomUpdateVarAccess):
            dims = get_var_access_dim(access, pop_dims)
        elif pop_dims is not None:
            dims = pop_dims
        else:
            dims = get_var_access_dim(access)
        if sparse_group is not None and access is VarAccess.READ_ONLY_SHARED_NEURON:
            raise ModelError(
                f"{what}: synapse variable {declaration.name!r} cannot be shared by all neurons"
            )
        variables[declaration.name] = Variable(
            network,
            f"{path}.{declaration.name}",
            declaration,
            initial[declaration.name],
            dims,
            sparse_group,
        )
    return NamedItems(what, variables)


def make_egps(
    network: NetworkDescription, path: str, what: str, declared: tuple[Egp, ...]
) -> NamedItems:
    """Return the extra global parameters of one model of one group by name."""
    return NamedItems(
        what,
        {egp.name: ExtraGlobalParam(network, f"{path}.{egp.name}", egp) for egp in declared},
    )


def _read_initial(initial: Any, path: str, dtype: np.dtype[np.generic]) -> VarInit | AnyArray:
    if initial is None:
        return init_var("Uninitialised")
    if isinstance(initial, VarInit):
        return initial
    if isinstance(initial, (int, float, np.number, np.bool_)):
        return init_var("Constant", {"constant": float(initial)})
    try:
        return np.array(initial, dtype=dtype)
    except (TypeError, ValueError):
        raise ModelError(
            f"{path}: expected a number, an array, an initialiser or None as initial value, "
            f"got {initial!r}"
        ) from None

"""Enumerations: access modes of variables, matrix types, and hints about storage.

The numeric values of access modes are bit fields: how code uses a variable (``READ_ONLY`` 1,
``READ_WRITE`` 2, ``REDUCE`` 4, ``SUM`` 8, ``MAX`` 16, ``BROADCAST`` 32) and over which dimensions
it is stored (``ELEMENT`` 64, ``BATCH`` 128).
"""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag

_READ_ONLY, _READ_WRITE, _REDUCE, _SUM, _MAX, _BROADCAST = 1, 2, 4, 8, 16, 32
_ELEMENT, _BATCH = 64, 128


class VarAccessDim(IntFlag):
    """Dimensions over which a variable is stored."""

    NONE = 0
    ELEMENT = _ELEMENT
    """One value per neuron or synapse."""
    BATCH = _BATCH
    """One value per batch member."""


class VarAccess(IntEnum):
    """Access to a variable of a neuron, synapse, postsynaptic or current source model.

    The dimensions over which it is stored are part of the value.
    """

    READ_WRITE = _READ_WRITE | _ELEMENT | _BATCH
    """Code reads and writes; one value per element and batch member (the default)."""
    READ_ONLY = _READ_ONLY | _ELEMENT
    """Code reads; one value per element, shared by the batch."""
    READ_ONLY_DUPLICATE = _READ_ONLY | _ELEMENT | _BATCH
    """Code reads; one value per element and batch member."""
    READ_ONLY_SHARED_NEURON = _READ_ONLY | _BATCH
    """Code reads; one value per batch member, shared by all neurons."""


class CustomUpdateVarAccess(IntEnum):
    """Access to a variable of a custom update.

    The dimensions in the value are those *removed* from the dimensions of the update.
    """

    READ_WRITE = _READ_WRITE
    """Code reads and writes (the default)."""
    READ_ONLY = _READ_ONLY
    """Code reads."""
    READ_ONLY_SHARED = _READ_ONLY | _BATCH
    """Code reads; shared by the batch."""
    READ_ONLY_SHARED_NEURON = _READ_ONLY | _ELEMENT
    """Code reads; shared by all neurons."""
    BROADCAST_DELAY = _BROADCAST
    """Code assigns; meant for all delay slots."""
    REDUCE_BATCH_SUM = _REDUCE | _SUM | _BATCH
    """Code assigns; values are summed over the batch."""
    REDUCE_BATCH_MAX = _REDUCE | _MAX | _BATCH
    """Code assigns; the largest value of the batch is kept."""
    REDUCE_NEURON_SUM = _REDUCE | _SUM | _ELEMENT
    """Code assigns; values are summed over the neurons."""
    REDUCE_NEURON_MAX = _REDUCE | _MAX | _ELEMENT
    """Code assigns; the largest value of all neurons is kept."""


class VarAccessMode(IntEnum):
    """How code uses a variable that it references."""

    READ_WRITE = _READ_WRITE
    """Code reads and writes (the default)."""
    READ_ONLY = _READ_ONLY
    """Code reads."""
    REDUCE_SUM = _REDUCE | _SUM
    """Code assigns; values are summed over the dimension that the variable lacks."""
    REDUCE_MAX = _REDUCE | _MAX
    """Code assigns; the largest value over the dimension that the variable lacks is kept."""
    BROADCAST = _BROADCAST
    """Code assigns; the value goes to every delay slot."""


class SynapseMatrixConnectivity(IntFlag):
    """How connectivity is stored: part of a :class:`SynapseMatrixType`."""

    DENSE = 1
    BITMASK = 2
    SPARSE = 4
    PROCEDURAL = 8
    TOEPLITZ = 16


class SynapseMatrixWeight(IntFlag):
    """How weights are stored: part of a :class:`SynapseMatrixType`."""

    INDIVIDUAL = 64
    PROCEDURAL = 128
    KERNEL = 256


class SynapseMatrixType(IntEnum):
    """How connectivity and weights of a synapse group are stored."""

    DENSE = SynapseMatrixConnectivity.DENSE | SynapseMatrixWeight.INDIVIDUAL
    """All pairs, individual weights."""
    DENSE_PROCEDURALG = SynapseMatrixConnectivity.DENSE | SynapseMatrixWeight.PROCEDURAL
    """All pairs, weights computed when they are used."""
    BITMASK = int(SynapseMatrixConnectivity.BITMASK)
    """A matrix of bits, no weights."""
    SPARSE = SynapseMatrixConnectivity.SPARSE | SynapseMatrixWeight.INDIVIDUAL
    """Ragged rows, individual weights."""
    PROCEDURAL = SynapseMatrixConnectivity.PROCEDURAL | SynapseMatrixWeight.PROCEDURAL
    """Rows and weights computed when they are used."""
    PROCEDURAL_KERNELG = SynapseMatrixConnectivity.PROCEDURAL | SynapseMatrixWeight.KERNEL
    """Rows computed when they are used, weights from a shared kernel."""
    TOEPLITZ = SynapseMatrixConnectivity.TOEPLITZ | SynapseMatrixWeight.KERNEL
    """Diagonals computed when they are used, weights from a shared kernel."""


class VarLocation(Enum):
    """Where an array lives.  On a CPU all locations mean the same."""

    HOST_DEVICE = "host_device"
    DEVICE = "device"
    HOST_DEVICE_ZERO_COPY = "host_device_zero_copy"


class ParallelismHint(Enum):
    """How presynaptic updates are spread over threads.  Hints never change results."""

    POSTSYNAPTIC = "postsynaptic"
    PRESYNAPTIC = "presynaptic"
    WORD_PACKED_BITMASK = "word_packed_bitmask"


def get_var_access_dim(
    access: VarAccess | CustomUpdateVarAccess, pop_dims: VarAccessDim | None = None
) -> VarAccessDim:
    """Return the dimensions over which a variable is stored.

    Parameters
    ----------
    access
        Access of the variable.
    pop_dims
        Dimensions of the custom update; needed for a :class:`CustomUpdateVarAccess` only.
    """
    dims = VarAccessDim(int(access) & (_ELEMENT | _BATCH))
    if isinstance(access, VarAccess):
        return dims
    if pop_dims is None:
        raise ValueError(
            "get_var_access_dim: variables of a custom update take their dimensions from the "
            "update; pass them as pop_dims"
        )
    return VarAccessDim(int(pop_dims) & ~int(dims))

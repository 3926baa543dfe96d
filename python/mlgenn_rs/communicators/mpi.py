"""Communication with MPI."""

from __future__ import annotations

from typing import Any

from .communicator import Communicator


class MPI(Communicator):
    """All processes started by ``mpirun`` (``COMM_WORLD`` of mpi4py).

    Raises
    ------
    ImportError
        If mpi4py is not installed.
    """

    def __init__(self) -> None:
        try:
            from mpi4py import MPI as mpi
        except ImportError as error:
            raise ImportError(
                "the MPI communicator needs mpi4py; install it with `pip install mlgenn_rs[mpi]`"
            ) from error
        self.mpi = mpi
        self.comm = mpi.COMM_WORLD

    def barrier(self) -> None:
        """Wait until all ranks get here."""
        self.comm.Barrier()

    def broadcast(self, data: Any, root: int) -> None:
        """Copy an array from one rank into that of all others, in place."""
        self.comm.Bcast(data, root=root)

    def reduce_sum(self, value: Any) -> Any:
        """Return the sum over all ranks, on every rank."""
        return self.comm.allreduce(value)

    @property
    def rank(self) -> int:
        """Index of this rank."""
        return int(self.comm.Get_rank())

    @property
    def num_ranks(self) -> int:
        """Number of ranks."""
        return int(self.comm.Get_size())

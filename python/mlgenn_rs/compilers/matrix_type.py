"""The ways of storing connectivity that a compiler supports."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..engine.enums import SynapseMatrixType


class SupportedMatrixType:
    """The ways of storing connectivity that a compiler supports.

    Parameters
    ----------
    supported
        Matrix types, best first.
    """

    def __init__(self, supported: Sequence[SynapseMatrixType]) -> None:
        self.supported = list(supported)

    def get_best(self, available: Collection[SynapseMatrixType]) -> SynapseMatrixType | None:
        """Return the best supported type that is in ``available``; ``None`` if there is none."""
        return next((best for best in self.supported if best in available), None)

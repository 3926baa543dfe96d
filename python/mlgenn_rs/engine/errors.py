"""Exceptions of the engine.

Every exception derives from :class:`MlGennError` and from the built-in exception with the same
meaning, so that both ``except MlGennError`` and ``except ValueError`` work.
"""

from __future__ import annotations


class MlGennError(Exception):
    """Base class of every exception raised by the engine."""


class ModelError(MlGennError, ValueError):
    """The description of a network contradicts itself."""


class SnippetError(MlGennError, ValueError):
    """Model code does not parse or does not type-check."""


class RuntimeFault(MlGennError, RuntimeError):
    """An operation was asked for at the wrong moment, or failed while running."""


class BackendUnavailable(MlGennError, RuntimeError):
    """The backend that was asked for cannot be used on this machine."""


class UnknownGroup(MlGennError, IndexError):
    """There is no custom update group of that name."""


class UnknownName(MlGennError, KeyError):
    """There is no variable, parameter, array or group of that name."""

    def __str__(self) -> str:
        """Return the message itself, where ``KeyError`` would return its representation."""
        return str(self.args[0]) if self.args else ""


class Unsupported(MlGennError, NotImplementedError):
    """The network is legal, but this backend cannot run it."""


class OutOfMemory(MlGennError, MemoryError):
    """The memory that the network needs is not available."""

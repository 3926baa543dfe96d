"""Base class of initialisers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..utils.snippet import InitializerSnippet


class Initializer(ABC):
    """Distribution from which the elements of a variable are drawn when a network is loaded."""

    @abstractmethod
    def get_snippet(self) -> InitializerSnippet:
        """Return the engine snippet that draws one element, with its values."""

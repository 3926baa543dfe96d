"""Container of the populations and connections of a network."""

from __future__ import annotations

from collections.abc import Mapping
from logging import getLogger
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from .utils.module import get_object
from .utils.value import set_values

if TYPE_CHECKING:
    from .connection import Connection
    from .population import Population
    from .serialisers import Serialiser

logger = getLogger(__name__)


class Network:
    """Populations and connections, added inside a ``with`` block.

    Only one network can be built at a time; the same one can be entered again later to add more.

    Parameters
    ----------
    default_params
        Defaults for constructors called inside the ``with`` block: keyword arguments by class,
        e.g. ``{LeakyIntegrateFire: {"tau_mem": 10.0}}``. Compilers offer suitable ones.

    Attributes
    ----------
    populations, connections
        In order of creation. The network owns them: keep it alive.
    """

    _context: ClassVar[Network | None] = None

    def __init__(self, default_params: Mapping[type, Mapping[str, Any]] | None = None) -> None:
        self.default_params = _check_default_params(default_params)
        self.populations: list[Population] = []
        self.connections: list[Connection] = []

    def __enter__(self) -> Network:
        """Start adding objects to this network; :class:`RuntimeError` inside another block."""
        if Network._context is not None:
            raise RuntimeError("a network is already being built; `with` blocks cannot be nested")
        Network._context = self
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop adding objects to this network."""
        assert Network._context is not None
        Network._context = None

    def __repr__(self) -> str:
        """Return the names of populations and connections."""
        return (
            f"{type(self).__name__}(populations={[str(p) for p in self.populations]}, "
            f"connections={[str(c) for c in self.connections]})"
        )

    def load(self, keys: tuple[Any, ...] = (), serialiser: Serialiser | str = "numpy") -> None:
        """Restore weights, delays, connectivity and neuron values from a checkpoint.

        Call it before compiling. Arrays are flat, in the order of the network that saved them.
        What the checkpoint lacks keeps its value; if that is everything, a warning says so.

        Parameters
        ----------
        keys
            Keys that were used for saving, e.g. ``(epoch,)``.
        serialiser
            Where the checkpoint is.
        """
        from .serialisers import Serialiser, default_serialisers

        if not isinstance(keys, tuple):
            raise TypeError(f"Network.load: keys must be a tuple, got {keys!r}")
        source = get_object(serialiser, Serialiser, "Serialiser", default_serialisers)
        if source is None:
            raise RuntimeError("Network.load: a serialiser is needed")
        found = 0
        for connection in self.connections:
            values = source.deserialise_all((*keys, connection))
            found += len(values)
            set_values(connection.connectivity, values)
        for population in self.populations:
            values = source.deserialise_all((*keys, population))
            found += len(values)
            set_values(population.neuron, values)
            for reference in population.incoming_connections:
                incoming = reference()
                if incoming is not None:
                    set_values(incoming.synapse, values)
        if found == 0:
            logger.warning(
                "Network.load: the checkpoint with the keys %r has nothing for this network; keys, "
                "serialiser and names must be those that it was saved with",
                keys,
            )

    @staticmethod
    def get_default_params(type: type) -> Mapping[str, Any]:
        """Return the constructor defaults of a class in the network that is being built."""
        context = Network._context
        return {} if context is None else context.default_params.get(type, {})

    @staticmethod
    def _add_population(pop: Population) -> None:
        Network._get_context("a Population").populations.append(pop)

    @staticmethod
    def _add_connection(conn: Connection) -> None:
        Network._get_context("a Connection").connections.append(conn)

    @staticmethod
    def _get_context(what: str) -> Network:
        if Network._context is None:
            raise RuntimeError(f"{what} must be created inside a `with network:` block")
        return Network._context


def _check_default_params(given: Any) -> Mapping[type, Mapping[str, Any]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(cls, type) and isinstance(params, Mapping) for cls, params in given.items()
    ):
        raise TypeError(
            "Network: default_params must be a dictionary from classes to dictionaries of "
            f"arguments, such as {{LeakyIntegrateFire: {{'tau_mem': 10.0}}}}, got {given!r}"
        )
    return given

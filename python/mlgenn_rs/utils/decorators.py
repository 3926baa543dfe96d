"""Decorators of constructors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def network_default_params(f: F) -> F:
    """Let a constructor take defaults from the network that is being built.

    What the caller passes wins over ``Network.default_params[type(self)]``, which wins over the
    defaults in the signature. The type must match exactly: subclasses do not inherit entries.
    """
    names = list(inspect.signature(f).parameters)

    @wraps(f)
    def with_defaults(*args: Any, **kwargs: Any) -> Any:
        # Networks hold neurons, whose modules use this decorator.
        from ..network import Network

        defaults = Network.get_default_params(type(args[0]))
        positional = names[: len(args)]
        merged = {k: v for k, v in defaults.items() if k not in positional}
        return f(*args, **{**merged, **kwargs})

    return cast(F, with_defaults)

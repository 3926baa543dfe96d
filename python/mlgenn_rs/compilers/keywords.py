"""Keywords of compilers: which are accepted, and what an unknown one may have been meant to be."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

from ..engine import GeNNModel
from ..engine.errors import ModelError
from ..engine.preferences import PREFERENCES

_GIVEN_BY_COMPILER = ("precision", "model_name")

_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def check_engine_keywords(compiler: Any, base: type, given: Mapping[str, Any]) -> None:
    """Check the keywords that reached the base class of compilers, which are for the engine.

    Parameters
    ----------
    compiler
        Compiler under construction.
    base
        Base class of compilers.
    given
        Keywords that no constructor named.

    Raises
    ------
    ModelError
        If neither the constructor nor the engine takes a keyword, or the engine refuses its value.
    """
    what = type(compiler).__name__
    engine = _engine_keywords()
    for name in given:
        if name not in engine:
            own = _own_keywords(type(compiler), base)
            near = get_close_matches(name, [*own, *engine], 1)
            hint = f", did you mean {near[0]!r}?" if near else "."
            raise ModelError(
                f"{what}: unknown keyword {name!r}{hint} Its keywords: {', '.join(own)}; those of "
                f"the engine: {', '.join(engine)}"
            )
    GeNNModel("float", what, **given).check_preferences()


def _engine_keywords() -> list[str]:
    """Return what a compiler hands on to an engine model."""
    taken = signature(GeNNModel).parameters.values()
    named = [p.name for p in taken if p.kind in _BY_NAME]
    return [name for name in named if name not in _GIVEN_BY_COMPILER] + sorted(PREFERENCES)


def _own_keywords(compiler: type, base: type) -> list[str]:
    """Return what the constructor of a compiler takes, itself or on behalf of its base classes."""
    own: dict[str, None] = {}
    for cls in compiler.__mro__[: compiler.__mro__.index(base) + 1]:
        if "__init__" not in vars(cls):
            continue
        # A constructor gives those of its base class what they cannot do without
        own |= {
            p.name: None
            for p in signature(cls).parameters.values()
            if p.kind in _BY_NAME and (not own or p.default is not p.empty)
        }
    return list(own)

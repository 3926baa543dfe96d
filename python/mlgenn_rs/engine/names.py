"""Checks on names and on the sets of names that callers pass."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import ModelError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_GROUP = re.compile(r"[A-Za-z0-9_]+\Z")


def check_identifier(name: str, what: str) -> None:
    """Raise :class:`ModelError` unless ``name`` can be written in model code."""
    if not isinstance(name, str):
        raise ModelError(f"{what}: a name must be a string, got {name!r}")
    if not name:
        raise ModelError(f"{what}: a name must not be empty")
    if name[0].isdigit():
        raise ModelError(f"{what}: {name!r} starts with a digit; start it with a letter")
    if _VARIABLE.match(name) is None:
        raise ModelError(
            f"{what}: {name!r} contains an illegal character; use letters, digits and underscores"
        )


def check_group_name(name: str, what: str) -> None:
    """Raise :class:`ModelError` unless ``name`` is a legal name of a group."""
    if not isinstance(name, str) or _GROUP.match(name) is None:
        raise ModelError(
            f"{what}: {name!r} is not a legal name; use letters, digits and underscores only"
        )


def check_distinct(names: Iterable[str], what: str) -> None:
    """Raise :class:`ModelError` if a name of ``names`` comes twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ModelError(f"{what}: {name!r} is declared twice; choose different names")
        seen.add(name)


def check_complete(given: Iterable[str], declared: Iterable[str], what: str) -> None:
    """Raise :class:`ModelError` unless ``given`` and ``declared`` are the same set of names.

    ``what`` says what the names are of and is followed by the differences, as in
    ``neuron group 'Pop': parameters``.
    """
    given, declared = list(given), list(declared)
    missing = [name for name in declared if name not in given]
    surplus = [name for name in given if name not in declared]
    if not missing and not surplus:
        return
    parts = []
    if missing:
        parts.append("missing " + ", ".join(map(repr, missing)))
    if surplus:
        parts.append("unknown " + ", ".join(map(repr, surplus)))
    expected = ", ".join(map(repr, declared)) or "none"
    raise ModelError(f"{what}: {'; '.join(parts)} (expected {expected})")

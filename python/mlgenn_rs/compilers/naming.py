"""Names of compiled models and of their parts."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..utils.checks import check_name


def check_distinct_names(objects: Iterable[Any], what: str) -> None:
    """Raise :class:`RuntimeError` if two of several named objects have the same name.

    Names that were assigned later may be no strings, which raises :class:`TypeError`.
    """
    seen: set[str] = set()
    for item in objects:
        check_name(item.name, f"the name of one of the {what}")
        if item.name in seen:
            raise RuntimeError(
                f"two {what} have the name {item.name!r}; give each its own with the name argument"
            )
        seen.add(item.name)


def get_group_name(name: str) -> str:
    """Return a name that the engine accepts for a population or connection of any name.

    Names of letters, digits and ``_`` stay; other characters are replaced by their code.
    """
    return "".join(
        c if c.isascii() and (c.isalnum() or c == "_") else f"_u{ord(c):x}_" for c in name
    )


def get_calling_file() -> str:
    """Return the name, without suffix, of the file that called ``compile``."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("mlgenn_rs."):
        frame = frame.f_back
    return "" if frame is None else Path(frame.f_code.co_filename).stem


def get_model_name(name: str, compiler: str) -> str:
    """Return a name that the engine accepts, from that of a model and that of a compiler."""
    legal = "".join(c for c in name if c.isascii() and (c.isalnum() or c == "_"))
    return legal.lstrip("0123456789") + compiler

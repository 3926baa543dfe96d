"""Preparation of model code: joining lines and upgrading the old ``$(name)`` spelling."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from .errors import SnippetError

_VARIABLES = {
    "sT": "st",
    "sT_pre": "st_pre",
    "sT_post": "st_post",
    "prev_sT_pre": "prev_st_pre",
    "prev_sT_post": "prev_st_post",
    "seT_pre": "set_pre",
    "seT_post": "set_post",
    "prev_seT_pre": "prev_set_pre",
    "prev_seT_post": "prev_set_post",
}
"""Old spellings of names that are not functions."""

_FUNCTIONS = {"addToInSyn": "addToPost", "addToInSynDelay": "addToPostDelay"}
"""Old spellings of functions; other functions keep their names."""

_NO_ARGUMENTS = {"gennrand", "gennrand_uniform", "gennrand_normal", "gennrand_exponential"}
"""Functions that the old spelling used without parentheses."""

_REMOVED = {
    "endRow": "leave the loop over the row with `break`, then reach the end of the code",
    "endCol": "leave the loop over the column with `break`, then reach the end of the code",
}

_IDENTIFIER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*")

CodeLike = str | Sequence[str] | None
"""Model code: one string, or a sequence of lines."""


def prepare(code: CodeLike, model: str, slot: str) -> str:
    """Return ``code`` as one string in the current spelling; ``None`` means no code.

    Raises
    ------
    SnippetError
        If ``$(`` is not closed, or names something that no longer exists.
    """
    if code is None:
        return ""
    text = code if isinstance(code, str) else "\n".join(code)
    if "$(" not in text:
        return text
    where = f"{slot} of model {model!r}"
    warnings.warn(
        f"{where} uses the old $(name) spelling; write plain names instead",
        FutureWarning,
        stacklevel=4,
    )
    return _upgrade(text, where)


def _upgrade(text: str, where: str) -> str:
    """Replace every ``$(...)`` of ``text``, innermost ones included."""
    upgraded = []
    position = 0
    while (start := text.find("$(", position)) >= 0:
        upgraded.append(text[position:start])
        end = _closing_parenthesis(text, start + 1, where)
        upgraded.append(_upgrade_one(text[start + 2 : end], where))
        position = end + 1
    upgraded.append(text[position:])
    return "".join(upgraded)


def _closing_parenthesis(text: str, opening: int, where: str) -> int:
    depth = 0
    for i in range(opening, len(text)):
        if text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
            if depth == 0:
                return i
    line = text.count("\n", 0, opening) + 1
    raise SnippetError(f"{where}, line {line}: `$(` without the matching `)`")


def _upgrade_one(inner: str, where: str) -> str:
    """Upgrade what stands between the parentheses of one ``$(...)``."""
    match = _IDENTIFIER.match(inner)
    if match is None:
        raise SnippetError(f"{where}: expected a name after `$(`, got `$({inner})`")
    name, rest = match.group(1), inner[match.end() :]
    if name in _REMOVED:
        raise SnippetError(f"{where}: `$({name})` no longer exists; {_REMOVED[name]}")
    if rest.startswith(","):
        arguments = _upgrade(rest[1:], where).strip()
        return f"{_FUNCTIONS.get(name, name)}({arguments})"
    if rest.strip():
        raise SnippetError(f"{where}: expected `,` or `)` after `$({name}`, got `{rest.strip()}`")
    if name in _NO_ARGUMENTS:
        return f"{name}()"
    return _VARIABLES.get(name, name)

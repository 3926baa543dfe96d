"""String shorthand: from a snake-case name or an object to an object of its own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, TypeVar, overload

T = TypeVar("T")
K = TypeVar("K")


def _is_default_constructable(cls: type) -> bool:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(cls).parameters.values()
    return all(p.default is not p.empty or p.kind in variadic for p in parameters)


def get_module_classes(globals: Mapping[str, Any], base_class: type[T]) -> dict[str, type[T]]:
    """Find the default-constructable classes in a namespace.

    Parameters
    ----------
    globals
        Namespace, usually ``globals()`` of a package.
    base_class
        Only strict subclasses of this class are taken.

    Returns
    -------
    dict
        Class by name in snake case: ``AvgVarExpWeight`` becomes ``avg_var_exp_weight``.
    """
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): value
        for name, value in globals.items()
        if inspect.isclass(value)
        and issubclass(value, base_class)
        and value is not base_class
        and not inspect.isabstract(value)
        and _is_default_constructable(value)
    }


@overload
def get_object(
    obj: None, base_class: type[T], description: str, dictionary: Mapping[str, type[T]]
) -> None: ...


@overload
def get_object(
    obj: str | T, base_class: type[T], description: str, dictionary: Mapping[str, type[T]]
) -> T: ...


def get_object(
    obj: Any, base_class: type[T], description: str, dictionary: Mapping[str, type[T]]
) -> T | None:
    """Turn string shorthand or an object into an object of one's own.

    Parameters
    ----------
    obj
        ``None``; a name from ``dictionary``; or an instance of ``base_class``.
    base_class
        What the result must be an instance of.
    description
        What is asked for, for messages (``"Neuron"``).
    dictionary
        Classes by name.

    Returns
    -------
    object
        ``None``, a new instance of the named class, or a shallow copy of the object: later changes
        to the caller's object have no effect, while arrays inside are shared.

    Raises
    ------
    RuntimeError
        If the name is unknown or ``obj`` is something else.
    """
    if obj is None:
        return None
    if isinstance(obj, str):
        if obj not in dictionary:
            known = ", ".join(repr(name) for name in sorted(dictionary)) or "none"
            raise RuntimeError(f"{description}: unknown name {obj!r}; known names are: {known}")
        return dictionary[obj]()
    if isinstance(obj, base_class):
        return copy(obj)
    hint = (
        f"; pass an instance, {obj.__name__}(...)"
        if inspect.isclass(obj) and issubclass(obj, base_class)
        else ""
    )
    raise RuntimeError(
        f"{description}: expected the name of a default or an instance of "
        f"{base_class.__name__}, got {obj!r}{hint}"
    )


def get_given_object(
    obj: Any, base_class: type[T], description: str, dictionary: Mapping[str, type[T]]
) -> T:
    """Do what :func:`get_object` does, but refuse ``None`` with :class:`RuntimeError`."""
    made: T | None = get_object(obj, base_class, description, dictionary)
    if made is None:
        raise RuntimeError(
            f"{description}: expected the name of a default or an instance of "
            f"{base_class.__name__}, got None"
        )
    return made


def get_object_mapping(
    obj: Any,
    keys: Iterable[K],
    base_class: type[T],
    description: str,
    dictionary: Mapping[str, type[T]],
) -> dict[K, T]:
    """Turn one object, or a dictionary of objects, into one object per key.

    Parameters
    ----------
    obj
        A dictionary with exactly the given keys, or anything :func:`get_object` takes, which is
        then copied for every key.
    keys
        Keys of the result.
    base_class, description, dictionary
        As for :func:`get_object`.

    Raises
    ------
    RuntimeError
        If the keys of the dictionary differ, or as in :func:`get_object`.
    """
    keys = list(keys)
    if not isinstance(obj, dict):
        obj = dict.fromkeys(keys, obj)
    elif set(obj) != set(keys):
        raise RuntimeError(
            f"{description}: the dictionary must have exactly the keys "
            f"{[str(k) for k in keys]}, got {[str(k) for k in obj]}"
        )
    return {
        key: get_given_object(value, base_class, description, dictionary)
        for key, value in obj.items()
    }

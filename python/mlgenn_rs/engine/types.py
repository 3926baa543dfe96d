"""Types of the model-description language and the numpy types that hold them."""

from __future__ import annotations

import numpy as np

from .errors import ModelError

_WORDS = {
    "bool": "bool",
    "char": "int8",
    "int8_t": "int8",
    "char signed": "int8",
    "char unsigned": "uint8",
    "uint8_t": "uint8",
    "short": "int16",
    "int short": "int16",
    "short signed": "int16",
    "int short signed": "int16",
    "int16_t": "int16",
    "short unsigned": "uint16",
    "int short unsigned": "uint16",
    "uint16_t": "uint16",
    "int": "int32",
    "signed": "int32",
    "int signed": "int32",
    "int32_t": "int32",
    "unsigned": "uint32",
    "int unsigned": "uint32",
    "uint32_t": "uint32",
    "long": "int64",
    "int long": "int64",
    "long signed": "int64",
    "int long signed": "int64",
    "long long": "int64",
    "int long long": "int64",
    "long long signed": "int64",
    "int long long signed": "int64",
    "int64_t": "int64",
    "long unsigned": "uint64",
    "int long unsigned": "uint64",
    "long long unsigned": "uint64",
    "int long long unsigned": "uint64",
    "uint64_t": "uint64",
    "size_t": "uint64",
    "float": "float32",
    "double": "float64",
}
"""Name of the numpy type by the sorted words of a type."""


def dtype_of(type_name: str, scalar: str, timepoint: str) -> np.dtype[np.generic]:
    """Return the numpy type of values of a type, or of what it points to.

    Parameters
    ----------
    type_name
        Type as written in a model, such as ``unsigned int`` or ``scalar*``.
    scalar, timepoint
        ``"float"`` or ``"double"``: what those two names stand for.
    """
    words = type_name.replace("*", " ").split()
    words = [word for word in words if word != "const"]
    if words == ["scalar"]:
        words = [scalar]
    elif words == ["timepoint"]:
        words = [timepoint]
    name = _WORDS.get(" ".join(sorted(words)))
    if name is None:
        raise ModelError(f"{type_name!r} is not a type; use for example 'scalar' or 'uint32_t'")
    return np.dtype(name)


def is_pointer(type_name: str) -> bool:
    """Return whether a type is a pointer, as those of extra global parameters must be."""
    return type_name.rstrip().endswith("*")

"""Built-in models and snippets, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ..errors import UnknownName
from ..models import Model
from .current_sources import CURRENT_SOURCE_MODELS
from .custom_updates import CUSTOM_UPDATE_MODELS
from .neurons import NEURON_MODELS
from .postsynaptic import POSTSYNAPTIC_MODELS
from .sparse_connectivity import SPARSE_CONNECT_SNIPPETS
from .toeplitz_connectivity import TOEPLITZ_CONNECT_SNIPPETS
from .variables import VAR_INIT_SNIPPETS
from .weight_updates import WEIGHT_UPDATE_MODELS

__all__ = [
    "CURRENT_SOURCE_MODELS",
    "CUSTOM_UPDATE_MODELS",
    "NEURON_MODELS",
    "POSTSYNAPTIC_MODELS",
    "SPARSE_CONNECT_SNIPPETS",
    "TOEPLITZ_CONNECT_SNIPPETS",
    "VAR_INIT_SNIPPETS",
    "WEIGHT_UPDATE_MODELS",
    "resolve",
]

M = TypeVar("M", bound=Model)


def resolve(model: str | M, builtin: Mapping[str, M], model_type: type[M]) -> M:
    """Return a model given itself or the name of a built-in one."""
    if isinstance(model, model_type):
        return model
    if isinstance(model, str) and model in builtin:
        return builtin[model]
    if isinstance(model, str):
        raise UnknownName(
            f"there is no built-in {model_type.__name__} named {model!r}; built-in ones: "
            + ", ".join(builtin)
        )
    raise TypeError(
        f"expected a {model_type.__name__} or the name of a built-in one, got {model!r}"
    )

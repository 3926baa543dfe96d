"""Which Keras layers can be converted, recognised without importing Keras."""

from __future__ import annotations

from typing import Any

FRAMEWORKS = ("keras", "tf_keras", "tensorflow")

WEIGHTED = ("Dense", "Conv2D")
ACTIVATIONS = ("Activation", "ReLU", "Softmax")
POOLING = ("AveragePooling2D", "GlobalAveragePooling2D")
TRANSPARENT = (
    *("Flatten", "BatchNormalization", "Dropout", "SpatialDropout2D", "GaussianNoise"),
    *("GaussianDropout", "AlphaDropout", "ActivityRegularization"),
)
"""Layers without a population: they pass on, or fold into, the layer before."""
SUPPORTED = ("InputLayer", *WEIGHTED, *ACTIVATIONS, *POOLING, "Add", *TRANSPARENT)

# Some of these are subclasses of supported layers, in one version of Keras or another.
_REFUSED = ("Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D")


def is_framework_class(cls: type) -> bool:
    """Whether a class comes from Keras, whichever version."""
    return cls.__module__.partition(".")[0] in FRAMEWORKS


def has_framework_base(obj: Any, name: str) -> bool:
    """Whether an object is an instance of the Keras class of a name."""
    return any(c.__name__ == name and is_framework_class(c) for c in type(obj).__mro__)


def get_kind(layer: Any) -> str | None:
    """Return the name of the supported Keras class that a layer is an instance of.

    Addition of two tensors, an operation and no layer in Keras 3, counts as ``Add``.
    """
    for cls in type(layer).__mro__:
        if is_framework_class(cls):
            if cls.__name__ in _REFUSED:
                return None
            if cls.__name__ in SUPPORTED:
                return cls.__name__
    return None


def unsupported(layer: Any, reason: str) -> NotImplementedError:
    """Return the exception that refuses a layer."""
    name = getattr(layer, "name", "?")
    return NotImplementedError(f"{type(layer).__name__} layer {name!r}: {reason}")


def check_layer(layer: Any) -> None:
    """Refuse layers, and options of layers, that conversion would get wrong.

    Raises
    ------
    NotImplementedError
        If a layer cannot be converted, naming it and what is supported.
    """
    kind = get_kind(layer)
    if kind is None:
        raise unsupported(layer, f"cannot be converted; supported: {', '.join(SUPPORTED)}")
    if getattr(layer, "quantization_mode", None) is not None:
        raise unsupported(layer, "quantised layers cannot be converted")
    if getattr(layer, "lora_enabled", False):
        raise unsupported(layer, "merge the low-rank adapter into the kernel first")
    if getattr(layer, "data_format", "channels_last") not in (None, "channels_last"):
        raise unsupported(layer, "data_format must be 'channels_last'")
    if kind == "Conv2D":
        if tuple(layer.dilation_rate) != (1, 1):
            raise unsupported(layer, f"dilation_rate must be 1, got {layer.dilation_rate}")
        if layer.groups != 1:
            raise unsupported(layer, f"groups must be 1, got {layer.groups}")
        if layer.padding not in ("valid", "same"):
            raise unsupported(layer, f"padding must be valid or same, got {layer.padding!r}")
    elif kind == "ReLU":
        _check_relu(layer)
    elif kind == "Softmax" and layer.axis != -1:
        raise unsupported(layer, f"axis must be -1 (the last), got {layer.axis}")


def is_activation(function: Any, name: str) -> bool:
    """Whether an activation function is the one that Keras calls ``name``."""
    if name == "relu" and get_kind(function) == "ReLU":
        return _is_plain_relu(function)
    root = (getattr(function, "__module__", None) or "").partition(".")[0]
    return getattr(function, "__name__", None) == name and root in FRAMEWORKS


def _is_plain_relu(layer: Any) -> bool:
    return layer.max_value is None and layer.negative_slope == 0 and layer.threshold == 0


def _check_relu(layer: Any) -> None:
    if not _is_plain_relu(layer):
        raise unsupported(layer, "max_value, negative_slope and threshold are not supported")

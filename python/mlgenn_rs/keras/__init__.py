"""Conversion of networks trained with Keras to spiking networks; see :mod:`.converters`.

Works with Keras 3 on any of its backends and with ``tf_keras``.  Importing it needs neither: layers
are recognised by the names of their classes.
"""

from __future__ import annotations

from . import converters

__all__ = ["converters"]

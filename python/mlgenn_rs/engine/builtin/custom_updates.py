"""Built-in custom update models."""

from __future__ import annotations

from ..models import CustomUpdateModel, create_custom_update_model

CUSTOM_UPDATE_MODELS: dict[str, CustomUpdateModel] = {
    "Transpose": create_custom_update_model("Transpose", var_refs=[("variable", "scalar")])
}
"""Built-in custom update models by name."""

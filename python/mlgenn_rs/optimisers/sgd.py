"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..engine import VarAccessMode
from ..utils.checks import check_not_negative
from ..utils.model import CustomUpdateModel
from ..utils.snippet import ConstantValueDescriptor
from .optimiser import Optimiser, finish_model


class SGD(Optimiser):
    """Stochastic gradient descent, with momentum (Polyak, 1964) if wanted.

    With gradient G the velocity is ``M = momentum * M + G`` and the variable changes by
    ``-alpha * M``.

    Parameters
    ----------
    alpha
        Learning rate; changes take effect in the next step.
    momentum
        Decay rate of the velocity; 0 for none.
    clip_norm, clip_each
        See :class:`Optimiser`.
    """

    alpha = ConstantValueDescriptor()
    momentum = ConstantValueDescriptor()

    def __init__(
        self,
        alpha: float = 0.01,
        momentum: float = 0.0,
        *,
        clip_norm: float | None = None,
        clip_each: bool = False,
    ) -> None:
        super().__init__(clip_norm=clip_norm, clip_each=clip_each)
        self.alpha = alpha
        check_not_negative(alpha, "SGD: alpha")
        self.momentum = momentum
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"SGD: momentum must be at least 0 and less than 1, got {momentum}")

    def set_step(self, genn_cu: Any, step: int) -> None:
        """Set the learning rate."""
        assert step >= 0, f"SGD: steps are counted from 0, got {step}"
        genn_cu.set_dynamic_param_value("Alpha", self.alpha)

    def get_model(
        self,
        gradient_ref: Any,
        var_ref: Any,
        zero_gradient: bool,
        clamp_var: tuple[float, float] | None = None,
    ) -> CustomUpdateModel:
        """Return the custom update; without momentum it has no state."""
        description: dict[str, Any] = {
            "params": [("Alpha", "scalar")],
            "var_refs": [
                ("Gradient", "scalar", VarAccessMode.READ_ONLY),
                ("Variable", "scalar"),
            ],
            "update_code": "Variable -= Alpha * Gradient;",
        }
        params = {"Alpha": self.alpha}
        variables: dict[str, Any] = {}
        if self.momentum != 0.0:
            description["params"].append(("Momentum", "scalar"))
            description["vars"] = [("M", "scalar")]
            description["update_code"] = """
            M = (Momentum * M) + Gradient;
            Variable -= Alpha * M;
            """
            params["Momentum"] = self.momentum
            variables["M"] = 0.0
        model = CustomUpdateModel(
            description, params, variables, {"Gradient": gradient_ref, "Variable": var_ref}
        )
        model.set_param_dynamic("Alpha")
        finish_model(model, zero_gradient, clamp_var)
        return model

    def __repr__(self) -> str:
        """Return the parameters."""
        return f"SGD(alpha={self.alpha}, momentum={self.momentum})"

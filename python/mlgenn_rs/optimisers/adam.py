"""Adam optimiser."""

from __future__ import annotations

from typing import Any

from ..engine import VarAccessMode
from ..utils.checks import check_not_negative
from ..utils.model import CustomUpdateModel
from ..utils.snippet import ConstantValueDescriptor
from .optimiser import Optimiser, finish_model


class Adam(Optimiser):
    """Adam (Kingma and Ba, 2015).

    Parameters
    ----------
    alpha
        Learning rate; changes take effect in the next step.
    beta1, beta2
        Decay rates of the moments.
    epsilon
        Keeps the denominator from 0; added outside of the bias-corrected square root.
    clip_norm, clip_each
        See :class:`Optimiser`.
    """

    alpha = ConstantValueDescriptor()
    beta1 = ConstantValueDescriptor()
    beta2 = ConstantValueDescriptor()
    epsilon = ConstantValueDescriptor()

    def __init__(
        self,
        alpha: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        clip_norm: float | None = None,
        clip_each: bool = False,
    ) -> None:
        super().__init__(clip_norm=clip_norm, clip_each=clip_each)
        self.alpha = alpha
        check_not_negative(alpha, "Adam: alpha")
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        for name, value in (("beta1", beta1), ("beta2", beta2)):
            if not 0.0 <= value < 1.0:
                raise ValueError(f"Adam: {name} must be at least 0 and less than 1, got {value}")
        if not epsilon >= 0.0:
            raise ValueError(f"Adam: epsilon must not be negative, got {epsilon}")

    def set_step(self, genn_cu: Any, step: int) -> None:
        """Set the learning rate and bias corrections of a step, counted from 0."""
        assert step >= 0, f"Adam: steps are counted from 0, got {step}"
        moment_scale_1 = 1.0 / (1.0 - self.beta1 ** (step + 1))
        moment_scale_2 = 1.0 / (1.0 - self.beta2 ** (step + 1))
        genn_cu.set_dynamic_param_value("Alpha", self.alpha)
        genn_cu.set_dynamic_param_value("MomentScale1", moment_scale_1)
        genn_cu.set_dynamic_param_value("MomentScale2", moment_scale_2)

    def get_model(
        self,
        gradient_ref: Any,
        var_ref: Any,
        zero_gradient: bool,
        clamp_var: tuple[float, float] | None = None,
    ) -> CustomUpdateModel:
        """Return the custom update; it changes nothing before the first :meth:`set_step`."""
        params = ("Beta1", "Beta2", "Epsilon", "Alpha", "MomentScale1", "MomentScale2")
        model = CustomUpdateModel(
            {
                "params": [(name, "scalar") for name in params],
                "vars": [("M", "scalar"), ("V", "scalar")],
                "var_refs": [
                    ("Gradient", "scalar", VarAccessMode.READ_ONLY),
                    ("Variable", "scalar"),
                ],
                "update_code": """
                M = (Beta1 * M) + ((1.0 - Beta1) * Gradient);
                V = (Beta2 * V) + ((1.0 - Beta2) * Gradient * Gradient);
                Variable -= (Alpha * M * MomentScale1) / (sqrt(V * MomentScale2) + Epsilon);
                """,
            },
            {
                "Beta1": self.beta1,
                "Beta2": self.beta2,
                "Epsilon": self.epsilon,
                "Alpha": self.alpha,
                "MomentScale1": 0.0,
                "MomentScale2": 0.0,
            },
            {"M": 0.0, "V": 0.0},
            {"Gradient": gradient_ref, "Variable": var_ref},
        )
        for name in ("Alpha", "MomentScale1", "MomentScale2"):
            model.set_param_dynamic(name)
        finish_model(model, zero_gradient, clamp_var)
        return model

    def __repr__(self) -> str:
        """Return the parameters."""
        return (
            f"Adam(alpha={self.alpha}, beta1={self.beta1}, beta2={self.beta2}, "
            f"epsilon={self.epsilon})"
        )

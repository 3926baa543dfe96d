"""The custom update of Adam against golden values, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs.compilers import Compiler
from mlgenn_rs.engine import GeNNModel, create_neuron_model, create_var_ref
from mlgenn_rs.optimisers import Adam

from .support import load_golden

VARIANTS: dict[str, tuple[bool, tuple[float, float] | None]] = {
    "plain": (False, None),
    "zero_grad": (True, None),
    "clamped": (False, (-0.5, 0.502)),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_adam(variant: str, backend: str) -> None:
    case = load_golden("o01_adam")
    params, inputs = case["params"], case["inputs"]
    optimiser = Adam(*(params[name] for name in ("alpha", "beta1", "beta2", "epsilon")))
    holder = create_neuron_model("Holder", vars=[("W", "scalar"), ("G", "scalar")])
    model: Any = GeNNModel("float", "adam", backend=backend)
    group = model.add_neuron_population(
        "Holder", 4, holder, {}, {"W": np.asarray(inputs["W0"]), "G": 0.0}
    )
    zero_gradient, clamp = VARIANTS[variant]
    update_model = optimiser.get_model(
        create_var_ref(group, "G"), create_var_ref(group, "W"), zero_gradient, clamp
    )
    update = Compiler([]).add_custom_update(model, update_model, "Learn", "Adam")
    model.build()
    model.load()

    gradient = np.asarray(inputs["G"], dtype=np.float32)
    results: dict[str, list[Any]] = {"W": [], "M": [], "V": [], "Gradient_after": []}
    sources = {
        "W": group.vars["W"],
        "M": update.vars["M"],
        "V": update.vars["V"],
        "Gradient_after": group.vars["G"],
    }
    for step in range(4):
        group.vars["G"].view[...] = gradient if step < 2 else -0.5 * gradient
        group.vars["G"].push_to_device()
        optimiser.set_step(update, step)
        model.custom_update("Learn")
        for key, variable in sources.items():
            variable.pull_from_device()
            results[key].append(np.array(variable.view))
    model.unload()
    for key, expected in case["outputs"][variant].items():
        np.testing.assert_allclose(results[key], expected, rtol=2e-6, atol=1e-7, err_msg=key)

"""E-prop training against values computed with the original implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from .eprop_networks import CONSTANTS, build, train
from .networks import assert_close, load_golden, to_spikes

SPIKES = to_spikes(CONSTANTS["X"], 4, 3)
MSE: dict[str, Any] = {"loss": "mean_square_error"}

B1: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    **{f"lif_ff_{name}": ({"readout": f"{name}_var"}, {}) for name in ("avg", "sum", "max")},
    "lif_ff_var": ({"readout": "var"}, {}),
    "lif_ff_mse": ({"readout": "var"}, MSE),
    "lif_rec_sce": ({"recurrent": True}, {}),
    "lif_rec_mse": ({"recurrent": True, "readout": "var"}, MSE),
    "alif_ff_sce": ({"adaptive": True}, {}),
    "alif_ff_mse": ({"adaptive": True, "readout": "var"}, MSE),
    "alif_rec_sce": ({"adaptive": True, "recurrent": True}, {}),
    "alif_rec_mse": ({"adaptive": True, "recurrent": True, "readout": "var"}, MSE),
    "mixed_sce": ({"mixed": True}, {}),
    "lif_norelative": (
        {
            "hidden_args": {
                "relative_reset": False,
                "v_reset": -0.1,
                "integrate_during_refrac": False,
            }
        },
        {},
    ),
    "lif_delay": ({"delay": 2}, {}),
}

B2 = {name: B1[name] for name in ("lif_rec_sce", "lif_rec_mse", "alif_ff_sce", "alif_rec_mse")}
B2["lif_ff_sce"] = B1["lif_ff_avg"]


def compare(case: str, golden: dict[str, np.ndarray], results: dict[str, Any]) -> set[str]:
    """Compare everything that was computed with the golden arrays; return what was compared."""
    compared = set()
    for key, expected in golden.items():
        name, _, array = key.partition("/")
        if name == case and array in results:
            if array == "hid.E" and expected.ndim == 3:
                # All slots of a delayed variable were recorded; each timestep writes the next one
                steps = np.arange(len(expected))
                expected = expected[steps, (steps + 1) % expected.shape[1]]
            assert_close(results[array], expected, key)
            compared.add(array)
    return compared


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", B1)
def test_batch_of_one(case: str, backend: str) -> None:
    net, fit = B1[case]
    golden = load_golden("eprop_b1.npz")
    expected = {key.partition("/")[2] for key in golden if key.startswith(f"{case}/")}
    recorded = {"V", "E", "A", "RefracTime", "VSoftmax"}
    names = [name.split(".") for name in expected]
    record = [(pop, var) for pop, var, *rest in names if var in recorded and not rest]
    results = train(
        build(**net),
        SPIKES,
        CONSTANTS["YM"] if fit else CONSTANTS["Y"],
        record=record,
        traced="ih" if f"{case}/ih.trace.Psi" in golden else None,
        backend=backend,
        **fit,
    )
    compared = compare(case, golden, results)
    assert compared == {name for name in expected if "spike" not in name}


@pytest.mark.parametrize("case", B2)
def test_batch_of_two(case: str) -> None:
    net, fit = B2[case]
    targets = CONSTANTS["YM"] if fit else CONSTANTS["Y"]
    results = train(build(**net), SPIKES, targets, batch_size=2, **fit)
    golden = load_golden("eprop_b2_derived.npz")
    assert len(compare(case, golden, results)) >= 6

"""E-prop against an independent model that needs no traces of synapses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference import eprop_adjoint as reference

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import EPropCompiler
from mlgenn_rs.compilers.eprop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)

from .eprop_networks import StateRecorder
from .gradient_networks import STILL, assert_gradients, draw_raster
from .networks import Built, NoMetric, to_spikes

STEPS = 20  # of StateRecorder
TOLERANCE = 1e-4
ADAPTIVE = {"tau_adapt": 60.0, "beta": 0.3}

# Populations by name: number of neurons and what they are; connections: ends and delays
Populations = dict[str, tuple[int, dict[str, Any]]]
Connections = dict[str, tuple[str, str, int]]

INPUT: Populations = {"in": (5, {"is_input": True})}
LIF: Populations = {"hid": (6, {"v_thresh": 0.6, "tau_refrac": 3.0})}
ALIF: Populations = {"ada": (6, {"v_thresh": 0.5, "tau_refrac": 2.0, **ADAPTIVE})}
SCE: Populations = {"out": (3, {"loss": "sce", "bias": 0.05})}
MSE: Populations = {"out": (3, {"loss": "mse", "tau_mem": 12.0, "bias": -0.1})}
SECOND: Populations = {"signal": (2, {"loss": "mse", "tau_mem": 30.0})}

FORWARD: Connections = {"ih": ("in", "hid", 0), "ho": ("hid", "out", 0)}
ADAPTING: Connections = {"ia": ("in", "ada", 0), "ao": ("ada", "out", 0)}

CASES: dict[str, tuple[Populations, Connections]] = {
    "lif_sce": (INPUT | LIF | SCE, FORWARD),
    "lif_mse": (INPUT | LIF | MSE, FORWARD),
    "lif_recurrent_sce": (INPUT | LIF | SCE, FORWARD | {"hh": ("hid", "hid", 0)}),
    "lif_recurrent_mse": (INPUT | LIF | MSE, FORWARD | {"hh": ("hid", "hid", 0)}),
    "alif_sce": (INPUT | ALIF | SCE, ADAPTING),
    "alif_mse": (INPUT | ALIF | MSE, ADAPTING),
    "alif_recurrent_sce": (INPUT | ALIF | SCE, ADAPTING | {"aa": ("ada", "ada", 0)}),
    "alif_recurrent_mse": (INPUT | ALIF | MSE, ADAPTING | {"aa": ("ada", "ada", 0)}),
    "input_delay": (INPUT | ALIF | SCE, ADAPTING | {"ia": ("in", "ada", 2)}),
    "two_outputs": (
        INPUT | LIF | SCE | SECOND,
        FORWARD | {"hh": ("hid", "hid", 0), "hs": ("hid", "signal", 0)},
    ),
    "two_kinds_two_outputs": (
        INPUT | LIF | ALIF | SCE | SECOND,
        FORWARD
        | ADAPTING
        | {"ha": ("hid", "ada", 0), "ah": ("ada", "hid", 0), "as": ("ada", "signal", 0)},
    ),
}


def create_neuron(settings: dict[str, Any]) -> Any:
    """Return the neuron of the front end that the settings of the reference describe."""
    settings = dict(settings)
    if settings.pop("is_input", False):
        return SpikeInput(max_spikes=500)
    loss = settings.pop("loss", None)
    if loss:
        return LeakyIntegrate(readout="var", **{"tau_mem": 20.0, **settings})
    return (AdaptiveLeakyIntegrateFire if "beta" in settings else LeakyIntegrateFire)(**settings)


def run(case: str, batch_size: int, c_reg: float = 0.1) -> tuple[Any, Any]:
    """Return gradients from the compiler and from the reference: (batches, members, weights)."""
    populations, connections = CASES[case]
    rng, num_batches = np.random.default_rng(17), 3
    examples = num_batches * batch_size
    raster = draw_raster(rng, examples, STEPS, populations["in"][0], 0.3)
    targets: dict[str, Any] = {}
    for name, (size, settings) in populations.items():
        if settings.get("loss") == "mse":
            targets[name] = rng.normal(0.0, 1.0, (examples, STEPS, size))
        elif settings.get("loss"):
            targets[name] = rng.integers(0, size, examples)

    built = Built(Network(default_params))
    models = {name: reference.Population(n, **how) for name, (n, how) in populations.items()}
    synapses = {}
    with built.network:
        for name, (size, settings) in populations.items():
            built.populations[name] = Population(create_neuron(settings), size, name=name)
        for name, (source, target, delay) in connections.items():
            mean = 0.3 if source == "in" else 0.0
            shape = populations[source][0], populations[target][0]
            weights = rng.normal(mean, 0.3, shape).astype(np.float32)
            synapses[name] = reference.Connection(
                models[source], models[target], weights.astype(np.float64), delay
            )
            built.connections[name] = Connection(
                built.populations[source],
                built.populations[target],
                Dense(weights, delay=delay),
                name=name,
            )
    losses = {"mse": "mean_square_error", "sce": "sparse_categorical_crossentropy"}
    outputs = {built.populations[name]: losses[populations[name][1]["loss"]] for name in targets}
    compiled = EPropCompiler(
        STEPS,
        outputs,
        STILL,
        tau_reg=100.0,
        c_reg=c_reg,
        f_target=20.0,
        batch_size=batch_size,
        accumulate_per_member=True,
    ).compile(built.network, "gradients")
    out: dict[str, Any] = {}
    rows = np.argwhere(raster)[:, [0, 2, 1]].astype(np.float64)
    with compiled:
        compiled.train(
            {built.populations["in"]: to_spikes(rows, examples, raster.shape[2])},
            {built.populations[name]: target for name, target in targets.items()},
            num_epochs=1,
            shuffle=False,
            metrics={pop: NoMetric() for pop in outputs},
            callbacks=[StateRecorder(built, out)],
        )
    shape = num_batches, batch_size, -1
    actual = {name: np.reshape(out[f"{name}.DeltaG"], shape) for name in connections}
    actual["out.Bias"] = np.reshape(out["out.DeltaBias"], shape)

    expected: dict[str, Any] = {
        name: np.zeros_like(values, float) for name, values in actual.items()
    }
    for member in range(batch_size):
        model = reference.Model(list(models.values()), list(synapses.values()), STEPS, c_reg=c_reg)
        for batch in range(num_batches):
            i = batch * batch_size + member
            model.forward(
                {models["in"]: raster[i]}, {models[k]: values[i] for k, values in targets.items()}
            )
            for name, conn in synapses.items():
                expected[name][batch, member] = model.gradient(conn).ravel()
            expected["out.Bias"][batch, member] = model.bias_gradient(models["out"])
        for pop in models.values():
            assert pop.loss or np.any(model.history[pop].spikes), "a silent population"
    return actual, expected


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_gradients(case: str, batch_size: int) -> None:
    actual, expected = run(case, batch_size)
    assert_gradients(actual, expected, TOLERANCE)


@pytest.mark.parametrize("case", ["lif_recurrent_sce", "alif_recurrent_mse"])
def test_regularisation_is_a_small_part(case: str) -> None:
    """With regularisation in one of the two only, the comparison fails."""
    with_it, _ = run(case, 1)
    _, without = run(case, 1, c_reg=0.0)
    with pytest.raises(AssertionError, match="differs"):
        assert_gradients(with_it, without, TOLERANCE)


@pytest.mark.parametrize(
    ("case", "what", "value"),
    [("alif_mse", "beta", 0.302), ("lif_mse", "v_thresh", 0.602), ("alif_sce", "tau_adapt", 61.0)],
)
def test_a_small_difference_is_seen(
    case: str, what: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    actual, _ = run(case, 1)
    hidden = "ada" if case.startswith("alif") else "hid"
    populations, connections = CASES[case]
    size, settings = populations[hidden]
    changed = populations | {hidden: (size, {**settings, what: value})}
    monkeypatch.setitem(CASES, case, (changed, connections))
    _, other = run(case, 1)
    with pytest.raises(AssertionError, match="differs"):
        assert_gradients(actual, other, TOLERANCE)

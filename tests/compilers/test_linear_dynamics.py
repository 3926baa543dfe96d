"""E-prop with synapses that catch up learns what synapses that run in every timestep learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback
from mlgenn_rs.compilers import EPropCompiler
from mlgenn_rs.compilers.eprop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from mlgenn_rs.optimisers import SGD

from .networks import NoMetric, to_spikes

TIMESTEPS = 60
SIZES = {"in": 40, "hid": 33, "out": 5}
SCE = "sparse_categorical_crossentropy"
MSE = "mean_square_error"


class Weights(Callback):
    """Copies weights after each batch."""

    def __init__(self) -> None:
        self.found: dict[str, list[Any]] = {}

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.groups = compiled_network.connection_populations

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        for conn, group in self.groups.items():
            self.found.setdefault(f"{conn.name}.g", []).append(group.vars["g"].values)


def train(
    adaptive: bool, loss: str, batch_size: int, *, epochs: int = 2, **options: Any
) -> dict[str, Any]:
    """Train with validation after every epoch; return weights after batches and traces."""
    rng = np.random.default_rng(8)
    network = Network(default_params)
    arguments: dict[str, Any] = {"v_thresh": 0.6, "tau_mem": 20.0, "tau_refrac": 3.0}
    neuron: Any = (
        AdaptiveLeakyIntegrateFire(**arguments, tau_adapt=200.0, beta=0.1)
        if adaptive
        else LeakyIntegrateFire(**arguments)
    )
    with network:
        source = Population(SpikeInput(max_spikes=20000), SIZES["in"], name="in")
        hidden = Population(neuron, SIZES["hid"], name="hid")
        output = Population(LeakyIntegrate(tau_mem=20.0, readout="sum_var"), 5, name="out")
        pops = {"in": source, "hid": hidden, "out": output}
        for name, (pre, post, scale, delay) in {
            "ih": ("in", "hid", 0.25, 1),
            "hh": ("hid", "hid", 0.1, 0),
            "ho": ("hid", "out", 0.2, 0),
        }.items():
            weights = rng.normal(0.02, scale, (SIZES[pre], SIZES[post]))
            Connection(pops[pre], pops[post], Dense(weights, delay=delay), name=name)
    compiler = EPropCompiler(
        TIMESTEPS,
        loss,
        SGD(1e-5),
        batch_size=batch_size,
        c_reg=0.1,
        tau_reg=100.0,
        rng_seed=1,
        **options,
    )
    # Targets of each timestep are given for whole batches only
    examples = 2 * batch_size + (1 if loss == SCE else 0)
    raster = rng.random((examples, TIMESTEPS, SIZES["in"])) < 0.03
    rows = np.argwhere(raster)[:, [0, 2, 1]].astype(np.float64)
    spikes = to_spikes(rows, examples, SIZES["in"])
    targets = (
        rng.integers(0, SIZES["out"], examples)
        if loss == SCE
        else rng.normal(0.0, 1.0, (examples, TIMESTEPS, SIZES["out"]))
    )
    compiled = compiler.compile(network, "linear")
    weights_after = Weights()
    with compiled:
        compiled.train(
            {source: spikes},
            {output: targets},
            num_epochs=epochs,
            shuffle=False,
            metrics=NoMetric(),
            validation_x={source: spikes[:batch_size]},
            validation_y={output: targets[:batch_size]},
            callbacks=[weights_after],
        )
        # Weights hardly move: their movement is what counts
        found: dict[str, Any] = {
            name: np.array(values)[1:] - values[0] for name, values in weights_after.found.items()
        }
        for conn, group in compiled.connection_populations.items():
            for name in ("eFiltered", "epsilonA", "DeltaG"):
                if name in group.vars:
                    found[f"{conn.name}.{name}"] = group.vars[name].values
    return found


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("loss", [SCE, MSE])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_same_as_every_timestep(adaptive: bool, loss: str, batch_size: int) -> None:
    expected = train(adaptive, loss, batch_size, dynamics_per_synapse=True)
    found = train(adaptive, loss, batch_size)
    assert found.keys() == expected.keys()
    assert ("hh.epsilonA" in found) == adaptive
    for name, values in expected.items():
        largest = np.abs(values).max()
        assert largest > 0.0, name
        tolerance = 1e-3 if name.endswith(".g") else 1e-4
        np.testing.assert_allclose(
            found[name], values, rtol=0.0, atol=tolerance * largest, err_msg=name
        )
    again = train(adaptive, loss, batch_size, num_threads=2)
    for name, values in found.items():
        assert again[name].tobytes() == values.tobytes(), name

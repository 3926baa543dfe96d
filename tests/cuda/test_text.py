"""The CUDA text of some networks, and what would be launched, as they were when last looked at.

With ``MLGENN_UPDATE_SNAPSHOTS=1`` the files in `snapshots` are written anew; look at what
changed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engine.golden import build, load_case
from engine.networks import delta, new_model, sink, spike_sources

from mlgenn_rs import engine as e

from .networks import CudaNetwork

SNAPSHOTS = Path(__file__).parent / "snapshots"
CASES = (
    *("adam_dense", "axonal_delay", "dendritic_delay", "toeplitz_conv2d_valid", "ccu_remove_add"),
    "sum_and_step",
)
"""Dense learning with an optimiser, delays, kernels, connectivity updates; a sum over the batch of
sparse gradients, of many synapses for each postsynaptic neuron."""


def sum_and_step() -> e.GeNNModel:
    """Return a network that sums sparse gradients over the batch and makes a step.

    Neurons have so many synapses that the threads of a warp share them.
    """
    model = new_model("cpu")
    model.batch_size = 2
    learning = e.create_weight_update_model(
        "Learning",
        vars=[("g", "scalar", e.VarAccess.READ_ONLY), ("grad", "scalar")],
        pre_spike_syn_code="addToPost(g); grad += g;",
    )
    synapses = model.add_synapse_population(
        *("S", "SPARSE", spike_sources(model, [[1.0]] * 200), sink(model, 2)),
        e.init_weight_update(learning, {}, {"g": 1.0, "grad": 0.0}),
        delta(),
        e.init_sparse_connectivity("FixedProbability", {"prob": 0.5}),
    )
    sum_model = e.create_custom_update_model(
        "Sum",
        vars=[("sum", "scalar", e.CustomUpdateVarAccess.REDUCE_BATCH_SUM)],
        var_refs=[("grad", "scalar", e.VarAccessMode.READ_WRITE)],
        update_code="sum = grad; grad = 0.0;",
    )
    grad = {"grad": e.create_wu_var_ref(synapses, "grad")}
    total = model.add_custom_update("Sum", "Reduce", sum_model, {}, {"sum": 0.0}, grad)
    step = e.create_custom_update_model(
        "Step",
        var_refs=[("sum", "scalar", e.VarAccessMode.READ_ONLY), ("g", "scalar")],
        update_code="g -= 0.1 * sum;",
    )
    refs = {"sum": e.create_wu_var_ref(total, "sum"), "g": e.create_wu_var_ref(synapses, "g")}
    model.add_custom_update("Step", "Learn", step, {}, {}, refs)
    return model


def built(name: str) -> e.GeNNModel:
    """Return the network of a case, ready to be looked at."""
    is_own = name == "sum_and_step"
    model = sum_and_step() if is_own else build(load_case(name).definition["model"], "cpu")
    model.build()
    return model


@pytest.mark.parametrize("name", CASES)
def test_text_and_launches(name: str) -> None:
    network = CudaNetwork.of(name, built(name))
    text = network.split()[1]
    comment = "".join(f"// {line}\n" for line in network.launches.splitlines())
    file = SNAPSHOTS / f"{name}.cu"
    if os.environ.get("MLGENN_UPDATE_SNAPSHOTS"):
        file.write_text(comment + text)
    assert comment + text == file.read_text()


def test_texts_have_what_is_launched_and_nothing_else(networks: list[CudaNetwork]) -> None:
    for network in networks:
        # What is recorded is not known before it runs
        assert network.functions() == network.launched() | {"record", "count_up"}, network.name

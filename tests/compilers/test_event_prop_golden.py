"""EventProp training against values computed with the original implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import AvgPoolConv2D, AvgPoolDense2D, Conv2D, Dense, OneToOne
from mlgenn_rs.connectivity.fixed_probability import FixedProbability
from mlgenn_rs.losses import RelativeMeanSquareError
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.synapses import Exponential

from .networks import CONSTANTS, Built, assert_close, build, load_constants, load_golden, train
from .networks import to_spikes as spikes_of

SCE = "sparse_categorical_crossentropy"
MSE = "mean_square_error"
RMSE = RelativeMeanSquareError(2.0)

TTFS: dict[str, Any] = {"readout": "first_spike_time", "spiking_output": True}

LOSSES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "avg": ({"readout": "avg_var"}, {}),
    "sum": ({"readout": "sum_var"}, {}),
    "exp": ({"readout": "avg_var_exp_weight"}, {}),
    "max": ({"readout": "max_var"}, {}),
    "mse": ({"readout": "var"}, {"loss": MSE}),
    "ttfs_sce": (TTFS, {}),
    "ttfs_rmse": (TTFS, {"loss": RMSE}),
}

D = CONSTANTS
FRACTIONAL = {"ih": D["DF_ih"], "ho": D["DF_ho"], "hh": 2.0}
INTEGER = {"ih": D["D_ih"], "ho": D["D_ho"], "hh": D["D_hh"]}

B1: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    **{f"ff_{name}": case for name, case in LOSSES.items()},
    **{f"rec_{name}": ({**net, "recurrent": True}, fit) for name, (net, fit) in LOSSES.items()},
    "ff_constdelay": ({"delays": {"ih": 3, "ho": 2}}, {}),
    "ff_hetdelay": ({"delays": INTEGER}, {}),
    "rec_hetdelay_mse": (
        {"delays": INTEGER, "recurrent": True, "readout": "var"},
        {"loss": MSE},
    ),
    "ff_learndelay": ({"delays": FRACTIONAL, "max_delay_steps": 10}, {"learn_delays": True}),
    "ff_learndelay_ttfs": (
        {"delays": FRACTIONAL, "max_delay_steps": 10, **TTFS},
        {"learn_delays": True},
    ),
    "rec_learndelay": (
        {"delays": FRACTIONAL, "max_delay_steps": 10, "recurrent": True, "readout": "sum_var"},
        {"learn_delays": True},
    ),
    "two_hidden": ({"two_hidden": True}, {}),
    "no_hidden": ({"hidden": False}, {}),
    "no_hidden_ttfs": ({"hidden": False, **TTFS}, {}),
    "reg_upper": ({}, {"reg_lambda_upper": 1e-3, "reg_lambda_lower": 1e-3}),
    "reg_rec": (
        {"recurrent": True, "readout": "sum_var"},
        {"reg_lambda_upper": 5e-3, "reg_lambda_lower": 2e-3},
    ),
    "refrac": ({"recurrent": True, "hidden_args": {"tau_refrac": 3.0}}, {}),
    "thresh_reset": (
        {"recurrent": True, "hidden_args": {"v_thresh": 0.61, "v_reset": -0.2}},
        {},
    ),
    "relreset": (
        {
            "recurrent": True,
            "hidden_args": {
                "relative_reset": True,
                "integrate_during_refrac": True,
                "tau_refrac": 2.0,
            },
        },
        {},
    ),
    "bias": ({"output_args": {"bias": 0.05}}, {}),
    "late_spikes": ({}, {}),
}


def compare(case: str, golden: dict[str, np.ndarray], results: dict[str, Any]) -> None:
    """Compare everything that was computed with the golden arrays of a case."""
    compared = 0
    for key, expected in golden.items():
        name, _, array = key.partition("/")
        if name == case and array in results:
            actual = np.asarray(results[array])
            if expected.ndim == 3 and array.split(".")[1].startswith("Lambda"):
                # All slots of a delayed variable were recorded; each timestep writes the next one
                steps = np.arange(len(expected))
                expected = expected[steps, (steps + 1) % expected.shape[1]]
            if array == "out.readout":  # silent outputs are at the lowest float
                actual, expected = np.maximum(actual, -1e6), np.maximum(expected, -1e6)
            assert_close(actual, expected, key)
            compared += 1
    assert compared >= 4, f"golden file has too few arrays of {case}"


@pytest.mark.parametrize("case", B1)
def test_batch_of_one(case: str) -> None:
    net, fit = B1[case]
    golden = load_golden("eventprop_b1.npz")
    record = [("out", var) for var in ("V", "LambdaV", "LambdaI")]
    if net.get("hidden", True):
        record += [("hid", var) for var in ("V", "LambdaV", "LambdaI")]
    spikes = spikes_of(D["Xlast" if case == "late_spikes" else "X"], 5, 3)
    targets = D["YM"] if fit.get("loss") == MSE else D["Y"]
    results = train(
        build(**net), spikes, targets, num_timesteps=20, reg_nu_upper=2, record=record, **fit
    )
    compare(case, golden, results)


@pytest.mark.parametrize(
    ("case", "net"),
    [
        ("pts_ff_avg", {}),
        ("pts_rec_avg", {"recurrent": True}),
        ("pts_ff_sum", {"readout": "sum_var"}),
    ],
)
def test_per_timestep_loss(case: str, net: dict[str, Any]) -> None:
    results = train(
        build(**net), spikes_of(D["X"], 5, 3), D["Y"], num_timesteps=20, per_timestep_loss=True
    )
    compare(case, load_golden("eventprop_per_timestep.npz"), results)


@pytest.mark.parametrize(
    ("case", "net"),
    [
        ("dt_ttfs_sce", {"recurrent": True, **TTFS}),
        ("dt_ttfs_silent", {"scale_ih": 0.4, **TTFS}),
        ("dt_rec_avg", {"recurrent": True}),
        ("dt_overflow", {"recurrent": True, "scale_ih": 4.0}),
        ("dt_lasttick", {"recurrent": True}),
    ],
)
def test_half_timestep(case: str, net: dict[str, Any]) -> None:
    rows = D["X"]
    if case == "dt_lasttick":
        rows = np.concatenate([rows, [[e, 0, 19.5] for e in range(5)]])
    results = train(
        build(**net),
        spikes_of(rows, 5, 3),
        D["Y"],
        num_timesteps=40,
        dt=0.5,
        max_spikes=8,
        softmax_temperature=0.5,
        ttfs_alpha=0.1,
    )
    compare(case, load_golden("eventprop_dt_half.npz"), results)


@pytest.mark.parametrize("loss", ["avg", "mse", "ttfs_sce"])
def test_time_constants(loss: str) -> None:
    net, fit = LOSSES[loss]
    output_args = {"tau_mem": 30.0}
    if loss == "ttfs_sce":
        output_args["v_thresh"] = 1.2
    built = build(
        **net,
        recurrent=True,
        hidden_args={"tau_mem": 15.0, "v_thresh": 0.8},
        output_args=output_args,
        tau_syn={"ih": 4.0, "hh": 4.0, "ho": 7.0},
    )
    results = train(
        built,
        spikes_of(D["X"], 5, 3),
        D["YM"] if loss == "mse" else D["Y"],
        num_timesteps=20,
        reg_lambda_upper={built.populations["hid"]: 2e-3},
        reg_lambda_lower=1e-3,
        reg_nu_upper=2.5,
        **fit,
    )
    case = "taus_ttfs" if loss == "ttfs_sce" else f"taus_{loss}"
    compare(case, load_golden("eventprop_taus.npz"), results)


B2 = {
    **{f"ff_{name}": case for name, case in LOSSES.items()},
    **{f"rec_{name}": ({**net, "recurrent": True}, fit) for name, (net, fit) in LOSSES.items()},
    "hetdelay": ({"delays": INTEGER}, {}),
    "learndelay": ({"delays": FRACTIONAL, "max_delay_steps": 10}, {"learn_delays": True}),
    "reg": ({"recurrent": True}, {"reg_lambda_upper": 5e-3, "reg_lambda_lower": 2e-3}),
}


@pytest.mark.parametrize("case", B2)
def test_batch_of_two(case: str) -> None:
    net, fit = B2[case]
    golden = load_golden("eventprop_b2_derived.npz")
    order = golden["const/example_order"]
    spikes = spikes_of(D["X"], 5, 3)
    targets = (D["YM"] if fit.get("loss") == MSE else D["Y"])[order]
    results = train(
        build(**net),
        [spikes[i] for i in order],
        targets,
        num_timesteps=20,
        reg_nu_upper=2,
        batch_size=2,
        **fit,
    )
    compare(case, golden, results)


def build_connectivity(case: str, c: dict[str, np.ndarray]) -> tuple[Built, int]:
    """Build a network whose input connection is the one of the case."""
    shape: Any = (4, 4, 2 if case == "conv_same" else 1)
    connectivity: dict[str, Any] = {
        "conv_valid": lambda: Conv2D(c["conv_valid_k"], 2, 3, flatten=True),
        "conv_same": lambda: Conv2D(c["conv_same_k"], 2, 3, flatten=True, conv_padding="same"),
        "avgpoolconv": lambda: AvgPoolConv2D(c["avgpoolconv_k"], 2, 2, 2, flatten=True),
        "avgpooldense": lambda: AvgPoolDense2D(c["avgpooldense_w"], 2),
        "one_to_one": lambda: OneToOne(c["one_to_one_w"]),
        "sparse": lambda: FixedProbability(0.5, c["sparse_w"]),
    }
    hidden_size = None
    if case == "one_to_one":
        shape = 4
    elif case == "sparse":
        shape, hidden_size = 3, 4
    network = Network(default_params)
    built = Built(network)
    with network:
        pops = built.populations
        pops["in"] = Population(SpikeInput(max_spikes=500), shape, name="in")
        pops["hid"] = Population(LeakyIntegrateFire(v_thresh=1.0), hidden_size, name="hid")
        pops["out"] = Population(LeakyIntegrate(readout="avg_var"), 2, name="out")
        built.connections["ih"] = Connection(
            pops["in"], pops["hid"], connectivity[case](), Exponential(5.0), name="ih"
        )
        if case == "sparse":
            conn = built.connections["ih"].connectivity
            conn.pre_ind = np.array([0, 0, 1, 2, 2, 2])
            conn.post_ind = np.array([0, 2, 1, 0, 1, 3])
            built.connections["hh"] = Connection(
                pops["hid"],
                pops["hid"],
                FixedProbability(0.5, c["sparse_rec_w"]),
                Exponential(5.0),
                name="hh",
            )
            conn = built.connections["hh"].connectivity
            conn.pre_ind = np.array([0, 1, 2, 3, 3])
            conn.post_ind = np.array([1, 2, 3, 0, 2])
        built.connections["ho"] = Connection(
            pops["hid"], pops["out"], Dense(c[f"{case}_ho"]), Exponential(5.0), name="ho"
        )
    return built, int(np.prod(shape))


@pytest.mark.parametrize(
    "case", ["conv_valid", "conv_same", "avgpoolconv", "avgpooldense", "sparse", "one_to_one"]
)
def test_connectivity(case: str) -> None:
    c = load_constants("eventprop_connectivity.npz")
    built, num_inputs = build_connectivity(case, c)
    results = train(built, spikes_of(c[f"{case}_X"], 4, num_inputs), c["Y"], num_timesteps=20)
    compare(case, load_golden("eventprop_connectivity.npz"), results)

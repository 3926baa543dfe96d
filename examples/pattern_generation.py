"""Generate three curves with a recurrent spiking network, trained with EventProp or e-prop.

The inputs are a clock: 20 neurons take turns, and the one whose turn it is spikes every 10 ms. They
drive a recurrent network of leaky integrate-and-fire neurons, and those drive three leaky
integrators, whose membrane potentials are to follow sums of sines for one second. The loss is the
mean square error in every timestep (a task of Bellec et al., "A solution to the learning dilemma
for recurrent networks of spiking neurons", 2020).

Expect a mean square error of about 0.05 (EventProp) or 0.09 (e-prop) after some seconds; the mean
square of the curves is about 3.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from common import create_parser, decay, draw_learning_curve, parse, picture, positive

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import MetricLog, SpikeRecorder, VarRecorder
from mlgenn_rs.compilers import (
    EPropCompiler,
    EventPropCompiler,
    eprop_compiler,
    event_prop_compiler,
)
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import PreprocessedSpikes, preprocess_spikes

TIMESTEPS = 1000  # of 1 ms
NUM_INPUTS = 20
NUM_OUTPUTS = 3
REPETITIONS = 10


def create_clock() -> PreprocessedSpikes:
    """Inputs that take turns, each spiking every 10 ms."""
    times = np.arange(0.0, TIMESTEPS, 10.0)
    return preprocess_spikes(times, (times * NUM_INPUTS / TIMESTEPS).astype(int), NUM_INPUTS)


def create_curves(seed: int) -> np.ndarray:
    """Sums of sines of 1, 2, 3 and 5 Hz, amplitudes and phases at random: (timesteps, outputs)."""
    random = np.random.default_rng(seed)
    seconds = np.arange(TIMESTEPS)[:, np.newaxis] / 1000.0
    curves = np.zeros((TIMESTEPS, NUM_OUTPUTS))
    for frequency in (1.0, 2.0, 3.0, 5.0):
        amplitudes = random.uniform(0.5, 2.0, NUM_OUTPUTS)
        phases = random.uniform(0.0, 2.0 * np.pi, NUM_OUTPUTS)
        curves += amplitudes * np.sin(2.0 * np.pi * frequency * seconds + phases)
    return curves


def build_network(rule: str, num_hidden: int) -> Network:
    """Clock, recurrent hidden population, and outputs, with what the learning rule asks for."""
    defaults = event_prop_compiler if rule == "eventprop" else eprop_compiler
    network = Network(defaults.default_params)
    with network:
        inputs = Population(SpikeInput(max_spikes=TIMESTEPS // 10), NUM_INPUTS, name="Input")
        output = LeakyIntegrate(tau_mem=20.0, readout="var")
        if rule == "eventprop":
            neuron = LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0)
            synapse: Any = Exponential(5.0)
            sds = 5.0, 0.3 / np.sqrt(num_hidden), 0.3 / np.sqrt(num_hidden)
        else:
            neuron = LeakyIntegrateFire(v_thresh=0.61, tau_mem=20.0, tau_refrac=5.0)
            synapse = "delta"
            sds = 1.0 / np.sqrt(NUM_INPUTS), 1.0 / np.sqrt(num_hidden), 1.0 / np.sqrt(num_hidden)
        hidden = Population(neuron, num_hidden, record_spikes=True, name="Hidden")
        outputs = Population(output, NUM_OUTPUTS, name="Output")
        Connection(inputs, hidden, Dense(Normal(sd=sds[0])), synapse)
        Connection(hidden, hidden, Dense(Normal(sd=sds[1])), synapse)
        Connection(hidden, outputs, Dense(Normal(sd=sds[2])), synapse)
    return network


def create_compiler(options: argparse.Namespace) -> EventPropCompiler | EPropCompiler:
    """Compiler of the learning rule, with Adam."""
    common: dict[str, Any] = {
        "example_timesteps": TIMESTEPS,
        "losses": "mean_square_error",
        "rng_seed": options.seed,
        "num_threads": options.threads,
    }
    if options.rule == "eprop":
        return EPropCompiler(optimiser=Adam(0.003), **common)
    # Without the regularisation of rates, the recurrent network would soon be all too active.
    return EventPropCompiler(
        optimiser=Adam(0.01),
        max_spikes=1000,
        reg_lambda_upper=1e-3,
        reg_lambda_lower=0.0,
        reg_nu_upper=15,
        **common,
    )


def run(options: argparse.Namespace) -> dict[str, float]:
    """Train, and return the error in the end."""
    network = build_network(options.rule, options.hidden)
    inputs, hidden, outputs = network.populations
    curves = create_curves(options.seed)
    # The one example is repeated, so that there are several batches, and updates, in an epoch.
    x = {inputs: [create_clock()] * REPETITIONS}
    y = {outputs: np.stack([curves] * REPETITIONS)}

    compiled = create_compiler(options).compile(network)
    with compiled:
        _, data = compiled.train(
            x,
            y,
            num_epochs=options.epochs,
            metrics=None,
            callbacks=["batch_progress_bar", decay(options.epochs, 0.1), MetricLog("log")],
            report_loss=True,
        )
        # One more epoch shows what the network does.
        _, recorded = compiled.train(
            x,
            y,
            num_epochs=1,
            start_epoch=options.epochs,
            metrics=None,
            callbacks=[VarRecorder(outputs, "v", key="v"), SpikeRecorder(hidden, key="spikes")],
        )
    generated = recorded["v"][-1]

    if options.plot:
        times, ids = (values[-1] for values in recorded["spikes"])
        # The loss is half the square error, summed over outputs.
        errors = [2.0 * epoch["loss"] / NUM_OUTPUTS for epoch in data["log"]]
        draw(options, curves, generated, times, ids, errors)
    return {
        "mean square of the curves": float(np.mean(curves**2)),
        "mean square error": float(np.mean((generated - curves) ** 2)),
        "spikes per hidden neuron": len(recorded["spikes"][0][-1]) / options.hidden,
    }


def draw(
    options: argparse.Namespace,
    curves: np.ndarray,
    generated: np.ndarray,
    times: np.ndarray,
    ids: np.ndarray,
    errors: list[float],
) -> None:
    """Curves that are wanted and generated, hidden spikes, and the learning curve."""
    with picture(options.plot, 3, width=4.6) as (outputs, spikes, learning):
        for i in range(NUM_OUTPUTS):
            outputs.plot(curves[:, i], c=f"C{i}", ls="--", lw=1)
            outputs.plot(generated[:, i], c=f"C{i}", lw=1)
        outputs.set(title="wanted (dashed) and generated", xlabel="time [ms]", ylabel="potential")
        spikes.scatter(times, ids, s=1, color="black")
        spikes.set(title="hidden spikes", xlabel="time [ms]", ylabel="neuron")
        draw_learning_curve(learning, errors, "mean square error")
        learning.set_yscale("log")


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = create_parser(__doc__, epochs=None)
    parser.add_argument("--rule", choices=["eventprop", "eprop"], default="eventprop")
    parser.add_argument("--hidden", type=positive, default=256, help="default: %(default)s")
    options = parse(parser, arguments)
    if options.epochs is None:
        options.epochs = 60 if options.rule == "eventprop" else 15
    return options


if __name__ == "__main__":
    for name, value in run(read_options()).items():
        print(f"{name}: {value:.4g}")

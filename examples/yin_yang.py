"""Classify the Yin-Yang data set by the time to first spike, trained with EventProp.

Points in the plane belong to the yin, the yang or one of the dots. Their coordinates are the times
of input spikes; the output neuron that spikes first names the class. Hidden and output neurons
leaky integrate and fire, so that the computation is one of spikes throughout, and what is learned
are their times (Wunderlich and Pehle, "Event-based backpropagation can compute exact gradients for
spiking neural networks", 2021; data: Kriener, Göltz and Petrovici, 2022).

Expect from 97 to 98 % of points after 60 epochs, which take half a minute.

What it takes for that:

* Examples end soon after the last input. An output that should have spiked and did not is pulled by
  its potential at the end of the example. If that is long after the spikes of hidden neurons, they
  are pulled later and later, until they fall silent, and all outputs with them.
* Output weights of both signs from the beginning, with which fewer hidden neurons fall silent.
* A limit on gradients: where a potential only just reaches the threshold they are huge.
"""

from __future__ import annotations

import argparse

import numpy as np
from common import create_parser, decay, draw_learning_curve, parse, picture, positive

from mlgenn_rs import InputLayer, Layer, SequentialNetwork
from mlgenn_rs.callbacks import MetricLog
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Memory
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import generate_yin_yang_dataset

EXAMPLE_TIME = 30.0  # ms
INPUT_TIME = 26.0  # ms, so that the last inputs have some time left to reach the outputs
DT = 0.2  # ms
TIMESTEPS = round(EXAMPLE_TIME / DT)
BATCH_SIZE = 32
NUM_TEST = 1000


def build_network(hidden: int) -> SequentialNetwork:
    """Inputs for a bias, x, y, 1 - x and 1 - y, one hidden layer, one output for each class."""
    network = SequentialNetwork(default_params)
    with network:
        InputLayer(SpikeInput(max_spikes=5 * BATCH_SIZE), 5, name="Input")
        Layer(
            Dense(Normal(mean=1.9, sd=0.78)),
            LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0),
            hidden,
            Exponential(5.0),
            name="Hidden",
        )
        Layer(
            Dense(Normal(mean=0.5, sd=0.5)),
            LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0, readout="first_spike_time"),
            3,
            Exponential(5.0),
            name="Output",
        )
    return network


def run(options: argparse.Namespace) -> dict[str, float]:
    """Train and test; return the accuracies."""
    np.random.seed(options.seed)
    train, held_out, test = (
        generate_yin_yang_dataset(size, scale=INPUT_TIME, offset=2.0 * DT)
        for size in (options.train_size, NUM_TEST, NUM_TEST)
    )
    spikes, labels = held_out if options.validate else test

    network = build_network(options.hidden)
    inputs, _, outputs = network.layers
    compiler = EventPropCompiler(
        example_timesteps=TIMESTEPS,
        losses="sparse_categorical_crossentropy",
        optimiser=Adam(0.005, clip_norm=1.0),
        max_spikes=100,
        dt=DT,
        backward="same_batch",
        ttfs_alpha=1.0,
        softmax_temperature=0.5,
        batch_size=BATCH_SIZE,
        rng_seed=options.seed,
        num_threads=options.threads,
    )
    compiled = compiler.compile(network)
    weights = Memory({})
    with compiled:
        metrics, data = compiled.train(
            {inputs: train[0]},
            {outputs: train[1]},
            num_epochs=options.epochs,
            callbacks=["batch_progress_bar", decay(options.epochs, 0.02), MetricLog("log")],
        )
        compiled.save((), weights)

    network.load((), weights)
    compiled = InferenceCompiler(
        evaluate_timesteps=TIMESTEPS,
        dt=DT,
        batch_size=BATCH_SIZE,
        reset_in_syn_between_batches=True,
        num_threads=options.threads,
    ).compile(network)
    with compiled:
        predictions, _ = compiled.predict({inputs: spikes}, outputs)
    first_spikes = -predictions[outputs]

    if options.plot:
        accuracies = [epoch[outputs] for epoch in data["log"]]
        points = np.asarray([example.spike_times[1:3] for example in spikes])
        draw(options, points, first_spikes, np.asarray(labels), accuracies)
    return {
        "train accuracy": metrics[outputs].result,
        "test accuracy": float(np.mean(np.argmin(first_spikes, axis=1) == labels)),
    }


def draw(
    options: argparse.Namespace,
    points: np.ndarray,
    first_spikes: np.ndarray,
    labels: np.ndarray,
    accuracies: list[float],
) -> None:
    """Classes of test points, first spike times of one output, and the learning curve."""
    found = np.argmin(first_spikes, axis=1)
    with picture(options.plot, 3) as (classes, times, curve):
        classes.scatter(*points.T, c=found, s=8)
        classes.scatter(*points[found != labels].T, s=40, facecolors="none", edgecolors="red")
        classes.set(title="classes found (mistakes in red)")
        yang = np.where(first_spikes[:, 1] < EXAMPLE_TIME, first_spikes[:, 1], np.nan)
        shown = times.scatter(*points.T, c=yang, s=8, cmap="magma", plotnonfinite=True)
        times.figure.colorbar(shown)
        times.set(title="first spike of the output for yang [ms]")
        for axis in (classes, times):
            axis.set(xlabel="spike of x [ms]", ylabel="spike of y [ms]", aspect="equal")
        draw_learning_curve(curve, accuracies, "training accuracy")


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = create_parser(__doc__, epochs=60)
    parser.add_argument("--hidden", type=positive, default=200, help="default: %(default)s")
    parser.add_argument("--train-size", type=positive, default=5000, help="default: %(default)s")
    parser.add_argument(
        "--validate", action="store_true", help="test on other points, to choose options by"
    )
    return parse(parser, arguments)


if __name__ == "__main__":
    for name, value in run(read_options()).items():
        print(f"{name}: {value:.4g}")

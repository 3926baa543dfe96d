"""Classify images with few connections, which Deep-R rewires while EventProp trains them.

Of all pairs of an input and a hidden neuron only some percent are connected. A connection whose
weight changes its sign is removed, and for each one that is removed another pair is connected, so
that their number stays the same while they move to where they are useful (Bellec, Kappel, Maass and
Legenstein, "Deep rewiring: training very sparse deep networks", 2018). --no-rewiring trains the
connections that were drawn at first.

Expect about 97 % on test images of the digits of scikit-learn with a twentieth of the connections,
after some seconds. With --mnist mnist.npz it is MNIST.
"""

from __future__ import annotations

import argparse
from typing import Any

import images
import numpy as np
from common import create_parser, decay, draw_learning_curve, parse, picture, positive

from mlgenn_rs import InputLayer, Layer, SequentialNetwork
from mlgenn_rs.callbacks import MetricLog
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense, FixedProbability
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Memory
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import calc_max_spikes

TIMESTEPS = 20  # of 1 ms
BATCH_SIZE = 32


def build_network(
    source: SpikeInput, shape: Any, spikes_per_image: float, options: argparse.Namespace
) -> SequentialNetwork:
    """Input, sparsely connected hidden layer, one output per digit."""
    arriving = spikes_per_image * options.connected
    network = SequentialNetwork(default_params)
    with network:
        InputLayer(source, shape, name="Input")
        Layer(
            FixedProbability(options.connected, Normal(mean=8.0 / arriving, sd=4.6 / arriving)),
            LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0),
            options.hidden,
            Exponential(5.0),
            name="Hidden",
        )
        Layer(
            Dense(Normal(mean=0.1, sd=0.37)),
            LeakyIntegrate(tau_mem=20.0, readout="max_var"),
            10,
            Exponential(5.0),
            name="Output",
        )
    return network


def run(options: argparse.Namespace) -> dict[str, float]:
    """Train and test; return accuracies and the numbers of connections and rewirings."""
    train, test = images.load(options)
    spikes, test_spikes = images.encode(train, TIMESTEPS), images.encode(test, TIMESTEPS)
    source = SpikeInput(
        max_spikes=BATCH_SIZE * max(calc_max_spikes(spikes), calc_max_spikes(test_spikes))
    )
    spikes_per_image = float(np.mean([len(image.spike_times) for image in spikes]))
    network = build_network(source, train.images.shape[1:], spikes_per_image, options)
    inputs, hidden, outputs = network.layers
    compiler = EventPropCompiler(
        example_timesteps=TIMESTEPS,
        losses="sparse_categorical_crossentropy",
        optimiser=Adam(0.05),
        max_spikes=2 * TIMESTEPS + 1,
        deep_r_conns=[hidden] if options.rewiring else [],
        deep_r_l1_strength=1e-8,
        deep_r_record_rewirings={hidden: "rewirings"} if options.rewiring else {},
        batch_size=BATCH_SIZE,
        rng_seed=options.seed,
        num_threads=options.threads,
    )
    np.random.seed(options.seed)  # the order of images
    learned = Memory({})
    compiled = compiler.compile(network)
    with compiled:
        metrics, data = compiled.train(
            {inputs: spikes},
            {outputs: train.labels},
            num_epochs=options.epochs,
            callbacks=["batch_progress_bar", decay(options.epochs, 0.05), MetricLog("log")],
        )
        compiled.save((), learned)
        compiled.save_connectivity((), learned)

    network.load((), learned)  # weights, and which neurons are connected
    compiled = InferenceCompiler(
        evaluate_timesteps=TIMESTEPS,
        batch_size=BATCH_SIZE,
        reset_in_syn_between_batches=True,
        num_threads=options.threads,
    ).compile(network)
    with compiled:
        tested, _ = compiled.evaluate({inputs: test_spikes}, {outputs: test.labels})

    connectivity: Any = hidden.connection().connectivity
    rewirings = np.asarray([count for count, _ in data.get("rewirings", [(0, 0)])])
    if options.plot:
        counts = np.bincount(connectivity.pre_ind, minlength=train.images[0].size)
        accuracies = [epoch[outputs] for epoch in data["log"]]
        draw(options, counts.reshape(train.images.shape[1:]), rewirings, accuracies)
    return {
        "connections": len(connectivity.pre_ind),
        "connected fraction": len(connectivity.pre_ind) / train.images[0].size / options.hidden,
        "rewirings": int(np.sum(rewirings)),
        "train accuracy": metrics[outputs].result,
        "test accuracy": tested[outputs].result,
    }


def draw(
    options: argparse.Namespace, counts: np.ndarray, rewirings: np.ndarray, accuracies: list[float]
) -> None:
    """Rewirings of each batch, connections of each pixel in the end, and the learning curve."""
    with picture(options.plot, 3) as (batches, pixels, curve):
        batches.plot(rewirings, lw=0.8)
        batches.set(title="rewired connections", xlabel="batch", ylabel="number", yscale="symlog")
        pixels.figure.colorbar(pixels.imshow(counts))
        pixels.set(title="connections of each pixel in the end")
        draw_learning_curve(curve, accuracies, "training accuracy")


def fraction(text: str) -> float:
    """Option that is larger than 0 and at most 1."""
    number = float(text)
    if not 0.0 < number <= 1.0:
        raise argparse.ArgumentTypeError(f"must be larger than 0 and at most 1, got {number}")
    return number


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = create_parser(__doc__, epochs=None)
    images.add_options(parser)
    parser.add_argument("--hidden", type=positive, default=256, help="default: %(default)s")
    parser.add_argument(
        "--connected", type=fraction, default=0.05, help="fraction of pairs, default: %(default)s"
    )
    parser.add_argument("--no-rewiring", dest="rewiring", action="store_false")
    options = parse(parser, arguments)
    if options.epochs is None:
        options.epochs = 10 if options.mnist else 30
    return options


if __name__ == "__main__":
    for name, value in run(read_options()).items():
        print(f"{name}: {value:.4g}")

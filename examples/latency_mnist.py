"""Classify images by latency-coded spikes, trained with EventProp or e-prop.

Images become spikes: the brighter a pixel, the earlier its only spike. A hidden layer of leaky
integrate-and-fire neurons feeds leaky integrators, one for each digit, and the one with the largest
membrane potential on average names it. Gradients are those of EventProp (Wunderlich and Pehle,
"Event-based backpropagation can compute exact gradients for spiking neural networks", 2021) or of
e-prop (Bellec et al., "A solution to the learning dilemma for recurrent networks of spiking
neurons", 2020). With --conv the hidden layer is a convolution, whose kernels EventProp trains.
Afterwards the weights are loaded into a network that is compiled for inference.

By default the 8 x 8 digits that scikit-learn brings along are learned: expect about 96 % on test
images after some seconds (e-prop: 95 %). With --mnist mnist.npz it is MNIST: expect 97.8 % after
ten epochs, 98.3 % with --conv, and 97.1 % with e-prop.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import Any

import images
import numpy as np
from common import create_parser, decay, draw_learning_curve, parse, picture, positive

from mlgenn_rs import InputLayer, Layer, SequentialNetwork
from mlgenn_rs.callbacks import MetricLog, SpikeRecorder
from mlgenn_rs.compilers import (
    EPropCompiler,
    EventPropCompiler,
    InferenceCompiler,
    eprop_compiler,
    event_prop_compiler,
)
from mlgenn_rs.connectivity import Conv2D, Dense
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Memory, Numpy
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import calc_max_spikes

TIMESTEPS = {"eventprop": 20, "eprop": 100}  # of 1 ms
BATCH_SIZE = 32
LEARNING_RATE = {"eventprop": 0.015, "eprop": 0.003}


def build_event_prop(source: SpikeInput, shape: Any, spike_rate: float, options: Any) -> Any:
    """Network for EventProp: exponential synapses, a dense or a convolutional hidden layer.

    Hidden weights let an average image, in which ``spike_rate`` of the pixels spike, reach the
    threshold some times over.
    """
    network = SequentialNetwork(event_prop_compiler.default_params)
    with network:
        if options.conv:
            size, stride = (5, 2) if shape[0] > 16 else (3, 1)
            inputs = spike_rate * size**2
            kernel = Normal(mean=4.0 / inputs, sd=4.0 / inputs)
            hidden: Any = Conv2D(kernel, 16, size, flatten=True, conv_strides=stride)
            InputLayer(source, (*shape, 1), name="Input")
        else:
            inputs = spike_rate * np.prod(shape)
            hidden = Dense(Normal(mean=8.0 / inputs, sd=4.6 / inputs))
            InputLayer(source, shape, name="Input")
        Layer(
            hidden,
            LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0),
            None if options.conv else options.hidden,
            Exponential(5.0),
            record_spikes=True,
            name="Hidden",
        )
        Layer(
            Dense(Normal(mean=0.2, sd=0.37)),
            LeakyIntegrate(tau_mem=20.0, readout="max_var"),
            10,
            Exponential(5.0),
            name="Output",
        )
    return network


def build_e_prop(source: SpikeInput, shape: Any, options: Any) -> Any:
    """Network for e-prop: delta synapses, refractory hidden neurons."""
    network = SequentialNetwork(eprop_compiler.default_params)
    with network:
        InputLayer(source, shape, name="Input")
        Layer(
            Dense(Normal(sd=1.0 / np.sqrt(np.prod(shape)))),
            LeakyIntegrateFire(v_thresh=0.61, tau_mem=20.0, tau_refrac=5.0),
            options.hidden,
            record_spikes=True,
            name="Hidden",
        )
        Layer(
            Dense(Normal(sd=1.0 / np.sqrt(options.hidden))),
            LeakyIntegrate(tau_mem=20.0, readout="avg_var"),
            10,
            name="Output",
        )
    return network


def create_compiler(options: argparse.Namespace) -> EventPropCompiler | EPropCompiler:
    """Compiler of the learning rule, with Adam."""
    timesteps = TIMESTEPS[options.rule]
    common: dict[str, Any] = {
        "example_timesteps": timesteps,
        "losses": "sparse_categorical_crossentropy",
        "optimiser": Adam(LEARNING_RATE[options.rule]),
        "batch_size": BATCH_SIZE,
        "rng_seed": options.seed,
        "num_threads": options.threads,
    }
    if options.rule == "eprop":
        return EPropCompiler(**common)
    return EventPropCompiler(max_spikes=2 * timesteps + 1, **common)


def run(options: argparse.Namespace) -> dict[str, float]:
    """Train, save, load and test; return accuracies and speed."""
    train, test = images.load(options)
    timesteps = TIMESTEPS[options.rule]
    spikes, test_spikes = images.encode(train, timesteps), images.encode(test, timesteps)
    shape = train.images.shape[1:]
    source = SpikeInput(
        max_spikes=BATCH_SIZE * max(calc_max_spikes(spikes), calc_max_spikes(test_spikes))
    )
    if options.rule == "eprop":
        network = build_e_prop(source, shape, options)
    else:
        spike_rate = float(np.mean(train.images > 1))
        network = build_event_prop(source, shape, spike_rate, options)
    inputs, hidden, outputs = network.layers

    np.random.seed(options.seed)  # the order of images
    weights = Numpy(str(options.save)) if options.save else Memory({})
    compiled = create_compiler(options).compile(network)
    start = perf_counter()
    with compiled:
        metrics, data = compiled.train(
            {inputs: spikes},
            {outputs: train.labels},
            num_epochs=options.epochs,
            callbacks=["batch_progress_bar", decay(options.epochs, 0.05), MetricLog("log")],
        )
        compiled.save((), weights)
    seconds = perf_counter() - start

    # The network takes the trained weights, then another compiler makes it ready.
    network.load((), weights)
    compiler = InferenceCompiler(
        evaluate_timesteps=timesteps,
        batch_size=BATCH_SIZE,
        reset_in_syn_between_batches=True,
        num_threads=options.threads,
    )
    compiled = compiler.compile(network)
    with compiled:
        recorder = SpikeRecorder(hidden, key="hidden", example_filter=[0, 1, 2, 3])
        tested, recorded = compiled.evaluate(
            {inputs: test_spikes},
            {outputs: test.labels},
            callbacks=["batch_progress_bar", recorder],
        )

    if options.plot:
        draw(
            options.plot,
            timesteps,
            recorded["hidden"],
            test.labels,
            [epoch[outputs] for epoch in data["log"]],
        )
    return {
        "images/s in training": options.epochs * len(spikes) / seconds,
        "train accuracy": metrics[outputs].result,
        "test accuracy": tested[outputs].result,
    }


def draw(
    path: Path, timesteps: int, spikes: Any, labels: np.ndarray, accuracies: list[float]
) -> None:
    """Spikes of the hidden layer for some test images, and the learning curve."""
    count = len(spikes[0])
    with picture(path, count + 1, width=2.6) as axes:
        for axis, times, ids, label in zip(axes, *spikes, labels, strict=False):
            axis.scatter(times, ids, s=3, color="black")
            axis.set(title=f"test image of a {label}", xlim=(0, timesteps), xlabel="time [ms]")
        axes[0].set_ylabel("hidden neuron")
        draw_learning_curve(axes[-1], accuracies, "training accuracy")


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = create_parser(__doc__, epochs=None)
    images.add_options(parser)
    parser.add_argument("--rule", choices=["eventprop", "eprop"], default="eventprop")
    parser.add_argument("--conv", action="store_true", help="make the hidden layer a convolution")
    parser.add_argument(
        "--hidden",
        type=positive,
        default=256,
        help="neurons of a dense hidden layer, default: %(default)s",
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="save the weights here")
    options = parse(parser, arguments)
    if options.conv and options.rule == "eprop":
        parser.error("--conv goes with --rule eventprop: e-prop does not share weights of kernels")
    if options.epochs is None:
        options.epochs = 10 if options.mnist else 30
    return options


if __name__ == "__main__":
    for name, value in run(read_options()).items():
        print(f"{name}: {value:.4g}")

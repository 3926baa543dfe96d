"""Train a spiking network with EventProp and evaluate it.

Images become spikes by latency coding: the brighter a pixel, the earlier its only spike. One
hidden layer of leaky integrate-and-fire neurons feeds leaky integrators, whose average membrane
potential names the class. The network is trained with EventProp (Wunderlich and Pehle, "Event-based
backpropagation can compute exact gradients for spiking neural networks", 2021) and Adam, saved,
loaded again and evaluated with the InferenceCompiler.

By default it learns the 8 x 8 digits that scikit-learn brings along (about 97 % on test images
after some seconds); with ``--mnist mnist.npz`` it learns MNIST (about 97 % after ten epochs).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

from mlgenn_rs import InputLayer, Layer, SequentialNetwork
from mlgenn_rs.callbacks import Callback, Checkpoint, SpikeRecorder
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Numpy
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import (
    PreprocessedSpikes,
    calc_latest_spike_time,
    calc_max_spikes,
    linear_latency_encode_data,
)

EXAMPLE_TIME = 20.0  # ms
Images = tuple[np.ndarray, np.ndarray]


def load_digits() -> tuple[Images, Images]:
    """The digits of scikit-learn, 8 x 8 pixels of 0 to 255, as training and test set."""
    from sklearn.datasets import load_digits as load

    images, labels = load(return_X_y=True)
    images = np.round(images * (255 / 16)).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1437], order[1437:]
    return (images[train], labels[train]), (images[test], labels[test])


def load_mnist(path: Path) -> tuple[Images, Images]:
    """MNIST from a file with the arrays of Keras' ``mnist.npz``."""
    with np.load(path) as data:
        keys = {key.lower(): key for key in data.files}
        x_train, y_train, x_test, y_test = (
            data[keys[key]] for key in ("x_train", "y_train", "x_test", "y_test")
        )
    return (x_train.reshape(len(x_train), -1), y_train), (x_test.reshape(len(x_test), -1), y_test)


def build_network(
    inputs: int, hidden: int, max_spikes: int, spikes_per_example: float
) -> SequentialNetwork:
    """Input, one hidden layer, one output per digit."""
    network = SequentialNetwork(default_params)
    with network:
        InputLayer(SpikeInput(max_spikes=max_spikes), inputs, name="Input")
        # Weights that let an average example reach the threshold some times over.
        Layer(
            Dense(Normal(mean=8.0 / spikes_per_example, sd=4.6 / spikes_per_example)),
            LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0),
            hidden,
            Exponential(5.0),
            record_spikes=True,
            name="Hidden",
        )
        Layer(
            Dense(Normal(mean=0.2, sd=0.37)),
            LeakyIntegrate(tau_mem=20.0, readout="avg_var"),
            10,
            Exponential(5.0),
            name="Output",
        )
    return network


class LearningCurve(Callback):
    """Remembers the training accuracy of every epoch."""

    def __init__(self, accuracies: list[float]) -> None:
        self.accuracies = accuracies

    def on_epoch_end(self, epoch: int, metrics: dict) -> None:
        """Called by the training loop."""
        self.accuracies.append(next(iter(metrics.values())).result)


def draw(path: Path, spikes: tuple, labels: np.ndarray, accuracies: list[float]) -> None:
    """Spikes of the hidden layer for some test images, and the learning curve."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    count = len(spikes[0])
    figure, axes = plt.subplots(1, count + 1, figsize=(2.2 * count + 4, 3.2))
    for axis, times, ids, label in zip(axes, *spikes, labels, strict=False):
        axis.scatter(times, ids, s=3, color="black")
        axis.set(title=f"test image of a {label}", xlim=(0, EXAMPLE_TIME), xlabel="time [ms]")
    axes[0].set_ylabel("hidden neuron")
    axes[-1].plot(np.arange(1, len(accuracies) + 1), accuracies, marker="o")
    axes[-1].set(title="learning curve", xlabel="epoch", ylabel="training accuracy")
    axes[-1].grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, metavar="NPZ", help="train on this mnist.npz")
    parser.add_argument("--epochs", type=int, help="default: 30 for digits, 10 for MNIST")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=128, help="neurons of the hidden layer")
    parser.add_argument("--learning-rate", type=float, default=0.01, help="of Adam")
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--threads", type=int, help="default: one per core")
    parser.add_argument("--output", type=Path, default=Path("output"), metavar="FOLDER")
    return parser.parse_args()


def main() -> None:
    """Train, save, load, evaluate, draw."""
    arguments = parse_arguments()
    if arguments.mnist:
        (x_train, y_train), (x_test, y_test) = load_mnist(arguments.mnist)
    else:
        (x_train, y_train), (x_test, y_test) = load_digits()
    epochs = arguments.epochs or (10 if arguments.mnist else 30)

    # Two timesteps of slack, so that the last spikes still reach the output.
    spikes: list[list[PreprocessedSpikes]] = [
        linear_latency_encode_data(images, EXAMPLE_TIME - 4.0, 0.0, thresh=1)
        for images in (x_train, x_test)
    ]
    spikes_per_example = float(np.mean([len(example.spike_times) for example in spikes[0]]))
    max_spikes = arguments.batch_size * max(calc_max_spikes(part) for part in spikes)
    timesteps = int(np.ceil(EXAMPLE_TIME))
    assert calc_latest_spike_time(spikes[0]) < timesteps
    np.random.seed(arguments.seed)
    options = {} if arguments.threads is None else {"num_threads": arguments.threads}

    network = build_network(x_train.shape[1], arguments.hidden, max_spikes, spikes_per_example)
    serialiser = Numpy(str(arguments.output / "checkpoints"))
    compiler = EventPropCompiler(
        example_timesteps=timesteps,
        losses="sparse_categorical_crossentropy",
        optimiser=Adam(arguments.learning_rate),
        batch_size=arguments.batch_size,
        rng_seed=arguments.seed,
        max_spikes=2 * timesteps + 1,
        **options,
    )
    accuracies: list[float] = []
    compiled = compiler.compile(network)
    start = perf_counter()
    with compiled:
        metrics, _ = compiled.train(
            {network.layers[0]: spikes[0]},
            {network.layers[-1]: y_train},
            num_epochs=epochs,
            callbacks=[
                "batch_progress_bar",
                Checkpoint(serialiser, epoch_interval=max(1, epochs - 1)),
                LearningCurve(accuracies),
            ],
        )
        compiled.save((epochs - 1,), serialiser)
    seconds = perf_counter() - start
    train_accuracy = metrics[network.layers[-1]].result

    # The network takes the weights of the checkpoint, then a new compiler makes it ready.
    network.load((epochs - 1,), serialiser)
    compiler = InferenceCompiler(
        evaluate_timesteps=timesteps,
        batch_size=arguments.batch_size,
        reset_in_syn_between_batches=True,
        **options,
    )
    compiled = compiler.compile(network)
    with compiled:
        recorder = SpikeRecorder(network.layers[1], key="hidden", example_filter=[0, 1, 2, 3])
        metrics, recorded = compiled.evaluate(
            {network.layers[0]: spikes[1]},
            {network.layers[-1]: y_test},
            callbacks=["batch_progress_bar", recorder],
        )
    test_accuracy = metrics[network.layers[-1]].result

    picture = arguments.output / "training.png"
    draw(picture, recorded["hidden"], y_test, accuracies)
    print(f"picture: {picture}, checkpoints: {serialiser.path}")
    print(f"{epochs * len(x_train) / seconds:.0f} examples/s in training")
    print(f"train accuracy: {train_accuracy:.4f}")
    print(f"test accuracy: {test_accuracy:.4f}")


if __name__ == "__main__":
    main()

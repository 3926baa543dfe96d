"""Find out the time constants of neurons from recordings of their membrane potentials.

Neurons get known spikes through known synapses, and their potentials are recorded, with noise. What
is not known are the time constants of each membrane and of its synapses. A copy of the neurons
starts with the same guess for all of them and learns the time constants with EventProp, so that its
potentials become those of the recording. The weights stay as they are.

With the default options all time constants are found to within 1 % after some seconds (seeds 1 to
3).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback, OptimiserParamSchedule, VarRecorder
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import LeakyIntegrate, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import PreprocessedSpikes, preprocess_spikes

NUM_INPUTS = 20
NUM_NEURONS = 6
TIMESTEPS = 200  # of 1 ms
NUM_RECORDINGS = 32
NOISE = 0.05  # standard deviation; potentials go up to about 1
GUESS = {"tau_mem": 15.0, "tau_syn": 5.0}
NAMES = {"tau_mem": "TauMem", "tau_syn": "TauSyn"}

Parameters = dict[str, np.ndarray]


def draw_parameters(random: np.random.Generator) -> Parameters:
    """Time constants (ms) that are to be found."""
    return {
        "tau_mem": random.uniform(8.0, 40.0, NUM_NEURONS),
        "tau_syn": random.uniform(2.0, 8.0, NUM_NEURONS),
    }


def draw_spikes(random: np.random.Generator) -> list[PreprocessedSpikes]:
    """Input spikes of each recording, none in its last quarter."""
    return [
        preprocess_spikes(
            random.uniform(0.0, 0.75 * TIMESTEPS, 60),
            random.integers(0, NUM_INPUTS, 60),
            NUM_INPUTS,
        )
        for _ in range(NUM_RECORDINGS)
    ]


def build_network(weights: np.ndarray, parameters: Parameters) -> Network:
    """Inputs and leaky integrators."""
    network = Network(default_params)
    with network:
        inputs = Population(SpikeInput(max_spikes=60 * NUM_RECORDINGS), NUM_INPUTS, name="inputs")
        neuron = LeakyIntegrate(tau_mem=parameters["tau_mem"], readout="var")
        neurons = Population(neuron, NUM_NEURONS, name="neurons")
        Connection(inputs, neurons, Dense(weights), Exponential(parameters["tau_syn"]))
    return network


def record(network: Network, spikes: list[PreprocessedSpikes]) -> np.ndarray:
    """Potentials: (recordings, timesteps, neurons)."""
    inputs, neurons = network.populations
    compiler = InferenceCompiler(TIMESTEPS, batch_size=8, reset_in_syn_between_batches=True)
    with compiler.compile(network, "recording") as compiled:
        recorder = VarRecorder(neurons, "v", key="potentials")
        _, recorded = compiled.predict({inputs: spikes}, neurons, callbacks=[recorder])
    return np.array(recorded["potentials"])


class Watch(Callback):
    """Keeps what was learned after each epoch."""

    def __init__(self) -> None:
        self.values: dict[str, list[np.ndarray]] = {name: [] for name in NAMES}

    def set_params(self, compiled_network, **kwargs) -> None:
        """Called by the training loop."""
        self.variables = next(
            group.vars
            for pop, group in compiled_network.neuron_populations.items()
            if pop.name == "neurons"
        )

    def on_epoch_end(self, epoch: int, metrics: dict) -> None:
        """Called by the training loop."""
        for name, variable in NAMES.items():
            self.variables[variable].pull_from_device()
            self.values[name].append(self.variables[variable].values.copy())


def draw(path: Path, watch: Watch, true: Parameters) -> None:
    """Learned parameters over epochs, and dashed what they should become."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(true), figsize=(4 * len(true), 3.2))
    for axis, (name, values) in zip(axes, true.items(), strict=True):
        for neuron, value in enumerate(values):
            colour = f"C{neuron}"
            axis.plot([learned[neuron] for learned in watch.values[name]], color=colour)
            axis.axhline(value, color=colour, linestyle="dashed", linewidth=0.8)
        axis.set(title=name, xlabel="epoch", ylabel="ms")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Record, learn, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=150, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a picture, e.g. a.png")
    options = parser.parse_args()

    random = np.random.default_rng(options.seed)
    np.random.seed(options.seed)
    weights = random.uniform(0.2, 1.0, (NUM_INPUTS, NUM_NEURONS))
    spikes, true = draw_spikes(random), draw_parameters(random)
    potentials = record(build_network(weights, true), spikes)
    potentials += random.normal(0.0, NOISE, potentials.shape)

    network = build_network(weights, GUESS)
    inputs, neurons = network.populations
    compiler = EventPropCompiler(
        TIMESTEPS,
        losses="mean_square_error",
        optimiser=Adam(1e-30),  # of the weights, which are known
        batch_size=8,
        learn={neurons: tuple(NAMES)},
        param_optimiser=Adam(0.05),
    )
    watch = Watch()
    slower = OptimiserParamSchedule("alpha", lambda epoch, alpha: alpha * (0.97 if epoch else 1.0))
    with compiler.compile(network, "fit") as compiled:
        compiled.train(
            {inputs: spikes},
            {neurons: potentials},
            options.epochs,
            metrics=None,
            callbacks=[watch, slower],
        )
    for name, values in true.items():
        found = watch.values[name][-1]
        print(f"{name:8} true  {np.array2string(values, precision=3)}")
        print(f"{'':8} found {np.array2string(found, precision=3)}")
    errors = [np.abs(watch.values[name][-1] / true[name] - 1.0).max() for name in NAMES]
    print(f"largest error of a time constant: {100 * max(errors):.1f} %")
    if options.plot:
        draw(options.plot, watch, true)


if __name__ == "__main__":
    main()

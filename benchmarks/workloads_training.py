"""Training: EventProp and e-prop on images, spike trains and patterns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from data import count_max, encode_latency, load_images, random_spikes
from floors import with_floor
from measure import Case, Options, Request, each, workload
from workloads_inference import recurrent_network

EXAMPLE_TIME = 20
E_PROP_REPEATS = 3
"""Epochs, of which the fastest counts: in the first one memory of the traces is new."""
SCE = "sparse_categorical_crossentropy"


def mnist_network(max_spikes: int) -> Any:
    """784-128-10: leaky integrate-and-fire neurons, leaky integrators with average."""
    from mlgenn_rs import InputLayer, Layer, SequentialNetwork
    from mlgenn_rs.compilers.event_prop_compiler import default_params
    from mlgenn_rs.connectivity import Dense
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
    from mlgenn_rs.synapses import Exponential

    network = SequentialNetwork(default_params)
    with network:
        InputLayer(SpikeInput(max_spikes=max_spikes), 784, name="Input")
        hidden = LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0)
        Layer(Dense(Normal(0.054, 0.031)), hidden, 128, Exponential(5.0), name="Hidden")
        output = LeakyIntegrate(tau_mem=20.0, readout="avg_var")
        Layer(Dense(Normal(0.2, 0.37)), output, 10, Exponential(5.0), name="Output")
    return network


def event_prop_compiler(batch_size: int, **options: Any) -> Any:
    """EventProp for the MNIST network."""
    from mlgenn_rs.compilers import EventPropCompiler
    from mlgenn_rs.optimisers import Adam

    return EventPropCompiler(
        example_timesteps=EXAMPLE_TIME,
        losses=SCE,
        optimiser=Adam(0.01),
        batch_size=batch_size,
        rng_seed=1234,
        max_spikes=2 * EXAMPLE_TIME + 1,
        **options,
    )


def mnist_variants(request: Request) -> Iterator[Options]:
    """Batch sizes 1, 32 and 128 for each number of threads."""
    sizes = ((2, 6),) if request.smoke else ((1, 4000), (32, 30000), (128, 30000))
    for threads in request.threads:
        for batch_size, examples in sizes:
            mnist = str(request.mnist) if request.mnist else None
            yield {
                "batch_size": batch_size,
                "threads": threads,
                "examples": examples,
                "mnist": mnist,
            }


@workload(mnist_variants)
@with_floor
def train_mnist(batch_size: int, threads: int, examples: int, mnist: str | None = None) -> Case:
    """EventProp on latency-coded 28 x 28 images, 784-128-10, 20 timesteps: one epoch."""
    images, labels = load_images(examples, mnist)
    spikes = encode_latency(images, EXAMPLE_TIME - 4.0)
    network = mnist_network(count_max(spikes, batch_size))
    compiler = event_prop_compiler(batch_size, num_threads=threads)
    x, y = {network.layers[0]: spikes}, {network.layers[-1]: labels}
    return Case(network, compiler, x, y, examples, train={"num_epochs": 1})


@workload(each(batch_size=(32,), dt=((0.01, 0.1), (1.0,)), examples=((256,), (64,))))
@with_floor
def train_yin_yang(batch_size: int, dt: float, examples: int, threads: int) -> Case:
    """EventProp on the yin-yang data set, 5-200-3, 30 ms."""
    from mlgenn_rs import InputLayer, Layer, SequentialNetwork
    from mlgenn_rs.compilers import EventPropCompiler
    from mlgenn_rs.compilers.event_prop_compiler import default_params
    from mlgenn_rs.connectivity import Dense
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
    from mlgenn_rs.optimisers import Adam
    from mlgenn_rs.synapses import Exponential
    from mlgenn_rs.utils.data import generate_yin_yang_dataset

    time = 30.0
    np.random.seed(2)
    spikes, labels = generate_yin_yang_dataset(examples, time - 4.0, 2.0)
    network = SequentialNetwork(default_params)
    with network:
        source = InputLayer(SpikeInput(max_spikes=batch_size * 5), 5, name="In")
        neuron = LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0)
        Layer(Dense(Normal(1.9, 0.78)), neuron, 200, Exponential(5.0), name="Hidden")
        output = LeakyIntegrate(tau_mem=20.0, readout="max_var")
        target = Layer(Dense(Normal(0.93, 0.1)), output, 3, Exponential(5.0), name="Output")
    compiler = EventPropCompiler(
        example_timesteps=round(time / dt),
        losses=SCE,
        optimiser=Adam(0.003),
        batch_size=batch_size,
        dt=dt,
        rng_seed=1234,
        max_spikes=100,
        num_threads=threads,
    )
    x, y = {source: spikes}, {target: labels}
    return Case(network, compiler, x, y, examples, train={"num_epochs": 1})


@workload(
    each(
        hidden=((256,), (16,)),
        batch_size=((32,), (2,)),
        timesteps=((1000,), (30,)),
        input_spikes=((5700,), (100,)),
        examples=((96,), (6,)),
    )
)
@with_floor
def train_recurrent(
    hidden: int,
    batch_size: int,
    timesteps: int,
    input_spikes: int,
    examples: int,
    threads: int,
) -> Case:
    """EventProp on random spike trains: 700 inputs, densely recurrent, 20 outputs."""
    from mlgenn_rs.compilers import EventPropCompiler
    from mlgenn_rs.compilers.event_prop_compiler import default_params
    from mlgenn_rs.optimisers import Adam

    network, source, target, spikes = recurrent_network(
        hidden, batch_size, timesteps, input_spikes, examples, default_params
    )
    compiler = EventPropCompiler(
        example_timesteps=timesteps,
        losses=SCE,
        optimiser=Adam(0.001),
        batch_size=batch_size,
        reg_lambda_upper=4e-9,
        reg_lambda_lower=4e-9,
        reg_nu_upper=14,
        max_spikes=1500,
        rng_seed=1234,
        num_threads=threads,
    )
    x, y = {source: spikes}, {target: np.arange(examples) % 20}
    return Case(network, compiler, x, y, examples, train={"num_epochs": 1})


def e_prop_compiler(timesteps: int, loss: str, batch_size: int, threads: int, alpha: float) -> Any:
    """e-prop with Adam."""
    from mlgenn_rs.compilers import EPropCompiler
    from mlgenn_rs.optimisers import Adam

    return EPropCompiler(
        example_timesteps=timesteps,
        losses=loss,
        optimiser=Adam(alpha),
        batch_size=batch_size,
        rng_seed=1234,
        num_threads=threads,
    )


@workload(
    each(
        batch_size=((32,), (2,)), timesteps=((100,), (20,)), examples=((320,), (4,)), mnist=(None,)
    )
)
@with_floor
def e_prop_mnist(
    batch_size: int, timesteps: int, examples: int, threads: int, mnist: str | None = None
) -> Case:
    """e-prop on latency-coded 28 x 28 images, 784-128-10."""
    from mlgenn_rs import InputLayer, Layer, SequentialNetwork
    from mlgenn_rs.compilers.eprop_compiler import default_params
    from mlgenn_rs.connectivity import Dense
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput

    images, labels = load_images(examples, mnist)
    spikes = encode_latency(images, timesteps - 4.0)
    network = SequentialNetwork(default_params)
    with network:
        neuron = SpikeInput(max_spikes=count_max(spikes, batch_size))
        source = InputLayer(neuron, 784, name="In")
        hidden = LeakyIntegrateFire(v_thresh=0.61, tau_mem=20.0, tau_refrac=5.0)
        Layer(Dense(Normal(0.0, 1.0 / np.sqrt(784.0))), hidden, 128, name="Hidden")
        output = LeakyIntegrate(tau_mem=20.0, readout="sum_var")
        target = Layer(Dense(Normal(0.0, 1.0 / np.sqrt(128.0))), output, 10, name="Output")
    compiler = e_prop_compiler(timesteps, SCE, batch_size, threads, 0.003)
    x, y = {source: spikes}, {target: labels}
    return Case(network, compiler, x, y, examples, train={"num_epochs": 1}, repeats=E_PROP_REPEATS)


@workload(
    each(
        hidden=((256,), (16,)),
        batch_size=((32,), (2,)),
        timesteps=((1000,), (30,)),
        input_spikes=((5700,), (100,)),
    )
)
@with_floor
def e_prop_recurrent(
    hidden: int, batch_size: int, timesteps: int, input_spikes: int, threads: int
) -> Case:
    """e-prop on random spike trains: 700 inputs, recurrent adaptive neurons, 20 outputs."""
    from mlgenn_rs import Connection, Network, Population
    from mlgenn_rs.compilers.eprop_compiler import default_params
    from mlgenn_rs.connectivity import Dense
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import AdaptiveLeakyIntegrateFire, LeakyIntegrate, SpikeInput

    spikes = random_spikes(batch_size, 700, input_spikes, timesteps - 4.0)
    network = Network(default_params)
    with network:
        neuron = SpikeInput(max_spikes=count_max(spikes, batch_size))
        source = Population(neuron, 700, name="In")
        adaptive = AdaptiveLeakyIntegrateFire(
            v_thresh=0.6, tau_mem=20.0, tau_refrac=5.0, tau_adapt=2000.0, beta=0.0174
        )
        middle = Population(adaptive, hidden, name="Hidden")
        readout = LeakyIntegrate(tau_mem=20.0, readout="sum_var")
        target = Population(readout, 20, name="Output")
        for name, ends, size in (
            ("In_Hidden", (source, middle), 700),
            ("Hidden_Hidden", (middle, middle), hidden),
            ("Hidden_Output", (middle, target), hidden),
        ):
            Connection(*ends, Dense(Normal(0.0, 1.0 / np.sqrt(size))), name=name)
    compiler = e_prop_compiler(timesteps, SCE, batch_size, threads, 0.001)
    x, y = {source: spikes}, {target: np.arange(batch_size) % 20}
    return Case(
        network, compiler, x, y, batch_size, train={"num_epochs": 1}, repeats=E_PROP_REPEATS
    )


@workload(each(hidden=((600,), (20,)), timesteps=((1000,), (50,)), epochs=((10,), (2,))))
@with_floor
def e_prop_pattern(hidden: int, timesteps: int, epochs: int, threads: int) -> Case:
    """e-prop that learns to draw three sums of sines: 20 inputs, recurrent, 3 outputs."""
    from mlgenn_rs import Connection, Network, Population
    from mlgenn_rs.compilers.eprop_compiler import default_params
    from mlgenn_rs.connectivity import Dense
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
    from mlgenn_rs.utils.data import preprocess_spikes

    # The inputs take turns; the one whose turn it is spikes every tenth timestep
    times = np.arange(0, timesteps, 10)
    ids = (times * 20) // timesteps
    spikes = [preprocess_spikes(times.astype(np.float32), ids, 20)]
    t = np.arange(timesteps) / 1000.0
    random = np.random.default_rng(5)
    target_values = np.zeros((1, timesteps, 3))
    for frequency in (1.0, 2.0, 3.0, 5.0):
        amplitude, phase = random.uniform(0.5, 2.0, 3), random.uniform(0.0, 2.0 * np.pi, 3)
        sines = np.sin(2.0 * np.pi * frequency * t[:, np.newaxis] + phase)
        target_values[0] += amplitude * sines
    network = Network(default_params)
    with network:
        source = Population(SpikeInput(max_spikes=len(times)), 20, name="In")
        neuron = LeakyIntegrateFire(v_thresh=0.61, tau_mem=20.0, tau_refrac=5.0)
        middle = Population(neuron, hidden, name="Hidden")
        output = LeakyIntegrate(tau_mem=20.0, readout="var")
        target = Population(output, 3, name="Output")
        for name, ends, size in (
            ("In_Hidden", (source, middle), 20),
            ("Hidden_Hidden", (middle, middle), hidden),
            ("Hidden_Output", (middle, target), hidden),
        ):
            Connection(*ends, Dense(Normal(0.0, 1.0 / np.sqrt(size))), name=name)
    compiler = e_prop_compiler(timesteps, "mean_square_error", 1, threads, 0.003)
    return Case(
        network,
        compiler,
        {source: spikes},
        {target: target_values},
        epochs,
        train={"num_epochs": epochs, "metrics": None, "report_loss": True},
    )

"""Inference: a perceptron, convolutional networks, recurrent networks dense and sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
from data import count_max, encode_latency, encode_rate, load_images, random_spikes
from floors import with_floor
from measure import Case, each, workload

EVALUATE_TIMESTEPS = 100


def inference(network: Any, timesteps: int, batch_size: int, threads: int) -> Any:
    """Return the compiler of a network."""
    from mlgenn_rs.compilers import InferenceCompiler

    return InferenceCompiler(
        timesteps,
        batch_size=batch_size,
        rng_seed=1,
        num_threads=threads,
        reset_in_syn_between_batches=True,
    )


@workload(
    each(code=("rate", "latency"), batch_size=(32,), examples=((2048,), (32,)), mnist=(None,))
)
@with_floor
def mlp_inference(
    code: str, batch_size: int, examples: int, threads: int, mnist: str | None = None
) -> Case:
    """784-128-10 on images: leaky integrate-and-fire neurons, mean of leaky integrators."""
    from mlgenn_rs import InputLayer, Layer, SequentialNetwork
    from mlgenn_rs.connectivity import Dense
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput

    images, _ = load_images(examples, mnist)
    timesteps = EVALUATE_TIMESTEPS
    spikes = (
        encode_rate(images, timesteps)
        if code == "rate"
        else encode_latency(images, timesteps - 4.0)
    )
    network = SequentialNetwork()
    with network:
        source = InputLayer(SpikeInput(max_spikes=count_max(spikes, batch_size)), 784, name="In")
        neuron = LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0)
        Layer(Dense(Normal(0.03, 0.1)), neuron, 128, name="Hidden")
        output = LeakyIntegrate(tau_mem=20.0, readout="avg_var")
        target = Layer(Dense(Normal(0.0, 0.2)), output, 10, name="Output")
    compiler = inference(network, timesteps, batch_size, threads)
    return Case(network, compiler, {source: spikes}, {target: None}, examples, repeats=3)


@workload(each(depth=(1, 2), batch_size=((32,), (2,)), examples=((64,), (2,)), mnist=(None,)))
@with_floor
def convolutional_inference(
    depth: int, batch_size: int, examples: int, threads: int, mnist: str | None = None
) -> Case:
    """Convolution 3 x 3 to 16, [pooling, convolution to 32,] pooling to 10: integrate and fire."""
    from mlgenn_rs import InputLayer, Layer, SequentialNetwork
    from mlgenn_rs.connectivity import AvgPoolConv2D, AvgPoolDense2D, Conv2D
    from mlgenn_rs.neurons import IntegrateFire, IntegrateFireInput

    images, _ = load_images(examples, mnist)
    random = np.random.default_rng(1)

    def weights(*shape: int, mean: float, sd: float) -> np.ndarray:
        return random.normal(mean, sd, shape).astype(np.float32)

    network = SequentialNetwork()
    with network:
        source = InputLayer(IntegrateFireInput(), (28, 28, 1), name="In")
        kernel = weights(3, 3, 1, 16, mean=0.1, sd=0.2)
        Layer(Conv2D(kernel, 16, 3), IntegrateFire(), name="Conv1")
        pooled = 13 * 13 * 16
        if depth == 2:
            kernel = weights(3, 3, 16, 32, mean=0.03, sd=0.1)
            Layer(AvgPoolConv2D(kernel, 32, 2, 3), IntegrateFire(), name="Conv2")
            pooled = 5 * 5 * 32
        dense = AvgPoolDense2D(weights(pooled, 10, mean=0.01, sd=0.05), 2)
        target = Layer(dense, IntegrateFire(readout="spike_count"), 10, name="Output")
    x = images.reshape(-1, 28, 28, 1) * np.float32(0.5 / 255.0)
    compiler = inference(network, EVALUATE_TIMESTEPS, batch_size, threads)
    return Case(network, compiler, {source: x}, {target: None}, examples, repeats=3)


@workload(
    each(
        hidden=((256, 1024), (16,)),
        batch_size=(32,),
        timesteps=((1400,), (20,)),
        input_spikes=((8000,), (100,)),
    )
)
@with_floor
def recurrent_inference(
    hidden: int, batch_size: int, timesteps: int, input_spikes: int, threads: int
) -> Case:
    """700 inputs, densely recurrent leaky integrate-and-fire neurons, 20 leaky integrators."""
    # Currents are scaled as in training: otherwise every neuron would spike in every timestep
    from mlgenn_rs.compilers.event_prop_compiler import default_params

    network, source, target, spikes = recurrent_network(
        hidden, batch_size, timesteps, input_spikes, batch_size, default_params
    )
    compiler = inference(network, timesteps, batch_size, threads)
    return Case(network, compiler, {source: spikes}, {target: None}, batch_size, repeats=3)


def recurrent_network(
    hidden: int,
    batch_size: int,
    timesteps: int,
    input_spikes: int,
    examples: int,
    default_params: dict[type, dict[str, Any]],
) -> tuple[Any, Any, Any, list[Any]]:
    """Return a network, its input and output, and random examples."""
    from mlgenn_rs import Connection, Network, Population
    from mlgenn_rs.connectivity import Dense
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
    from mlgenn_rs.synapses import Exponential

    spikes = random_spikes(examples, 700, input_spikes, timesteps - 4.0)
    network = Network(default_params)
    with network:
        source = Population(SpikeInput(max_spikes=count_max(spikes, batch_size)), 700, name="In")
        neuron = LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0)
        middle = Population(neuron, hidden, name="Hidden")
        readout = LeakyIntegrate(tau_mem=20.0, readout="avg_var")
        target = Population(readout, 20, name="Output")
        for name, ends, weights in (
            ("In_Hidden", (source, middle), Normal(0.03, 0.01)),
            ("Hidden_Hidden", (middle, middle), Normal(0.0, 0.02)),
            ("Hidden_Output", (middle, target), Normal(0.0, 0.03)),
        ):
            Connection(*ends, Dense(weights), Exponential(5.0), name=name)
    return network, source, target, spikes


@workload(
    each(
        neurons=((1000, 4000, 10000), (100,)),
        batch_size=((1, 8), (1,)),
        timesteps=((1000,), (20,)),
    )
)
@with_floor
def sparse_recurrent(neurons: int, batch_size: int, timesteps: int, threads: int) -> Case:
    """Poisson drive of 10 Hz, LIF, 10 % recurrent connections, exponential synapses.

    Neurons spike about once for each spike of the drive, as in the figures of other packages.
    """
    from mlgenn_rs import Connection, Network, Population
    from mlgenn_rs.connectivity import FixedProbability, OneToOne
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import LeakyIntegrateFire, PoissonInput
    from mlgenn_rs.synapses import Exponential

    network = Network()
    with network:
        source = Population(PoissonInput(), neurons, name="Drive")
        target = Population(LeakyIntegrateFire(tau_mem=20.0), neurons, name="Neurons")
        Connection(source, target, OneToOne(0.35), Exponential(5.0), name="In")
        random = FixedProbability(0.1, Normal(0.0, 0.002))
        Connection(target, target, random, Exponential(5.0), name="Recurrent")
    rates = np.full((batch_size, neurons), 0.01, dtype=np.float32)
    return Case(
        network,
        inference(network, timesteps, batch_size, threads),
        {source: rates},
        {},
        timesteps * batch_size,
        timesteps=timesteps,
        repeats=3,
    )

"""The workloads: each builds a network, runs it and returns what it measured."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

WORKLOADS: dict[str, Any] = {}
REPEATS = 5
EXAMPLE_TIME = 20


def workload(variants: Callable[..., Iterator[dict[str, Any]]]) -> Callable[[Any], Any]:
    """Register a function together with the options that it is run with."""

    def register(function: Any) -> Any:
        function.variants = variants
        WORKLOADS[function.__name__] = function
        return function

    return register


def once(threads: list[int], mnist: Path | None) -> Iterator[dict[str, Any]]:
    """No options."""
    yield {}


def peak_memory_mib() -> float:
    """Largest resident size of this process."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def fastest(function: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Smallest wall time of several calls in seconds."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


def latency_images(count: int, mnist: str | None) -> tuple[list[Any], np.ndarray]:
    """Latency-coded images and their labels: MNIST, or noise of the same density."""
    from mlgenn_rs.utils.data import linear_latency_encode_data

    if mnist:
        with np.load(mnist) as data:
            keys = {key.lower(): key for key in data.files}
            images, labels = data[keys["x_train"]][:count], data[keys["y_train"]][:count]
    else:
        random = np.random.default_rng(1)
        images = random.integers(2, 256, (count, 28, 28)) * (random.random((count, 28, 28)) < 0.19)
        images, labels = images.astype(np.uint8), random.integers(0, 10, count)
    return linear_latency_encode_data(images.reshape(count, -1), EXAMPLE_TIME - 4.0), labels


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
        losses="sparse_categorical_crossentropy",
        optimiser=Adam(0.01),
        batch_size=batch_size,
        rng_seed=1234,
        max_spikes=2 * EXAMPLE_TIME + 1,
        **options,
    )


def train_variants(threads: list[int], mnist: Path | None) -> Iterator[dict[str, Any]]:
    """Batch sizes 1, 32 and 128 for each number of threads."""
    for count in threads:
        for batch_size, examples in ((1, 4000), (32, 30000), (128, 30000)):
            yield {
                "batch_size": batch_size,
                "threads": count,
                "examples": examples,
                "mnist": str(mnist) if mnist else None,
            }


@workload(train_variants)
def train_mnist(
    batch_size: int, threads: int, examples: int, mnist: str | None = None
) -> dict[str, Any]:
    """EventProp on latency-coded 28 x 28 images, 784-128-10, 20 timesteps: one epoch."""
    spikes, labels = latency_images(examples, mnist)
    network = mnist_network(batch_size * max(len(example.spike_times) for example in spikes))
    np.random.seed(1)
    start = perf_counter()
    compiled = event_prop_compiler(batch_size, num_threads=threads).compile(network)
    inputs, outputs = {network.layers[0]: spikes}, {network.layers[-1]: labels}
    with compiled:
        compile_seconds = perf_counter() - start
        start, cpu_start = perf_counter(), process_time()
        metrics, _ = compiled.train(inputs, outputs, num_epochs=1, callbacks=[])
        seconds, cpu_seconds = perf_counter() - start, process_time() - cpu_start
    return {
        "items_per_second": round(examples / seconds, 1),
        "seconds": round(seconds, 4),
        "cpu_seconds": round(cpu_seconds, 4),
        "compile_seconds": round(compile_seconds, 4),
        "accuracy": round(metrics[network.layers[-1]].result, 4),
        "peak_memory_mib": peak_memory_mib(),
    }


@workload(once)
def compile_and_load() -> dict[str, Any]:
    """Compile and load the MNIST network for EventProp at batch size 32."""
    network = mnist_network(32 * 300)
    compiler = event_prop_compiler(32)

    def run() -> None:
        compiled = compiler.compile(network)
        with compiled:
            pass

    return {"seconds": round(fastest(run), 5), "peak_memory_mib": peak_memory_mib()}


def tiny_model(batch_size: int = 1) -> Any:
    """Two populations of ten leaky integrate-and-fire neurons with a dense connection."""
    from mlgenn_rs import engine

    model = engine.GeNNModel("float", "tiny", backend="cpu", num_threads=1)
    model.dt, model.batch_size, model.seed = 1.0, batch_size, 1
    lif = engine.create_neuron_model(
        "Leaky",
        params=["Alpha", "Input"],
        vars=[("V", "scalar")],
        sim_code="V = (Alpha * V) + Isyn + Input;",
        threshold_condition_code="V >= 1.0",
        reset_code="V = 0.0;",
    )
    populations = [
        model.add_neuron_population(name, 10, lif, {"Alpha": 0.95, "Input": drive}, {"V": 0.0})
        for name, drive in (("A", 0.2), ("B", 0.0))
    ]
    pulse = engine.init_weight_update("StaticPulse", {}, {"g": 0.1})
    decay = engine.init_postsynaptic("ExpCurr", {"tau": 5.0})
    model.add_synapse_population("S", "DENSE", *populations, pulse, decay)
    model.build()
    model.load()
    return model


@workload(once)
def empty_timestep() -> dict[str, Any]:
    """Fixed cost of a timestep: two populations of ten neurons, 100,000 timesteps in one plan."""
    model, timesteps = tiny_model(), 100_000
    seconds = fastest(lambda: model.run(timesteps))
    return {"seconds_per_timestep": seconds / timesteps, "peak_memory_mib": peak_memory_mib()}


@workload(once)
def empty_batch() -> dict[str, Any]:
    """Fixed cost of handing over a plan of one timestep from Python."""
    model, plans = tiny_model(), 2000

    def run() -> None:
        for _ in range(plans):
            model.run(1)

    return {"seconds_per_batch": fastest(run) / plans, "peak_memory_mib": peak_memory_mib()}


@workload(once)
def import_package() -> dict[str, Any]:
    """Import the package in a fresh interpreter."""

    def run(code: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    with_package = fastest(run("import mlgenn_rs.compilers"))
    return {"seconds": round(with_package - fastest(run("import numpy, tqdm.auto")), 4)}


def recurrent_variants(threads: list[int], mnist: Path | None) -> Iterator[dict[str, Any]]:
    """One thousand and four thousand neurons."""
    for count in threads:
        for neurons in (1000, 4000):
            yield {"neurons": neurons, "threads": count, "batch_size": 8}


@workload(recurrent_variants)
def sparse_recurrent(neurons: int, threads: int, batch_size: int) -> dict[str, Any]:
    """Poisson drive of 10 Hz, LIF, 10 % recurrent connections, exponential synapses."""
    from mlgenn_rs import Connection, Network, Population
    from mlgenn_rs.compilers import InferenceCompiler
    from mlgenn_rs.connectivity import FixedProbability, OneToOne
    from mlgenn_rs.initializers import Normal
    from mlgenn_rs.neurons import LeakyIntegrateFire, PoissonInput
    from mlgenn_rs.synapses import Exponential

    timesteps = 1000
    network = Network()
    with network:
        source = Population(PoissonInput(), neurons, name="Drive")
        target = Population(LeakyIntegrateFire(tau_mem=20.0), neurons, name="Neurons")
        Connection(source, target, OneToOne(1.2), Exponential(5.0), name="In")
        random = FixedProbability(0.1, Normal(0.0, 0.002))
        Connection(target, target, random, Exponential(5.0), name="Recurrent")
    start = perf_counter()
    compiled = InferenceCompiler(
        timesteps, batch_size=batch_size, rng_seed=1, num_threads=threads
    ).compile(network)
    rates = np.full((batch_size, neurons), 0.01, dtype=np.float32)
    with compiled:
        compile_seconds = perf_counter() - start
        compiled.set_input({source: rates})
        seconds = fastest(lambda: compiled.genn_model.run(timesteps), 3)
        potential = compiled.neuron_populations[target].vars["V"].view
        checksum = float(np.abs(potential).sum())
    return {
        "items_per_second": round(timesteps * batch_size / seconds, 1),
        "compile_seconds": round(compile_seconds, 4),
        "checksum": checksum,
        "peak_memory_mib": peak_memory_mib(),
    }

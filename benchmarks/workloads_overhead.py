"""Fixed costs: import, compilation, a timestep and a batch of next to nothing, work of the host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from data import count_max, encode_latency, load_images
from measure import Options, Request, fastest, once, peak_memory_mib, workload


def with_smoke(request: Request) -> Iterator[Options]:
    """Run once, with little work in a smoke run."""
    yield {"smoke": True} if request.smoke else {}


@workload(once)
def compile_and_load() -> dict[str, Any]:
    """Compile and load the MNIST network for EventProp at batch size 32."""
    from workloads_training import event_prop_compiler, mnist_network

    network = mnist_network(32 * 300)
    compiler = event_prop_compiler(32)

    def run() -> None:
        with compiler.compile(network):
            pass

    return {"seconds": round(fastest(run)[0], 5), "peak_memory_mib": peak_memory_mib()}


def tiny_model() -> Any:
    """Two populations of ten leaky integrate-and-fire neurons with a dense connection."""
    from mlgenn_rs import engine

    model = engine.GeNNModel("float", "tiny", backend="cpu", num_threads=1)
    model.dt, model.batch_size, model.seed = 1.0, 1, 1
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


@workload(with_smoke)
def empty_timestep(smoke: bool = False) -> dict[str, Any]:
    """Fixed cost of a timestep: two populations of ten neurons, 100,000 timesteps in one plan."""
    model, timesteps = tiny_model(), 1000 if smoke else 100_000
    seconds, _ = fastest(lambda: model.run(timesteps))
    return {"seconds_per_timestep": seconds / timesteps, "peak_memory_mib": peak_memory_mib()}


@workload(with_smoke)
def empty_batch(smoke: bool = False) -> dict[str, Any]:
    """Fixed cost of handing over a plan of one timestep from Python."""
    model, plans = tiny_model(), 50 if smoke else 2000

    def run() -> None:
        for _ in range(plans):
            model.run(1)

    return {"seconds_per_batch": fastest(run)[0] / plans, "peak_memory_mib": peak_memory_mib()}


@workload(with_smoke)
def import_package(smoke: bool = False) -> dict[str, Any]:
    """Import the package in a fresh interpreter, beyond what numpy and tqdm take."""

    def seconds_of(code: str) -> float:
        def run() -> None:
            subprocess.run([sys.executable, "-c", code], check=True)

        return fastest(run, 1 if smoke else 5)[0]

    return {
        "seconds": round(
            seconds_of("import mlgenn_rs.compilers") - seconds_of("import numpy, tqdm.auto"), 4
        )
    }


def overhead_variants(request: Request) -> Iterator[Options]:
    """Training and prediction with batches of 512 and of one example."""
    for batch_size, examples in ((2, 6),) if request.smoke else ((512, 20_000), (1, 3000)):
        for task in ("train", "predict"):
            yield {"task": task, "batch_size": batch_size, "examples": examples}


@workload(overhead_variants)
def batch_overhead(task: str, batch_size: int, examples: int) -> dict[str, Any]:
    """Work of the host in a batch: spikes of 784 inputs, a network of next to nothing, 1 timestep.

    Uses the backend that is used by default, and its threads.
    """
    from mlgenn_rs import InputLayer, Layer, SequentialNetwork
    from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
    from mlgenn_rs.compilers.event_prop_compiler import default_params
    from mlgenn_rs.connectivity import Dense
    from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
    from mlgenn_rs.synapses import Exponential

    images, labels = load_images(examples, None)
    spikes = encode_latency(images, 16.0)
    network = SequentialNetwork(default_params)
    with network:
        source = InputLayer(SpikeInput(max_spikes=count_max(spikes, batch_size)), 784)
        Layer(Dense(0.01), LeakyIntegrateFire(), 2, Exponential(5.0))
        neuron = LeakyIntegrate(readout="avg_var")
        target = Layer(Dense(0.01), neuron, 10, Exponential(5.0))
    compiler: Any
    if task == "train":
        losses = "sparse_categorical_crossentropy"
        compiler = EventPropCompiler(1, losses, batch_size=batch_size, rng_seed=1, max_spikes=4)
    else:
        compiler = InferenceCompiler(1, batch_size=batch_size)
    with compiler.compile(network, "overhead") as compiled:

        def run() -> None:
            if task == "train":
                compiled.train({source: spikes}, {target: labels}, num_epochs=1, callbacks=[])
            else:
                compiled.predict({source: spikes}, target, callbacks=[])

        run()
        seconds, _ = fastest(run)
    batches = -(-examples // batch_size)
    return {"seconds_per_batch": seconds / batches, "peak_memory_mib": peak_memory_mib()}

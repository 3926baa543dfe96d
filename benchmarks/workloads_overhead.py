"""Fixed costs: import, compilation, a timestep and a batch of next to nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

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

"""Other packages on the same tasks, where they are installed: ``run.py --peer NAME``.

They take the same examples and sizes as the workloads of the same name.  What they need before the
first timestep (code generation, tracing) counts as compilation.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from data import load_images
from measure import each, fastest, peak_memory_mib

PEERS: dict[str, dict[str, Any]] = {"brian2": {}, "snntorch": {}, "spyx": {}}
NEEDED = {"brian2": ("brian2",), "snntorch": ("snntorch", "torch"), "spyx": ("spyx", "jax")}


def find_missing(peer: str) -> str:
    """Return a message that names the modules which a peer needs and which are missing."""
    missing = [name for name in NEEDED[peer] if importlib.util.find_spec(name) is None]
    return f"missing: {', '.join(missing)}" if missing else ""


def peer(name: str, **variants: Any) -> Callable[[Any], Any]:
    """Register a workload of a peer."""

    def register(function: Any) -> Any:
        function.variants = each(**variants)
        PEERS[name][function.__name__.removeprefix(f"{name}_")] = function
        return function

    return register


def report(
    items: int, compile_seconds: float, times: tuple[float, float], checksum: float
) -> dict[str, Any]:
    """Return figures as workloads do."""
    seconds, cpu_seconds = times
    return {
        "items_per_second": round(items / seconds, 1),
        "seconds": round(seconds, 4),
        "cpu_seconds": round(cpu_seconds, 4),
        "compile_seconds": round(compile_seconds, 4),
        "checksum": checksum,
        "peak_memory_mib": peak_memory_mib(),
    }


def encode_dense(images: np.ndarray, timesteps: int, code: str) -> np.ndarray:
    """Return spikes as zeros and ones: timesteps, examples, neurons."""
    flat = images.reshape(len(images), -1)
    if code == "rate":
        random = np.random.default_rng(2)
        return (random.random((timesteps, *flat.shape)) < flat * (0.1 / 255.0)).astype(np.float32)
    steps = np.ceil((255.0 - flat) / 255.0 * (timesteps - 4.0)).astype(int)
    dense = np.zeros((timesteps, *flat.shape), dtype=np.float32)
    examples, neurons = np.nonzero(flat > 1)
    dense[steps[examples, neurons], examples, neurons] = 1.0
    return dense


@peer("brian2", neurons=((1000, 4000, 10000), (100,)), timesteps=((1000,), (20,)))
def brian2_sparse_recurrent(neurons: int, timesteps: int, threads: int) -> dict[str, Any]:
    """Poisson drive of 10 Hz, LIF, 10 % recurrent connections; on one thread."""
    import brian2 as b

    b.prefs.codegen.target = "cython"
    b.defaultclock.dt = 1.0 * b.ms
    b.seed(1)
    np.random.seed(1)
    start = perf_counter()
    equations = """
    dv/dt = (-v + current) / (20*ms) : 1
    dcurrent/dt = -current / (5*ms) : 1
    """
    group = b.NeuronGroup(neurons, equations, threshold="v > 1", reset="v = 0", method="exact")
    drive = b.PoissonGroup(neurons, rates=10 * b.Hz)
    inputs = b.Synapses(drive, group, on_pre="current_post += 0.35 * 20 / 5")
    inputs.connect(j="i")
    recurrent = b.Synapses(group, group, "w : 1", on_pre="current_post += w * 20 / 5")
    recurrent.connect(p=0.1)
    recurrent.w = "0.002 * randn()"
    network = b.Network(group, drive, inputs, recurrent)
    network.run(1 * b.ms)
    compile_seconds = perf_counter() - start
    times = fastest(lambda: network.run(timesteps * b.ms), 3)
    return report(timesteps, compile_seconds, times, float(np.abs(group.v[:]).sum()))


@peer(
    "snntorch",
    code=("rate", "latency"),
    batch_size=(32,),
    examples=((512,), (32,)),
    mnist=(None,),
)
def snntorch_mlp_inference(
    code: str, batch_size: int, examples: int, threads: int, mnist: str | None = None
) -> dict[str, Any]:
    """784-128-10 on images, 100 timesteps; inputs are dense before time is taken."""
    import snntorch
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    spikes = torch.from_numpy(encode_dense(load_images(examples, mnist)[0], 100, code))
    start = perf_counter()
    first, second = torch.nn.Linear(784, 128, bias=False), torch.nn.Linear(128, 10, bias=False)
    torch.nn.init.normal_(first.weight, 0.03, 0.1)
    torch.nn.init.normal_(second.weight, 0.0, 0.2)
    beta = float(np.exp(-1.0 / 20.0))
    hidden = snntorch.Leaky(beta=beta, threshold=1.0)
    output = snntorch.Leaky(beta=beta, reset_mechanism="none")

    def run() -> float:
        total = 0.0
        with torch.no_grad():
            for batch in range(0, examples, batch_size):
                state, readout = hidden.init_leaky(), output.init_leaky()
                mean = 0.0
                for step in spikes[:, batch : batch + batch_size]:
                    emitted, state = hidden(first(step), state)
                    _, readout = output(second(emitted), readout)
                    mean = mean + readout / 100.0
                total += float(torch.as_tensor(mean).abs().sum())
        return total

    run()
    compile_seconds = perf_counter() - start
    sums: list[float] = []
    times = fastest(lambda: sums.append(run()), 3)
    return report(examples, compile_seconds, times, sums[-1])


@peer(
    "spyx",
    code=("rate", "latency"),
    batch_size=(32,),
    examples=((512,), (32,)),
    mnist=(None,),
)
def spyx_mlp_inference(
    code: str, batch_size: int, examples: int, threads: int, mnist: str | None = None
) -> dict[str, Any]:
    """784-128-10 on images, 100 timesteps, traced once; JAX chooses its number of threads."""
    import jax
    import jax.numpy as jnp
    from flax import nnx
    from spyx import nn

    spikes = encode_dense(load_images(examples, mnist)[0], 100, code)
    start = perf_counter()
    beta = float(np.exp(-1.0 / 20.0))
    rngs = nnx.Rngs(1)
    model = nn.Sequential(
        nnx.Linear(784, 128, use_bias=False, rngs=rngs),
        nn.LIF((128,), beta=beta, rngs=rngs),
        nnx.Linear(128, 10, use_bias=False, rngs=rngs),
        nn.LI((10,), beta=beta, rngs=rngs),
    )

    @nnx.jit
    def infer(model: Any, batch: Any) -> Any:
        return jnp.mean(nn.run(model, batch)[0], axis=0)

    batches = [
        jax.device_put(spikes[:, first : first + batch_size])
        for first in range(0, examples, batch_size)
    ]

    def run() -> float:
        outputs = [infer(model, batch) for batch in batches]
        return float(sum(jnp.abs(output).sum() for output in outputs))

    run()
    compile_seconds = perf_counter() - start
    sums: list[float] = []
    times = fastest(lambda: sums.append(run()), 3)
    return report(examples, compile_seconds, times, sums[-1])

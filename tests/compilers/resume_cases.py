"""Trainings that are interrupted and resumed; run as a program, they end with SIGKILL.

python -m compilers.resume_cases CASE FOLDER EPOCH BATCH
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback, Checkpoint, OptimiserParamSchedule
from mlgenn_rs.compilers import EPropCompiler, EventPropCompiler
from mlgenn_rs.compilers.eprop_compiler import default_params as eprop_params
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import Dense, FixedProbability
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    PoissonInput,
    SpikeInput,
)
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Numpy
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

NUM_EPOCHS = 4
NUM_EXAMPLES = 9
NUM_IN = 12
TIMESTEPS = 20
SCE = "sparse_categorical_crossentropy"


class Kill(Callback):
    """Ends the process at once after a batch, in the middle of an epoch."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_epoch_begin(self, epoch: int) -> None:
        self.epoch = epoch

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        if (self.epoch, batch) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def spike_examples() -> list[Any]:
    random = np.random.default_rng(3)
    return [
        preprocess_spikes(random.uniform(0, 15, 30), random.integers(0, NUM_IN, 30), NUM_IN)
        for _ in range(NUM_EXAMPLES)
    ]


def event_prop(**options: Any) -> tuple[Any, Any, Any, Any]:
    """Recurrent, regularised, learned delays, batch of 2."""
    network = Network(default_params)
    with network:
        source = Population(SpikeInput(max_spikes=200), NUM_IN, name="in")
        hidden = Population(LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0), 16, name="hid")
        output = Population(LeakyIntegrate(tau_mem=20.0, readout="avg_var"), 3, name="out")
        delayed = Dense(Normal(0.5, 0.3), delay=np.full((NUM_IN, 16), 3.0))
        syn = Exponential(5.0)
        ih = Connection(source, hidden, delayed, syn, name="ih", max_delay_steps=8)
        Connection(hidden, hidden, Dense(Normal(0.0, 0.1)), Exponential(5.0), name="hh")
        Connection(hidden, output, Dense(Normal(0.1, 0.3)), Exponential(5.0), name="ho")
    compiler = EventPropCompiler(
        TIMESTEPS,
        SCE,
        optimiser=Adam(0.01),
        max_spikes=64,
        batch_size=2,
        reg_lambda_upper=1e-3,
        reg_lambda_lower=1e-3,
        reg_nu_upper=2,
        rng_seed=5,
        delay_learn_conns=[ih],
        delay_optimiser=Adam(0.05),
        **options,
    )
    return compiler.compile(network, "ep"), source, output, spike_examples()


def event_prop_deep_r() -> tuple[Any, Any, Any, Any]:
    """Sparse connections that are rewired, first spike times."""
    network = Network(default_params)
    with network:
        source = Population(SpikeInput(max_spikes=200), NUM_IN, name="in")
        hidden = Population(LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0), 16, name="hid")
        neuron = LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0, readout="first_spike_time")
        output = Population(neuron, 3, name="out")
        sparse = FixedProbability(0.4, Normal(0.9, 0.4))
        ih = Connection(source, hidden, sparse, Exponential(5.0), name="ih")
        Connection(hidden, output, Dense(Normal(0.5, 0.3)), Exponential(5.0), name="ho")
    compiler = EventPropCompiler(
        TIMESTEPS,
        SCE,
        optimiser=Adam(0.02),
        max_spikes=64,
        batch_size=1,
        rng_seed=0,  # another one in every run
        deep_r_conns=[ih],
        deep_r_l1_strength=1e-3,
    )
    return compiler.compile(network, "epr"), source, output, spike_examples()


def event_prop_exact() -> tuple[Any, Any, Any, Any]:
    """Recurrent adaptive neurons that stand still while refractory, learned parameters."""
    network = Network(default_params)
    with network:
        source = Population(SpikeInput(max_spikes=200), NUM_IN, name="in")
        neuron = AdaptiveLeakyIntegrateFire(v_thresh=0.6, tau_mem=20.0, tau_refrac=2.0, beta=0.2)
        hidden = Population(neuron, 16, name="hid")
        output = Population(LeakyIntegrate(tau_mem=20.0, readout="avg_var"), 3, name="out")
        Connection(source, hidden, Dense(Normal(0.5, 0.3)), Exponential(5.0), name="ih")
        Connection(hidden, hidden, Dense(Normal(0.0, 0.1)), Exponential(5.0), name="hh")
        Connection(hidden, output, Dense(Normal(0.1, 0.3)), Exponential(5.0), name="ho")
    compiler = EventPropCompiler(
        TIMESTEPS,
        SCE,
        optimiser=Adam(0.01),
        max_spikes=64,
        batch_size=2,
        rng_seed=5,
        learn={hidden: ["tau_mem", "tau_syn", "tau_adapt", "beta"], output: ["tau_mem", "bias"]},
        learn_per="population",
        param_optimiser=Adam(0.02),
    )
    return compiler.compile(network, "epx"), source, output, spike_examples()


def e_prop_deep_r() -> tuple[Any, Any, Any, Any]:
    """Adaptive neurons, rewired sparse connections, Poisson inputs, biases, batch of 2."""
    network = Network(eprop_params)
    with network:
        source = Population(PoissonInput(), NUM_IN, name="in")
        neuron = AdaptiveLeakyIntegrateFire(v_thresh=0.6, tau_mem=20.0, tau_refrac=2.0)
        hidden = Population(neuron, 16, name="hid")
        output = Population(LeakyIntegrate(tau_mem=20.0, readout="sum_var"), 3, name="out")
        ih = Connection(source, hidden, FixedProbability(0.4, Normal(0.1, 0.3)), name="ih")
        Connection(hidden, hidden, Dense(Normal(0.0, 0.1), delay=2), name="hh")
        Connection(hidden, output, Dense(Normal(0.0, 0.3)), name="ho")
    compiler = EPropCompiler(
        TIMESTEPS, SCE, optimiser=Adam(0.02), batch_size=2, rng_seed=7, deep_r_conns=[ih]
    )
    rates = np.random.default_rng(4).uniform(0.0, 0.6, (NUM_EXAMPLES, NUM_IN))
    return compiler.compile(network, "eprop"), source, output, rates


CASES: dict[str, Callable[..., tuple[Any, Any, Any, Any]]] = {
    "event_prop": event_prop,
    "event_prop_same_batch": partial(event_prop, backward="same_batch"),
    "event_prop_deep_r": event_prop_deep_r,
    "event_prop_exact": event_prop_exact,
    "e_prop_deep_r": e_prop_deep_r,
}


def train(
    case: str, folder: Path, *callbacks: Any, resume: bool = False, **options: Any
) -> dict[str, np.ndarray]:
    """Train, from the beginning or the last checkpoint, and return all state that there is."""
    compiled, source, output, examples = CASES[case](**options)
    labels = [i % 3 for i in range(NUM_EXAMPLES)]
    # Reproducible only if the random number generator is part of the checkpoint
    np.random.seed(99 if resume else 1)
    serialiser = Numpy(str(folder))
    with compiled:
        epoch = compiled.load_training_state((), serialiser) if resume else 0
        compiled.train(
            {source: examples},
            {output: labels},
            num_epochs=NUM_EPOCHS - epoch,
            start_epoch=epoch,
            validation_split=0.25,
            callbacks=[
                Checkpoint(serialiser, include_training_state=True),
                OptimiserParamSchedule("alpha", lambda epoch, alpha: 0.7 * alpha),
                *callbacks,
            ],
            validation_callbacks=[],
        )
        arrays = compiled.genn_model.state_arrays()
        state = {path: array.copy() for path, array in arrays.items()}
        for i, (optimiser, _) in enumerate(compiled.optimisers):
            state[f"alpha{i}"] = np.asarray(optimiser.alpha)
    state["random"] = np.random.random_sample(3)
    return state


if __name__ == "__main__":
    train(sys.argv[1], Path(sys.argv[2]), Kill(int(sys.argv[3]), int(sys.argv[4])))

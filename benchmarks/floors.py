"""Floors: the time below which no program on this machine gets, for a network and its spikes.

A floor counts the bytes that have to move and the products that have to be summed, whatever the
implementation, and divides them by what a core reaches (:mod:`ceilings`):

* the state of every neuron is read and written in every timestep (spiking inputs have none);
* every spike reads its row of weights (dense, convolution; kernels are the same for all pixels, so
  that they are in the cache), or reads indices and weights and updates its targets (sparse);
* EventProp: every spike also updates its row of the gradient, and reads weights for the feedback;
* e-prop: the sum over timesteps of products of traces is one product of matrices for each
  connection, or a row for each spike, whichever takes less; another product passes errors back;
* weights, gradients and the two moments of Adam are read and written once per batch;
* on a GPU every timestep of a batch takes as long as an empty one (:mod:`gpu_ceilings`).

Numbers of spikes are those of the first batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ceilings import Ceilings, measure_ceilings
from gpu_ceilings import is_on_gpu, measure_gpu_ceilings
from measure import Case, measure

WORD = 4


def with_floor(build: Callable[..., Case]) -> Callable[..., dict[str, Any]]:
    """Turn a function that returns a case into a workload, with its floor if it is wanted."""

    @functools.wraps(build)
    def run(*, floor: bool = False, **options: Any) -> dict[str, Any]:
        result = measure(build(**options))
        if floor:
            ceilings = measure_gpu_ceilings() if is_on_gpu() else measure_ceilings()
            threads = 1 if is_on_gpu() else options["threads"]
            seconds = get_floor(build(**options), ceilings) / threads
            result["floor_seconds"] = float(f"{seconds:.3g}")
            result["times_floor"] = round(result["seconds"] / seconds, 1)
        return result

    return run


def get_floor(case: Case, ceilings: Ceilings) -> float:
    """Return the least number of seconds that a case takes on one core, or on a GPU."""
    for pop in case.network.populations:
        pop.record_spikes = True
    compiled = case.compiler.compile(case.network, "floor")
    rule = type(case.compiler).__name__ if case.train is not None else ""
    with compiled:
        spikes = _count_spikes(case, compiled)
        seconds = sum(
            _population_seconds(pop, compiled, rule, ceilings) for pop in case.network.populations
        )
        for conn in case.network.connections:
            source = conn.source()
            seconds += _connection_seconds(conn, spikes[source], compiled, rule, ceilings)
        steps = 1 if _is_free_running(compiled) else _steps_per_item(compiled)
        seconds += ceilings.timestep * steps / compiled.genn_model.batch_size
    return seconds * case.items


def _items_per_batch(case: Case, compiled: Any) -> int:
    batch_size: int = compiled.genn_model.batch_size
    return batch_size * (case.timesteps or 1)


def _count_spikes(case: Case, compiled: Any) -> dict[Any, float]:
    """Return the number of spikes of each population per item."""
    from mlgenn_rs.callbacks import SpikeRecorder

    batch_size = compiled.genn_model.batch_size
    if case.timesteps is not None:
        case.start(compiled)()
        recorded = {
            pop: sum(len(ids) for _, ids in group.spike_recording_data)
            for pop, group in compiled.neuron_populations.items()
        }
        return {pop: n / _items_per_batch(case, compiled) for pop, n in recorded.items()}
    pops = list(compiled.neuron_populations)
    recorders = [SpikeRecorder(pop, key=i, record_counts=True) for i, pop in enumerate(pops)]
    x = {key: values[:batch_size] for key, values in case.x.items()}
    if case.train is None:
        _, data = compiled.predict(x, list(case.outputs), callbacks=recorders)
    else:
        y = {key: values[:batch_size] for key, values in case.outputs.items()}
        arguments = {**case.train, "num_epochs": 1}
        _, data = compiled.train(x, y, callbacks=recorders, **arguments)
    return {pop: sum(map(sum, data[i])) / batch_size for i, pop in enumerate(pops)}


def _steps_per_item(compiled: Any) -> int:
    steps: int = compiled.num_recording_timesteps
    return steps


def _population_seconds(pop: Any, compiled: Any, rule: str, ceilings: Ceilings) -> float:
    from mlgenn_rs.neurons import AdaptiveLeakyIntegrateFire, Input, SpikeInput
    from mlgenn_rs.synapses import Exponential

    if isinstance(pop.neuron, SpikeInput):
        return 0.0
    words = 1 + isinstance(pop.neuron, AdaptiveLeakyIntegrateFire)
    words += getattr(pop.neuron, "tau_refrac", None) is not None
    incoming = [conn() for conn in pop.incoming_connections]
    words += sum(isinstance(conn.synapse, Exponential) for conn in incoming if conn is not None)
    if not isinstance(pop.neuron, Input):
        # Adjoint variables; firing rate, pseudo-derivative and error
        words += {"EventPropCompiler": 2, "EPropCompiler": 3}.get(rule, 0)
    group = compiled.neuron_populations[pop]
    state = words * WORD * group.num_neurons
    steps = 1 if _is_free_running(compiled) else _steps_per_item(compiled)
    return ceilings.update_seconds(2.0 * state * steps, state)


def _is_free_running(compiled: Any) -> bool:
    """Return whether items are timesteps, as in networks without readout."""
    return not any(
        getattr(pop.neuron, "readout", None) is not None for pop in compiled.neuron_populations
    )


def _connection_seconds(
    conn: Any, spikes: float, compiled: Any, rule: str, ceilings: Ceilings
) -> float:
    group = compiled.connection_populations[conn]
    kind = group.matrix_type.name
    model = compiled.genn_model
    num_pre, num_post = group.src.num_neurons, group.trg.num_neurons
    synapses = (
        num_pre * num_post if kind == "DENSE" else len(model.simulation.indices(group.name)[0])
    )
    matrix = synapses * WORD
    events = spikes * synapses / num_pre
    if kind == "DENSE":
        seconds = ceilings.read_seconds(events * WORD, matrix)
    elif hasattr(conn.connectivity, "conv_size") or hasattr(conn.connectivity, "pool_size"):
        # All spikes of a pixel can be summed before targets are written.
        seconds = ceilings.read_seconds(events * WORD, 0)
    else:
        seconds = ceilings.update_seconds(events * 2 * WORD, num_post * WORD)
        seconds += ceilings.read_seconds(events * 2 * WORD, 2 * matrix)
    gradient = {"EventPropCompiler": "Gradient", "EPropCompiler": "DeltaG"}.get(rule)
    if gradient is None or gradient not in group.vars:
        return seconds
    num_params = group.vars["g"].values.size
    params = 4 * WORD * num_params
    seconds += ceilings.update_seconds(2.0 * params, params) / model.batch_size
    if rule == "EventPropCompiler":
        seconds += ceilings.update_seconds(events * 2 * WORD, matrix)
        is_hidden = "LambdaV" in group.src.vars
        return seconds + is_hidden * ceilings.read_seconds(events * WORD, matrix)
    steps = _steps_per_item(compiled)
    is_output = "VSoftmax" in group.trg.vars or "YTrue" in group.trg.extra_global_params
    product = 2.0 * synapses * steps / ceilings.flops
    rows = ceilings.update_seconds(events * 2 * WORD, matrix)
    return seconds + min(product, rows) + is_output * product

"""Normalisation of thresholds by the spikes of a converted network (Spike-Norm)."""

from __future__ import annotations

from collections.abc import Iterator
from logging import getLogger
from typing import Any

import numpy as np

from ...callbacks import BatchProgressBar
from ...compilers import InferenceCompiler
from ...compilers.compiled_inference_network import CompiledInferenceNetwork
from ...connection import Connection
from ...network import Network
from ...neurons import IntegrateFire
from ...neurons.input import Input
from ...population import Population
from ...utils.endpoints import get_source, get_target
from ...utils.model import NeuronModel
from ...utils.network import get_network_dag, get_underlying_pop
from .biased import scale_biases
from .norm_data import get_inputs

logger = getLogger(__name__)


class NormCompiler(InferenceCompiler):
    """Compiles a network in which one population measures its input instead of spiking.

    Parameters
    ----------
    measured
        The population.
    **kwargs
        As for :class:`InferenceCompiler`.
    """

    def __init__(self, measured: Population, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.measured = measured

    def build_neuron_model(
        self, pop: Population, model: NeuronModel, compile_state: Any
    ) -> NeuronModel:
        """Let the membrane hold the input of one timestep only, and keep the largest."""
        if pop is self.measured:
            model.add_var("MaxInput", "scalar", 0.0)
            model.prepend_sim_code("V = 0.0;")
            model.append_sim_code("MaxInput = fmax(MaxInput, V);")
            model.model["threshold_condition_code"] = "false"
        return super().build_neuron_model(pop, model, compile_state)

    def create_compiled_network(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        compile_state: Any,
    ) -> CompiledNormNetwork:
        """Return the compiled network."""
        compiled = super().create_compiled_network(
            genn_model, neuron_populations, connection_populations, compile_state
        )
        return CompiledNormNetwork(
            genn_model,
            neuron_populations,
            connection_populations,
            self.communicator,
            self.evaluate_timesteps,
            compiled.base_callbacks,
            self.reset_time_between_batches,
        )


class CompiledNormNetwork(CompiledInferenceNetwork):
    """Network in which one population measures its input."""

    def get_largest_input(
        self, source: Population, measured: Population, norm_data: Any, num_batches: int | None
    ) -> float:
        """Return the largest input of a population in one timestep; at least zero.

        Parameters
        ----------
        source
            Input population.
        measured
            Population that measures its input.
        norm_data
            Data set of batches ``(x, y)``.
        num_batches
            Number of batches, if it is known, for the progress bar.
        """
        callback_list = self._start([BatchProgressBar()], num_batches)
        callback_list.on_test_begin()
        array = self.neuron_populations[measured].vars["MaxInput"]
        largest = 0.0
        for i, x in enumerate(_split(norm_data, self.genn_model.batch_size)):
            self._run_batch(i, {source: x}, callback_list)
            array.pull_from_device()
            values = np.asarray(array.current_view).reshape(self.genn_model.batch_size, -1)
            largest = max(largest, float(np.max(values[: len(x)])))
            callback_list.on_batch_end(i, {})
        callback_list.on_test_end({})
        return largest


def spike_normalise(
    net: Network,
    net_inputs: Any,
    net_outputs: Any,
    norm_data: Any,
    evaluate_timesteps: int,
    num_batches: int | None = None,
    dt: float = 1.0,
    batch_size: int = 1,
    rng_seed: int = 0,
    kernel_profiling: bool = False,
    prefer_in_memory_connect: bool = True,
    reset_time_between_batches: bool = True,
    **genn_kwargs: Any,
) -> None:
    """Set thresholds of a converted network to the largest input in one timestep.

    Layer by layer from the input, up to the first population with several outgoing connections.
    Call it between ``convert`` and ``create_compiler``.

    Sengupta, A., Ye, Y., Wang, R., Liu, C. and Roy, K. (2019). Going deeper in spiking neural
    networks: VGG and residual architectures. Frontiers in Neuroscience 13, 95.

    Parameters
    ----------
    net, net_inputs, net_outputs
        What ``convert`` returned; thresholds of the neurons are changed.
    norm_data
        Data set of batches ``(x, y)``, read once per layer; labels are not used.
    evaluate_timesteps
        Number of timesteps of an example.
    num_batches
        Number of batches, if it is known, for the progress bar.
    dt, batch_size, rng_seed, kernel_profiling, prefer_in_memory_connect
        As for ``InferenceCompiler``.
    reset_time_between_batches, **genn_kwargs
        As for ``InferenceCompiler``.

    Raises
    ------
    NotImplementedError
        If there is not exactly one input.
    """
    inputs = list(net_inputs) if isinstance(net_inputs, list | tuple) else [net_inputs]
    if len(inputs) != 1:
        raise NotImplementedError(
            f"spike_normalise: the network must have one input, got {len(inputs)}"
        )
    source = get_underlying_pop(inputs[0])
    order = get_network_dag(source, net_outputs)
    layers = [p for p in order if _is_layer(p)]
    for pop in layers:
        pop.neuron.v_thresh = 1.0  # type: ignore[attr-defined]
    for i, pop in enumerate(order):
        if len(pop.outgoing_connections) > 1:
            break
        if pop not in layers:
            continue
        scale_biases(order)
        compiler = NormCompiler(
            pop,
            evaluate_timesteps=evaluate_timesteps,
            dt=dt,
            batch_size=batch_size,
            rng_seed=rng_seed,
            kernel_profiling=kernel_profiling,
            prefer_in_memory_connect=prefer_in_memory_connect,
            reset_time_between_batches=reset_time_between_batches,
            **genn_kwargs,
        )
        with compiler.compile(_truncate(net, order[: i + 1]), "SpikeNorm") as compiled:
            threshold = compiled.get_largest_input(source, pop, norm_data, num_batches)
        if threshold > 0:
            pop.neuron.v_thresh = threshold  # type: ignore[attr-defined]
        else:
            logger.warning("population %r never gets input; its threshold stays 1", pop.name)
    scale_biases(order)


def _is_layer(pop: Population) -> bool:
    return isinstance(pop.neuron, IntegrateFire) and not isinstance(pop.neuron, Input)


def _truncate(net: Network, populations: list[Population]) -> Network:
    """Return a network of some of the populations and what connects them."""
    part = Network()
    part.populations = populations
    part.connections = [
        c for c in net.connections if {get_source(c), get_target(c)}.issubset(populations)
    ]
    return part


def _split(norm_data: Any, batch_size: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the inputs, at most one batch of the compiled network at once."""
    for (array,) in get_inputs(norm_data):
        for begin in range(0, len(array), batch_size):
            yield array[begin : begin + batch_size]

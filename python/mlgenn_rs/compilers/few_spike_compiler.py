"""Compiler for inference with few-spike neurons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..communicators import Communicator
from ..connection import Connection
from ..network import Network
from ..neurons import FewSpikeRelu, FewSpikeReluInput
from ..population import Population
from ..readouts import Var
from ..synapses import Delta
from ..utils.checks import check_count
from ..utils.endpoints import get_source
from ..utils.model import NeuronModel, SynapseModel
from ..utils.network import PopulationType, get_network_dag
from ..utils.value import is_value_constant
from .compiled_few_spike_network import CompiledFewSpikeNetwork
from .compiler import Compiler
from .inference_compiler import preferred_matrix_types


@dataclass
class _CompileState:
    """How examples pass through the network, one presentation per layer."""

    depths: dict[Population, int]
    """Presentations between an example and the output of each population."""
    delays: dict[Connection, int]
    """Presentations by which each connection holds spikes back."""


class FewSpikeCompiler(Compiler):
    """Compiles networks of few-spike neurons, which code a number in ``k`` timesteps.

    Layers work as a pipeline: while one layer works on an example, the next one works on the
    example before.

    Stoeckl, C. and Maass, W. (2021). Optimized spiking neurons can classify images with high
    accuracy through temporal coding with two spikes. Nature Machine Intelligence 3, 230-238.

    Parameters
    ----------
    k
        Number of timesteps of a presentation; has to be that of the neurons.
    dt
        Duration of a timestep in ms.
    batch_size
        Number of examples that are simulated at once, over all ranks.
    rng_seed
        Seed of all random numbers; 0 for a different one in every run.
    kernel_profiling
        Measure the time spent in each phase of the simulation.
    prefer_in_memory_connect
        Store connectivity in memory, instead of computing it when spikes arrive.
    communicator
        Communication between the ranks of a data parallel run.
    genn_kwargs
        Backend and preferences of the engine.
    """

    def __init__(
        self,
        k: int = 10,
        dt: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        prefer_in_memory_connect: bool = True,
        communicator: Communicator | None = None,
        **genn_kwargs: Any,
    ) -> None:
        super().__init__(
            preferred_matrix_types(prefer_in_memory_connect),
            dt,
            batch_size,
            rng_seed,
            kernel_profiling,
            communicator,
            **genn_kwargs,
        )
        self.k = check_count(k, "FewSpikeCompiler: k")

    def compile(  # type: ignore[override]
        self,
        network: Network,
        name: str | None = None,
        *,
        inputs: PopulationType | Sequence[PopulationType],
        outputs: PopulationType | Sequence[PopulationType],
    ) -> CompiledFewSpikeNetwork:
        """Compile a network.

        Parameters
        ----------
        network
            Network to compile; it is not changed.
        name
            Name of the model; by default that of the calling file.
        inputs, outputs
            Input and output populations or layers, single or several.

        Raises
        ------
        RuntimeError
            If an output cannot be reached from the inputs.
        NotImplementedError
            If there are other than few-spike neurons, ``Delta`` synapses and ``Var`` readouts.
        """
        compiled: CompiledFewSpikeNetwork = super().compile(
            network, name, inputs=inputs, outputs=outputs
        )
        return compiled

    def pre_compile(self, network: Network, genn_model: Any, **kwargs: Any) -> _CompileState:
        """Find out how many presentations examples take to each population."""
        depths: dict[Population, int] = {}
        ready: dict[Population, int] = {}
        delays: dict[Connection, int] = {}
        for pop in get_network_dag(kwargs["inputs"], kwargs["outputs"]):
            incoming = [conn for ref in pop.incoming_connections if (conn := ref()) is not None]
            depths[pop] = max((ready[get_source(conn)] for conn in incoming), default=0)
            ready[pop] = depths[pop] + 1 if incoming else 0
            for conn in incoming:
                delays[conn] = depths[pop] - ready[get_source(conn)]
        return _CompileState(depths, delays)

    def build_neuron_model(
        self, pop: Population, model: NeuronModel, compile_state: _CompileState
    ) -> NeuronModel:
        """Check that neurons and readout are supported."""
        if not isinstance(pop.neuron, (FewSpikeRelu, FewSpikeReluInput)):
            raise NotImplementedError(
                f"population {pop.name!r}: FewSpikeCompiler supports FewSpikeRelu and "
                f"FewSpikeReluInput neurons, not {type(pop.neuron).__name__}"
            )
        readout = pop.neuron.readout
        model = super().build_neuron_model(pop, model, compile_state)
        if readout is None:
            return model
        if not isinstance(readout, Var):
            raise NotImplementedError(
                f"population {pop.name!r}: FewSpikeCompiler supports the readout Var, not "
                f"{type(readout).__name__}"
            )
        return readout.add_readout_logic(model)

    def build_synapse_model(
        self, conn: Connection, model: SynapseModel, compile_state: _CompileState
    ) -> SynapseModel:
        """Check that the synapse is ``Delta``."""
        if not isinstance(conn.synapse, Delta):
            raise NotImplementedError(
                f"connection {conn.name!r}: FewSpikeCompiler supports Delta synapses, not "
                f"{type(conn.synapse).__name__}"
            )
        return model

    def apply_delay(
        self, genn_pop: Any, conn: Connection, delay: Any, compile_state: _CompileState
    ) -> None:
        """Hold spikes back that skip layers, until the example arrives the long way."""
        if not is_value_constant(delay) or delay != 0:
            raise AssertionError(
                f"connection {conn.name!r}: few-spike networks have no delays of their own, got "
                f"{delay!r}; remove it"
            )
        genn_pop.axonal_delay_steps = compile_state.delays.get(conn, 0) * self.k

    def create_compiled_network(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        compile_state: _CompileState,
    ) -> CompiledFewSpikeNetwork:
        """Return the compiled network."""
        return CompiledFewSpikeNetwork(
            genn_model,
            neuron_populations,
            connection_populations,
            self.communicator,
            self.k,
            compile_state.depths,
        )

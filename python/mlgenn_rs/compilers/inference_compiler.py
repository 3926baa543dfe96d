"""Compiler for inference."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..callbacks import Callback, CustomUpdateOnBatchBegin
from ..communicators import Communicator
from ..connection import Connection
from ..engine import create_psm_var_ref, create_var_ref
from ..engine.enums import SynapseMatrixType
from ..network import Network
from ..population import Population
from ..synapses import Delta
from ..utils.checks import check_count
from ..utils.model import NeuronModel, SynapseModel
from .clear_events import ClearEvents
from .compiled_inference_network import CompiledInferenceNetwork
from .compiler import Compiler, create_reset_custom_update
from .reset import ResetVar

RESET_GROUP = "Reset"
"""Custom update group that returns state to its initial values before a batch."""


@dataclass
class _CompileState:
    """What is to be reset before each batch."""

    neuron_vars: dict[Population, list[ResetVar]] = field(default_factory=dict)
    synapse_vars: dict[Connection, list[ResetVar]] = field(default_factory=dict)


def preferred_matrix_types(prefer_in_memory_connect: bool) -> list[SynapseMatrixType]:
    """Return the matrix types that inference supports, best first."""
    in_memory = [SynapseMatrixType.SPARSE, SynapseMatrixType.DENSE]
    computed = [
        SynapseMatrixType.TOEPLITZ,
        SynapseMatrixType.PROCEDURAL_KERNELG,
        SynapseMatrixType.PROCEDURAL,
    ]
    return in_memory + computed if prefer_in_memory_connect else computed + in_memory


class InferenceCompiler(Compiler):
    """Compiles networks for inference.

    Parameters
    ----------
    evaluate_timesteps
        Number of timesteps of an example.
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
    reset_time_between_batches
        Start every batch at time zero.
    reset_vars_between_batches
        Return all state variables to their initial values before each batch.  What readouts
        accumulate is always reset.
    reset_in_syn_between_batches
        Zero the synaptic currents (of other than ``Delta`` synapses) before each batch.
    reset_all_between_batches
        Reset all of that, what is in delay buffers and spikes on their way, so that examples know
        nothing of each other.
    communicator
        Communication between the ranks of a data parallel run.
    genn_kwargs
        Backend and preferences of the engine.
    """

    def __init__(
        self,
        evaluate_timesteps: int,
        dt: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        prefer_in_memory_connect: bool = True,
        reset_time_between_batches: bool = True,
        reset_vars_between_batches: bool = True,
        reset_in_syn_between_batches: bool = False,
        communicator: Communicator | None = None,
        *,
        reset_all_between_batches: bool = False,
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
        self.evaluate_timesteps = check_count(
            evaluate_timesteps, "InferenceCompiler: evaluate_timesteps"
        )
        self.reset_time_between_batches = reset_time_between_batches
        self.reset_vars_between_batches = reset_vars_between_batches
        self.reset_in_syn_between_batches = reset_in_syn_between_batches
        self.reset_all_between_batches = reset_all_between_batches

    def pre_compile(self, network: Network, genn_model: Any, **kwargs: Any) -> _CompileState:
        """Return the record of what is to be reset."""
        super().pre_compile(network, genn_model, **kwargs)
        return _CompileState()

    def build_neuron_model(
        self, pop: Population, model: NeuronModel, compile_state: _CompileState
    ) -> NeuronModel:
        """Add the logic of the readout, if the population has one."""
        model = super().build_neuron_model(pop, model, compile_state)
        readout = pop.neuron.readout
        if readout is not None:
            model = readout.add_readout_logic(
                model, example_timesteps=self.evaluate_timesteps, dt=self.dt
            )
        if self.reset_vars_between_batches or self.reset_all_between_batches:
            reset_vars = model.reset_vars
        else:
            reset_vars = readout.reset_vars if readout is not None else []
        compile_state.neuron_vars[pop] = reset_vars
        return model

    def build_synapse_model(
        self, conn: Connection, model: SynapseModel, compile_state: _CompileState
    ) -> SynapseModel:
        """Take note of state to reset."""
        if self.reset_vars_between_batches or self.reset_all_between_batches:
            compile_state.synapse_vars[conn] = model.reset_vars
        return model

    def create_compiled_network(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        compile_state: _CompileState,
    ) -> CompiledInferenceNetwork:
        """Add the custom updates that reset state."""
        has_reset = False
        for i, (pop, reset_vars) in enumerate(compile_state.neuron_vars.items()):
            if reset_vars:
                refer = partial(create_var_ref, neuron_populations[pop])
                model = create_reset_custom_update(reset_vars, refer)
                self.add_custom_update(genn_model, model, RESET_GROUP, f"CUResetNeuron{i}")
                has_reset = True
        for i, (conn, reset_vars) in enumerate(compile_state.synapse_vars.items()):
            if reset_vars:
                refer = partial(create_psm_var_ref, connection_populations[conn])
                model = create_reset_custom_update(reset_vars, refer)
                self.add_custom_update(genn_model, model, RESET_GROUP, f"CUResetPSM{i}")
                has_reset = True
        for i, (conn, group) in enumerate(connection_populations.items()):
            is_current = self.reset_in_syn_between_batches and not isinstance(conn.synapse, Delta)
            if is_current or self.reset_all_between_batches:
                self.add_out_post_zero_custom_update(
                    genn_model, group, RESET_GROUP, f"CUZeroOutPost{i}"
                )
                has_reset = True
        callbacks: list[Callback] = [CustomUpdateOnBatchBegin(RESET_GROUP)] if has_reset else []
        if self.reset_all_between_batches:
            callbacks.append(ClearEvents())
        return CompiledInferenceNetwork(
            genn_model,
            neuron_populations,
            connection_populations,
            self.communicator,
            self.evaluate_timesteps,
            callbacks,
            self.reset_time_between_batches,
        )

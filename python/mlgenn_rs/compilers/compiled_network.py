"""Compiled networks: built, loaded, given inputs, stepped and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from ..communicators import Communicator
from ..connection import Connection
from ..neurons import Neuron
from ..population import Population
from ..utils.callback_list import CallbackList
from ..utils.endpoints import find_group, get_shape
from ..utils.network import PopulationType, get_underlying_pop
from .delay import check_drawn_delays
from .summary import Summary, summarise

UNPACK_GROUP = "UnpackInput"
"""Custom update group that completes the input of a population on a GPU; its name follows."""


class CompiledNetwork:
    """A network that can be simulated, inside a ``with`` block.

    Entering the block builds the network (the first time) and loads it, with all state at its
    initial values; leaving it unloads the network.  One network can be loaded at a time.

    Parameters
    ----------
    genn_model
        Engine model.
    neuron_populations
        Neuron group of each population.
    connection_populations
        Synapse group of each connection.
    communicator
        Communication between the ranks of a data parallel run.
    num_recording_timesteps
        Number of timesteps that spikes are recorded for.
    cross_rank_sums
        For custom update groups, variables to be summed over ranks after the group was run.
    """

    _loaded: ClassVar[CompiledNetwork | None] = None

    def __init__(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        communicator: Communicator | None,
        num_recording_timesteps: int | None = None,
        cross_rank_sums: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.genn_model = genn_model
        self.neuron_populations = neuron_populations
        self.connection_populations = connection_populations
        self.communicator = communicator
        self.num_recording_timesteps = num_recording_timesteps
        self._cross_rank_sums = dict(cross_rank_sums or {})
        self._is_built = False
        # What a readout reads depends on the compiler, and its network may be compiled again
        self._readers = {pop: _copy_reader(pop) for pop in neuron_populations}

    def __enter__(self) -> CompiledNetwork:
        """Build the network if this was not done before, and load it.

        Raises
        ------
        RuntimeError
            If a network is loaded already.
        ValueError
            If an initialiser has drawn delays that are longer than ``max_delay_steps``.
        """
        if CompiledNetwork._loaded is not None:
            raise RuntimeError(
                "only one compiled network can be used at a time: leave the `with` block of "
                f"{CompiledNetwork._loaded.genn_model.name!r} first"
            )
        self._build()
        if self.communicator is not None:
            self.communicator.barrier()
        self.genn_model.load(num_recording_timesteps=self.num_recording_timesteps)
        try:
            for conn, genn_pop in self.connection_populations.items():
                check_drawn_delays(conn, genn_pop)
        except BaseException:
            self.genn_model.unload()
            raise
        CompiledNetwork._loaded = self
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unload the network."""
        CompiledNetwork._loaded = None
        self.genn_model.unload()

    def __repr__(self) -> str:
        """Return the name of the model, and what it consists of."""
        return (
            f"{type(self).__name__}(name={self.genn_model.name!r}, "
            f"populations={[str(p) for p in self.neuron_populations]}, "
            f"connections={[str(c) for c in self.connection_populations]})"
        )

    def set_input(self, inputs: Mapping[PopulationType, Any]) -> None:
        """Give populations their inputs for one batch.

        Parameters
        ----------
        inputs
            Data of each input population or layer, in the form its neuron takes.
        """
        self._upload_inputs(inputs)
        self._complete_inputs(inputs)

    def _can_upload_ahead(self, inputs: Mapping[PopulationType, Any]) -> bool:
        """Return whether inputs can be uploaded while a GPU still runs the batch before."""
        neurons = [get_underlying_pop(key).neuron for key in inputs]
        return self.genn_model.is_on_gpu and all(hasattr(n, "get_unpack_model") for n in neurons)

    def _complete_inputs(self, inputs: Mapping[PopulationType, Any]) -> None:
        """Complete inputs that were uploaded in a short form, when neurons are reset."""
        for pop in map(get_underlying_pop, inputs):
            if hasattr(pop.neuron, "get_unpack_model"):
                group = UNPACK_GROUP + self.neuron_populations[pop].name
                self.genn_model.custom_update(group, wait=False)

    def _upload_inputs(self, inputs: Mapping[PopulationType, Any]) -> None:
        if not isinstance(inputs, Mapping):
            raise TypeError(
                "set_input: inputs must be a dictionary from populations or layers to data, got "
                f"{type(inputs).__name__}"
            )
        for key, data in inputs.items():
            pop = get_underlying_pop(key)
            set_input = getattr(pop.neuron, "set_input", None)
            if set_input is None:
                raise RuntimeError(
                    f"population {pop.name!r} takes no input: its neuron is a "
                    f"{type(pop.neuron).__name__}, use an input neuron such as SpikeInput"
                )
            group = find_group(self.neuron_populations, pop)
            set_input(group, self.genn_model.batch_size, get_shape(pop), data)

    def prepare_inputs(self, inputs: Mapping[PopulationType, Any]) -> dict[PopulationType, Any]:
        """Return inputs of many batches in forms that batches are quickly made of.

        Parts of them are what :meth:`set_input` takes.  That takes longer than to make one batch of
        each example, so it is for examples that are used more than once.
        """
        num_threads = self.genn_model.num_threads
        prepared = dict(inputs)
        for key, data in inputs.items():
            prepare = getattr(get_underlying_pop(key).neuron, "prepare_input", None)
            if prepare is not None:
                prepared[key] = prepare(data, num_threads)
        return prepared

    def get_readout(
        self, outputs: PopulationType | Sequence[PopulationType]
    ) -> np.ndarray[Any, Any] | list[np.ndarray[Any, Any]]:
        """Return the output of populations, shape ``(batch_size, *shape)`` each.

        The arrays may be live views: copy them before simulating on.

        Parameters
        ----------
        outputs
            Population or layer (gives one array) or a sequence of them (gives a list).
        """
        if isinstance(outputs, Sequence):
            return [self._read(output) for output in outputs]
        return self._read(outputs)

    def custom_update(self, name: str, *others: str) -> None:
        """Run custom update groups, one after the other.

        Parameters
        ----------
        name, others
            Names of the groups.  Several groups in one call take less time if they work on the
            same synapses.

        Raises
        ------
        IndexError
            If there is no group of one of the names.
        """
        if self.communicator is None:
            self.genn_model.custom_update(name, *others, wait=False)
            return
        for group in (name, *others):
            self.genn_model.custom_update(group, wait=False)
            for variable in self._cross_rank_sums.get(group, ()):
                variable.pull_from_device()
                variable.values = self.communicator.reduce_sum(variable.values)
                variable.push_to_device()

    def step_time(self, callback_list: CallbackList | None = None) -> None:
        """Run one timestep, with the timestep events of callbacks before and after it."""
        timestep = self.genn_model.timestep
        if callback_list is not None:
            callback_list.on_timestep_begin(timestep)
        self.genn_model.step_time()
        if callback_list is not None:
            callback_list.on_timestep_end(timestep)

    def memory_plan(self) -> list[dict[str, Any]]:
        """Return path, bytes, dtype and shape of everything that loading allocates.

        Extra global parameters, such as spikes of inputs and tapes of EventProp, count as empty;
        tapes take memory as they are used.

        Builds the network if that was not done before; in a data parallel run, call it on all
        ranks.
        """
        self._build()
        plan: list[dict[str, Any]] = self.genn_model.memory_plan()
        return plan

    def dump(self, what: str = "cuda") -> str:
        """Return what the network was compiled to; builds it if that was not done before.

        Parameters
        ----------
        what
            ``"cuda"``: the CUDA C for a GPU; ``"cuda launches"``: which of its functions are
            launched in a timestep and in custom updates.  Needs no GPU.
        """
        self._build()
        text: str = self.genn_model.dump(what)
        return text

    def summary(self) -> Summary:
        """Return populations, connections, parameters and bytes, to be printed or displayed.

        Builds the network if that was not done before; in a data parallel run, call it on all
        ranks.
        """
        return summarise(self.neuron_populations, self.connection_populations, self.memory_plan())

    def reset_time(self) -> None:
        """Set time back to zero.  State, spikes on their way included, stays as it is."""
        self.genn_model.timestep = 0

    def _check_loaded(self, what: str) -> None:
        """Raise :class:`RuntimeError` outside of a ``with`` block."""
        if CompiledNetwork._loaded is not self:
            raise RuntimeError(
                f"{what}: the network is not loaded; use it inside of a `with` block: "
                f"`with compiled_network: ...`"
            )

    def _build(self) -> None:
        """Build the engine model; on several ranks the first one does so before the others."""
        if self._is_built:
            return
        if self.communicator is None or self.communicator.rank == 0:
            self.genn_model.build()
        if self.communicator is not None:
            self.communicator.barrier()
            if self.communicator.rank != 0:
                self.genn_model.build(never_rebuild=True)
        self._is_built = True

    def _read(self, output: PopulationType) -> np.ndarray[Any, Any]:
        pop = get_underlying_pop(output)
        group = find_group(self.neuron_populations, pop)
        readout: np.ndarray[Any, Any] = self._readers[pop].get_readout(
            group, self.genn_model.batch_size, get_shape(pop)
        )
        return readout


def _copy_reader(pop: Population) -> Neuron:
    """Return a copy of the neuron of a population that has a readout of its own."""
    reader = copy(pop.neuron)
    reader.readout = reader.readout
    return reader

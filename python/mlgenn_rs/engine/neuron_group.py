"""Populations of neurons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .arrays import AnyArray, DelayedArray, NamedItems, make_egps, make_variables
from .errors import ModelError
from .group import DynamicParamGroup, describe_initial
from .models import NeuronModel
from .names import check_complete
from .parameters import Parameters

if TYPE_CHECKING:
    from .description import NetworkDescription


class NeuronGroup(DynamicParamGroup):
    """A population of neurons that share one model."""

    path_prefix = "neuron"
    what = "neuron group"

    def __init__(
        self,
        network: NetworkDescription,
        name: str,
        num_neurons: int,
        model: NeuronModel,
        params: Mapping[str, Any],
        vars: Mapping[str, Any],
    ) -> None:
        """See :meth:`GeNNModel.add_neuron_population`."""
        super().__init__(network, name)
        if num_neurons < 1:
            raise ModelError(f"{self.label}: expected at least one neuron, got {num_neurons}")
        self.num_neurons = int(num_neurons)
        self.model = model
        self.params = Parameters(model, params, self.label)
        check_complete(vars, [var.name for var in model.vars], f"{self.label}: variables")
        self.vars = make_variables(network, f"{self.path}.vars", self.label, model.vars, vars)
        """Variables by name."""
        self.extra_global_params = make_egps(
            network, f"{self.path}.egps", self.label, model.extra_global_params
        )
        """Extra global parameters by name."""
        self.spike_recording_enabled = False
        """Whether spikes are recorded."""
        self.spike_event_recording_enabled = False
        """Whether spike-like events of attached synapse groups are recorded."""
        self.spike_times = DelayedArray(network, f"{self.path}.spike_times", True)
        """Time of the last spike of each neuron in ms."""
        self.prev_spike_times = DelayedArray(network, f"{self.path}.prev_spike_times", True)
        """Time of the last but one spike of each neuron in ms."""

    @property
    def recording_enabled(self) -> bool:
        """Whether spikes are recorded."""
        return self.spike_recording_enabled

    @property
    def spike_recording_data(self) -> list[tuple[AnyArray, AnyArray]]:
        """Recorded spikes: per batch member, times in ms and ids of neurons.

        Covers the last ``num_recording_timesteps`` timesteps.
        """
        return self._network.simulation.spikes(self.name)

    @property
    def input_names(self) -> list[str]:
        """Names of input variables that synapses and current sources can add to."""
        return ["Isyn", *(item.name for item in self.model.additional_input_vars)]

    def check_input(self, name: str, what: str) -> str:
        """Return ``name`` if it is an input variable, else raise :class:`ModelError`."""
        if name not in self.input_names:
            known = ", ".join(map(repr, self.input_names))
            raise ModelError(
                f"{what}: {self.label} has no input variable {name!r}; input variables: {known}"
            )
        return name

    def array_groups(self) -> Iterator[NamedItems]:
        """Yield the dictionaries of arrays that may have initial values."""
        yield self.vars
        yield self.extra_global_params

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        return {
            "name": self.name,
            "size": self.num_neurons,
            "model": self.model.describe(),
            "params": self.params.describe(self._network.dt),
            "dynamic_params": self.params.dynamic,
            "vars": describe_initial(self.vars),
            "record_spikes": self.spike_recording_enabled,
            "record_spike_events": self.spike_event_recording_enabled,
        }

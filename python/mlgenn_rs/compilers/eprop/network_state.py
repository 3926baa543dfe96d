"""What the e-prop compiler knows about a network: roles, losses and shared time constants."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...connection import Connection
from ...losses import Loss
from ...network import Network
from ...neurons import AdaptiveLeakyIntegrateFire, Input, LeakyIntegrateFire
from ...population import Population
from ...utils.endpoints import get_source, get_target
from ...utils.model import NeuronModel, WeightUpdateModel
from ...utils.value import is_value_constant


@dataclass
class NetworkState:
    """What the parts of a network are, and what became of them while it was compiled."""

    losses: dict[Population, Loss]
    """Loss of each output."""
    tau_mem: float
    """Membrane time constant (ms) of all hidden neurons."""
    tau_adapt: float | None
    """Time constant (ms) of the thresholds of all adaptive hidden neurons."""
    trained_connections: list[Connection] = field(default_factory=list)
    """Connections whose weights are trained."""
    feedback_connections: list[Connection] = field(default_factory=list)
    """Connections that send the error of outputs back to their source."""
    softmax_inputs: dict[Population, str] = field(default_factory=dict)
    """Outputs that need the softmax of a variable, with its name."""
    neuron_models: dict[Population, NeuronModel] = field(default_factory=dict)
    """What became of the models of populations."""
    weight_update_models: dict[Connection, WeightUpdateModel] = field(default_factory=dict)
    """What became of the models of connections."""

    def is_hidden(self, pop: Population) -> bool:
        """Return whether a population is neither input nor output."""
        return pop not in self.losses and not isinstance(pop.neuron, Input)


def examine(network: Network, losses: dict[Population, Loss]) -> NetworkState:
    """Check the hidden populations of a network and return what they share.

    Raises
    ------
    AssertionError
        If there are none.
    NotImplementedError
        If their neurons cannot be trained, or do not share time constants.
    RuntimeError
        If one is not connected to any output.
    """
    hidden = [
        pop
        for pop in network.populations
        if pop not in losses and not isinstance(pop.neuron, Input)
    ]
    for pop in hidden:
        if not isinstance(pop.neuron, LeakyIntegrateFire | AdaptiveLeakyIntegrateFire):
            raise NotImplementedError(
                f"population {pop.name!r}: e-prop trains LeakyIntegrateFire and "
                f"AdaptiveLeakyIntegrateFire hidden neurons, not {type(pop.neuron).__name__}"
            )
    tau_mem = _get_shared(hidden, "tau_mem")
    if tau_mem is None:
        raise AssertionError(
            "EPropCompiler: the network has no hidden population; e-prop takes the time constant "
            "of its traces from hidden neurons, so it needs at least one"
        )
    for pop in hidden:
        if not any(conn.target() in losses for conn in network.connections if conn.source() is pop):
            raise RuntimeError(
                f"population {pop.name!r}: e-prop needs a connection from every hidden population "
                "to a population with a readout, which sends the error back"
            )
    for conn in network.connections:
        if isinstance(get_target(conn).neuron, Input):
            raise NotImplementedError(
                f"connection {conn.name!r}: e-prop does not support connections to inputs; it "
                f"leads from {get_source(conn).name!r} to {get_target(conn).name!r}"
            )
    return NetworkState(losses, tau_mem, _get_shared(hidden, "tau_adapt"))


def get_number(pop: Population, name: str) -> float:
    """Return a parameter of neurons that is a constant of synapses.

    Raises
    ------
    NotImplementedError
        If it is not one number for the whole population.
    """
    value = getattr(pop.neuron, name)
    if not is_value_constant(value):
        raise NotImplementedError(
            f"population {pop.name!r}: e-prop needs one {name} for all neurons, not "
            f"{type(value).__name__}"
        )
    return float(value)


def _get_shared(pops: list[Population], name: str) -> float | None:
    """Return a parameter that all populations that have it must share, ``None`` if none has it."""
    values = {pop.name: get_number(pop, name) for pop in pops if hasattr(pop.neuron, name)}
    if len(set(values.values())) > 1:
        raise NotImplementedError(
            f"e-prop needs the same {name} in all hidden populations that have one, got {values}"
        )
    return next(iter(values.values()), None)

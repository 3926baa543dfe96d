"""Outputs: leaky integrators that are compared with their targets in every timestep."""

from __future__ import annotations

from ...losses import Loss, MeanSquareError, SparseCategoricalCrossentropy
from ...neurons import LeakyIntegrate
from ...population import Population
from ...utils.endpoints import get_shape
from ...utils.model import NeuronModel
from .network_state import NetworkState
from .settings import Settings

SOFTMAX_VAR = "VSoftmax"
"""Variable of outputs that holds their softmax, computed after every timestep."""


def build_output(
    pop: Population, model: NeuronModel, settings: Settings, state: NetworkState
) -> NeuronModel:
    """Return the extended model of an output population.

    The error ``E`` is the difference between output and target.  With cross-entropy the output is
    the softmax that was computed after the timestep before, which readouts see instead of ``V``.

    Raises
    ------
    NotImplementedError
        If the loss is not supported.
    """
    readout, loss = pop.neuron.readout, state.losses[pop]
    assert readout is not None and model.output_var_name is not None
    if isinstance(loss, SparseCategoricalCrossentropy):
        state.softmax_inputs[pop] = model.output_var_name
        model.add_var(SOFTMAX_VAR, "scalar", 0.0)
        model.output_var_name = SOFTMAX_VAR
    elif not isinstance(loss, MeanSquareError):
        raise _not_implemented(pop, loss)
    output = model.output_var_name
    model = readout.add_readout_logic(
        model, example_timesteps=settings.example_timesteps, dt=settings.dt
    )
    loss.add_to_neuron(model, get_shape(pop), settings.batch_size, settings.example_timesteps)
    model.add_var("E", "scalar", 0.0)
    model.append_sim_code(f"E = {output} - yTrue;")
    if settings.train_output_bias:
        model.make_param_var("Bias")
        model.add_var("DeltaBias", "scalar", 0.0)
        model.append_sim_code("DeltaBias += E;")
    return model


def check_output(pop: Population) -> None:
    """Raise ``AssertionError`` if an output is not a leaky integrator."""
    if not isinstance(pop.neuron, LeakyIntegrate):
        raise AssertionError(
            f"population {pop.name!r}: e-prop outputs are LeakyIntegrate neurons, not "
            f"{type(pop.neuron).__name__}"
        )


def _not_implemented(pop: Population, loss: Loss) -> NotImplementedError:
    return NotImplementedError(
        f"population {pop.name!r}: e-prop supports the losses SparseCategoricalCrossentropy and "
        f"MeanSquareError, not {type(loss).__name__}"
    )

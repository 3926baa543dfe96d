"""Leaky integrator outputs: the loss drives the adjoint variables in every timestep."""

from __future__ import annotations

from dataclasses import dataclass

from ...losses import Loss, MeanSquareError, SparseCategoricalCrossentropy
from ...neurons import LeakyIntegrate
from ...population import Population
from ...readouts import AvgVar, AvgVarExpWeight, MaxVar, Readout, SumVar, Var
from ...utils.endpoints import get_shape
from ...utils.model import NeuronModel
from .adjoint import ADJOINT_RESET, DRIVEN_DYNAMICS, add_adjoint, as_flat, get_tau_syn
from .exact_spiking_model import add_exact_constants
from .labels import add_labels, add_trial
from .learned_parameters import LearnedParameters
from .loss_tape import TAPE_START, LossTape, read_code, write_code
from .passes import add_backward_code
from .population import PopulationState, Role
from .settings import Settings

_IS_LABEL = "((id == YTrueBack) ? 1.0 : 0.0)"


@dataclass(frozen=True)
class _Output:
    """A leaky integrator output that is being built."""

    pop: Population
    model: NeuronModel
    num_neurons: int
    settings: Settings

    @property
    def var(self) -> str:
        name = self.model.output_var_name
        assert name is not None
        return name

    def not_implemented(self, loss: Loss, needed: str) -> NotImplementedError:
        readout = self.pop.neuron.readout
        return NotImplementedError(
            f"population {self.pop.name!r}: EventProp cannot train a leaky integrator with "
            f"{type(loss).__name__} and readout {type(readout).__name__}; {needed}"
        )


def build_li_output(
    pop: Population,
    model: NeuronModel,
    num_neurons: int,
    settings: Settings,
    loss: Loss,
    per_timestep_loss: bool,
    learned: LearnedParameters | None = None,
) -> tuple[NeuronModel, PopulationState]:
    """Return the extended model of a leaky integrator output and what became of the population.

    With the exact rule (``learned`` is given) gradients are those of the mean loss of an example;
    with that of ml_genn they are divided by ``tau_mem`` of the output.

    Raises
    ------
    NotImplementedError
        If loss and readout do not go together.
    """
    neuron, readout = pop.neuron, pop.neuron.readout
    assert isinstance(neuron, LeakyIntegrate) and readout is not None
    model = readout.add_readout_logic(
        model,
        max_time_required=True,
        dt=settings.dt,
        example_timesteps=settings.example_timesteps,
    )
    output = _Output(pop, model, num_neurons, settings)
    state = PopulationState(Role.OUTPUT, [*model.reset_vars, *ADJOINT_RESET])
    collect = ""
    scale = 1.0 / (settings.loss_batch_size * settings.example_time)
    if learned is None:
        add_adjoint(model, settings.dt, neuron.tau_mem, get_tau_syn(pop))
        model.add_param("DriveScale", "scalar", scale / as_flat(neuron.tau_mem))
    else:
        add_exact_constants(pop, model, settings, learned, ["Alpha", "SynDecay"])
        model.add_param("DriveScale", "scalar", scale)
        state.learned = learned
        collect, state.state_tape = learned.add_to_model(model, settings, num_neurons, drive=True)
    model.add_param("ExampleTime", "scalar", settings.example_time)
    add_trial(model, state, settings)
    loss.add_to_neuron(model, get_shape(pop), settings.batch_size, settings.example_timesteps)

    if isinstance(loss, SparseCategoricalCrossentropy):
        add_labels(model, state)
        model.add_var("Softmax", "scalar", 0.0)
        if per_timestep_loss:
            drive = _per_timestep_cross_entropy(output, state, readout, loss)
        else:
            drive = _cross_entropy(output, state, readout, loss)
    elif isinstance(loss, MeanSquareError):
        drive = _mean_square_error(output, state, readout, loss)
    else:
        raise output.not_implemented(loss, "use SparseCategoricalCrossentropy or MeanSquareError")
    backward = f"""
        scalar drive = 0.0;
        {drive}
        {collect}
        {DRIVEN_DYNAMICS}
    """
    add_backward_code(model, backward, settings)
    return model, state


def _cross_entropy(output: _Output, state: PopulationState, readout: Readout, loss: Loss) -> str:
    """Return code that sets ``drive`` from the softmax of the readout of an example."""
    error = f"({_IS_LABEL} - Softmax) * DriveScale"
    if isinstance(readout, AvgVar):
        state.softmax_var = f"{output.var}Avg"
    elif isinstance(readout, SumVar):
        state.softmax_var = f"{output.var}Sum"
    elif isinstance(readout, AvgVarExpWeight):
        state.softmax_var = f"{output.var}Avg"
        error = f"{error} * exp(-(1.0 - (t / ExampleTime)))"
    elif isinstance(readout, MaxVar):
        state.softmax_var = f"{output.var}Max"
        max_time = f"{output.var}MaxTime"
        back = f"{output.var}MaxTimeBack"
        output.model.add_var(back, "scalar", 0.0)
        state.kept_vars.append((back, "scalar", max_time))
        return f"""
            const scalar backT = ExampleTime - t - dt;
            if (Trial > 0 && fabs(backT - {back}) < (0.5 * dt)) {{
                drive = {error};
            }}
        """
    else:
        raise output.not_implemented(
            loss, "its readouts are AvgVar, SumVar, AvgVarExpWeight and MaxVar"
        )
    return f"""
        if (Trial > 0) {{
            drive = {error};
        }}
    """


def _per_timestep_cross_entropy(
    output: _Output, state: PopulationState, readout: Readout, loss: Loss
) -> str:
    """Return code that sets ``drive`` from the softmax of the output in each timestep.

    The softmax of a timestep is there at the beginning of the next one, so it is taped then; that
    of the last timestep is used at the beginning of the next example without a detour.
    """
    if not isinstance(readout, (AvgVar, SumVar)):
        raise output.not_implemented(
            loss, "with per_timestep_loss its readouts are AvgVar and SumVar"
        )
    state.softmax_var = output.var
    state.softmax_every_timestep = True
    tape = LossTape(output.settings, output.num_neurons, output.settings.example_timesteps - 1)
    tape.add_to_model(output.model)
    state.tape = tape
    output.model.prepend_sim_code(
        f"""
        if (t > 0.0) {{
            {TAPE_START}
            {write_code("Softmax")}
        }}
        """
    )
    return f"""
        scalar probability = Softmax;
        if (t > 0.0) {{
            {TAPE_START}
            {read_code("probability")}
        }}
        if (Trial > 0) {{
            drive = ({_IS_LABEL} - probability) * DriveScale;
        }}
    """


def _mean_square_error(
    output: _Output, state: PopulationState, readout: Readout, loss: Loss
) -> str:
    """Return code that sets ``drive`` from the difference to the target in each timestep."""
    if not isinstance(readout, Var):
        raise output.not_implemented(loss, "its readout is Var")
    tape = LossTape(output.settings, output.num_neurons, output.settings.example_timesteps)
    tape.add_to_model(output.model)
    state.tape = tape
    output.model.append_sim_code(f"{TAPE_START}{write_code(f'yTrue - {output.var}')}")
    return f"""
        if (Trial > 0) {{
            scalar error = 0.0;
            {TAPE_START}
            {read_code("error")}
            drive = error * DriveScale;
        }}
    """

"""Spiking outputs, whose loss depends on the time of the first spike of each neuron."""

from __future__ import annotations

from typing import Any

from ...engine import create_var_ref
from ...engine.enums import VarAccess, VarAccessMode
from ...losses import Loss, RelativeMeanSquareError, SparseCategoricalCrossentropy
from ...neurons import AdaptiveLeakyIntegrateFire, LeakyIntegrateFire
from ...population import Population
from ...readouts import FirstSpikeTime
from ...utils.endpoints import get_shape
from ...utils.model import CustomUpdateModel, NeuronModel
from .adjoint import ADJOINT_RESET, UNDRIVEN_DYNAMICS, add_adjoint, get_tau_syn
from .exact_spiking_model import add_exact_rule
from .hidden_model import SLOPE, tape_slope, warn_about_reset
from .labels import add_labels, add_trial
from .learned_parameters import LearnedParameters
from .population import PopulationState, Role
from .settings import Settings
from .spike_tape import SpikeTape

# First spike times are stored negated, such that the earliest one is the largest value
_IS_FIRST = "fabs(backT + TFirstSpikeBack) < (0.5 * dt)"

_SILENT_PULL = """
    if (Trial > 0 && t == 0.0 && TFirstSpikeBack < -ExampleTime && id == YTrueBack) {{
        LambdaV += SilentPull;
    }}
"""

_CROSS_ENTROPY = f"""
    scalar external = 0.0;
    if ({_IS_FIRST}) {{
        if (id == YTrueBack) {{
            const scalar timeLeft = (1.01 * ExampleTime) + TFirstSpikeBack;
            external = (((1.0 - Softmax) / Temperature) + (TTFSAlpha / (timeLeft * timeLeft)))
                       / BatchSize;
        }}
        else {{
            external = -(Softmax / (Temperature * BatchSize));
        }}
    }}
"""
"""Code that declares how the loss would change if a spike came later."""

_RELATIVE_MEAN_SQUARE = f"""
    scalar external = 0.0;
    if ({_IS_FIRST}) {{
        if (id == YTrueBack) {{
            external = TFirstSpikeSumBack - (num_neurons * TFirstSpikeTrueBack)
                       + ((num_neurons - 1) * Delta);
        }}
        else {{
            external = (TFirstSpikeTrueBack - TFirstSpikeBack) - Delta;
        }}
    }}
"""

_SUMS = ("TFirstSpikeSumBack", "TFirstSpikeTrueBack")


def build_lif_output(
    pop: Population,
    model: NeuronModel,
    num_neurons: int,
    settings: Settings,
    loss: Loss,
    learned: LearnedParameters | None = None,
) -> tuple[NeuronModel, PopulationState]:
    """Return the extended model of a spiking output and what became of the population.

    With the exact rule (``learned`` is given), losses are divided by the size of the batch, and the
    reset of a neuron counts in all of them; with that of ml_genn neither is so for
    ``RelativeMeanSquareError``.

    Raises
    ------
    NotImplementedError
        If the readout is not ``FirstSpikeTime``, or the loss does not go with it.
    """
    neuron, readout = pop.neuron, pop.neuron.readout
    assert isinstance(neuron, LeakyIntegrateFire | AdaptiveLeakyIntegrateFire)
    if not isinstance(readout, FirstSpikeTime):
        raise NotImplementedError(
            f"population {pop.name!r}: EventProp trains spiking outputs with readout "
            f"FirstSpikeTime, not {type(readout).__name__}"
        )
    if not isinstance(loss, (SparseCategoricalCrossentropy, RelativeMeanSquareError)):
        raise NotImplementedError(
            f"population {pop.name!r}: EventProp trains first spike times with "
            f"SparseCategoricalCrossentropy or RelativeMeanSquareError, not {type(loss).__name__}"
        )
    model = readout.add_readout_logic(
        model, dt=settings.dt, example_timesteps=settings.example_timesteps
    )
    state = PopulationState(
        Role.OUTPUT,
        [*model.reset_vars, *ADJOINT_RESET],
        [("TFirstSpikeBack", "scalar", "TFirstSpike")],
    )
    first_spike = next(value for name, _, value in model.reset_vars if name == "TFirstSpike")
    loss.add_to_neuron(model, get_shape(pop), settings.batch_size, settings.example_timesteps)
    add_labels(model, state)
    model.add_var("TFirstSpikeBack", "scalar", first_spike)
    add_trial(model, state, settings)

    before, reset = "", ""
    if isinstance(loss, SparseCategoricalCrossentropy):
        before, external = _SILENT_PULL, _CROSS_ENTROPY
        reset = "LambdaV += slopeRecip * Vthresh * LambdaV;"
        model.add_var("Softmax", "scalar", 0.0)
        model.add_param("Temperature", "scalar", settings.softmax_temperature)
        model.add_param("TTFSAlpha", "scalar", settings.ttfs_alpha)
        model.add_param("BatchSize", "scalar", settings.loss_batch_size)
        pull = settings.ttfs_alpha / (1e-4 * settings.example_time**2) / settings.loss_batch_size
        model.add_param("SilentPull", "scalar", pull)
        state.softmax_var = "TFirstSpike"
    else:
        external = _RELATIVE_MEAN_SQUARE
        model.add_param("Delta", "scalar", loss.delta)
        for name in _SUMS:
            model.add_var(name, "scalar", 0.0, VarAccess.READ_ONLY_SHARED_NEURON)
        state.has_first_spike_sums = True
        if learned is not None:
            model.add_param("BatchSize", "scalar", settings.loss_batch_size)
            external += "external /= BatchSize;"

    if learned is not None:
        add_exact_rule(pop, model, num_neurons, settings, learned, state, external, before)
        return model, state
    warn_about_reset(pop, neuron)
    tau_syn = get_tau_syn(pop)
    add_adjoint(model, settings.dt, neuron.tau_mem, tau_syn)
    taped = tape_slope(model, settings.dt, tau_syn)
    state.tape = SpikeTape(settings, num_neurons, taped, ahead=list(taped))
    jump = f"{SLOPE}\n{reset}\n{external}\nLambdaV += slopeRecip * external;"
    state.tape.add_to_model(model, UNDRIVEN_DYNAMICS + before, jump)
    return model, state


def first_spike_sums_model(genn_pop: Any, label_type: str, settings: Settings) -> CustomUpdateModel:
    """Return a custom update model that sums (negated) first spike times over a population.

    Once over all neurons, once over the correct one only; silent neurons count as zero.
    """
    types = {"TFirstSpike": "scalar", "YTrue": label_type, **dict.fromkeys(_SUMS, "scalar")}
    return CustomUpdateModel(
        {
            "params": [("ExampleTime", "scalar")],
            "var_refs": [
                (
                    name,
                    type_name,
                    VarAccessMode.REDUCE_SUM if name in _SUMS else VarAccessMode.READ_ONLY,
                )
                for name, type_name in types.items()
            ],
            "update_code": """
            const scalar firstSpike = (TFirstSpike < -ExampleTime) ? 0.0 : TFirstSpike;
            TFirstSpikeSumBack = firstSpike;
            TFirstSpikeTrueBack = (id == YTrue) ? firstSpike : 0.0;
            """,
        },
        {"ExampleTime": settings.example_time},
        {},
        {name: create_var_ref(genn_pop, name) for name in types},
    )

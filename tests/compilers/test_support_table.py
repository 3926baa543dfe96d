"""What the training compilers support trains, whatever it is combined with."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import EPropCompiler, EventPropCompiler
from mlgenn_rs.compilers.eprop_compiler import default_params as eprop_params
from mlgenn_rs.compilers.event_prop_compiler import default_params
from mlgenn_rs.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    FixedProbability,
    OneToOne,
)
from mlgenn_rs.initializers import Normal, Uniform
from mlgenn_rs.losses import RelativeMeanSquareError
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    PoissonInput,
    SpikeInput,
)
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.synapses import Delta, Exponential
from mlgenn_rs.utils.data import preprocess_spikes

from .networks import NoMetric

SHAPE = (6, 6, 1)
SIZE = 36
TIMESTEPS = 40
NUM_EXAMPLES = 6
SCE = "sparse_categorical_crossentropy"


CONNECTIVITY: dict[str, Callable[..., Any]] = {
    "dense": lambda **k: Dense(Normal(0.3, 0.1), **k),
    "fixed probability": lambda **k: FixedProbability(0.5, Normal(0.6, 0.1), **k),
    "one to one": lambda **k: OneToOne(Normal(2.5, 0.1), **k),
    "conv": lambda **k: Conv2D(Normal(0.5, 0.1), 3, 2, **k),
    "conv strided": lambda **k: Conv2D(Normal(0.5, 0.1), 3, 2, conv_strides=2, **k),
    "conv transpose": lambda **k: Conv2DTranspose(Normal(1.0, 0.1), 3, 2, **k),
    "pool": lambda **k: AvgPool2D(2, **k),
    "pool conv": lambda **k: AvgPoolConv2D(Normal(2.0, 0.1), 2, 2, 2, **k),
    "pool dense": lambda **k: AvgPoolDense2D(1.0, 2, **k),
}

KERNELS = ("conv", "conv strided", "conv transpose", "pool conv")
GIVEN_SHAPE = ("dense", "fixed probability", "one to one", "pool dense")


RULES = ["event_prop", "same_batch", "exact", "e_prop"]
"""``same_batch`` is EventProp with backward passes of their own, ``exact`` EventProp with adaptive
neurons and learned parameters."""


class Trained:
    """A network after training, with its weights before and after.

    Neurons are given as functions, so that the default parameters of the network apply to them.
    """

    def __init__(self, rule: str) -> None:
        self.network = Network(eprop_params if rule == "e_prop" else default_params)
        self.rule = rule

    def build(
        self,
        connectivity: Any,
        *,
        inp: Any = None,
        hidden: Any = None,
        output: Any = None,
        synapse: Any = None,
        shape: Any = SHAPE,
        recurrent: bool = False,
        max_delay_steps: int | None = None,
    ) -> Trained:
        is_event_prop = self.rule != "e_prop"
        make_synapse = synapse or ((lambda: Exponential(5.0)) if is_event_prop else Delta)
        refractory = {} if is_event_prop else {"tau_refrac": 2.0}
        with self.network:
            self.input = Population(inp() if inp else SpikeInput(max_spikes=5000), SHAPE, name="in")
            kind = AdaptiveLeakyIntegrateFire if self.rule == "exact" else LeakyIntegrateFire
            neuron = hidden() if hidden else kind(v_thresh=0.8, tau_mem=20.0, **refractory)
            self.hidden = Population(neuron, shape, name="hid")
            readout = output() if output else LeakyIntegrate(tau_mem=20.0, readout="avg_var")
            self.output = Population(readout, 3, name="out")
            args = {"max_delay_steps": max_delay_steps}
            self.first = Connection(
                self.input, self.hidden, connectivity, make_synapse(), name="ih", **args
            )
            if recurrent:
                weights = Dense(Normal(0.0, 0.1))
                Connection(self.hidden, self.hidden, weights, make_synapse(), name="hh")
            weights = Dense(Normal(0.1, 0.2))
            Connection(self.hidden, self.output, weights, make_synapse(), name="ho")
        return self

    def train(self, loss: Any = SCE, y: Any = None, x: Any = None, **arguments: Any) -> Trained:
        for old in ("deep_r_conns", "delay_learn_conns"):
            if old in arguments:
                arguments[old] = [self.first]
        arguments = {"batch_size": 2, "rng_seed": 3, "optimiser": Adam(0.05), **arguments}
        if self.rule == "exact":
            arguments.setdefault("learn", self.learned)
        if self.rule == "same_batch":
            arguments["backward"] = "same_batch"
        if self.rule != "e_prop":
            compiler: Any = EventPropCompiler(TIMESTEPS, loss, max_spikes=64, **arguments)
        else:
            compiler = EPropCompiler(TIMESTEPS, loss, **arguments)
        compiled = compiler.compile(self.network, "test")
        if x is None:
            random = np.random.default_rng(2)
            x = [
                preprocess_spikes(random.uniform(0, 12, 80), random.integers(0, SIZE, 80), SIZE)
                for _ in range(NUM_EXAMPLES)
            ]
        y = np.arange(NUM_EXAMPLES) % 3 if y is None else y
        with compiled:
            self.before = self.weights(compiled)
            compiled.train({self.input: x}, {self.output: y}, 1, callbacks=[], metrics=NoMetric())
            self.after = self.weights(compiled)
            self.variables = {
                conn.name: set(group.vars)
                for conn, group in compiled.connection_populations.items()
            }
        return self

    @property
    def learned(self) -> dict[Population, list[str]]:
        adaptation = ["tau_adapt", "beta"]
        if not isinstance(self.hidden.neuron, AdaptiveLeakyIntegrateFire):
            adaptation = []
        return {
            self.hidden: ["tau_mem", "tau_syn", "v_thresh", *adaptation],
            self.output: ["tau_mem", "tau_syn"],
        }

    @staticmethod
    def weights(compiled: Any) -> dict[str, np.ndarray]:
        weights = {}
        for conn, group in compiled.connection_populations.items():
            for name in ("g", "d"):
                if name in group.vars:
                    weights[f"{conn.name}.{name}"] = group.vars[name].values.ravel()
        for pop, group in compiled.neuron_populations.items():
            for name in ("TauMem", "TauSyn", "TauAdapt", "Beta", "Vthresh"):
                if name in group.vars:
                    weights[f"{pop.name}.{name}"] = group.vars[name].values.ravel()
        return weights

    def changed(self, name: str) -> bool:
        after = self.after[name]
        assert np.all(np.isfinite(after))
        before = self.before[name]
        return before.shape != after.shape or not np.array_equal(before, after)


def shape_of(kind: str) -> Any:
    return SHAPE if kind in GIVEN_SHAPE else None


@pytest.mark.parametrize("kind", CONNECTIVITY)
@pytest.mark.parametrize("rule", RULES)
def test_connectivity(rule: str, kind: str) -> None:
    trained = Trained(rule)
    neuron: Any = None
    if kind == "pool":  # passes on a quarter of each spike
        refractory: Any = {"tau_refrac": 2.0} if rule == "e_prop" else {}

        def neuron() -> Any:
            kind = AdaptiveLeakyIntegrateFire if rule == "exact" else LeakyIntegrateFire
            return kind(v_thresh=0.3, tau_mem=20.0, **refractory)

    trained.build(CONNECTIVITY[kind](), shape=shape_of(kind), hidden=neuron).train()
    assert trained.changed("ho.g")
    if kind == "pool":
        assert "ih.g" not in trained.after or not trained.changed("ih.g")
        gradient = "DeltaG" if rule == "e_prop" else "Gradient"
        assert gradient not in trained.variables["ih"]
    else:
        assert trained.changed("ih.g")
    if rule == "exact":
        for name in ("hid.TauMem", "hid.TauSyn", "hid.Vthresh", "out.TauMem", "out.TauSyn"):
            assert trained.changed(name)


@pytest.mark.parametrize("kind", CONNECTIVITY)
def test_gradients_of_weights_do_not_depend_on_what_else_is_learned(kind: str) -> None:
    neuron = (lambda: LeakyIntegrateFire(v_thresh=0.3, tau_mem=20.0)) if kind == "pool" else None
    weights = []
    for learn in (False, True):
        trained = Trained("exact").build(CONNECTIVITY[kind](), shape=shape_of(kind), hidden=neuron)
        options = {"learn": trained.learned if learn else {}, "param_optimiser": Adam(1e-30)}
        np.random.seed(1)  # of the order of examples
        trained.train(optimiser="sgd", exact_adjoint=True, **options)
        assert trained.changed("ho.g")
        weights.append(
            {name: trained.after[name] for name in ("ih.g", "ho.g") if name in trained.after}
        )
    for name, values in weights[0].items():
        np.testing.assert_allclose(weights[1][name], values, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", [kind for kind in CONNECTIVITY if kind not in KERNELS])
@pytest.mark.parametrize("rule", RULES)
def test_constant_delays(rule: str, kind: str) -> None:
    trained = Trained(rule).build(CONNECTIVITY[kind](delay=2), shape=shape_of(kind))
    trained.train()
    assert trained.changed("ho.g") or kind == "pool"


@pytest.mark.parametrize("kind", KERNELS)
def test_kernels_have_no_delays_in_event_prop(kind: str) -> None:
    trained = Trained("event_prop").build(CONNECTIVITY[kind](delay=2), shape=None)
    with pytest.raises(NotImplementedError, match=r"'ih'.*delay"):
        trained.train()


def make_delays(kind: str) -> Any:
    return {"array": np.full((SIZE, SIZE), 3.0), "initialiser": Uniform(0.0, 5.0), "number": 3}[
        kind
    ]


@pytest.mark.parametrize("kind", ["array", "initialiser", "number"])
def test_heterogeneous_and_learned_delays(kind: str) -> None:
    for rule, arguments in product(
        ("event_prop", "same_batch", "exact"),
        ({}, {"delay_learn_conns": [], "delay_optimiser": Adam(0.3)}),
    ):
        dense = Dense(Normal(0.3, 0.1), delay=make_delays(kind))
        trained = Trained(rule).build(dense, max_delay_steps=8).train(**arguments)
        assert trained.changed("ih.g")
        if arguments:
            assert trained.changed("ih.d")
            assert np.all((trained.after["ih.d"] >= 0.0) & (trained.after["ih.d"] <= 8.0))
    dense = Dense(Normal(0.3, 0.1), delay=make_delays(kind))
    trained = Trained("e_prop").build(dense, max_delay_steps=8)
    if kind == "number":
        assert trained.train().changed("ih.g")
    else:
        with pytest.raises(NotImplementedError, match="one delay for all synapses"):
            trained.train()


@pytest.mark.parametrize("rule", RULES)
def test_deep_r(rule: str) -> None:
    sparse = CONNECTIVITY["fixed probability"]()
    trained = Trained(rule).build(sparse).train(deep_r_conns=[], deep_r_l1_strength=0.001)
    assert trained.changed("ih.g")
    assert len(trained.before["ih.g"]) == len(trained.after["ih.g"])
    with pytest.raises(RuntimeError, match=r"'ih'.*SPARSE.*FixedProbability.*DENSE"):
        Trained(rule).build(CONNECTIVITY["dense"]()).train(deep_r_conns=[])


@pytest.mark.parametrize("rule", RULES)
def test_recurrence(rule: str) -> None:
    trained = Trained(rule).build(CONNECTIVITY["dense"](), recurrent=True).train()
    assert all(trained.changed(f"{name}.g") for name in ("ih", "hh", "ho"))


@pytest.mark.parametrize("batch_size", [1, 3, 4])
@pytest.mark.parametrize("rule", RULES)
def test_batches(rule: str, batch_size: int) -> None:
    trained = Trained(rule).build(CONNECTIVITY["dense"]()).train(batch_size=batch_size)
    assert trained.changed("ih.g") and trained.changed("ho.g")


TARGETS = np.random.default_rng(1).normal(size=(NUM_EXAMPLES, TIMESTEPS, 3))


@pytest.mark.parametrize("per_timestep", [False, True])
@pytest.mark.parametrize("readout", ["avg_var", "sum_var", "avg_var_exp_weight", "max_var", "var"])
@pytest.mark.parametrize("loss", [SCE, "mean_square_error", "relative"])
@pytest.mark.parametrize("rule", ["event_prop", "same_batch", "exact"])
def test_leaky_integrator_outputs_of_event_prop(
    rule: str, loss: str, readout: str, per_timestep: bool
) -> None:
    def output() -> LeakyIntegrate:
        return LeakyIntegrate(tau_mem=20.0, readout=readout)

    trained = Trained(rule).build(CONNECTIVITY["dense"](), output=output)
    arguments = {"per_timestep_loss": per_timestep}
    if loss == SCE:
        supported = ["avg_var", "sum_var"]
        supported += [] if per_timestep else ["avg_var_exp_weight", "max_var"]
    else:
        supported = ["var"] if loss == "mean_square_error" else []
    if readout in supported:
        y = TARGETS if loss == "mean_square_error" else None
        trained.train(loss, y, **arguments)
        assert trained.changed("ih.g") and trained.changed("ho.g")
        return
    given = RelativeMeanSquareError(1.0) if loss == "relative" else loss
    with pytest.raises(NotImplementedError) as caught:
        trained.train(given, **arguments)
    message = str(caught.value)
    assert "'out'" in message
    known = ["Var"] if loss == "mean_square_error" else ["AvgVar", "SumVar"]
    if loss == "relative":
        known = ["SparseCategoricalCrossentropy", "MeanSquareError"]
    assert all(name in message for name in known), message


@pytest.mark.parametrize("readout", ["first_spike_time", "spike_count", "var", "avg_var"])
@pytest.mark.parametrize("loss", [SCE, "mean_square_error", "relative"])
@pytest.mark.parametrize("kind", [LeakyIntegrateFire, AdaptiveLeakyIntegrateFire])
def test_spiking_outputs_of_event_prop(kind: Any, loss: str, readout: str) -> None:
    def output() -> Any:
        return kind(v_thresh=3.0, tau_mem=20.0, readout=readout)

    trained = Trained("event_prop").build(CONNECTIVITY["dense"](), output=output)
    given: Any = RelativeMeanSquareError(1.0) if loss == "relative" else loss
    if readout == "first_spike_time" and loss != "mean_square_error":
        trained.train(given)
        assert trained.changed("ih.g") and trained.changed("ho.g")
        return
    with pytest.raises(NotImplementedError) as caught:
        trained.train(given)
    message = str(caught.value)
    wanted = "FirstSpikeTime" if readout != "first_spike_time" else "SparseCategoricalCrossentropy"
    assert "'out'" in message and wanted in message, message


@pytest.mark.parametrize("readout", ["avg_var", "sum_var", "avg_var_exp_weight", "max_var", "var"])
@pytest.mark.parametrize("loss", [SCE, "mean_square_error"])
@pytest.mark.parametrize("kind", [LeakyIntegrateFire, AdaptiveLeakyIntegrateFire])
def test_outputs_of_e_prop(kind: Any, loss: str, readout: str) -> None:
    def output() -> LeakyIntegrate:
        return LeakyIntegrate(tau_mem=20.0, readout=readout)

    def hidden() -> Any:
        return kind(v_thresh=0.8, tau_mem=20.0, tau_refrac=2.0)

    trained = Trained("e_prop").build(CONNECTIVITY["dense"](), hidden=hidden, output=output)
    trained.train(loss, TARGETS if loss == "mean_square_error" else None)
    assert trained.changed("ih.g") and trained.changed("ho.g")


# The second half is silent: EventProp has no gradient for neurons that spike in the last timestep
FRAMES = {"input_frames": 2, "input_frame_timesteps": TIMESTEPS // 2}
IS_ON = np.random.default_rng(1).random((NUM_EXAMPLES, 2, *SHAPE)) < 0.2
IS_ON[:, 1] = False
INPUTS: dict[str, tuple[Callable[[], Any], Any]] = {
    "spikes": (lambda: SpikeInput(max_spikes=5000), None),
    "binary": (lambda: BinarySpikeInput(**FRAMES), IS_ON),
    "poisson": (lambda: PoissonInput(**FRAMES), 0.5 * IS_ON),
    "integrate and fire": (lambda: LeakyIntegrateFireInput(tau_mem=20.0, **FRAMES), 0.3 * IS_ON),
}


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("rule", RULES)
def test_inputs(rule: str, kind: str) -> None:
    make, x = INPUTS[kind]
    weights = Dense(Normal(0.15, 0.05))
    trained = Trained(rule).build(weights, inp=make).train(x=x)
    assert trained.changed("ih.g") and trained.changed("ho.g")


@pytest.mark.parametrize(
    ("rule", "parts", "error", "supported"),
    [
        (
            "event_prop",
            {"hidden": IntegrateFire},
            NotImplementedError,
            "LeakyIntegrateFire and AdaptiveLeakyIntegrateFire",
        ),
        ("event_prop", {"synapse": Delta}, NotImplementedError, "Exponential"),
        ("e_prop", {"hidden": IntegrateFire}, NotImplementedError, "LeakyIntegrateFire and"),
        ("e_prop", {"synapse": lambda: Exponential(5.0)}, NotImplementedError, "Delta"),
        (
            "e_prop",
            {"output": lambda: LeakyIntegrateFire(readout="var", tau_refrac=2.0)},
            AssertionError,
            "LeakyIntegrate ",
        ),
    ],
)
def test_messages_list_what_is_supported(
    rule: str, parts: dict[str, Any], error: Any, supported: str
) -> None:
    trained = Trained(rule).build(CONNECTIVITY["dense"](), **parts)
    with pytest.raises(error) as caught:
        trained.train()
    assert supported in str(caught.value)


def test_messages_of_losses_list_what_is_supported() -> None:
    trained = Trained("e_prop").build(CONNECTIVITY["dense"]())
    with pytest.raises(NotImplementedError, match=r"SparseCategoricalCrossentropy and .*MeanSq"):
        trained.train(RelativeMeanSquareError(1.0))

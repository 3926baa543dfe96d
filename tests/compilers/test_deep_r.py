"""Deep-R: statistics against the original, conservation of synapses, signs and regularisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback
from mlgenn_rs.compilers import EPropCompiler, EventPropCompiler, eprop_compiler
from mlgenn_rs.compilers import event_prop_compiler as event_prop
from mlgenn_rs.connectivity import Dense, FixedProbability, OneToOne
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Numpy
from mlgenn_rs.synapses import Delta, Exponential
from mlgenn_rs.utils.data import preprocess_spikes

from .networks import NoMetric, load_golden

GOLDEN = load_golden("deepr_stats.npz")
SCE = "sparse_categorical_crossentropy"
NUM_INPUTS, NUM_HIDDEN, NUM_OUTPUTS = 20, 30, 3
NUM_EXAMPLES = 60


def make_examples(num_examples: int = NUM_EXAMPLES) -> tuple[list[Any], np.ndarray]:
    """Return random spikes, three per neuron, and labels."""
    rng = np.random.default_rng(1)
    spikes = []
    for _ in range(num_examples):
        times = rng.integers(0, 15, 3 * NUM_INPUTS).astype(float)
        spikes.append(preprocess_spikes(times, np.tile(np.arange(NUM_INPUTS), 3), NUM_INPUTS))
    return spikes, rng.integers(0, NUM_OUTPUTS, num_examples)


class SynapseRecorder(Callback):
    """Keeps pairs, weights and signs after each batch."""

    def __init__(self, conn: Connection, history: list[dict[tuple[int, int], float]]) -> None:
        self.conn, self.history = conn, history

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.group = compiled_network.connection_populations[self.conn]

    def on_train_begin(self) -> None:
        self.on_batch_end(-1, {})

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.group.pull_connectivity_from_device()
        pre, post = self.group.get_sparse_pre_inds(), self.group.get_sparse_post_inds()
        self.group.vars["g"].pull_from_device()
        weights = self.group.vars["g"].values
        pairs = list(zip(pre.tolist(), post.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs) == len(weights)
        self.history.append(dict(zip(pairs, weights.tolist(), strict=True)))


class Run:
    """A network that is trained with Deep-R, and what happened."""

    def __init__(self, rule: str, l1_strength: float, *, fixed: bool = False, **args: Any) -> None:
        is_eprop = rule == "er"
        synapse: Any = Delta if is_eprop else (lambda: Exponential(5.0))
        network = self.network = Network(
            (eprop_compiler if is_eprop else event_prop).default_params
        )
        connectivity = FixedProbability(0.2, GOLDEN["idx/w"] if fixed else Normal(sd=1.0))
        if fixed:
            connectivity.pre_ind, connectivity.post_ind = GOLDEN["idx/pre"], GOLDEN["idx/post"]
        refractory = {"tau_refrac": 3.0} if is_eprop else {}
        with network:
            self.inp = Population(SpikeInput(max_spikes=1000), NUM_INPUTS)
            hid = Population(LeakyIntegrateFire(v_thresh=1.0, **refractory), NUM_HIDDEN)
            self.out = Population(LeakyIntegrate(readout="avg_var"), NUM_OUTPUTS)
            self.conn = Connection(self.inp, hid, connectivity, synapse())
            Connection(hid, self.out, Dense(Normal(sd=0.5)), synapse())
        compiler: Any = EPropCompiler if is_eprop else EventPropCompiler
        arguments = {"optimiser": Adam(0.02), "rng_seed": 5, **args}
        self.compiled = compiler(
            20,
            SCE,
            deep_r_conns=[self.conn],
            deep_r_l1_strength=l1_strength,
            deep_r_record_rewirings={self.conn: "rewirings"},
            **arguments,
        ).compile(network, "test")
        self.history: list[dict[tuple[int, int], float]] = []

    def train(self, num_epochs: int, num_examples: int = NUM_EXAMPLES, **args: Any) -> np.ndarray:
        """Train and return the numbers of rewirings and failures in each batch."""
        spikes, labels = make_examples(num_examples)
        _, data = self.compiled.train(
            {self.inp: spikes},
            {self.out: labels},
            num_epochs,
            shuffle=False,
            metrics=NoMetric(),
            callbacks=[SynapseRecorder(self.conn, self.history)],
            **args,
        )
        return np.asarray(data["rewirings"])

    @property
    def group(self) -> Any:
        return self.compiled.connection_populations[self.conn]


def mean_of_original(rule: str, l1_strength: float, fixed: bool) -> float:
    return float(GOLDEN[f"{rule}_l1={l1_strength}_idx={fixed}/rewirings"].mean())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("rule", "l1_strength", "fixed"),
    [
        ("er", 0.01, False),
        ("er", 0.0, False),
        ("ep", 0.01, False),
        ("ep", 0.0001, False),
        ("ep", 0.0, True),
    ],
)
def test_statistics(rule: str, l1_strength: float, fixed: bool, backend: str) -> None:
    run = Run(rule, l1_strength, fixed=fixed, backend=backend)
    with run.compiled:
        counts = run.train(2)
    assert counts.shape == (2 * NUM_EXAMPLES, 2) and counts.dtype == np.uint64
    expected = mean_of_original(rule, l1_strength, fixed)
    mean = counts[:, 0].mean()
    if expected > 1.0:
        # Each is one training; from one seed to the next the mean goes from 1.6 to 14 (median 4).
        assert expected / 4.0 < mean < expected * 4.0
    else:
        assert mean < 0.5
    assert np.all(counts[:, 1] == 0)
    assert {len(synapses) for synapses in run.history} == {len(run.history[0])}
    if fixed:
        assert len(run.history[0]) == len(GOLDEN["idx/w"])


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("rule", ["er", "ep"])
def test_pairs_keep_their_sign(rule: str, batch_size: int) -> None:
    run = Run(rule, 0.01, batch_size=batch_size)
    with run.compiled:
        # Training goes on with the signs that were drawn before
        counts = np.concatenate([run.train(1), run.train(1, start_epoch=1)])
    # The state before each training was recorded, too
    num_batches = NUM_EXAMPLES // batch_size
    before = [*run.history[:num_batches], *run.history[num_batches + 1 : -1]]
    after = [*run.history[1 : num_batches + 1], *run.history[num_batches + 2 :]]
    signs: dict[tuple[int, int], bool] = {}
    assert counts[:, 0].sum() > 10
    for old, new, (num_rewirings, _) in zip(before, after, counts, strict=True):
        assert len(new) == len(old)
        added = [weight for pair, weight in new.items() if pair not in old]
        assert len(added) <= num_rewirings <= sum(weight == 0.0 for weight in new.values())
        assert all(weight == 0.0 for weight in added)
        for pair, weight in new.items():
            if weight != 0.0:
                assert signs.setdefault(pair, weight < 0.0) == (weight < 0.0)


def test_signs_are_drawn_when_training_is_continued_in_a_new_run() -> None:
    run = Run("er", 0.0)
    with run.compiled:
        first = run.train(1, start_epoch=3)
        num_negative = sum(weight < 0.0 for weight in run.history[0].values())
    assert num_negative > 20
    assert first[0, 0] < 5


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("rule", ["er", "ep"])
def test_regularisation_pulls_weights_towards_zero(rule: str, batch_size: int) -> None:
    run = Run(rule, 0.25, batch_size=batch_size)
    with run.compiled:
        for group in ("DeepRInit", "DeepRL1"):
            run.compiled.custom_update(group)
        if batch_size > 1:
            run.compiled.custom_update("GradientBatchReduce")
            reduce = run.compiled.genn_model.custom_updates["CUBatchReduceWeight0"]
            gradients = reduce.vars["ReducedGradient"].values
        else:
            gradients = run.group.vars["DeltaG" if rule == "er" else "Gradient"].values
        expected = 0.25 * batch_size * np.where(run.group.vars["g"].values < 0.0, -1.0, 1.0)
        np.testing.assert_array_equal(gradients, expected)


def test_full_rows_are_drawn_again() -> None:
    """Every row has space for one synapse, so only those that lost it can get another one."""
    network = Network(eprop_compiler.default_params)
    with network:
        inp = Population(SpikeInput(), 6)
        hid = Population(LeakyIntegrateFire(), 6)
        out = Population(LeakyIntegrate(readout="var"), 2)
        conn = Connection(inp, hid, OneToOne(1.0))
        Connection(hid, out, Dense(1.0))
    compiled = EPropCompiler(5, SCE, rng_seed=3, deep_r_conns=[conn]).compile(network, "test")
    with compiled:
        compiled.custom_update("DeepRInit")
        group = compiled.connection_populations[conn]
        group.vars["g"].values = np.array([1.0, -1.0, 1.0, 1.0, -2.0, 1.0])
        group.vars["eFiltered"].values = np.arange(1.0, 7.0)
        for update in ("DeepR1", "DeepR2"):
            compiled.custom_update(update)
        rewiring = compiled.genn_model.custom_connectivity_updates[f"CCUDeepR2{conn.name}"]
        egps = rewiring.extra_global_params
        assert egps["NumRewirings"].view[0] == 2
        assert egps["NumFailedRewirings"].view[0] > 0
        group.pull_connectivity_from_device()
        np.testing.assert_array_equal(group.get_sparse_pre_inds(), np.arange(6))
        post = group.get_sparse_post_inds()
        np.testing.assert_array_equal(post[[0, 2, 3, 5]], [0, 2, 3, 5])
        np.testing.assert_array_equal(group.vars["g"].values, [1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
        np.testing.assert_array_equal(
            group.vars["eFiltered"].values, [1.0, 0.0, 3.0, 4.0, 0.0, 6.0]
        )


def test_rewired_connections_are_saved(tmp_path: Any) -> None:
    run = Run("er", 0.01)
    with run.compiled:
        run.train(1)
        for save in (run.compiled.save, run.compiled.save_connectivity):
            save(("end",), serialiser=Numpy(tmp_path))
    name = run.conn.name
    parts = [np.load(tmp_path / f"end-{name}-{part}.npy") for part in ("pre_ind", "post_ind", "g")]
    saved = {(int(i), int(j)): float(w) for i, j, w in zip(*parts, strict=True)}
    assert saved == run.history[-1]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"deep_r_conns": 3}, TypeError, "deep_r_conns"),
        ({"deep_r_l1_strength": -1.0}, ValueError, "negative"),
        ({"deep_r_l1_strength": "much"}, TypeError, "deep_r_l1_strength"),
        ({"deep_r_record_rewirings": ["key"]}, TypeError, "dictionary"),
    ],
)
@pytest.mark.parametrize("compiler", [EPropCompiler, EventPropCompiler])
def test_wrong_arguments(
    compiler: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        compiler(20, SCE, **arguments)


@pytest.mark.parametrize("rule", ["er", "ep"])
def test_dense_connections_cannot_be_rewired(rule: str) -> None:
    run = Run(rule, 0.01)
    dense = run.out.incoming_connections[0]()
    compiler: Any = EPropCompiler if rule == "er" else EventPropCompiler
    with pytest.raises(ValueError, match="not among deep_r_conns"):
        compiler(20, SCE, deep_r_record_rewirings={dense: "key"})
    with pytest.raises(RuntimeError, match="SPARSE"):
        compiler(20, SCE, deep_r_conns=[dense]).compile(run.network, "test")

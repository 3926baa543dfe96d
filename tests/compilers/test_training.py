"""The training loop: shuffling, validation, metrics, checks of data, ranks."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from multiprocessing.connection import Connection as Pipe
from typing import Any

import numpy as np
import pytest
from backends import NEEDS_FORK

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback
from mlgenn_rs.communicators import Communicator
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.connectivity import Dense, FixedProbability
from mlgenn_rs.initializers import Uniform
from mlgenn_rs.neurons import LeakyIntegrate, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Memory
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes, split_dataset

from .networks import CONSTANTS, Built, assert_close, build, to_spikes

SCE = "sparse_categorical_crossentropy"
NUM_EXAMPLES = 5
SPIKES = to_spikes(CONSTANTS["X"], NUM_EXAMPLES, 3)
LABELS = CONSTANTS["Y"]


def compile_network(**kwargs: Any) -> tuple[Built, Any, Any, Any]:
    built = build()
    compiler = EventPropCompiler(20, SCE, optimiser=Adam(0.01), max_spikes=64, **kwargs)
    compiled = compiler.compile(built.network, "test")
    return built, compiled, built.populations["in"], built.populations["out"]


def weights_of(built: Built, compiled: Any) -> dict[str, np.ndarray]:
    return {
        name: compiled.connection_populations[conn].vars["g"].values
        for name, conn in built.connections.items()
    }


class LabelRecorder(Callback):
    """Keeps the labels of each batch."""

    def __init__(self, output: Any, seen: list[list[int]]) -> None:
        self.output, self.seen = output, seen

    def set_params(
        self, compiled_network: Any, num_batches: int, num_epochs: int, **_: Any
    ) -> None:
        self.group = compiled_network.neuron_populations[self.output]
        self.sizes = (num_batches, num_epochs)

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.seen.append(self.group.vars["YTrue"].values.ravel().tolist())


def test_shuffling_permutes_what_is_permuted_already() -> None:
    _, compiled, inp, out = compile_network()
    labels = np.asarray([0, 1, 1, 1, 0])
    seen: list[list[int]] = []
    np.random.seed(11)
    with compiled:
        compiled.train(
            {inp: SPIKES}, {out: labels}, num_epochs=2, callbacks=[LabelRecorder(out, seen)]
        )
    np.random.seed(11)
    first = labels[np.random.permutation(NUM_EXAMPLES)]
    second = first[np.random.permutation(NUM_EXAMPLES)]
    assert [label for batch in seen for label in batch] == [*first, *second]


def test_last_batch_may_be_short() -> None:
    _, compiled, inp, out = compile_network(batch_size=2)
    seen: list[list[int]] = []
    with compiled:
        metrics, _ = compiled.train(
            {inp: SPIKES},
            {out: [0, 1, 1, 1, 0]},
            num_epochs=1,
            shuffle=False,
            callbacks=[LabelRecorder(out, seen)],
        )
    assert seen == [[0, 1], [1, 1], [0, 1]]  # unused slots keep the label they had
    assert metrics[out].total == NUM_EXAMPLES


def test_validation_split_takes_the_end() -> None:
    _, compiled, inp, out = compile_network()
    seen: list[list[int]] = []
    with compiled:
        result = compiled.train(
            {inp: SPIKES},
            {out: np.asarray([0, 1, 1, 0, 0])},
            num_epochs=1,
            shuffle=False,
            validation_split=0.5,
            callbacks=[LabelRecorder(out, seen)],
            validation_callbacks=[],
        )
    assert len(result) == 4
    kept, _ = split_dataset({out: np.asarray([0, 1, 1, 0, 0])}, 0.5)
    assert seen == [[label] for label in kept[out]]
    train_metrics, validate_metrics, *_ = result
    assert train_metrics[out].total + validate_metrics[out].total == NUM_EXAMPLES


def test_validation_does_not_learn() -> None:
    runs = []
    for validation in ({}, {"validation_x": SPIKES, "validation_y": LABELS}):
        built, compiled, inp, out = compile_network()
        arguments = {
            key: {inp if key.endswith("x") else out: data} for key, data in validation.items()
        }
        with compiled:
            compiled.train(
                {inp: SPIKES},
                {out: LABELS},
                1,
                shuffle=False,
                callbacks=[],
                validation_callbacks=[],
                **arguments,
            )
            runs.append(weights_of(built, compiled))
    for name in runs[0]:
        np.testing.assert_array_equal(runs[0][name], runs[1][name])


def test_training_in_parts_is_training() -> None:
    results = []
    for parts in ([(2, 0)], [(1, 0), (1, 1)]):
        built, compiled, inp, out = compile_network()
        with compiled:
            for num_epochs, start_epoch in parts:
                compiled.train(
                    {inp: SPIKES},
                    {out: LABELS},
                    num_epochs,
                    start_epoch,
                    shuffle=False,
                    callbacks=[],
                )
            results.append(weights_of(built, compiled))
    for name in results[0]:
        np.testing.assert_array_equal(results[0][name], results[1][name])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y": LABELS[:3]}, RuntimeError, "5 examples of inputs but 3 of labels"),
        ({"num_epochs": 1.5}, TypeError, "num_epochs"),
        ({"num_epochs": -1}, ValueError, "num_epochs"),
        ({"start_epoch": -1}, ValueError, "start_epoch"),
        ({"validation_split": 1.5}, RuntimeError, None),
        ({"validation_split": 0.5, "validation": True}, RuntimeError, "not both"),
        ({"metrics": {"out": "sparse_categorical_accuracy"}}, RuntimeError, None),
        ({"metrics": "no_such_metric"}, RuntimeError, "no_such_metric"),
    ],
)
def test_wrong_arguments(
    change: dict[str, Any], error: type[Exception], message: str | None
) -> None:
    _, compiled, inp, out = compile_network()
    arguments = {"x": {inp: SPIKES}, "num_epochs": 1, "callbacks": [], **change}
    arguments["y"] = {out: arguments.get("y", LABELS)}
    if arguments.pop("validation", False):
        arguments.update(validation_x={inp: SPIKES}, validation_y={out: LABELS})
    with compiled, pytest.raises(error, match=message):
        compiled.train(**arguments)


def test_training_without_metrics() -> None:
    _, compiled, inp, out = compile_network()
    with compiled:
        metrics, _ = compiled.train({inp: SPIKES}, {out: LABELS}, 1, metrics=None)
        assert metrics == {}


def test_metrics_in_any_order_belong_to_their_outputs() -> None:
    network = Network()
    with network:
        source = Population(SpikeInput(max_spikes=1), 1)
        outputs = [Population(LeakyIntegrate(readout="var"), 2) for _ in range(2)]
        for i, output in enumerate(outputs):
            Connection(source, output, Dense(np.eye(2)[i : i + 1]))
    spikes = [preprocess_spikes(np.zeros(1), [0], 1)]
    compiled = InferenceCompiler(5).compile(network, "test")
    with compiled:
        metrics, _ = compiled.evaluate(
            {source: spikes},
            {output: [i] for i, output in enumerate(outputs)},
            metrics={output: "sparse_categorical_accuracy" for output in reversed(outputs)},
        )
    assert [metrics[output].result for output in outputs] == [1.0, 1.0]


def test_labels_for_something_without_loss() -> None:
    built, compiled, inp, _ = compile_network()
    hid = built.populations["hid"]
    with compiled, pytest.raises(RuntimeError, match="no loss"):
        compiled.train({inp: SPIKES}, {hid: LABELS}, 1, callbacks=[])


class PipeCommunicator(Communicator):
    """Communication between two processes."""

    def __init__(self, rank: int, pipe: Pipe) -> None:
        self._rank, self._pipe = rank, pipe

    def _exchange(self, value: Any) -> Any:
        self._pipe.send(value)
        return self._pipe.recv()

    def barrier(self) -> None:
        self._exchange(None)

    def broadcast(self, data: Any, root: int) -> Any:
        other = self._exchange(data)
        return data if self._rank == root else other

    def reduce_sum(self, value: Any) -> Any:
        return value + self._exchange(value)

    @property
    def rank(self) -> int:
        return self._rank

    @property
    def num_ranks(self) -> int:
        return 2


def run_rank(rank: int, pipe: Pipe, order: list[int], results: Any) -> None:
    built, compiled, inp, out = compile_network(
        batch_size=2, communicator=PipeCommunicator(rank, pipe), reg_lambda_upper=1e-12
    )
    with compiled:
        metrics, _ = compiled.train(
            {inp: [SPIKES[i] for i in order]}, {out: LABELS[order]}, 1, shuffle=False, callbacks=[]
        )
        counts = compiled.neuron_populations[built.populations["hid"]].vars["SpikeCountBackBatch"]
        results.put((rank, weights_of(built, compiled), metrics[out].total, counts.values))


@NEEDS_FORK
def test_two_ranks_learn_what_one_does() -> None:
    context = multiprocessing.get_context("fork")
    ends = context.Pipe()
    results = context.Queue()
    processes = [
        context.Process(target=run_rank, args=(rank, ends[rank], [rank, rank + 2], results))
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    by_rank = {rank: rest for rank, *rest in (results.get(timeout=60) for _ in processes)}
    for process in processes:
        process.join(60)

    built, compiled, inp, out = compile_network(batch_size=2, reg_lambda_upper=1e-12)
    with compiled:
        compiled.train({inp: SPIKES[:4]}, {out: LABELS[:4]}, 1, shuffle=False, callbacks=[])
        expected = weights_of(built, compiled)
        counts = compiled.neuron_populations[built.populations["hid"]].vars["SpikeCountBackBatch"]
        np.testing.assert_array_equal(by_rank[0][2], counts.values)
    for name, weights in expected.items():
        np.testing.assert_array_equal(by_rank[0][0][name], by_rank[1][0][name])
        # Gradients are twice as large, which the optimiser does not see
        assert_close(by_rank[0][0][name], weights, name, 1e-3)
    assert by_rank[0][1] == by_rank[1][1] == 4


def test_interrupted_training_can_go_on() -> None:
    _, compiled, inp, out = compile_network()
    with compiled:
        interrupted: list[float] = []

        def interrupt() -> None:
            interrupted.append(time.monotonic())
            signal.raise_signal(signal.SIGINT)

        timer = threading.Timer(0.3, interrupt)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            compiled.train({inp: SPIKES * 2000}, {out: np.tile(LABELS, 2000)}, 1000, callbacks=[])
        assert time.monotonic() - interrupted[0] < 1.0
        metrics, _ = compiled.train({inp: SPIKES}, {out: LABELS}, 1, callbacks=[])
    assert metrics[out].total == NUM_EXAMPLES


def test_outside_of_a_with_block() -> None:
    _, compiled, inp, out = compile_network()
    for use in (
        lambda: compiled.train({inp: SPIKES}, {out: LABELS}, 1, callbacks=[]),
        compiled.save,
        lambda: compiled.set_input({inp: SPIKES[:1]}),
        lambda: compiled.get_readout(out),
        compiled.step_time,
        lambda: compiled.custom_update("Reset"),
        compiled.reset_time,
    ):
        with pytest.raises(RuntimeError, match="inside of a `with` block"):
            use()


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("learned", [False, True])
def test_delays_that_were_drawn_are_saved(sparse: bool, learned: bool) -> None:
    weight, delay = Uniform(0.0, 1.0), Uniform(0.0, 10.0)
    connectivity = FixedProbability(0.5, weight, delay=delay) if sparse else Dense(weight, delay)
    network = Network()
    with network:
        source = Population(SpikeInput(max_spikes=64), 8)
        out = Population(LeakyIntegrate(readout="avg_var", scale_i=True), 6)
        conn = Connection(source, out, connectivity, Exponential(5.0), max_delay_steps=10)

    def compile_training(seed: int) -> Any:
        conns = [conn] if learned else []
        compiler = EventPropCompiler(30, SCE, rng_seed=seed, delay_learn_conns=conns)
        return compiler.compile(network, "test")

    checkpoint = Memory({})
    with compile_training(1) as compiled:
        delays = compiled.connection_populations[conn].vars["d"].values
        assert len(np.unique(np.floor(delays))) > 5
        compiled.save((), checkpoint)
        compiled.save_connectivity((), checkpoint)
    network.load((), checkpoint)
    with compile_training(2) as compiled:
        np.testing.assert_array_equal(
            compiled.connection_populations[conn].vars["d"].values, delays
        )
    inference = InferenceCompiler(30, rng_seed=3).compile(network, "test")
    with inference:
        restored = inference.connection_populations[conn].vars["d"].values
    np.testing.assert_array_equal(restored.ravel(), np.round(delays).ravel())

"""Few-spike networks against values computed with the original implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback
from mlgenn_rs.compilers import FewSpikeCompiler
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import FewSpikeRelu, FewSpikeReluInput

from .networks import assert_close, load_golden

GOLDEN = load_golden("few_spike.npz")
K = 8


def build(case: str) -> tuple[Network, Population, Population, list[Connection]]:
    weights = {
        key.split("/")[1]: value for key, value in GOLDEN.items() if key.startswith(f"{case}/W")
    }
    alpha = 20 if case == "skip" else 25
    network = Network()
    with network:
        inp = Population(FewSpikeReluInput(K, alpha, signed_input=case == "signed"), 3, name="in")
        hid = Population(FewSpikeRelu(K, 20), 4, name="hid")
        conns = [Connection(inp, hid, Dense(weights["W1"]))]
        last = hid
        if case == "deep_skip":
            last = Population(FewSpikeRelu(K, 20), 4, name="hid2")
        out = Population(FewSpikeRelu(K, 15, readout="var"), 2, name="out")
        if case == "deep_skip":
            conns.append(Connection(hid, last, Dense(weights["Wd"])))
        conns.append(Connection(last, out, Dense(weights["W2"])))
        if case == "skip":
            conns.append(Connection(inp, out, Dense(weights["W3"])))
        elif case == "deep_skip":
            conns.append(Connection(hid, out, Dense(weights["W2"] * 0.5)))
    return network, inp, out, conns


class ReadoutRecorder(Callback):
    def __init__(self, output: Population, readouts: list[np.ndarray]) -> None:
        self.output, self.readouts = output, readouts

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.compiled_network = compiled_network

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.readouts.append(np.copy(self.compiled_network.get_readout(self.output)))


@pytest.mark.parametrize("case", ["unsigned", "signed", "skip", "deep_skip"])
def test_predictions(case: str) -> None:
    network, inp, out, conns = build(case)
    compiled = FewSpikeCompiler(k=K).compile(network, "test", inputs=inp, outputs=out)
    delays = [compiled.connection_populations[conn].axonal_delay_steps for conn in conns]
    assert delays == GOLDEN[f"{case}/delays"].tolist()
    depth = int(GOLDEN[f"{case}/depth_out"])
    assert compiled.pop_pipeline_depth[out] == depth

    readouts: list[np.ndarray] = []
    x = GOLDEN[f"{case}/X"]
    labels = np.argmax(GOLDEN[f"{case}/pred"], axis=1)
    with compiled:
        metrics, _ = compiled.evaluate(
            {inp: x}, {out: labels}, callbacks=[ReadoutRecorder(out, readouts)]
        )
    assert_close(np.concatenate(readouts[depth : depth + len(x)]), GOLDEN[f"{case}/pred"], case)
    assert metrics[out].result == 1.0
    assert metrics[out].total == len(x)


def test_batches_are_a_pipeline() -> None:
    network, inp, out, _ = build("unsigned")
    compiler = FewSpikeCompiler(k=K, batch_size=2)
    compiled = compiler.compile(network, "test", inputs=[inp], outputs=[out])
    x, labels = GOLDEN["unsigned/X"], np.argmax(GOLDEN["unsigned/pred"], axis=1)
    with compiled:
        metrics, _ = compiled.evaluate({inp: x}, {out: labels}, callbacks=[])
        batches = [(x[i : i + 2], labels[i : i + 2]) for i in range(0, len(x), 2)]
        from_iterator, _ = compiled.evaluate_batch_iter(inp, out, iter(batches), callbacks=[])
    for metric in (metrics[out], from_iterator[out]):
        assert metric.result == 1.0
        assert metric.total == len(x)

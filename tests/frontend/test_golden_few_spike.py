"""Few-spike neurons against golden values, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback, SpikeRecorder
from mlgenn_rs.compilers import FewSpikeCompiler
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import FewSpikeRelu, FewSpikeReluInput

from .support import assert_golden, assert_same_spikes, load_golden


class OutputRecorder(Callback):
    """Copies the output after every presentation into a list shared with the test."""

    def __init__(self, output: Population, outputs: list[Any]) -> None:
        self.output, self.outputs = output, outputs

    def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
        self.compiled_network = compiled_network

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.outputs.append(np.array(self.compiled_network.get_readout(self.output)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("name", "num_hidden", "weight"),
    [
        ("f01_fewspike", 0, 1.0),
        ("f02_fewspike_odd", 0, 1.0),
        ("f03_fewspike_chain", 1, 0.5),
        ("f04_fewspike_signed", 0, 1.0),
    ],
)
def test_few_spike(name: str, num_hidden: int, weight: float, backend: str) -> None:
    case = load_golden(name)
    x, params, outputs = case["inputs"]["x"], case["params"], case["outputs"]
    k, alpha = params["k"], params["alpha"]
    net = Network()
    with net:
        source = last = Population(FewSpikeReluInput(**params), 1, record_spikes=True)
        for _ in range(num_hidden):
            hidden = Population(FewSpikeRelu(k, alpha), 1)
            Connection(last, hidden, Dense(weight))
            last = hidden
        target = Population(FewSpikeRelu(k, alpha, readout="var"), 1)
        Connection(last, target, Dense(weight))
    compiler = FewSpikeCompiler(k=k, backend=backend)
    compiled = compiler.compile(net, "golden", inputs=source, outputs=target)
    presented: list[Any] = []
    with compiled:
        _, data = compiled.evaluate(
            {source: np.asarray(x).reshape(-1, 1)},
            {target: np.zeros(len(x), dtype=int)},
            callbacks=[SpikeRecorder(source, key="in"), OutputRecorder(target, presented)],
        )
    depth = compiled.pop_pipeline_depth[target]
    assert_golden(np.concatenate(presented[depth : depth + len(x)]), outputs["predictions"])
    # Presentations that only flush the pipeline show nothing that golden values depend on
    golden = outputs["in_spikes"]
    times, ids = data["in"]
    count = min(len(times), len(golden["times"]))
    assert count >= len(x)
    assert_same_spikes(
        (times[:count], ids[:count]), {key: golden[key][:count] for key in ("times", "ids")}
    )

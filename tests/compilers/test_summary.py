"""Summary and memory plan of compiled networks, and versions."""

import subprocess
import sys

import numpy as np
import pytest

import mlgenn_rs
from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import InferenceCompiler
from mlgenn_rs.compilers.summary import format_bytes
from mlgenn_rs.connectivity import Conv2D, Dense, OneToOne
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import BinarySpikeInput, IntegrateFire


@pytest.fixture
def compiled():
    net = Network()
    with net:
        source = Population(BinarySpikeInput(), (6, 6, 1), name="source")
        hidden = Population(IntegrateFire(), name="hidden")
        output = Population(IntegrateFire(readout="spike_count"), 10, name="output<b>")
        copy = Population(IntegrateFire(), 10, name="copy")
        Connection(source, hidden, Conv2D(np.ones((3, 3, 1, 2)), 2, 3))
        Connection(hidden, output, Dense(Normal(sd=0.1)))
        Connection(output, copy, OneToOne(1.0))
    return net, InferenceCompiler(3, batch_size=2).compile(net, "summary")


def test_totals(compiled):
    _, network = compiled
    summary = network.summary()
    assert summary.num_neurons == 36 + 32 + 10 + 10
    assert summary.num_parameters == 18 + 32 * 10
    assert summary.num_bytes == sum(item["bytes"] for item in network.memory_plan())


def test_memory_plan_is_what_loading_allocates(compiled):
    _, network = compiled
    plan = {item["path"]: item for item in network.memory_plan()}
    item = plan["syn.Conn_hidden_output_u3c_b_u3e_.vars.g"]
    assert item["bytes"] == 4 * 32 * 10 and item["dtype"] == "float32"
    assert int(np.prod(plan["neuron.hidden.vars.V"]["shape"])) == 2 * 32
    with network:
        group = network.neuron_populations[compiled[0].populations[1]]
        assert group.vars["V"].view.size == 2 * 32
        assert network.summary().num_bytes == sum(i["bytes"] for i in plan.values())


def test_text_names_everything(compiled):
    net, network = compiled
    text = str(network.summary())
    for item in (*net.populations, *net.connections):
        assert any(line.startswith(item.name) for line in text.splitlines())
    assert "88 neurons, 338 parameters" in text
    assert repr(network.summary()) == text


def test_html_is_escaped(compiled):
    html = compiled[1].summary()._repr_html_()
    assert html.count("<tr>") == html.count("</tr>") == 2 + 4 + 3
    assert "output&lt;b&gt;" in html and "<b>" not in html


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB")]
)
def test_format_bytes(size, text):
    assert format_bytes(size) == text


def test_show_versions(capsys):
    mlgenn_rs.show_versions()
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["mlgenn_rs"] == mlgenn_rs.__version__
    assert lines["numpy"] == np.__version__
    assert lines["python"] == sys.version.split()[0]


def test_module_prints_versions():
    run = subprocess.run([sys.executable, "-m", "mlgenn_rs"], capture_output=True, text=True)
    assert run.stdout.startswith("mlgenn_rs") and run.returncode == 0

"""The native module: its stub, the memory it shares, interruption and errors."""

from __future__ import annotations

import ast
import gc
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import mlgenn_rs
from mlgenn_rs import _core
from mlgenn_rs import engine as e

from .networks import COUNTER, new_model, run_ready, sink

STUB = ast.parse((Path(mlgenn_rs.__file__).parent / "_core.pyi").read_text())


def _names(body: list[ast.stmt]) -> set[str]:
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_stub_has_the_names_of_the_module() -> None:
    public = {name for name in dir(_core) if not name.startswith("_")}
    assert _names(STUB.body) == public | {"__version__"}


@pytest.mark.parametrize(
    "node", [n for n in STUB.body if isinstance(n, ast.ClassDef)], ids=lambda n: n.name
)
def test_stub_has_the_methods_of_each_class(node: ast.ClassDef) -> None:
    cls = getattr(_core, node.name)
    public = {name for name in vars(cls) if not name.startswith("_")}
    assert _names(node.body) - {"__init__"} == public


def test_views_outlive_the_simulation() -> None:
    model = new_model()
    population = model.add_neuron_population("P", 3, COUNTER, {"step": 1.0}, {"V": 0.0})
    run_ready(model)
    view = population.vars["V"].view
    model.step_time()
    np.testing.assert_array_equal(view, 1.0)
    view[1] = 1.5
    model.step_time()
    np.testing.assert_array_equal(view, [2.0, 2.5, 2.0])
    model.unload()
    gc.collect()
    np.testing.assert_array_equal(view, [2.0, 2.5, 2.0])
    with pytest.raises(e.RuntimeFault, match="not loaded"):
        _ = population.vars["V"].view
    model.load()
    np.testing.assert_array_equal(population.vars["V"].view, 0.0)
    np.testing.assert_array_equal(view, [2.0, 2.5, 2.0])


def test_compiled_model_can_be_simulated_twice_at_once() -> None:
    model = new_model()
    model.add_neuron_population("P", 1, COUNTER, {"step": 1.0}, {"V": 0.0})
    run_ready(model)
    assert model._compiled is not None
    other = _core.Simulation(model._compiled, {})
    model.step_time()
    assert model.timestep == 1 and other.timestep == 0
    assert other.view("neuron.P.vars.V")[0] == 0.0


def test_interruption_stops_a_run_and_leaves_the_simulation_usable() -> None:
    model = new_model()
    busy = e.create_neuron_model(
        "Busy",
        vars=[("x", "scalar")],
        sim_code="for(int i = 0; i < 1000; i++) { x = sin(x + 1.0); }",
    )
    model.add_neuron_population("P", 100, busy, {}, {"x": 0.0})
    run_ready(model)

    def interrupt() -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    start = time.monotonic()
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        model.run(10**9)
    thread.join()
    assert time.monotonic() - start < 5.0
    made = model.timestep
    assert made > 0
    model.run(2)
    assert model.timestep == made + 2


def test_other_threads_run_during_a_long_run() -> None:
    model = new_model()
    sink(model, 1000)
    run_ready(model)
    ticks = 0
    done = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    model.run(500_000)
    done.set()
    thread.join()
    assert ticks > 3


def test_bad_input_is_refused() -> None:
    with pytest.raises(e.ModelError, match="description"):
        _core.compile("{")
    with pytest.raises(e.ModelError, match="no backend"):
        _core.compile("{}", "abacus")
    with pytest.raises(e.ModelError, match="speed"):
        _core.compile("{}", "cpu", None, '{"speed": 1}')
    compiled = _core.compile("{}")
    with pytest.raises(TypeError, match="one-dimensional"):
        _core.Simulation(compiled, {"a": np.zeros((2, 2))})
    with pytest.raises(TypeError, match="numpy array"):
        _core.Simulation(compiled, {"a": [1.0]})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="native"):
        _core.Simulation(compiled, {"a": np.zeros(2, ">f4")})
    simulation = _core.Simulation(compiled, {})
    for operation in (simulation.view, simulation.current_slot, simulation.recorded):
        with pytest.raises(e.UnknownName):
            operation("neuron.P.vars.V")
    with pytest.raises(e.UnknownGroup):
        simulation.custom_update("G")
    with pytest.raises(e.UnknownName):
        simulation.run(_core.RunPlan(1, record=["neuron.P.vars.V"]))

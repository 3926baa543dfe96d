"""Every golden case of the engine, on every backend, step by step and as one run plan."""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS, DEFAULT

from .golden import Case, Program, assert_close, build, case_names, load_case

DELIBERATELY_DIFFERENT = {
    "event_times": {"syn.S2.vars.b"},
    "spike_times_delay": {
        f"syn.{group}.vars.{name}" for group in ("SA", "SB", "SC") for name in ("b", "d")
    }
    | {"neuron.In.prev_spike_times"},
    "recording_timestep": {"rec12"},
}
"""Outputs that this engine has otherwise.

Previous spike times under the longest delay of a population: see `test_previous_times`.  Times of
recorded spikes when the timestep is no multiple of the length: see `test_running`.
"""


def run_case(case: Case, backend: str, use_plan: bool = False) -> dict[str, np.ndarray]:
    """Build, load and run a case."""
    model = build(case.definition["model"], backend)
    model.build()
    model.load(case.definition.get("num_recording_timesteps"))
    return Program(model, use_plan).run(case.definition["program"])


def check(case: Case, outputs: dict[str, np.ndarray]) -> None:
    """Compare outputs with the golden ones."""
    different = DELIBERATELY_DIFFERENT.get(case.name, set())
    spike_times = _steps_before_reading_spike_times(case)
    for key in sorted(outputs.keys() - different):
        expected = case.expected[key]
        if key in spike_times and outputs[key].size != expected.size:
            # The reference returns all delay slots of these, here the current one is read.
            expected = expected[spike_times[key] % len(expected)]
        try:
            assert_close(outputs[key], expected, case.tolerance)
        except AssertionError as error:
            raise AssertionError(f"{case.name}: {key}: {error}") from None


def _steps_before_reading_spike_times(case: Case) -> dict[str, int]:
    num_steps, read_after = 0, {}
    for operation in case.definition["program"]:
        num_steps += operation.get("n", 0)
        path = operation.get("path", "")
        if path.endswith("spike_times"):
            read_after[operation.get("key", path)] = num_steps
    return read_after


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", case_names())
def test_case(name: str, backend: str) -> None:
    case = load_case(name)
    outputs = run_case(case, backend)
    assert outputs.keys() == case.expected.keys()
    check(case, outputs)


@pytest.mark.parametrize("name", case_names())
def test_case_as_run_plan(name: str) -> None:
    case = load_case(name)
    outputs = run_case(case, DEFAULT, use_plan=True)
    assert outputs
    check(case, outputs)


def test_all_cases_are_covered() -> None:
    assert len(case_names()) >= 53

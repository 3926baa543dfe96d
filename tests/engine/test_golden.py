"""Every golden case of the engine, on every backend, step by step and as one run plan."""

from __future__ import annotations

import numpy as np
import pytest

from mlgenn_rs import engine as e

from .golden import Case, Program, assert_close, build, case_names, load_case

BACKENDS = ["cpu", "interpreter"]

UNSUPPORTED: dict[str, str] = {}
"""Cases that this version refuses, with the reason."""

DELIBERATELY_DIFFERENT = {
    "event_times": {"syn.S2.vars.b"},
    "spike_times_delay": {
        f"syn.{group}.vars.{name}" for group in ("SA", "SB", "SC") for name in ("b", "d")
    }
    | {"neuron.In.prev_spike_times"},
}
"""Outputs that depend on previous spike times under the longest delay of a population.

The reference reads the wrong slot there; `test_previous_times` has the right values.
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
    num_steps = sum(item["n"] for item in case.definition["program"] if item["op"] == "step")
    for key in sorted(outputs.keys() - different):
        expected = case.expected[key]
        if key.endswith("spike_times") and outputs[key].size != expected.size:
            # The reference returns all delay slots of these, here the current one is read.
            expected = expected[num_steps % len(expected)]
        try:
            assert_close(outputs[key], expected, case.tolerance)
        except AssertionError as error:
            raise AssertionError(f"{case.name}: {key}: {error}") from None


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [name for name in case_names() if name not in UNSUPPORTED])
def test_case(name: str, backend: str) -> None:
    case = load_case(name)
    outputs = run_case(case, backend)
    assert outputs.keys() == case.expected.keys()
    check(case, outputs)


@pytest.mark.parametrize("name", [name for name in case_names() if name not in UNSUPPORTED])
def test_case_as_run_plan(name: str) -> None:
    case = load_case(name)
    outputs = run_case(case, "cpu", use_plan=True)
    if not outputs:
        pytest.fail("the case has nothing that a run plan can record")
    check(case, outputs)


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_unsupported_case_is_refused(name: str) -> None:
    case = load_case(name)
    with pytest.raises(NotImplementedError) as error:
        run_case(case, "cpu")
    assert isinstance(error.value, e.MlGennError)


def test_all_cases_are_covered() -> None:
    names = set(case_names())
    assert len(names) >= 53
    assert set(UNSUPPORTED) <= names

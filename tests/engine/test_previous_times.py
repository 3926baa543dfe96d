"""Previous spike times under the longest delay of a population.

The reference reads the newest slot there.  What should be seen in timestep n is the last arrival
before n; that rule is first checked on the case without delay, where the reference is right.
"""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS

from .golden import Case, assert_close, load_case
from .test_golden import run_case

LOWEST = np.finfo(np.float32).min


def arrivals(case: Case, population: str, delay: int) -> list[np.ndarray]:
    """Return the timesteps at which spikes of each neuron arrive."""
    [item] = [n for n in case.definition["model"]["neurons"] if n["name"] == population]
    times = np.array(item["egps"]["spikeTimes"])
    slices = zip(item["vars"]["startSpike"], item["vars"]["endSpike"], strict=True)
    return [times[start:end] + delay + 1 for start, end in slices]


def previous_times(case: Case, axonal: int, back_prop: int) -> dict[str, np.ndarray]:
    """Return what ``b`` (presynaptic) and ``d`` (postsynaptic) of each group should be."""
    pre = arrivals(case, "In", axonal)
    post = arrivals(case, "Out", back_prop)
    num_steps = case.definition["program"][0]["n"]
    shape = (num_steps, len(pre), len(post))
    expected = {f"{group}.{name}": np.zeros(shape) for group in ("SA", "SB", "SC") for name in "bd"}
    for i, j in np.ndindex(shape[1:]):
        for n in range(num_steps):
            runs = {"SA": n in pre[i], "SB": True, "SC": n in post[j]}
            previous = {
                "b": max(pre[i][pre[i] < n], default=LOWEST),
                "d": max(post[j][post[j] < n], default=LOWEST),
            }
            for key, series in expected.items():
                group, name = key.split(".")
                series[n, i, j] = previous[name] if runs[group] else series[max(n - 1, 0), i, j]
    return {f"syn.{k[:2]}.vars.{k[3]}": v.reshape(num_steps, -1) for k, v in expected.items()}


def test_rule_agrees_with_the_reference_without_delay() -> None:
    case = load_case("spike_times_nodelay")
    for key, expected in previous_times(case, 0, 0).items():
        assert_close(case.expected[key].astype(float), expected, {"rtol": 0, "atol": 0})


@pytest.mark.parametrize("backend", BACKENDS)
def test_spikes(backend: str) -> None:
    case = load_case("spike_times_delay")
    outputs = run_case(case, backend)
    for key, expected in previous_times(case, 2, 3).items():
        assert_close(outputs[key], expected, {"rtol": 0, "atol": 0})


@pytest.mark.parametrize("backend", BACKENDS)
def test_events(backend: str) -> None:
    case = load_case("event_times")
    outputs = run_case(case, backend)
    undelayed = case.expected["syn.S0.vars.b"]
    delayed = np.zeros_like(undelayed)
    delayed[2:] = np.where(undelayed[:-2] > 0, undelayed[:-2] + 2, undelayed[:-2])
    assert_close(outputs["syn.S2.vars.b"], delayed, {"rtol": 0, "atol": 0})

"""Keywords of compilers: unknown ones and wrong values are refused by the constructor."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Network, Population
from mlgenn_rs.compilers import (
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from mlgenn_rs.neurons import IntegrateFire

LOSS = "mean_square_error"


@pytest.mark.parametrize(
    ("compiler", "keyword", "match"),
    [
        (lambda **kw: InferenceCompiler(5, **kw), "batch_sise", "did you mean 'batch_size'"),
        (lambda **kw: FewSpikeCompiler(5, **kw), "num_thread", "did you mean 'num_threads'"),
        (lambda **kw: EPropCompiler(5, LOSS, **kw), "cref", "did you mean 'c_reg'"),
        (lambda **kw: EventPropCompiler(5, LOSS, **kw), "backwards", "did you mean 'backward'"),
        (lambda **kw: InferenceCompiler(5, **kw), "losses", "evaluate_timesteps, dt, batch_size"),
        (lambda **kw: InferenceCompiler(5, **kw), "losses", "engine: backend, .*num_threads"),
        (lambda **kw: InferenceCompiler(5, **kw), "precision", "unknown keyword 'precision'"),
    ],
)
def test_unknown_keywords(compiler: Callable[..., Any], keyword: str, match: str) -> None:
    with pytest.raises(ValueError, match=f"Compiler: unknown keyword '{keyword}'") as caught:
        compiler(**{keyword: 3})
    assert re.search(match, str(caught.value))


def test_keywords_of_subclasses() -> None:
    class Own(InferenceCompiler):
        def __init__(self, scaling: float, **kwargs: Any) -> None:
            super().__init__(5, **kwargs)
            self.scaling = scaling

    compiler = Own(2.0, batch_size=3, backend="cpu", num_threads=1)
    assert (compiler.scaling, compiler.batch_size) == (2.0, 3)
    with pytest.raises(ValueError, match=r"'scalin', did .*'scaling'\? Its keywords: scaling, dt,"):
        Own(2.0, scalin=1.0)


@pytest.mark.parametrize(
    ("keyword", "value", "match"),
    [
        ("num_threads", "x", "num_threads must be a whole number, got 'x'"),
        ("num_threads", True, "num_threads must be"),
        ("num_threads", 0, "num_threads must be from 1 to "),
        ("num_threads", 10**30, "num_threads must be from 1 to "),
        ("backend", "tpu", "no backend 'tpu'; backends: "),
        ("manual_device_id", -1, "manual_device_id must be from 0"),
        ("accumulate_per_member", 1, "accumulate_per_member must be True or False, got 1"),
        ("time_precision", "half", "'half'"),
    ],
)
def test_values_of_engine_keywords(keyword: str, value: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        InferenceCompiler(5, **{keyword: value})


def test_keywords_of_the_original() -> None:
    original = {"optimize_code": True, "manual_device_id": 0, "genn_log_level": None}
    network = Network()
    with network:
        Population(IntegrateFire(), 2)
    with InferenceCompiler(5, backend="cpu", num_threads=np.int64(1), **original).compile(network):
        pass

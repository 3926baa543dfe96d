"""Upgrading the old spelling of model code."""

from __future__ import annotations

import pytest

from mlgenn_rs import engine as e


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("$(V) = 1.0;", "V = 1.0;"),
        ("$(addToInSyn, $(g));", "addToPost(g);"),
        ("$(addToInSynDelay, $(g) * (1 + $(x)), $(d));", "addToPostDelay(g * (1 + x), d);"),
        ("V = $(gennrand_uniform);", "V = gennrand_uniform();"),
        ("V = $(gennrand_gamma, 2.0);", "V = gennrand_gamma(2.0);"),
        ("V = $(t) - $(sT_pre);", "V = t - st_pre;"),
        ("V = $(prev_seT_post);", "V = prev_set_post;"),
    ],
)
def test_upgrade(old: str, new: str) -> None:
    with pytest.warns(FutureWarning, match=r"\$\(name\)"):
        model = e.create_neuron_model("Old", sim_code=old)
    assert model.sim_code == new


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("code", ["$(endRow);", "$(endCol);", "$(V = 1.0;", "$(1);", "$(V W);"])
def test_refused(code: str) -> None:
    with pytest.raises(e.SnippetError):
        e.create_neuron_model("Old", sim_code=code)


def test_current_spelling_is_kept(recwarn: pytest.WarningsRecorder) -> None:
    code = "V = a * (b + c); // $ is not special"
    assert e.create_neuron_model("New", sim_code=code).sim_code == code
    assert e.create_neuron_model("New", sim_code=["V = 1;", "U = 2;"]).sim_code == "V = 1;\nU = 2;"
    assert not recwarn.list

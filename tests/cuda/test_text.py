"""The CUDA text of some networks, and what would be launched, as they were when last looked at.

With ``MLGENN_UPDATE_SNAPSHOTS=1`` the files in `snapshots` are written anew; look at what
changed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from engine.golden import build, load_case

from .networks import split

SNAPSHOTS = Path(__file__).parent / "snapshots"
CASES = ("adam_dense", "axonal_delay", "dendritic_delay", "toeplitz_conv2d_valid", "ccu_remove_add")
"""Dense learning with an optimiser, delays, kernels, connectivity updates."""


@pytest.mark.parametrize("name", CASES)
def test_text_and_launches(name: str) -> None:
    model = build(load_case(name).definition["model"], "cpu")
    model.build()
    launches = model.dump("cuda launches")
    text = split(model.dump("cuda"))[1]
    comment = "".join(f"// {line}\n" for line in launches.splitlines())
    file = SNAPSHOTS / f"{name}.cu"
    if os.environ.get("MLGENN_UPDATE_SNAPSHOTS"):
        file.write_text(comment + text)
    assert comment + text == file.read_text()


def test_every_launch_is_in_the_text() -> None:
    for name in CASES:
        model = build(load_case(name).definition["model"], "cpu")
        model.build()
        text = model.dump("cuda")
        launches = [line for line in model.dump("cuda launches").splitlines() if line[0] == " "]
        assert launches
        for line in launches:
            function = line.partition(":")[0].strip()
            assert re.search(rf"__global__ void .*\b{function}\(", text)

"""What the driver is asked for while a network is built, as counted by the pretended GPU."""

from __future__ import annotations

from mlgenn_rs import _core

from .training import compile_training, needs_pretended_gpu, pretended_gpu

pytestmark = needs_pretended_gpu

FUNCTIONS = (
    *("cuMemAlloc_v2", "cuMemsetD8Async", "cuMemHostAlloc", "cuStreamCreate"),
    *("cuModuleLoadData", "cuModuleGetFunction", "cuMemcpyHtoDAsync_v2", "cuStreamSynchronize"),
)


def calls() -> dict[str, int]:
    library = pretended_gpu()
    return {name: library.pretend_calls(name.encode()) for name in FUNCTIONS}


def since(before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in calls().items()}


def test_building_takes_few_calls() -> None:
    compiled, inputs, labels = compile_training()
    # Opening the GPU does not count
    _core.describe_cuda()
    before = calls()
    with compiled:
        loaded = since(before)
        compiled.train(inputs, labels, 1, callbacks=[])
        trained = since(before)
        compiled.train(inputs, labels, 1, start_epoch=1, callbacks=[])
        again = since(before)
    # All memory at once, small contents in one copy
    once = ("cuMemAlloc_v2", "cuMemsetD8Async", "cuMemHostAlloc", "cuStreamCreate")
    for name in (*once, "cuModuleLoadData"):
        assert loaded[name] == trained[name] == again[name] == 1, name
    assert loaded["cuMemcpyHtoDAsync_v2"] == 1
    assert loaded["cuStreamSynchronize"] == loaded["cuModuleGetFunction"] == 0
    # What is launched is looked up once
    functions = compiled.genn_model.dump("cuda").count("__global__ void")
    assert 0 < trained["cuModuleGetFunction"] == again["cuModuleGetFunction"] <= functions

"""Values, initialisers and string shorthand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs.connectivity import Dense
from mlgenn_rs.initializers import Normal, Uniform, Wrapper
from mlgenn_rs.metrics import MeanSquareError, Metric, default_metrics
from mlgenn_rs.neurons import FewSpikeRelu, IntegrateFire, LeakyIntegrateFire, Neuron
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.readouts import Readout
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.connectivity import KernelInit
from mlgenn_rs.utils.module import get_module_classes, get_object, get_object_mapping
from mlgenn_rs.utils.value import (
    get_genn_var_name,
    get_values,
    is_value_array,
    is_value_constant,
    is_value_initializer,
    set_values,
)


def test_assignment() -> None:
    neuron = IntegrateFire()
    array = np.arange(3.0)
    neuron.v = array
    assert neuron.v is array
    neuron.v = [1, 2]
    assert neuron.v.dtype.kind == "i"
    neuron.v = np.asarray(2.5)
    assert neuron.v == 2.5 and is_value_constant(neuron.v)
    normal = Normal(1.0, 2.0)
    neuron.v = normal
    assert neuron.v is not normal and neuron.v.sd == 2.0
    neuron.v = None
    assert neuron.v is None
    neuron.v = "uniform"
    assert isinstance(neuron.v, Uniform)
    for bad in ("nope", object(), {1: 2}, ["a"], [[1], [1, 2]]):
        with pytest.raises(RuntimeError, match=r"IntegrateFire\.v"):
            neuron.v = bad


def test_transformed_values() -> None:
    neuron = LeakyIntegrateFire(tau_mem=[5.0, 20.0])
    alpha = LeakyIntegrateFire.tau_mem.get_transformed(neuron, 0.5)
    np.testing.assert_allclose(alpha["Alpha"], np.exp([-0.1, -0.025]))
    for bad in (Normal(), "normal"):
        with pytest.raises(NotImplementedError, match="tau_mem"):
            LeakyIntegrateFire(tau_mem=bad)
        with pytest.raises(NotImplementedError, match="tau"):
            Exponential(tau=bad)


def test_kinds() -> None:
    assert is_value_constant(1) and is_value_constant(np.float32(1)) and is_value_constant(True)
    assert is_value_array([1]) and is_value_array(np.ones(1)) and not is_value_array("normal")
    assert is_value_initializer(Normal()) and not is_value_initializer(Normal)


def test_names() -> None:
    neuron = LeakyIntegrateFire()
    assert get_genn_var_name(neuron, "v_thresh") == "Vthresh"
    assert get_genn_var_name(Dense(1.0), "weight") == "g"
    with pytest.raises(AttributeError):
        get_genn_var_name(neuron, "nope")
    for name in ("tau_mem", "get_model"):
        with pytest.raises(RuntimeError, match=name):
            get_genn_var_name(neuron, name)


def test_get_and_set_values() -> None:
    neuron = LeakyIntegrateFire(v=0.25)
    declared = [("V", "scalar"), ("Alpha", "scalar"), ("Other", "scalar")]
    vals = get_values(neuron, declared, 1.0)
    assert vals == {"V": 0.25, "Alpha": np.exp(-1.0 / 20.0)}
    assert get_values(IntegrateFire(), [("Vreset", "scalar")], 1.0) == {"Vreset": 0.0}
    set_values(neuron, {"V": 2.0, "Alpha": 0.5, "Nope": 1.0})
    assert (neuron.v, neuron.tau_mem) == (2.0, 0.5)


def test_initialisers() -> None:
    assert repr(Normal(1.0, 2.0)) == "(Normal) Mean: 1.0, Standard Deviation: 2.0"
    assert repr(Uniform(-1, 1)) == "(Uniform) Min: -1, Max: 1"
    assert Normal(1.0, 2.0).get_snippet()[:2] == ("Normal", {"mean": 1.0, "sd": 2.0})
    assert Uniform().get_snippet()[:2] == ("Uniform", {"min": 0.0, "max": 1.0})
    wrapped = Wrapper("Gamma", {"a": 1.0, "b": 2.0}).get_snippet()
    assert wrapped == ("Gamma", {"a": 1.0, "b": 2.0}, {})
    kernel = KernelInit(np.arange(4).reshape(2, 2)).get_snippet()
    assert kernel.snippet == "Kernel" and kernel.egp_vals["kernel"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("bad", [None, "1", [1.0], np.ones(1)])
def test_constants_are_numbers(bad: Any) -> None:
    for build in (
        lambda: Normal(mean=bad),
        lambda: Uniform(max=bad),
        lambda: Adam(beta1=bad),
        lambda: FewSpikeRelu(k=bad),
    ):
        with pytest.raises(RuntimeError, match="expected a number"):
            build()


def test_module_classes() -> None:
    class AvgPool2D(Metric):
        def __init__(self, *args: Any, x: int = 1, **kwargs: Any) -> None: ...
        def update(self, y_true: Any, y_pred: Any, communicator: Any) -> None: ...
        def reset(self) -> None: ...

        @property
        def result(self) -> None: ...

    class Needs(AvgPool2D):
        def __init__(self, x: int) -> None: ...

    found = get_module_classes(
        {"Metric": Metric, "AvgPool2D": AvgPool2D, "Needs": Needs, "x": 3, "Neuron": Neuron}, Metric
    )
    assert found == {"avg_pool2_d": AvgPool2D}


def test_get_object() -> None:
    assert get_object(None, Metric, "Metric", default_metrics) is None
    metric = MeanSquareError()
    copy = get_object(metric, Metric, "Metric", default_metrics)
    assert copy is not metric and isinstance(copy, MeanSquareError)
    for bad in (3, MeanSquareError, Readout):
        with pytest.raises(RuntimeError, match="Metric"):
            get_object(bad, Metric, "Metric", default_metrics)
    with pytest.raises(RuntimeError, match="mean_square_error"):
        get_object("mse", Metric, "Metric", default_metrics)

    shared = get_object_mapping(metric, ["a", "b"], Metric, "Metric", default_metrics)
    assert set(shared) == {"a", "b"} and shared["a"] is not shared["b"]
    mixed = get_object_mapping(
        {"a": metric, "b": "mean_square_error"}, ["a", "b"], Metric, "Metric", default_metrics
    )
    assert all(isinstance(m, MeanSquareError) for m in mixed.values())
    with pytest.raises(RuntimeError, match="keys"):
        get_object_mapping({"a": metric}, ["a", "b"], Metric, "Metric", default_metrics)

"""Compiled networks for inference: evaluation against labels, and prediction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..callbacks import BatchProgressBar
from ..communicators import Communicator
from ..connection import Connection
from ..metrics import Metric, MetricsType, default_metrics
from ..population import Population
from ..utils.callback_list import CallbackList, check_callbacks
from ..utils.data import batch_dataset
from ..utils.module import get_object_mapping
from ..utils.network import PopulationType
from .compiled_network import CompiledNetwork
from .dataset import Dataset, check_dataset
from .timesteps import run_timesteps

Evaluation = tuple[dict[Any, Metric], dict[Any, Any]]
"""Metric of each output, and data of each callback."""


class CompiledInferenceNetwork(CompiledNetwork):
    """A network that can be evaluated against labels and used for prediction.

    Parameters
    ----------
    genn_model
        Engine model.
    neuron_populations
        Neuron group of each population.
    connection_populations
        Synapse group of each connection.
    communicator
        Communication between the ranks of a data parallel run.
    evaluate_timesteps
        Number of timesteps of an example.
    base_callbacks
        Callbacks of the compiler; they come before those of the user.
    reset_time_between_batches
        Start every batch at time zero.
    """

    def __init__(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        communicator: Communicator | None,
        evaluate_timesteps: int,
        base_callbacks: Sequence[Any],
        reset_time_between_batches: bool = True,
    ) -> None:
        super().__init__(
            genn_model,
            neuron_populations,
            connection_populations,
            communicator,
            evaluate_timesteps,
        )
        self.evaluate_timesteps = evaluate_timesteps
        self.base_callbacks = list(base_callbacks)
        self.reset_time_between_batches = reset_time_between_batches

    def evaluate(
        self,
        x: Dataset,
        y: Dataset,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Sequence[Any] = (BatchProgressBar(),),
    ) -> Evaluation:
        """Simulate examples and compare the outputs with labels.

        Parameters
        ----------
        x
            Inputs of each input population or layer.
        y
            Labels of each output population or layer.
        metrics
            Metric or its name, or a dictionary with one for each key of ``y``.
        callbacks
            Callbacks or their names.

        Returns
        -------
        tuple
            Dictionary with the metric of each output, and one with the data of callbacks by key.

        Raises
        ------
        RuntimeError
            If inputs and labels differ in their number of examples.
        """
        size = check_dataset("evaluate", inputs=x, labels=y)
        batches = zip(
            batch_dataset(x, self.genn_model.batch_size, size),
            batch_dataset(y, self.genn_model.batch_size, size),
            strict=True,
        )
        num_batches = -(-size // self.genn_model.batch_size)
        return self._evaluate(batches, list(y), num_batches, metrics, callbacks)

    def predict(
        self,
        x: Dataset,
        outputs: PopulationType | Sequence[PopulationType],
        callbacks: Sequence[Any] = (BatchProgressBar(),),
    ) -> tuple[dict[Any, np.ndarray[Any, Any]], dict[Any, Any]]:
        """Simulate examples and return the outputs.

        Parameters
        ----------
        x
            Inputs of each input population or layer.
        outputs
            Output population or layer, or several of them.
        callbacks
            Callbacks or their names.

        Returns
        -------
        tuple
            Dictionary with an array of shape ``(examples, *shape)`` for each output, and one with
            the data of callbacks by key.
        """
        keys = list(outputs) if isinstance(outputs, Sequence) else [outputs]
        size = check_dataset("predict", inputs=x)
        batches = batch_dataset(x, self.genn_model.batch_size, size)
        callback_list = self._start(callbacks, len(batches))
        predictions: dict[Any, list[np.ndarray[Any, Any]]] = {key: [] for key in keys}
        callback_list.on_test_begin()
        for i, batch in enumerate(batches):
            self._run_batch(i, batch, callback_list)
            for key in keys:
                # No view is held while the network runs on
                predictions[key].append(np.copy(self.get_readout(key)))
            callback_list.on_batch_end(i, {})
        callback_list.on_test_end({})
        joined = {key: np.concatenate(parts)[:size] for key, parts in predictions.items()}
        return joined, callback_list.get_data()

    def evaluate_batch_iter(
        self,
        inputs: PopulationType | Sequence[PopulationType],
        outputs: PopulationType | Sequence[PopulationType],
        data: Iterable[tuple[Any, Any]],
        num_batches: int | None = None,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Sequence[Any] = (BatchProgressBar(),),
    ) -> Evaluation:
        """Evaluate batches from an iterable, for data that does not fit into memory.

        Parameters
        ----------
        inputs, outputs
            Input and output populations or layers, single or several.
        data
            Yields pairs of inputs and labels of one batch; each is the data itself if there is a
            single input or output, else a sequence with one entry for each.
        num_batches
            Number of batches, if it is known, for the progress bar.
        metrics
            Metric or its name, or a dictionary with one for each output.
        callbacks
            Callbacks or their names.

        Returns
        -------
        tuple
            Dictionary with the metric of each output, and one with the data of callbacks by key.
        """
        batches = keyed_batches(inputs, outputs, data)
        return self._evaluate(batches, as_list(outputs), num_batches, metrics, callbacks)

    def evaluate_batch(
        self,
        x: Dataset,
        y: Dataset,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Sequence[Any] = (),
    ) -> Evaluation:
        """Evaluate one batch; see :meth:`evaluate`."""
        size = check_dataset("evaluate_batch", inputs=x, labels=y)
        if size > self.genn_model.batch_size:
            raise RuntimeError(
                f"evaluate_batch: got {size} examples but the batch size is "
                f"{self.genn_model.batch_size}; use evaluate"
            )
        return self._evaluate([(x, y)], list(y), 1, metrics, callbacks)

    def _start(self, callbacks: Sequence[Any], num_batches: int | None) -> CallbackList:
        return CallbackList(
            [*self.base_callbacks, *check_callbacks(callbacks)],
            compiled_network=self,
            num_batches=num_batches,
        )

    def _evaluate(
        self,
        batches: Iterable[tuple[Dataset, Dataset]],
        outputs: list[Any],
        num_batches: int | None,
        metrics: MetricsType,
        callbacks: Sequence[Any],
    ) -> Evaluation:
        metric_objects = get_object_mapping(metrics, outputs, Metric, "Metric", default_metrics)
        callback_list = self._start(callbacks, num_batches)
        callback_list.on_test_begin()
        for i, (x, y) in enumerate(batches):
            self._run_batch(i, x, callback_list)
            self._update_metrics(metric_objects, y)
            callback_list.on_batch_end(i, metric_objects)
        callback_list.on_test_end(metric_objects)
        return metric_objects, callback_list.get_data()

    def _update_metrics(self, metrics: Mapping[Any, Metric], y: Dataset) -> None:
        # A function of its own, so that no view is held while the network runs on
        readouts = dict(zip(metrics, self.get_readout(list(metrics)), strict=True))
        update_metrics(metrics, y, readouts, self.communicator)

    def _run_batch(self, batch: int, x: Dataset, callback_list: CallbackList) -> None:
        callback_list.on_batch_begin(batch)
        if self.reset_time_between_batches:
            self.reset_time()
        self.set_input(x)
        run_timesteps(self, self.evaluate_timesteps, callback_list)


def update_metrics(
    metrics: Mapping[Any, Metric],
    y: Dataset,
    predictions: Mapping[Any, Any],
    communicator: Communicator | None,
) -> None:
    """Update the metric of each output with a batch, whose unused slots are left out."""
    for output, metric in metrics.items():
        labels = y[output]
        metric.update(labels, predictions[output][: len(labels)], communicator)


def as_list(objects: Any) -> list[Any]:
    """Return a sequence as a list, and a single object as a list with one element."""
    return list(objects) if isinstance(objects, Sequence) else [objects]


def keyed_batches(inputs: Any, outputs: Any, data: Iterable[tuple[Any, Any]]) -> Iterable[Any]:
    """Yield dictionaries of inputs and of labels from pairs without keys."""
    if not isinstance(data, Iterable):
        raise TypeError(
            "evaluate_batch_iter: data must yield pairs of inputs and labels, got "
            f"{type(data).__name__}"
        )
    for batch in data:
        if not isinstance(batch, Sequence) or len(batch) != 2:
            raise TypeError(
                "evaluate_batch_iter: each batch must be a pair of inputs and labels, got "
                f"{type(batch).__name__}"
            )
        x, y = batch
        yield _with_keys(inputs, x, "inputs"), _with_keys(outputs, y, "labels")


def _with_keys(keys: Any, values: Any, what: str) -> dict[Any, Any]:
    names = as_list(keys)
    if len(names) == 1:
        return {names[0]: values}
    if len(values) != len(names):
        raise RuntimeError(
            f"evaluate_batch_iter: expected {what} for {len(names)} populations, got {len(values)}"
        )
    return dict(zip(names, values, strict=True))

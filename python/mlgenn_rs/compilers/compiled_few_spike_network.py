"""Compiled networks of few-spike neurons: evaluation through a pipeline of layers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from ..callbacks import BatchProgressBar
from ..communicators import Communicator
from ..connection import Connection
from ..metrics import Metric, MetricsType, default_metrics
from ..population import Population
from ..utils.callback_list import CallbackList, check_callbacks
from ..utils.data import batch_dataset
from ..utils.module import get_object_mapping
from ..utils.network import PopulationType, get_underlying_pop
from .compiled_inference_network import Evaluation, as_list, keyed_batches
from .compiled_network import CompiledNetwork
from .dataset import Dataset, check_dataset
from .timesteps import run_timesteps


class CompiledFewSpikeNetwork(CompiledNetwork):
    """A network of few-spike neurons that can be evaluated.

    A batch is presented to the inputs for ``k`` timesteps and then moves on by one layer per
    presentation.

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
    k
        Number of timesteps of a presentation.
    pop_pipeline_depth
        Presentations between a batch and the output of each population.
    """

    def __init__(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        communicator: Communicator | None,
        k: int,
        pop_pipeline_depth: dict[Population, int],
    ) -> None:
        super().__init__(genn_model, neuron_populations, connection_populations, communicator, k)
        self.k = k
        self.pop_pipeline_depth = pop_pipeline_depth

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
        batch_size = self.genn_model.batch_size
        batches = list(
            zip(batch_dataset(x, batch_size, size), batch_dataset(y, batch_size, size), strict=True)
        )
        return self._evaluate(batches, list(y), len(batches), metrics, callbacks)

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

    def _evaluate(
        self,
        batches: Iterable[tuple[Dataset, Dataset]],
        outputs: list[Any],
        num_batches: int | None,
        metrics: MetricsType,
        callbacks: Sequence[Any],
    ) -> Evaluation:
        depths = {out: self.pop_pipeline_depth.get(get_underlying_pop(out), 0) for out in outputs}
        if num_batches is not None:
            num_batches += 1 + max(depths.values())
        metric_objects: dict[Any, Metric] = get_object_mapping(
            metrics, outputs, Metric, "Metric", default_metrics
        )
        callback_list = CallbackList(
            check_callbacks(callbacks), compiled_network=self, num_batches=num_batches
        )
        callback_list.on_test_begin()
        iterator = iter(batches)
        has_data = True
        labels: dict[Any, deque[Any]] = {out: deque() for out in outputs}
        presentation = 0
        while has_data or any(labels.values()):
            batch = next(iterator, None) if has_data else None
            has_data = batch is not None
            self.reset_time()
            if batch is not None:
                x, y = batch
                self.set_input(x)
                for out in outputs:
                    labels[out].append(y[out])
            callback_list.on_batch_begin(presentation)
            run_timesteps(self, self.k, callback_list)
            for out in outputs:
                if presentation >= depths[out] and labels[out]:
                    expected = labels[out].popleft()
                    predicted: Any = self.get_readout(out)
                    metric_objects[out].update(
                        expected, predicted[: len(expected)], self.communicator
                    )
            callback_list.on_batch_end(presentation, metric_objects)
            presentation += 1
        callback_list.on_test_end(metric_objects)
        return metric_objects, callback_list.get_data()

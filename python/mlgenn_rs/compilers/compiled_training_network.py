"""Compiled networks for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..callbacks import BatchProgressBar
from ..communicators import Communicator
from ..connection import Connection
from ..engine.enums import SynapseMatrixType
from ..losses import Loss
from ..metrics import Metric, MetricsType, default_metrics
from ..optimisers import Optimiser
from ..population import Population
from ..serialisers import Serialiser, default_serialisers
from ..utils.callback_list import CallbackList, check_callbacks
from ..utils.data import permute_dataset
from ..utils.endpoints import get_shape
from ..utils.module import get_given_object, get_object_mapping
from ..utils.network import get_underlying_pop
from .compiled_inference_network import update_metrics
from .compiled_network import CompiledNetwork
from .dataset import Dataset, check_dataset, split_batches, split_validation
from .loss_value import LOSS_KEY, LossValue, OutputLoss, OutputRecorder
from .timesteps import run_timesteps
from .training_state import Position, pack, unpack

Metrics = dict[Any, Metric]


class CompiledTrainingNetwork(CompiledNetwork):
    """A network that can be trained and saved.

    State (weights, optimiser state) lasts from one call of :meth:`train` to the next, inside one
    ``with`` block.

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
    losses
        Loss of each output population.
    example_timesteps
        Number of timesteps of an example.
    base_train_callbacks, base_validate_callbacks
        Callbacks of the compiler; they come before those of the user.
    optimisers
        Optimisers, each with the custom updates that it controls.
    checkpoint_connection_vars, checkpoint_population_vars
        Connections and populations with the names of the variables that are saved.
    reset_time_between_batches
        Start every batch at time zero.
    cross_rank_sums
        For custom update groups, variables to be summed over ranks after the group was run.
    output_losses
        Losses as numbers, of the outputs whose losses can be reported.
    backward_timesteps
        Number of timesteps of the backward pass that follows each batch in training; 0 if there is
        none.
    """

    def __init__(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        communicator: Communicator | None,
        losses: Mapping[Population, Loss],
        example_timesteps: int,
        base_train_callbacks: Sequence[Any],
        base_validate_callbacks: Sequence[Any],
        optimisers: Sequence[tuple[Optimiser, Sequence[Any]]],
        checkpoint_connection_vars: Sequence[tuple[Connection, str]],
        checkpoint_population_vars: Sequence[tuple[Population, str]],
        reset_time_between_batches: bool = True,
        cross_rank_sums: Mapping[str, Sequence[Any]] | None = None,
        output_losses: Mapping[Population, OutputLoss] | None = None,
        backward_timesteps: int = 0,
    ) -> None:
        super().__init__(
            genn_model,
            neuron_populations,
            connection_populations,
            communicator,
            example_timesteps,
            cross_rank_sums,
        )
        self.losses = dict(losses)
        self.example_timesteps = example_timesteps
        self.base_train_callbacks = list(base_train_callbacks)
        self.base_validate_callbacks = list(base_validate_callbacks)
        self.optimisers = list(optimisers)
        self.checkpoint_connection_vars = list(checkpoint_connection_vars)
        self.checkpoint_population_vars = list(checkpoint_population_vars)
        self.reset_time_between_batches = reset_time_between_batches
        self._output_losses = dict(output_losses or {})
        self._backward_timesteps = backward_timesteps
        self._position = Position(0, 0, np.arange(0))
        self._resumed: Position | None = None
        self._is_mid_epoch = False

    def __enter__(self) -> CompiledTrainingNetwork:
        """Build the network if this was not done before, and load it."""
        super().__enter__()
        self._position, self._resumed = Position(0, 0, np.arange(0)), None
        self._is_mid_epoch = False
        return self

    def train(
        self,
        x: Dataset,
        y: Dataset,
        num_epochs: int,
        start_epoch: int = 0,
        shuffle: bool = True,
        metrics: MetricsType | None = "sparse_categorical_accuracy",
        callbacks: Sequence[Any] = (BatchProgressBar(),),
        validation_callbacks: Sequence[Any] = (BatchProgressBar(),),
        validation_split: float = 0.0,
        validation_x: Dataset | None = None,
        validation_y: Dataset | None = None,
        *,
        report_loss: bool = False,
    ) -> tuple[Any, ...]:
        """Train the network.

        Parameters
        ----------
        x
            Inputs of each input population or layer.
        y
            Labels or targets of each output population or layer.
        num_epochs
            Number of epochs.
        start_epoch
            Number of the first epoch; not 0 if training is continued.  If it is what
            :meth:`load_training_state` returned, training goes on in the order of examples that
            it had.
        shuffle
            Shuffle the examples in every epoch, with numpy's global random number generator.
        metrics
            Metric or its name, or a dictionary with one for each key of ``y``; ``None`` for none,
            such as where outputs are to follow targets in time.
        callbacks, validation_callbacks
            Callbacks or their names.
        validation_split
            Fraction of the examples, at the end, that are used for validation.
        validation_x, validation_y
            Examples used for validation.
        report_loss
            Also compute the loss.  It appears under the key ``"loss"`` among the metrics that
            callbacks get and that are returned: ``result`` is the mean per example, summed over
            outputs, and ``by_output`` that of each.  Regularisation is not part of it.  Losses
            that compare outputs with targets in every timestep are averaged over them.

        Returns
        -------
        tuple
            Metric of each output in the last epoch, and data of callbacks by key.  With
            validation: training metrics, validation metrics, training data, validation data.

        Raises
        ------
        RuntimeError
            If inputs and labels differ in their number of examples, or if validation data is
            given in two ways.
        """
        for name, value in (("num_epochs", num_epochs), ("start_epoch", start_epoch)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                raise TypeError(f"train: {name} must be a whole number, got {value!r}")
            if value < 0:
                raise ValueError(f"train: {name} must not be negative, got {value}")
        x, y, validation = split_validation(x, y, validation_split, validation_x, validation_y)
        size = check_dataset("train", inputs=x, labels=y)
        if num_epochs > 1:
            x = self.prepare_inputs(x)
        batch_size = self.genn_model.batch_size
        num_batches = -(-size // batch_size)
        outputs = list(y)

        train_metrics, recorders = self._create_metrics(metrics, outputs, report_loss)
        train_callbacks = CallbackList(
            [*self.base_train_callbacks, *check_callbacks(callbacks), *recorders],
            compiled_network=self,
            num_batches=num_batches,
            num_epochs=num_epochs,
        )
        train_callbacks.on_train_begin()

        validate_metrics: Metrics = {}
        validate_batches: list[tuple[Dataset, Dataset]] = []
        if validation is not None:
            validate_metrics, recorders = self._create_metrics(metrics, outputs, report_loss)
            validate_x, validate_y = validation
            check_dataset("train: validation", inputs=validate_x, labels=validate_y)
            if num_epochs > 1:
                validate_x = self.prepare_inputs(validate_x)
            validate_batches = split_batches(
                validate_x, validate_y, batch_size, "train: validation"
            )
            validate_callbacks = CallbackList(
                [*self.base_validate_callbacks, *check_callbacks(validation_callbacks), *recorders],
                compiled_network=self,
                num_batches=len(validate_batches),
                num_epochs=num_epochs,
            )
            validate_callbacks.on_test_begin()

        order = np.arange(size)
        if self._resumed is not None and self._resumed.continues(start_epoch):
            order = self._resumed.get_order(size)
            x, y = permute_dataset(x, order), permute_dataset(y, order)
        self._resumed = None

        step = num_batches * start_epoch
        end_epoch = start_epoch + num_epochs
        for epoch in range(start_epoch, end_epoch):
            self._is_mid_epoch = True
            if shuffle:
                permutation = np.random.permutation(size)
                x, y = permute_dataset(x, permutation), permute_dataset(y, permutation)
                order = order[permutation]
            batches = split_batches(x, y, batch_size, "train")
            step = self._train_epoch(epoch, step, batches, train_metrics, train_callbacks)
            if validation is not None:
                self._validate_epoch(epoch, validate_batches, validate_metrics, validate_callbacks)
            self._position, self._is_mid_epoch = Position(epoch + 1, end_epoch, order), False
            train_callbacks.on_epoch_finished(epoch)

        train_callbacks.on_train_end(train_metrics)
        if validation is None:
            return train_metrics, train_callbacks.get_data()
        validate_callbacks.on_test_end(validate_metrics)
        return (
            train_metrics,
            validate_metrics,
            train_callbacks.get_data(),
            validate_callbacks.get_data(),
        )

    def save(self, keys: Sequence[Any] = (), serialiser: Serialiser | str = "numpy") -> None:
        """Save the trained variables, and delays that were drawn from initialisers.

        Values are flat: dense ones row by row, sparse ones in the order of the indices that
        :meth:`save_connectivity` saves.

        Parameters
        ----------
        keys
            Keys that come before connection or population, and variable.
        serialiser
            Serialiser or its name.
        """
        store = get_given_object(serialiser, Serialiser, "Serialiser", default_serialisers)
        _check_keys("save", keys)
        for conn, name in self.checkpoint_connection_vars:
            group = self.connection_populations[conn]
            if group.matrix_type == SynapseMatrixType.SPARSE:
                group.pull_connectivity_from_device()
            self._save_var(store, keys, conn, group, name)
        for pop, name in self.checkpoint_population_vars:
            self._save_var(store, keys, pop, self.neuron_populations[pop], name)

    def save_connectivity(
        self, keys: Sequence[Any] = (), serialiser: Serialiser | str = "numpy"
    ) -> None:
        """Save the indices of connected neurons, of every connection stored as ``SPARSE``.

        Parameters
        ----------
        keys
            Keys that come before connection, and ``"pre_ind"`` or ``"post_ind"``.
        serialiser
            Serialiser or its name.
        """
        store = get_given_object(serialiser, Serialiser, "Serialiser", default_serialisers)
        _check_keys("save_connectivity", keys)
        for conn, group in self.connection_populations.items():
            if group.matrix_type == SynapseMatrixType.SPARSE:
                group.pull_connectivity_from_device()
                store.serialise((*keys, conn, "pre_ind"), group.get_sparse_pre_inds())
                store.serialise((*keys, conn, "post_ind"), group.get_sparse_post_inds())

    def save_training_state(
        self, keys: Sequence[Any] = (), serialiser: Serialiser | str = "numpy"
    ) -> None:
        """Save all that is needed to go on with the training after an interruption.

        Beside the trained variables these are all other arrays of the loaded network, the
        parameters of optimisers, numpy's global random number generator and the order of examples.
        It is one archive, which replaces an older one as a whole; it takes as much space as the
        loaded network, see :meth:`memory_plan`, without arrays that are mostly zero.  Call it
        between epochs (``Checkpoint`` with ``include_training_state`` does) or between calls of
        :meth:`train`.

        Parameters
        ----------
        keys
            Keys that come before ``"training_state"``, and the number of the rank if there are
            several.
        serialiser
            Serialiser or its name.

        Raises
        ------
        RuntimeError
            If the network is not loaded, or in the middle of an epoch.
        """
        store = get_given_object(serialiser, Serialiser, "Serialiser", default_serialisers)
        _check_keys("save_training_state", keys)
        self._check_loaded("save_training_state")
        if self._is_mid_epoch:
            raise RuntimeError(
                "save_training_state: the last epoch has not ended, so there is no state to go on "
                "from; save between epochs, such as with the method on_epoch_finished of a callback"
            )
        optimisers = [optimiser for optimiser, _ in self.optimisers]
        arrays = pack(self.genn_model, optimisers, self._position)
        store.serialise_archive(self._training_state_keys(keys), arrays)

    def load_training_state(
        self,
        keys: Sequence[Any] = (),
        serialiser: Serialiser | str = "numpy",
        strict: bool = True,
    ) -> int:
        """Load what :meth:`save_training_state` saved, and return the epoch that follows.

        Given as ``start_epoch`` to :meth:`train`, with the same examples and arguments, training
        goes on as if it had not been interrupted, to the last bit.  If the call of :meth:`train`
        in which the state was saved had ended, the next one starts with the examples in the order
        in which they are given, as it would have without interruption.

        Parameters
        ----------
        keys, serialiser
            As for :meth:`save_training_state`.
        strict
            Refuse the state of a network whose model code, parameters or initial values differ
            from those of this one.

        Raises
        ------
        FileNotFoundError
            If the numpy serialiser finds nothing.
        RuntimeError
            If the state is that of another network.
        ValueError
            If it is damaged.
        """
        store = get_given_object(serialiser, Serialiser, "Serialiser", default_serialisers)
        _check_keys("load_training_state", keys)
        self._check_loaded("load_training_state")
        arrays = store.deserialise_archive(self._training_state_keys(keys))
        optimisers = [optimiser for optimiser, _ in self.optimisers]
        self._position = self._resumed = unpack(arrays, self.genn_model, optimisers, strict)
        self._is_mid_epoch = False
        return self._position.epoch

    def _training_state_keys(self, keys: Sequence[Any]) -> tuple[Any, ...]:
        if self.communicator is None or self.communicator.num_ranks == 1:
            return (*keys, "training_state")
        return (*keys, "training_state", self.communicator.rank)

    @staticmethod
    def _save_var(
        store: Serialiser, keys: Sequence[Any], owner: Any, group: Any, name: str
    ) -> None:
        variable = group.vars[name]
        variable.pull_from_device()
        store.serialise((*keys, owner, name), variable.values.ravel())

    def _train_epoch(
        self,
        epoch: int,
        step: int,
        batches: Sequence[tuple[Dataset, Dataset]],
        metrics: Metrics,
        callback_list: CallbackList,
    ) -> int:
        """Train on every batch and return the optimiser step that follows."""
        _reset_metrics(metrics)
        callback_list.on_epoch_begin(epoch)
        is_uploaded = False
        for i, (x, y) in enumerate(batches):
            self._begin_batch(i, x, callback_list, is_uploaded)
            for output, target in y.items():
                self._set_target(output, target)
            following = batches[i + 1][0] if i + 1 < len(batches) else None
            # A backward pass of its own still has the spikes of this batch.
            is_uploaded = (
                following is not None
                and self._backward_timesteps == 0
                and self._can_upload_ahead(following)
            )
            self._run_batch(y, metrics, callback_list, following if is_uploaded else None)
            if self._backward_timesteps > 0:
                callback_list.on_backward_begin(i)
                self.reset_time()
                self.genn_model.run(self._backward_timesteps)
                callback_list.on_backward_end(i)
            for optimiser, custom_updates in self.optimisers:
                for custom_update in custom_updates:
                    optimiser.set_step(custom_update, step)
            step += 1
            callback_list.on_batch_end(i, metrics)
        callback_list.on_epoch_end(epoch, metrics)
        return step

    def _validate_epoch(
        self,
        epoch: int,
        batches: Sequence[tuple[Dataset, Dataset]],
        metrics: Metrics,
        callback_list: CallbackList,
    ) -> None:
        _reset_metrics(metrics)
        callback_list.on_epoch_begin(epoch)
        for i, (x, y) in enumerate(batches):
            self._begin_batch(i, x, callback_list)
            self._run_batch(y, metrics, callback_list)
            callback_list.on_batch_end(i, metrics)
        callback_list.on_epoch_end(epoch, metrics)

    def _begin_batch(
        self, batch: int, x: Dataset, callback_list: CallbackList, is_uploaded: bool = False
    ) -> None:
        callback_list.on_batch_begin(batch)
        if self.reset_time_between_batches:
            self.reset_time()
        if is_uploaded:
            self._complete_inputs(x)
        else:
            self.set_input(x)

    def _run_batch(
        self,
        y: Dataset,
        metrics: Metrics,
        callback_list: CallbackList,
        following: Dataset | None = None,
    ) -> None:
        """Run a batch; meanwhile upload the inputs of the following one, if they are given."""
        run_timesteps(self, self.example_timesteps, callback_list, wait=following is None)
        if following is not None:
            self._upload_inputs(following)
        readouts = dict(zip(y, self.get_readout(list(y)), strict=True))
        of_outputs = {output: metric for output, metric in metrics.items() if output != LOSS_KEY}
        update_metrics(of_outputs, y, readouts, self.communicator)
        loss = metrics.get(LOSS_KEY)
        if isinstance(loss, LossValue):
            loss.update_outputs(y, readouts, self.communicator)

    def _create_metrics(
        self, metrics: MetricsType | None, outputs: list[Any], report_loss: bool
    ) -> tuple[Metrics, list[OutputRecorder]]:
        """Return metrics by output, and the callbacks that they need."""
        created: Metrics = {}
        if metrics is not None:
            created = get_object_mapping(metrics, outputs, Metric, "Metric", default_metrics)
        if not report_loss:
            return created, []
        recorders: dict[Population, OutputRecorder] = {}
        for pop in map(get_underlying_pop, outputs):
            if pop not in self._output_losses:
                raise NotImplementedError(
                    f"train: the loss of population {pop.name!r} cannot be reported by the "
                    "compiler of this network"
                )
            name = self._output_losses[pop].variable
            if name is not None:
                variable = self.neuron_populations[pop].vars[name]
                shape = (self.genn_model.batch_size, *get_shape(pop))
                recorders[pop] = OutputRecorder(variable, shape)
        created[LOSS_KEY] = LossValue(self._output_losses, recorders)
        return created, list(recorders.values())

    def _set_target(self, output: Any, target: Any) -> None:
        pop = get_underlying_pop(output)
        if pop not in self.losses:
            raise RuntimeError(
                f"train: population {pop.name!r} has labels but no loss; outputs are populations "
                "whose neurons have a readout"
            )
        self.losses[pop].set_target(
            self.neuron_populations[pop],
            target,
            get_shape(pop),
            self.genn_model.batch_size,
            self.example_timesteps,
        )


def _reset_metrics(metrics: Metrics) -> None:
    for metric in metrics.values():
        metric.reset()


def _check_keys(what: str, keys: Any) -> None:
    if isinstance(keys, str) or not isinstance(keys, Sequence):
        raise TypeError(f"{what}: keys must be a tuple, got {keys!r}")

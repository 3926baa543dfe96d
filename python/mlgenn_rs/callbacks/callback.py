"""Base class of callbacks."""

from __future__ import annotations


class Callback:
    """Base class of callbacks.

    A callback defines any of these methods; those that it lacks are skipped.

    ===================================  =========================================================
    method                               called
    ===================================  =========================================================
    ``set_params(**params)``             once, with ``data``, ``compiled_network``, ``num_batches``
                                         and, in training, ``num_epochs``
    ``set_first()``                      once, on the first callback of each class
    ``on_test_begin()``                  before inference or validation
    ``on_test_end(metrics)``             after inference or validation
    ``on_train_begin()``                 before training
    ``on_train_end(metrics)``            after training
    ``on_epoch_begin(epoch)``            before an epoch
    ``on_epoch_end(epoch, metrics)``     after an epoch
    ``on_epoch_finished(epoch)``         in training, after an epoch and its validation
    ``on_batch_begin(batch)``            before a batch: time is not yet reset, inputs not yet set
    ``on_backward_begin(batch)``         in training, before a backward pass that has timesteps of
                                         its own
    ``on_backward_end(batch)``           after it: gradients are complete and not yet used
    ``on_batch_end(batch, metrics)``     after a batch: metrics are up to date
    ``on_timestep_begin(timestep)``      before a timestep, but not in backward passes that have
                                         timesteps of their own
    ``on_timestep_end(timestep)``        after a timestep, with the same number
    ``get_data()``                       at the end; returns ``(key, data)``
    ===================================  =========================================================

    A callback with a timestep method makes the simulation return to Python in every timestep,
    unless it also defines ``add_to_plan``, see :mod:`mlgenn_rs.utils.timestep_plan`.
    """

"""Numbers that all parts of the EventProp rule need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Numbers that all parts of the EventProp rule need."""

    dt: float
    """Duration of a timestep in ms."""
    example_timesteps: int
    """Number of timesteps of an example."""
    batch_size: int
    """Number of examples that are simulated at once on this rank."""
    full_batch_size: int
    """Number of examples that are simulated at once on all ranks."""
    max_spikes: int
    """Number of slots for the spikes of one neuron on its tape."""
    ttfs_alpha: float
    """Strength of the pull towards earlier first spikes of the correct output."""
    softmax_temperature: float
    """Temperature that first spike times are compared with."""
    min_slope: float = 0.0
    """Smallest slope at a spike, relative to the distance of threshold and reset."""
    same_batch: bool = False
    """Whether the backward pass of a batch follows its forward pass, instead of running together
    with the forward pass of the next batch."""

    @property
    def example_time(self) -> float:
        """Duration of an example in ms."""
        return self.example_timesteps * self.dt

    @property
    def loss_batch_size(self) -> int:
        """Number of examples that losses are averaged over."""
        return self.full_batch_size if self.same_batch else self.batch_size

"""Numbers that all parts of the e-prop rule need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Settings:
    """Numbers that all parts of the e-prop rule need."""

    dt: float
    """Duration of a timestep in ms."""
    example_timesteps: int
    """Number of timesteps of an example."""
    batch_size: int
    """Number of examples that are simulated at once on this rank."""
    full_batch_size: int
    """Number of examples that are simulated at once on all ranks."""
    tau_reg: float
    """Time constant (ms) with which firing rates are averaged."""
    c_reg: float
    """Strength of the regularisation of firing rates."""
    f_target: float
    """Firing rate (Hz) that hidden neurons are to have."""
    train_output_bias: bool
    """Whether biases of outputs are trained."""

    @property
    def target_spikes(self) -> float:
        """Number of spikes per timestep that hidden neurons are to emit."""
        return self.f_target * self.dt / 1000.0

    def decay(self, tau: float) -> float:
        """Return what is left after a timestep of something that decays with ``tau`` (ms)."""
        return float(np.exp(-self.dt / tau))

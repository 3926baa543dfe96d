//! What every backend shares: compiled models, simulations, the timestep schedule, recording and random numbers.

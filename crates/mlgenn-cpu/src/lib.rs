//! The CPU backend: block-vectorised executor, specialised synapse kernels, threads.

//! Simulate and train spiking neural networks from Rust.

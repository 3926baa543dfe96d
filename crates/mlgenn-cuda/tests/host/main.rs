//! Emitted text, compiled by the host's compiler, against the interpreter: to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compare;
mod files;
mod operations;
mod random_kernels;

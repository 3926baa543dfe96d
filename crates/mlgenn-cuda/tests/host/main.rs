//! Emitted text, compiled by the host's compiler, against the interpreter: to the bit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "tests that are left out say so")]

mod compare;
mod files;
mod operations;
mod random_kernels;

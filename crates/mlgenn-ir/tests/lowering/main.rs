//! Model code from source text to the interpreter.
#![expect(clippy::unwrap_used, reason = "a test; helpers outside of test functions use it too")]

mod golden;
mod programs;
mod snippets;
mod support;

//! Code whose fate in the reference is recorded.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data fails")]

mod errors;
mod names;
mod programs;

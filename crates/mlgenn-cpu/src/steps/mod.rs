//! What the steps of a tape do, one file per kind of step.
#![expect(unsafe_code, reason = "steps read and write memory that was checked beforehand")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line of a step works on raw lanes")]

pub(crate) mod access;
pub(crate) mod broadcast;
pub(crate) mod control;
pub(crate) mod element;
pub(crate) mod elementary;
pub(crate) mod evaluate;
pub(crate) mod events;
#[cfg(target_arch = "x86_64")]
pub(crate) mod native;
pub(crate) mod philox;
pub(crate) mod random;
pub(crate) mod sum;
pub(crate) mod vector;
pub(crate) mod wide;

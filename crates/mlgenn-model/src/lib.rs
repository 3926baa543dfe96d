//! The description of a network, its validation, memory layout and kernel plan.

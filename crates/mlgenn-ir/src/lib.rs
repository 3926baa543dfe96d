//! Typed kernel IR: builder, verifier, text form, passes and reference interpreter.

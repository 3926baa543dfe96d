//! Python bindings of the mlgenn_rs engine.

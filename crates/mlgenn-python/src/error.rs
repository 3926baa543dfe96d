//! Errors of the engine as Python exceptions.
//!
//! The exception classes are defined in Python, in `mlgenn_rs.engine.errors`: each derives both
//! from `MlGennError` and from the built-in exception of the same meaning.

use mlgenn::{EngineError, Error, ModelError};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

/// An exception of the class `class` of `mlgenn_rs.engine.errors`.
pub(crate) fn exception(py: Python<'_>, class: &str, message: String) -> PyErr {
    let create = || {
        let errors = py.import("mlgenn_rs.engine.errors")?;
        errors.getattr(class)?.call1((message,))
    };
    create().map_or_else(|error| error, PyErr::from_value)
}

/// The exception that stands for an error.
pub(crate) fn to_exception(py: Python<'_>, error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let class = match &error {
        Error::Engine(EngineError::Interrupted) => return PyKeyboardInterrupt::new_err(()),
        Error::Engine(error) => class_of(error),
        Error::Json(_) | Error::UnknownBackend(_) | Error::UnknownLevel(_) => "ModelError",
        Error::Cuda(_) => "BackendUnavailable",
    };
    exception(py, class, error.to_string())
}

fn class_of(error: &EngineError) -> &'static str {
    match error {
        EngineError::Model(ModelError::Snippet(_) | ModelError::Lower { .. }) => "SnippetError",
        EngineError::Model(ModelError::Unsupported { .. }) => "Unsupported",
        EngineError::Model(_)
        | EngineError::MissingArray { .. }
        | EngineError::ArraySize { .. }
        | EngineError::Connectivity { .. } => "ModelError",
        EngineError::OutOfMemory { .. } | EngineError::Allocation(_) => "OutOfMemory",
        EngineError::Unknown { .. } => "UnknownName",
        EngineError::UnknownGroup { .. } => "UnknownGroup",
        EngineError::Recording(_)
        | EngineError::Fault(_)
        | EngineError::Device(_)
        | EngineError::Interrupted => "RuntimeFault",
    }
}

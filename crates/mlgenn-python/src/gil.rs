//! The one door through which the engine runs: releases the GIL, answers Ctrl-C, maps errors.

use std::sync::{Arc, Mutex, PoisonError};

use mlgenn::{Error, with_poll};
use pyo3::prelude::*;

use crate::error::to_exception;

/// Do something short without the GIL.
pub(crate) fn detached<T: Send, E: Into<Error> + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    py.detach(work).map_err(|error| to_exception(py, error))
}

/// Do something long without the GIL that asks now and then, on this thread, whether to stop: on
/// Ctrl-C it does, and `KeyboardInterrupt` is raised.
pub(crate) fn interruptible<T: Send, E: Into<Error> + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    let interrupt = Arc::new(Mutex::new(None));
    let slot = interrupt.clone();
    let look = move || {
        let raised = Python::attach(|py| py.check_signals()).err();
        let stops = raised.is_some();
        if stops {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = raised;
        }
        stops
    };
    let result = py.detach(|| with_poll(look, work));
    match interrupt.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => Err(error),
        None => result.map_err(|error| to_exception(py, error)),
    }
}

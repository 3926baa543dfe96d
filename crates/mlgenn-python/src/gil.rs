//! The one door through which the engine runs: releases the GIL, answers Ctrl-C, maps errors.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use mlgenn::{Error, Watch};
use pyo3::prelude::*;

use crate::error::to_exception;

/// How often a long run looks for signals.
const POLL: Duration = Duration::from_millis(50);

/// Do something short without the GIL.
pub(crate) fn detached<T: Send, E: Into<Error> + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    py.detach(work).map_err(|error| to_exception(py, error))
}

/// Do something long without the GIL, on another thread, while this one looks for signals.
///
/// Python only handles signals on its main thread, which is why the work has to be elsewhere. On
/// Ctrl-C the watch is told to stop, and `KeyboardInterrupt` is raised once the work has ended.
pub(crate) fn interruptible<T: Send, E: Into<Error> + Send>(
    py: Python<'_>,
    watch: &Watch,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    let (result, interrupt) = py.detach(|| {
        thread::scope(|scope| {
            let (done, finished) = channel::<()>();
            let worker = scope.spawn(move || {
                // Dropped when the work ends, by a panic too, which wakes the watching thread.
                let _done = done;
                work()
            });
            let mut interrupt = None;
            while finished.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
                if interrupt.is_none()
                    && let Err(error) = Python::attach(|py| py.check_signals())
                {
                    interrupt = Some(error);
                    watch.stop();
                }
            }
            match worker.join() {
                Ok(result) => (result, interrupt),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    });
    match interrupt {
        Some(error) => Err(error),
        None => result.map_err(|error| to_exception(py, error)),
    }
}

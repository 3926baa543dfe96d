//! The one door through which the engine runs: releases the GIL, answers Ctrl-C, maps errors.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlgenn::{Error, Watch, with_poll};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::to_exception;

/// How often a long run looks for signals.
const POLL: Duration = Duration::from_millis(50);

/// How long to wait for a run without falling asleep.
const SPIN: Duration = Duration::from_micros(50);

/// Do something short without the GIL.
pub(crate) fn detached<T: Send, E: Into<Error> + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    py.detach(work).map_err(|error| to_exception(py, error))
}

/// Do something long without the GIL that asks now and then, on this thread, whether to stop.
///
/// That saves the time it takes to wake another thread, which is more than that of a short run.
pub(crate) fn interruptible_here<T: Send, E: Into<Error> + Send>(
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

/// Do something long without the GIL, on another thread, while this one looks for signals.
///
/// Python only handles signals on its main thread, which is why the work has to be elsewhere. On
/// Ctrl-C the watch is told to stop, and `KeyboardInterrupt` is raised once the work has ended.
pub(crate) fn interruptible<T: Send, E: Into<Error> + Send>(
    py: Python<'_>,
    watch: &Watch,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    let Some(runner) = runner() else { return detached(py, work) };
    let mut result = None;
    let interrupt = py.detach(|| {
        let slot = &mut result;
        let (done, finished) = channel::<()>();
        runner.in_place_scope(|scope| {
            scope.spawn(move |_| {
                // Dropped when the work ends, by a panic too, which wakes the watching thread.
                let _done = done;
                *slot = Some(work());
            });
            wait(&finished, watch)
        })
    });
    match (interrupt, result) {
        (Some(error), _) => Err(error),
        (None, Some(result)) => result.map_err(|error| to_exception(py, error)),
        (None, None) => Err(PyRuntimeError::new_err("the run ended without a result")),
    }
}

/// Wait until the work is done; returns what a signal raised meanwhile.
fn wait(finished: &Receiver<()>, watch: &Watch) -> Option<PyErr> {
    // Short runs are over before this thread would have fallen asleep.
    let start = Instant::now();
    while start.elapsed() < SPIN {
        if finished.try_recv() == Err(TryRecvError::Disconnected) {
            return None;
        }
        std::hint::spin_loop();
    }
    let mut interrupt = None;
    while finished.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
        if interrupt.is_none()
            && let Err(error) = Python::attach(|py| py.check_signals())
        {
            interrupt = Some(error);
            watch.stop();
        }
    }
    interrupt
}

/// The thread that runs the engine; `None` if it cannot be had. It stays, so that its memory does.
fn runner() -> Option<Arc<ThreadPool>> {
    static RUNNER: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);
    let mut runner = RUNNER.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if runner.as_ref().is_none_or(|(owner, _)| *owner != process) {
        let builder = ThreadPoolBuilder::new().num_threads(1);
        let pool = builder.thread_name(|_| "mlgenn-run".to_owned()).build().ok()?;
        // The thread of a parent process does not exist here; joining it would never end.
        std::mem::forget(runner.replace((process, Arc::new(pool))));
    }
    runner.as_ref().map(|(_, pool)| pool.clone())
}

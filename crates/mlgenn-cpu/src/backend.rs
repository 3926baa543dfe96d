//! The CPU backend: blocks of batch members and pieces of custom updates on a pool of threads.

use std::sync::{Condvar, Mutex, PoisonError};

use mlgenn_engine::Backend;
use mlgenn_ir::launch::Executor;

use crate::countdown::Countdown;
use crate::shares::Shares;
use crate::with_flush_to_zero;

/// Runs kernels with vector units, on several threads.
pub struct CpuBackend {
    executor: Box<dyn Executor>,
    threads: usize,
    pool: Mutex<Option<Pool>>,
}

/// Threads do not survive a fork: a pool belongs to one process.
struct Pool {
    process: u32,
    threads: std::sync::Arc<rayon::ThreadPool>,
}

impl CpuBackend {
    /// A backend with so many threads, up to 1024; as many as there are cores if absent.
    pub fn new(executor: Box<dyn Executor>, threads: Option<usize>) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.filter(|&threads| threads > 0).unwrap_or_else(cores).min(1024);
        Self { executor, threads, pool: Mutex::new(None) }
    }

    /// The pool of this process, which helps the calling thread; `None` if threads cannot be had.
    fn pool(&self) -> Option<std::sync::Arc<rayon::ThreadPool>> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if pool.as_ref().is_none_or(|pool| pool.process != process) {
            let name = |index| format!("mlgenn-{index}");
            let builder = rayon::ThreadPoolBuilder::new().num_threads(self.threads - 1);
            let threads = std::sync::Arc::new(builder.thread_name(name).build().ok()?);
            // The pool of a parent process has no threads here; joining them would never end.
            std::mem::forget(pool.replace(Pool { process, threads }));
        }
        pool.as_ref().map(|pool| pool.threads.clone())
    }
}

impl Backend for CpuBackend {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn executor(&self) -> &dyn Executor {
        &*self.executor
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn for_each_while(&self, count: usize, work: &(dyn Fn(usize) + Sync), meanwhile: &dyn Fn()) {
        let pool = if self.threads > 1 && count > 1 { self.pool() } else { None };
        let Some(pool) = pool else {
            return with_flush_to_zero(|| (0..count).for_each(work));
        };
        let helpers = self.threads.min(count) - 1;
        let shares = Shares::new(count, helpers + 1);
        let take = |thread| {
            let numbers = std::iter::from_fn(|| shares.take(thread));
            with_flush_to_zero(|| numbers.for_each(work));
        };
        let working = Countdown::new(helpers);
        // This thread takes part: short work may be done before another one is awake.
        pool.in_place_scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|_| {
                    let _end = working.end();
                    take(1 + rayon::current_thread_index().unwrap_or(0));
                });
            }
            take(0);
            working.wait(meanwhile);
        });
    }

    fn together(&self, count: usize, work: &(dyn Fn(usize) + Sync)) -> bool {
        // Not threads of the pool: two simulations at once might each have half of them, and
        // both wait for the rest.
        let gate = Gate::default();
        std::thread::scope(|scope| {
            for index in 1..count {
                let gate = &gate;
                let run = move || {
                    if gate.wait() {
                        with_flush_to_zero(|| work(index));
                    }
                };
                let name = format!("mlgenn-{index}");
                if std::thread::Builder::new().name(name).spawn_scoped(scope, run).is_err() {
                    gate.open(false);
                    return false;
                }
            }
            gate.open(true);
            with_flush_to_zero(|| work(0));
            true
        })
    }
}

/// Holds threads back until it is known whether all of them exist.
#[derive(Default)]
struct Gate {
    complete: Mutex<Option<bool>>,
    opened: Condvar,
}

impl Gate {
    fn open(&self, complete: bool) {
        *self.complete.lock().unwrap_or_else(PoisonError::into_inner) = Some(complete);
        self.opened.notify_all();
    }

    fn wait(&self) -> bool {
        let mut complete = self.complete.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *complete {
                Some(complete) => return complete,
                None => {
                    complete = self.opened.wait(complete).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl std::fmt::Debug for CpuBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuBackend")
            .field("executor", &self.executor.name())
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

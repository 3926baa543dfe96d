//! What a backend has to offer.

use mlgenn_ir::launch::Executor;

use crate::device::Device;

/// Runs kernels, possibly on several threads.
///
/// Work items that are handed to [`Backend::for_each`] never write the same element of memory, so
/// that results do not depend on how they are spread over threads.
pub trait Backend: Send + Sync {
    /// Name for messages, such as `cpu`.
    fn name(&self) -> &'static str;

    /// What runs kernels.
    fn executor(&self) -> &dyn Executor;

    /// Number of threads.
    fn threads(&self) -> usize;

    /// The device that holds all arrays and runs timesteps and custom updates, if there is one. The
    /// executor then initialises arrays, and runs host code.
    fn device(&self) -> Option<&dyn Device> {
        None
    }

    /// Call `work` with every number below `count`, in any order, and wait.
    fn for_each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        self.for_each_while(count, work, &|| {});
    }

    /// The same. The calling thread does some of it; while it then waits for others it calls
    /// `meanwhile` several times a second.
    fn for_each_while(&self, count: usize, work: &(dyn Fn(usize) + Sync), meanwhile: &dyn Fn());

    /// Call `work` with every number below `count`, each on a thread of its own, all at the same
    /// time, and wait; false, and nothing is called, if that cannot be.
    fn together(&self, count: usize, work: &(dyn Fn(usize) + Sync)) -> bool {
        let _ = (count, work);
        false
    }
}

/// A backend that runs everything on the calling thread.
#[derive(Debug)]
pub struct Inline<E> {
    name: &'static str,
    executor: E,
}

impl<E: Executor> Inline<E> {
    /// Wrap an executor.
    pub fn new(name: &'static str, executor: E) -> Self {
        Self { name, executor }
    }
}

impl<E: Executor> Backend for Inline<E> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn executor(&self) -> &dyn Executor {
        &self.executor
    }

    fn threads(&self) -> usize {
        1
    }

    fn for_each_while(&self, count: usize, work: &(dyn Fn(usize) + Sync), _: &dyn Fn()) {
        (0..count).for_each(work);
    }
}

//! How long the stages of building networks take.
//!
//! Building is measured always: a stage costs a look at the clock, and there are few of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Names of stages and their times.
pub type Stages = Vec<(&'static str, Duration)>;

static STAGES: Mutex<Stages> = Mutex::new(Vec::new());

/// Do the work of a stage, and add its time to that of the name.
pub fn stage<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let time = start.elapsed();
    let mut stages = stages();
    match stages.iter_mut().find(|(known, _)| *known == name) {
        Some((_, sum)) => *sum += time,
        None => stages.push((name, time)),
    }
    result
}

/// Time spent in each stage in this process since this was last asked, in the order in which they
/// were first left.
pub fn take_stages() -> Stages {
    std::mem::take(&mut *stages())
}

fn stages() -> MutexGuard<'static, Stages> {
    STAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_of_one_name_are_added() {
        let wait = |time| std::thread::sleep(Duration::from_millis(time));
        assert_eq!(stage("test a", || 1), 1);
        stage("test b", || wait(1));
        stage("test b", || wait(1));
        let stages = take_stages();
        let time = |name| stages.iter().find(|(known, _)| *known == name).map(|(_, time)| *time);
        assert!(time("test a") < time("test b"));
        assert!(time("test b") >= Some(Duration::from_millis(2)));
    }
}

//! Runtimes: the workers on which green threads run.
//!
//! A program that only ports its threads needs none of this: the global runtime starts by itself.

pub use crate::engine::{
    Deadlock, DrivenRuntime, Histogram, LivingThread, Metrics, Monitor, MonitorStatistics,
    ParkedThread, Runtime, RuntimeBuilder as Builder, Spawner, StackMemory, StackStatistics,
    ThreadLocals, Turn, monitor_statistics, wait_idle,
};

/// Runs `main` on a green thread of a runtime of its own, with a worker for each core, and ends
/// that runtime when `main` has ended: other green threads that are left are unwound.
///
/// Blocks the calling thread. What `main` spawns goes to the same runtime. For settings see
/// [`Builder`].
///
/// # Panics
///
/// With the panic of `main`, if the system refuses what a runtime is made of, and with a
/// [`Deadlock`], which is reported, if `main` waits and nothing can wake any green thread any more:
/// see [`Runtime::try_run`].
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
///
/// let answer = greenstd_runtime::run(|| {
///     let half = thread::spawn(|| 21);
///     2 * half.join().expect("it does not panic")
/// });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn run<F, T>(main: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let runtime = Builder::new().build().expect("failed to start a runtime");
    runtime.run(main)
}

//! `run`: a main green thread, and the thread that waits for it.

use super::deadlock::Deadlock;
use super::runtime::Runtime;
use super::spawn::Options;
use std::io::{self, Write as _};
use std::panic;
use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

impl Runtime {
    /// Runs `main` on a green thread of this runtime, and blocks the calling thread, of either
    /// kind, until it has ended. What `main` spawns belongs to this runtime, and lives on.
    ///
    /// # Panics
    ///
    /// With the panic of `main`, and if the limit on live green threads is reached. With a
    /// [`Deadlock`], which is reported, where [`try_run`](Runtime::try_run) returns one.
    #[track_caller]
    pub fn run<F, T>(&self, main: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.try_run(main) {
            Ok(value) => value,
            Err(deadlock) => {
                report(&deadlock);
                panic::panic_any(deadlock)
            }
        }
    }

    /// [`run`](Runtime::run) that returns an error if it would never end.
    ///
    /// # Errors
    ///
    /// [`Deadlock`] if `main` waits, every other green thread of the runtime does too, and nothing
    /// is left that could wake one: no deadline, no descriptor that somebody waits for, no look-up
    /// under way, no other OS thread in the process. That is found out a tenth of a second after
    /// all have come to wait; the runtime is shut down then, which unwinds them.
    ///
    /// An OS thread that the runtime does not know may unpark a green thread at any time, even if
    /// it never does; so may the workers of another runtime, the global one among them. While there
    /// is one, `run` waits on. Nothing is found either while `run` is called on a green thread, or
    /// inside of a timeout scope, and while a green thread waits in a destructor during a panic.
    ///
    /// # Panics
    ///
    /// With the panic of `main`, and if the limit on live green threads is reached.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use greenstd_runtime::{runtime::Builder, sync::Semaphore};
    ///
    /// let runtime = Builder::new().build()?;
    /// let error = runtime.try_run(|| Semaphore::new(0).acquire()).unwrap_err();
    /// assert_eq!(error.threads()[0].name(), Some("main"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn try_run<F, T>(&self, main: F) -> Result<T, Deadlock>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let options = Options { name: Some("main".into()), stack_size: None };
        let watched = self.shared.detector.watch();
        let join = self.spawn_with(options, main).expect("failed to spawn the main green thread");
        if let Some(watched) = &watched {
            watched.spawned(join.thread().id());
        }
        let outcome = join.join();
        match watched.and_then(|watched| watched.deadlock()) {
            // Whatever else came of it: it was being unwound.
            Some(deadlock) => Err(deadlock),
            None => Ok(outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))),
        }
    }
}

/// Tells what the panic hook, which knows texts only, cannot tell.
fn report(deadlock: &Deadlock) {
    if dispatcher::get_default(|subscriber| subscriber.is::<NoSubscriber>()) {
        // Unlike `eprintln`, this does not panic if nobody can be told.
        let _ = writeln!(io::stderr(), "{deadlock}");
    } else {
        tracing::error!("{deadlock}");
    }
}

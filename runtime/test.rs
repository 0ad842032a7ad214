//! Tests of concurrent code: a clock that jumps, an order that can be repeated, and nothing left
//! behind.
//!
//! [`run`] runs a closure on a runtime of its own, with one worker:
//!
//! - *The order is drawn by lot.* Each time that a green thread waits, yields or ends, the next one
//!   to run is drawn from all that could. The draws come from a seed: another one for each run, or
//!   that of the environment variable `GREENSTD_TEST_SEED`, or [`Builder::seed`]. The same seed
//!   gives the same order; select's choice among several ready arms is drawn from it, too.
//! - *The clock jumps.* It stands still while somebody runs. When every green thread waits it is
//!   set to the next deadline, so a thousand hours of sleeps take no time. All that waits with a
//!   deadline goes by it: sleeps, timeouts, timeout scopes, tickers, `recv_timeout`, sockets'
//!   timeouts. It is read by [`time::now`](crate::time::now); std's `Instant::now` and
//!   `SystemTime::now` know nothing of it. A loop that yields until it is later never ends: whoever
//!   waits for time has to wait.
//! - *Deadlocks are failures*: if every green thread waits, and nothing can wake one any more.
//! - *Green threads that are left behind are failures*: those that are still alive once the closure
//!   has returned and everybody who could go on has done so.
//!
//! A failure is a panic that names the seed and each of the green threads concerned, with the place
//! where it was spawned.
//!
//! # What comes from outside
//!
//! While a green thread waits for a descriptor (a socket, a pipe, a child process), or anything is
//! under way in a pool of OS threads ([`blocking`](crate::blocking()), files, look-ups), in the
//! whole process, the clock does not jump: it goes on as fast as the system's, and stops at each
//! deadline. So I/O works, over loopback too, and its timeouts mean what they say; but a sleep
//! beside a listener that somebody waits for takes its time, and the order of what happens is the
//! system's. Tests of network code that are to be fast use connections in memory instead
//! (`net::memory`), which need no descriptors.
//!
//! OS threads that a test starts itself are not seen: the clock jumps while they run, and they go
//! by the system's clock, as do those of the library (which retire idle resources, say). One that
//! is to wake a green thread is announced by an [`ExternalWork`](crate::park::ExternalWork), which
//! is dropped after the wake; otherwise the wait for it counts as a deadlock after a tenth of a
//! second.
//!
//! Random numbers that do not come from the seed, such as the order of a `HashMap`, and addresses
//! differ from run to run.
//!
//! The clock is tokio's `time::pause`, and [`settle`] is Go's `synctest.Wait`; seeds, leftovers and
//! what happens beside sockets are our own.
//!
//! # Examples
//!
//! ```
//! use greenstd_runtime::{channel, test, thread, time};
//! use std::time::Duration;
//!
//! test::run(|| {
//!     let (sender, receiver) = channel::bounded(1);
//!     let late = thread::spawn(move || {
//!         thread::sleep(Duration::from_secs(24 * 3600));
//!         sender.send("at last").unwrap();
//!     });
//!     let start = time::now();
//!     assert!(receiver.recv_timeout(Duration::from_secs(60)).is_err());
//!     assert_eq!(receiver.recv().unwrap(), "at last");
//!     assert_eq!(time::now() - start, Duration::from_secs(24 * 3600));
//!     late.join().unwrap();
//! });
//! ```

use crate::engine::{self, LivingThread, RuntimeBuilder};
use std::collections::hash_map::RandomState;
use std::env;
use std::fmt::Write as _;
use std::hash::BuildHasher;
use std::panic::{self, AssertUnwindSafe};

/// The environment variable that sets the seed.
const SEED_VARIABLE: &str = "GREENSTD_TEST_SEED";

/// Lines of a report. The rest is counted.
const LISTED_AT_MOST: usize = 100;

/// Sets up a test. See the [module](self).
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{test, thread};
/// use std::time::Duration;
///
/// test::Builder::new().seed(42).allow_leftovers().run(|| {
///     thread::spawn(|| thread::sleep(Duration::from_secs(60)));
/// });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it runs something"]
pub struct Builder {
    seed: Option<u64>,
    stack_size_bytes: Option<usize>,
    allows_leftovers: bool,
}

impl Builder {
    /// Makes a builder: the seed of the environment, or any; nothing may be left behind.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Sets the seed, whatever the environment says.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.seed = Some(seed);
        self
    }

    /// Sets the stack size of green threads that do not ask for another one, as
    /// [`runtime::Builder::stack_size`](crate::runtime::Builder::stack_size).
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size_bytes = Some(bytes);
        self
    }

    /// Green threads that are left behind are no failure: they are killed, as at the end of any
    /// runtime.
    pub fn allow_leftovers(mut self) -> Builder {
        self.allows_leftovers = true;
        self
    }

    /// Runs `main` on a green thread of a runtime of its own, and blocks the calling OS thread
    /// until it has ended. See the [module](self).
    ///
    /// # Panics
    ///
    /// With the panic of `main`; if a deadlock is found, or something was left behind; in each case
    /// the seed is told. If `GREENSTD_TEST_SEED` is set and is no number; if the system refuses
    /// what a runtime is made of. If it is called on a green thread.
    #[track_caller]
    pub fn run<F, T>(self, main: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        assert!(!engine::is_on_green_thread(), "test::run was called on a green thread");
        let seed = self.seed.unwrap_or_else(seed_of_environment);
        let mut builder = RuntimeBuilder::new().name("test").simulated(seed);
        if let Some(bytes) = self.stack_size_bytes {
            builder = builder.stack_size(bytes);
        }
        let runtime = builder.build().expect("failed to start the runtime of a test");
        let body = move || {
            let value = main();
            let leftovers =
                if self.allows_leftovers { Vec::new() } else { engine::settle_at_last() };
            (value, leftovers)
        };
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| runtime.try_run(body)));
        // Before anything is told: what is left unwinds, and may have something to tell itself.
        runtime.shutdown();
        match outcome {
            Ok(Ok((value, leftovers))) if leftovers.is_empty() => value,
            Ok(Ok((_, leftovers))) => panic!("{}", leftover_text(seed, &leftovers)),
            Ok(Err(deadlock)) => panic!("{deadlock}\n{}", hint(seed)),
            Err(payload) => {
                eprintln!("the test has panicked; {}", hint(seed));
                panic::resume_unwind(payload)
            }
        }
    }
}

/// [`Builder::run`] with the defaults.
///
/// # Panics
///
/// As [`Builder::run`].
#[track_caller]
pub fn run<F, T>(main: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().run(main)
}

/// Blocks the calling green thread until every other one of its test waits, or calls this as well.
/// The clock stands still meanwhile.
///
/// So a test can look at what others have done by now, and be sure that they will do no more before
/// time goes on. Who waits for a descriptor, or for a job of a pool, counts as waiting. As Go's
/// `synctest.Wait`. A kill and a timeout scope end the wait.
///
/// # Panics
///
/// If the caller is not a green thread of a [`run`].
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::Event, test, thread};
///
/// test::run(|| {
///     let done = std::sync::Arc::new(Event::new());
///     let other = thread::spawn({
///         let done = done.clone();
///         move || done.set()
///     });
///     test::settle();
///     assert!(done.is_set());
///     other.join().unwrap();
/// });
/// ```
#[track_caller]
pub fn settle() {
    assert!(engine::settle(), "test::settle was called outside of test::run");
}

fn seed_of_environment() -> u64 {
    match env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE}={seed} is no number")),
        // What the standard library seeds its maps with: the system's random numbers.
        Err(_) => RandomState::new().hash_one(SEED_VARIABLE),
    }
}

fn hint(seed: u64) -> String {
    format!("seed {seed}; {SEED_VARIABLE}={seed} repeats the order")
}

fn leftover_text(seed: u64, leftovers: &[LivingThread]) -> String {
    let mut text = match leftovers.len() {
        1 => "a green thread was left behind:".to_owned(),
        count => format!("{count} green threads were left behind:"),
    };
    for thread in leftovers.iter().take(LISTED_AT_MOST) {
        write!(text, "\n  green thread {thread}").expect("a string takes everything");
    }
    if let more @ 1.. = leftovers.len().saturating_sub(LISTED_AT_MOST) {
        write!(text, "\n  and {more} more").expect("a string takes everything");
    }
    text + "\n" + &hint(seed)
}

//! What a running system tells of itself: every green thread, what it waits for, since when, and
//! who holds it up.
//!
//! [`dump`] looks at all runtimes of the process and gives a [`Dump`]: as text by `Display`, as
//! JSON by [`Dump::to_json`], or to be walked through. What costs more, native stacks and the
//! values of green locals, is asked for by [`Options`]. Go's goroutine profile, with who waits for
//! whom.
//!
//! [`console`] answers from outside, by a Unix socket, and [`dump_on`] at a signal; both by OS
//! threads of their own, so that they do when every worker is held. [`metrics`] are figures of the
//! whole, which cost nothing until somebody asks.
//!
//! Nobody is stopped for a dump. It goes from one green thread to the next and shows each as it was
//! when it was looked at, so two of them may be shown as of different moments. While nobody asks,
//! a green thread pays a store or two for it when it parks.

mod console;
mod dump;
#[cfg(feature = "metrics")]
mod export;
mod json;
mod metrics;
mod on_signal;
mod stack;
mod text;
mod thread;
mod trace;
mod wait;

pub use self::console::{CLIENTS_MAX, CommandError, Console, LINE_MAX_BYTES, ask, console};
pub use self::dump::{Dump, RuntimeReport, WorkerReport};
#[cfg(feature = "metrics")]
pub use self::export::{Exporter, Exporting, export_metrics};
pub use self::metrics::{Metrics, count_accept_error, metrics, parked, stack_memory};
pub use self::on_signal::{DumpOnSignal, dump_on, dump_on_with};
pub use self::stack::{Frame, Group, Stack};
pub use self::thread::{LocalReport, State, ThreadReport};
pub use self::trace::{TraceNote, set_traced, trace};
pub use self::wait::{Descriptor, Holder, Wait};

pub use crate::engine::Interest;
use crate::engine::{self, Wishes};
use crate::park::ExternalWork;
use crate::sync::AsyncResult;
use crate::thread::Thread;
use std::sync::Arc;
use std::time::Duration;

/// How long workers may take to tell of the tasks that wait for them: far longer than any that
/// behaves takes from one look at its timers to the next.
const PATIENCE: Duration = Duration::from_millis(50);

/// What a dump is to hold.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{diag, thread};
///
/// let sleeper = thread::spawn(thread::park);
/// let dump = diag::Options::new().stacks(true).dump();
/// assert!(dump.threads().iter().any(|it| it.id() == sleeper.thread().id()));
/// # sleeper.thread().unpark();
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are asked for a dump"]
pub struct Options {
    stacks: bool,
    running_stacks: Option<i32>,
    locals: bool,
    patience: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl Options {
    /// Those of [`dump`]: neither stacks nor locals.
    pub fn new() -> Options {
        Options { stacks: false, running_stacks: None, locals: false, patience: PATIENCE }
    }

    /// Sets whether the stacks of parked green threads are unwound. The first time the program's
    /// debug information is read, which takes some 100 ms and then stays mapped.
    pub fn stacks(mut self, stacks: bool) -> Options {
        self.stacks = stacks;
        self
    }

    /// Has the stacks of running green threads be taken, too, by a signal to the OS threads of
    /// their workers: `SIGURG`, as the watchdog does it
    /// ([`Monitor`](crate::runtime::Monitor), where it says what that does to system calls). The
    /// handler is installed for the whole process, and stays.
    pub fn running_stacks(self) -> Options {
        self.running_stacks_by(libc::SIGURG)
    }

    /// [`running_stacks`](Options::running_stacks) by another signal.
    pub fn running_stacks_by(mut self, signal: i32) -> Options {
        self.stacks = true;
        self.running_stacks = Some(signal);
        self
    }

    /// Sets whether the values of [`green_local!`](crate::green_local)s are shown: those of parked
    /// green threads whose type is `Debug` and `Send`. Their `Debug` runs on the thread that makes
    /// the dump, while the green thread is kept from going on; it must not wait for that one.
    pub fn locals(mut self, locals: bool) -> Options {
        self.locals = locals;
        self
    }

    /// Sets how long a worker may take to tell of the green threads that have not started. One that
    /// does not, because somebody holds it, is [marked](WorkerReport::is_stuck); what waits there
    /// and may start elsewhere is shown all the same. The default is 50 ms.
    pub fn patience(mut self, patience: Duration) -> Options {
        self.patience = patience;
        self
    }

    /// Looks at all green threads of the process.
    ///
    /// On a green thread the look is made by an OS thread, and the caller parks meanwhile, so that
    /// its neighbours go on. A kill, or a scope that expires, ends that wait as any other.
    ///
    /// # Panics
    ///
    /// If the system refuses that OS thread a start.
    #[must_use]
    pub fn dump(&self) -> Dump {
        let options = self.clone();
        elsewhere(move || options.look())
    }

    fn look(&self) -> Dump {
        let Options { stacks, running_stacks: signal, locals, patience } = *self;
        let wishes = Wishes { patience, stacks, signal, locals };
        Dump::new(|| engine::survey(&wishes))
    }
}

/// Calls `look`: at once on an OS thread; else on one that is started for it, and the caller parks
/// meanwhile, so that its neighbours go on.
///
/// # Panics
///
/// If the system refuses that OS thread a start.
fn elsewhere<T: Clone + Send + Sync + 'static>(look: impl FnOnce() -> T + Send + 'static) -> T {
    if !engine::is_on_green_thread() {
        return look();
    }
    let result = Arc::new(AsyncResult::<T>::new());
    let (work, theirs) = (ExternalWork::new(), result.clone());
    let looker = std::thread::Builder::new().name("greenstd-diag".into()).spawn(move || {
        let _work = work;
        // Set once, here.
        let _ = theirs.set(look());
    });
    drop(looker.expect("failed to start an OS thread that looks at green threads"));
    result.get().expect("no error is ever set").clone()
}

/// Looks at all green threads of the process, without stacks and locals. As
/// [`Options::dump`].
///
/// # Panics
///
/// As [`Options::dump`].
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{diag, sync::Mutex, thread};
/// use std::sync::Arc;
///
/// greenstd_runtime::run(|| {
///     let lock = Arc::new(Mutex::new(()));
///     let held = lock.lock().expect("it is not poisoned");
///     let other = lock.clone();
///     let waiter = thread::spawn(move || drop(other.lock()));
///     while !diag::dump().to_string().contains("waits in Mutex::lock, held by") {
///         thread::yield_now();
///     }
///     drop(held);
///     waiter.join().expect("it does not panic");
/// });
/// ```
#[must_use]
pub fn dump() -> Dump {
    Options::new().dump()
}

/// The green thread with that number ([`ThreadReport::number`]), if it has started and not ended:
/// to kill it, or to unpark it. Never blocks for long; works on threads of either kind.
#[must_use]
pub fn find(number: u64) -> Option<Thread> {
    engine::find(number)
}

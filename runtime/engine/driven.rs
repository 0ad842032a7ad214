//! Runtimes that the caller drives: for green threads under the event loop of somebody else.
//!
//! Such a runtime has no thread of its own. Its only worker is the thread that made it, whenever
//! that calls `turn`; between two turns it is a thread like any other (`drive`).

use super::drive::Driver;
use super::fiber::Lane;
use super::fork;
use super::handles::{JoinHandle, LocalJoinHandle};
use super::limits;
use super::monitor;
use super::park;
use super::runtime::Builder;
use super::shared::Shared;
use super::spawn::{self, Options, Target};
use super::stack::alternate::AlternateStack;
use super::worker::Worker;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::{self, Location};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle as StdJoinHandle};
use std::time::{Duration, Instant};

/// How long a turn goes on unless it is told otherwise: an eighth of a frame at 60 Hz.
const BUDGET: Duration = Duration::from_millis(2);

/// A runtime whose green threads run on the calling thread, whenever that calls
/// [`turn`](DrivenRuntime::turn).
///
/// It is for programs that have an event loop already, of GLib, tokio or their own: that one polls
/// the runtime's descriptor ([`AsFd`]) for reading, and calls `turn` when it is readable. I/O,
/// deadlines and wakes from other threads all make it readable, and nothing else does: a host that
/// has nothing to do sleeps.
///
/// * *Level-triggered* hosts (`poll`, GLib) need do no more: the descriptor stays readable for as
///   long as there is something to do.
/// * *Edge-triggered* ones (tokio's `AsyncFd`) call `turn` again while it says
///   [`is_runnable`](Turn::is_runnable). What comes after a turn that does not say so is a new
///   edge.
///
/// Green threads behave as those of every runtime, with one worker: they may use locks, channels,
/// sockets and join handles of others. One that does not wait holds up the host, as does one that
/// waits in a destructor during a panic. Without [own
/// thread-locals](crate::thread::ThreadLocals::Own) they share those of the calling thread.
///
/// The thread that made the runtime drives it, so it is neither `Send` nor `Sync`; others reach it
/// by a [`Spawner`]. Outside of turns that thread is a plain one: what it spawns by
/// [`thread::spawn`](crate::thread::spawn) goes to the global runtime, and it must not wait for one
/// of its own green threads,
/// by a join say, for nobody would run it: [`run_until`](DrivenRuntime::run_until) does.
///
/// Dropping it ends it as [`Runtime::shutdown`](crate::runtime::Runtime::shutdown) does: the
/// calling thread runs the green threads until all have unwound. While that thread panics they
/// could not unwind: if there are any, all are leaked as they are then, and never go on.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{runtime::Builder, thread, time};
/// use std::time::Duration;
///
/// let runtime = Builder::new().build_driven()?;
/// let sleeper = runtime.spawn(|| thread::sleep(Duration::from_millis(5)));
/// while !sleeper.is_finished() {
///     // Here the descriptor would be polled, among others.
///     greenstd_runtime::readiness::wait_readable(&runtime, None)?;
///     runtime.turn(Some(Duration::ZERO));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>() {}
/// is_send::<greenstd_runtime::runtime::DrivenRuntime>();
/// ```
pub struct DrivenRuntime {
    driver: Driver,
    budget: Cell<Duration>,
    watchdog: Option<StdJoinHandle<()>>,
    /// Without it an overflow still ends the process, only without a message.
    _alternate_stack: Option<AlternateStack>,
}

/// Spawns green threads of a [`DrivenRuntime`] from any thread. Cheap to clone.
///
/// # Examples
///
/// ```
/// let runtime = greenstd_runtime::runtime::Builder::new().build_driven()?;
/// let spawner = runtime.spawner();
/// let other = std::thread::spawn(move || spawner.spawn(|| 6 * 7).join());
/// while !other.is_finished() {
///     runtime.turn(Some(std::time::Duration::from_millis(1)));
/// }
/// assert_eq!(other.join().unwrap().unwrap(), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Spawner {
    shared: Weak<Shared>,
}

/// What a [turn](DrivenRuntime::turn) has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    has_run: bool,
    is_runnable: bool,
}

impl Turn {
    /// Whether a green thread has run.
    #[must_use]
    pub fn has_run(self) -> bool {
        self.has_run
    }

    /// Whether the budget was spent before all had run that could: there is something left for
    /// another turn, now. The descriptor is readable as well.
    #[must_use]
    pub fn is_runnable(self) -> bool {
        self.is_runnable
    }
}

impl Builder {
    /// Makes a runtime without threads, which the calling thread drives.
    ///
    /// Nothing of the process is changed unless it was asked for: it has a watchdog, which is a
    /// thread, if [`monitor`](Builder::monitor) was called, and reports overflows after
    /// [`with_overflow_report`](Builder::with_overflow_report). It looks for no deadlocks, for the
    /// host may wake somebody at any time.
    ///
    /// # Errors
    ///
    /// As [`build`](Builder::build), and if the system refuses a timerfd; `InvalidInput` with more
    /// than one [worker](Builder::workers), or with [spare ones](Builder::spare_workers);
    /// `Unsupported` on a green thread.
    pub fn build_driven(mut self) -> io::Result<DrivenRuntime> {
        let refuse = |kind, text| Err(io::Error::new(kind, text));
        if Worker::current().is_some() {
            let text = "build_driven was called on a green thread, whose worker is driven already";
            return refuse(io::ErrorKind::Unsupported, text);
        }
        if self.workers.is_some_and(|workers| workers > 1) || self.spare_workers > Some(0) {
            let text = "a driven runtime has one worker, the thread that drives it";
            return refuse(io::ErrorKind::InvalidInput, text);
        }
        self.workers = Some(1);
        self.spare_workers = Some(0);
        self.detects_deadlocks = false;
        self.monitor.get_or_insert(None);
        let alternate_stack = match *self.reports_overflow.get_or_insert(false) {
            true => Some(AlternateStack::ensure()?),
            false => None,
        };
        let base = self.name.clone();
        let (shared, mut parts) = self.found()?;
        let driver = Driver::new(shared, parts.pop().expect("there is one worker"))?;
        let mut runtime = DrivenRuntime {
            driver,
            budget: Cell::new(BUDGET),
            watchdog: None,
            _alternate_stack: alternate_stack,
        };
        runtime.watchdog = monitor::start(runtime.driver.shared(), &base)?;
        Ok(runtime)
    }

    /// Has the process's SIGSEGV and SIGBUS handlers replaced by one that names the green thread
    /// whose stack has overflowed, and passes every other fault to the handler that was there
    /// before. That is the default but for [`build_driven`](Builder::build_driven).
    pub fn with_overflow_report(mut self) -> Builder {
        self.reports_overflow = Some(true);
        self
    }
}

impl DrivenRuntime {
    /// Runs the green threads that can go on, until none can any more or the
    /// [budget](DrivenRuntime::set_budget) is spent. If there is none at first it blocks the
    /// calling thread until there is one, until `max_wait` has passed; `None` waits without end,
    /// and zero not at all. A [timeout scope](crate::time::timeout) around a call that may wait
    /// ends it, too, after the green threads have run.
    ///
    /// # Panics
    ///
    /// On a green thread, of any runtime; while the calling thread panics; and in a process that
    /// was forked off this one.
    pub fn turn(&self, max_wait: Option<Duration>) -> Turn {
        assert!(Worker::current().is_none(), "`turn` was called on a green thread");
        assert!(!thread::panicking(), "`turn` was called while the thread panics");
        fork::refuse_in_child();
        let may_wait = max_wait != Some(Duration::ZERO);
        let scope = if may_wait { limits::earliest() } else { None };
        let give_up_at = |start| match max_wait {
            Some(Duration::ZERO) => Some(start),
            max_wait => [park::deadline(max_wait), scope].into_iter().flatten().min(),
        };
        let progress = self.driver.turn(give_up_at, self.budget.get());
        if may_wait && limits::is_to_end() {
            limits::unwind();
        }
        Turn { has_run: progress.has_run, is_runnable: progress.is_broken_off }
    }

    /// Sets how long a turn runs green threads while there are some to run. The default is 2 ms.
    ///
    /// It is heeded between two green threads, to about a millisecond: one that does not wait is
    /// not interrupted. With zero, a turn runs some 64 of them.
    pub fn set_budget(&self, budget: Duration) {
        self.budget.set(budget);
    }

    /// When the runtime has next something to do by itself, as of the last turn: the earliest
    /// deadline of a green thread, a time that has passed if some can go on at once, and none if
    /// only events, or other threads, can wake one. May be too early, never too late.
    ///
    /// The descriptor tells of it as well; this is for hosts that rather have a timeout. News from
    /// elsewhere, spawns among them, are told by the descriptor alone.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.driver.next_duty()
    }

    /// Spawns a green thread of this runtime. It runs in a later turn.
    ///
    /// # Panics
    ///
    /// If there is none to be had: see [`thread::Builder::spawn`](crate::thread::Builder::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn_in(self.driver.shared(), Location::caller(), f)
    }

    /// Spawns a green thread that shares the calling thread with its spawner, so that neither its
    /// closure nor its result has to be `Send`: both may hold an `Rc`, or a widget. It uses the
    /// calling thread's thread-locals, whatever the runtime's default is.
    ///
    /// # Panics
    ///
    /// As [`spawn`](DrivenRuntime::spawn).
    #[track_caller]
    pub fn spawn_local<F, T>(&self, f: F) -> LocalJoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        self.spawn_local_with(Options::default(), f)
    }

    #[track_caller]
    fn spawn_local_with<F, T>(&self, options: Options, f: F) -> LocalJoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        // SAFETY: the handle is `!Send`.
        let join = unsafe { self.driver.spawn_local(options, Location::caller(), f) };
        LocalJoinHandle::new(join.expect("failed to spawn a green thread"))
    }

    /// What other threads spawn green threads of this runtime by.
    #[must_use]
    pub fn spawner(&self) -> Spawner {
        Spawner { shared: Arc::downgrade(self.driver.shared()) }
    }

    /// Runs `main` on a green thread, and turns until it has ended: the calling thread blocks. What
    /// `main` spawns lives on, and goes on with later turns. So does `main` if a
    /// [timeout scope](crate::time::timeout) ends this call.
    ///
    /// Unlike [`Runtime::run`](crate::runtime::Runtime::run) it finds no deadlocks.
    ///
    /// # Panics
    ///
    /// With the panic of `main`; as [`turn`](DrivenRuntime::turn) and
    /// [`spawn`](DrivenRuntime::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// let runtime = greenstd_runtime::runtime::Builder::new().build_driven()?;
    /// let shared = Rc::new(21);
    /// assert_eq!(runtime.run_until(move || *shared * 2), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run_until<F, T>(&self, main: F) -> T
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        assert!(Worker::current().is_none(), "`run_until` was called on a green thread");
        let options = Options { name: Some("main".into()), ..Options::default() };
        let join = self.spawn_local_with(options, main);
        while !join.is_finished() {
            self.turn(None);
        }
        join.join().unwrap_or_else(|payload| panic::resume_unwind(payload))
    }

    /// Ends the runtime, as dropping it does.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for DrivenRuntime {
    fn drop(&mut self) {
        if fork::is_child() {
            // It is the parent's.
            return std::mem::forget(self.watchdog.take());
        }
        self.driver.shared().close();
        if thread::panicking() && !self.driver.is_vacant() {
            // Whoever waits would take itself for panicking, and not unwind.
            return;
        }
        // SAFETY: what is left of it, the alarm, is dropped only.
        unsafe { self.driver.end() };
        if let Some(watchdog) = self.watchdog.take() {
            // It has been told that all have ended. A panic of it changes nothing here.
            let _ = watchdog.join();
        }
    }
}

/// The descriptor to poll for reading. It belongs to the runtime, for as long as that lives;
/// reading from it is an error.
impl AsFd for DrivenRuntime {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.driver.descriptor()
    }
}

impl AsRawFd for DrivenRuntime {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for DrivenRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrivenRuntime")
            .field("descriptor", &self.as_raw_fd())
            .field("next_deadline", &self.next_deadline())
            .finish_non_exhaustive()
    }
}

impl Spawner {
    /// Spawns a green thread, from a thread of either kind. Never blocks. The runtime's descriptor
    /// becomes readable, if it was not.
    ///
    /// Once the runtime has ended the green thread ends unstarted: its join returns an error of
    /// type [`Killed`](crate::thread::Killed).
    ///
    /// # Panics
    ///
    /// If there is none to be had: see [`thread::Builder::spawn`](crate::thread::Builder::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.shared.upgrade() {
            Some(shared) => spawn_in(&shared, Location::caller(), f),
            None => JoinHandle::new(spawn::spawn_discarded(Location::caller(), f)),
        }
    }
}

fn spawn_in<F, T>(
    shared: &Arc<Shared>,
    site: &'static Location<'static>,
    closure: F,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let target = Target::Runtime(shared);
    // SAFETY: everything is `Send` and borrows nothing.
    let join = unsafe { spawn::spawn(target, Lane::Pinned, Options::default(), site, closure) };
    JoinHandle::new(join.expect("failed to spawn a green thread"))
}

//! The watchdog: an OS thread that notices green threads which hold their workers for too long.
//!
//! A worker shows its pulse: the fiber that runs, and a count of switches (`pace`). The watchdog
//! looks at it a few times in each threshold. If nothing has changed since the last sample, the
//! worker was held by that fiber for the time in between, and the watchdog adds up for how long,
//! asks the kernel what the worker's OS thread is doing, and when the sum reaches the threshold
//! tells who it is (`identity`), what it does (`activity`), and where (`capture`, `unwind`).
//!
//! # What is added up
//!
//! A thread that is blocked is held for as long as the clock says; one that can run for as long as
//! it has run: so nobody is blamed for a machine that is busy. If the watchdog itself came late, it
//! was either kept waiting for a processor, which the kernel tells, or stopped with the whole
//! process; the latter is no time at all.
//!
//! # Invariants
//!
//! 1. The pulse of a worker is read under the lock of its post, in which it stands while the worker
//!    is inside of `enter`; the lock is held while the worker's thread is sent a signal, so that
//!    the number is still that thread's.
//! 2. The watchdog rests while all workers are away, and then for as long as they are (`vigil`): an
//!    idle process makes no system call.
//!
//! # Rejected
//!
//! A clock in each switch: reading it costs more than the switch. A timer signal on each worker:
//! it interrupts those who behave. Unwinding in the signal handler: no unwinder is
//! async-signal-safe by contract.

mod activity;
pub(super) mod capture;
mod identity;
pub(super) mod memory;
mod modules;
#[cfg_attr(target_arch = "x86_64", path = "registers_x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "registers_aarch64.rs")]
pub(super) mod registers;
mod report;
mod settings;
pub(super) mod unwind;
mod watch;

pub use self::settings::{Monitor, MonitorStatistics};
pub(crate) use self::unwind::Function;

use self::activity::{OsThread, RunDelay};
use self::report::Reporter;
use self::watch::Watch;
use super::atomic::{AtomicU64, Mutex, Ordering};
use super::fiber::Header;
use super::outside::ServiceThread;
use super::pace::{Beat, Pulse};
use super::remote::Remote;
use super::runtime::Runtime;
use super::shared::Shared;
use super::vigil::Vigil;
use super::worker::Worker;
use std::io;
use std::ptr::NonNull;
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// Samples in a threshold. The time before the first sample of a stall is not known, and the last
/// one comes after the threshold: so a stall is noticed half a threshold late at most.
const SAMPLES_IN_THRESHOLD: u32 = 4;

/// What a runtime has of its watchdog.
#[derive(Debug)]
pub(crate) struct Watchdog {
    settings: Monitor,
    vigil: Vigil,
    thread: OnceLock<Thread>,
    stalls: AtomicU64,
    reports: AtomicU64,
}

/// Where a worker can be watched.
#[derive(Debug, Default)]
pub(crate) struct Post(Mutex<Option<Subject>>);

/// A worker that runs.
#[derive(Clone, Copy, Debug)]
struct Subject {
    pulse: NonNull<Pulse>,
    thread: OsThread,
}

// SAFETY: the pulse is read under the lock of the post only, while the worker is there
// (invariant 1).
unsafe impl Send for Subject {}

/// A worker that can be watched, until this is dropped.
pub(super) struct Watched<'w>(&'w Post);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}

impl Worker {
    /// Has whoever watches, the watchdog or the sentry, see this worker. To be called on its own
    /// thread.
    pub(super) fn come_under_watch(&self) -> Watched<'_> {
        let post = &self.remote().post;
        let subject = Subject { pulse: NonNull::from(&self.pulse), thread: OsThread::current() };
        *post.0.lock() = Some(subject);
        self.come_back();
        Watched(post)
    }

    /// To be called after the worker was away, before it runs anybody.
    #[inline]
    pub(super) fn come_back(&self) {
        if let Some(watchdog) = &self.shared().watchdog
            && watchdog.vigil.come_back()
        {
            watchdog.wake();
        }
        self.shared().relief.come_back();
    }
}

impl Post {
    /// What the worker does, if there is one.
    pub(super) fn beat(&self) -> Option<Beat> {
        // SAFETY: it stands in the post, so the worker is there (invariant 1).
        self.0.lock().as_ref().map(|subject| unsafe { subject.pulse.as_ref() }.beat())
    }

    /// Who runs there, and since when at most (`coarse`).
    pub(super) fn running(&self) -> Option<(*mut Header, u32)> {
        let subject = self.0.lock();
        // SAFETY: as in `beat`.
        let pulse = unsafe { subject.as_ref()?.pulse.as_ref() };
        let fiber = pulse.beat().fiber;
        (!fiber.is_null()).then(|| (fiber, pulse.time()))
    }

    /// The state of who runs there, taken by a signal. None if nobody does, if he has gone on
    /// meanwhile, or does not answer.
    pub(super) fn capture(&self, signal: libc::c_int) -> Option<(*mut Header, capture::Capture)> {
        // Held throughout (invariant 1).
        let post = self.0.lock();
        let subject = post.as_ref()?;
        // SAFETY: as in `beat`.
        let pulse = unsafe { subject.pulse.as_ref() };
        let beat = pulse.beat();
        if beat.fiber.is_null() {
            return None;
        }
        let capture = capture::take(signal, subject.thread.id)?;
        (pulse.beat() == beat).then_some((beat.fiber, capture))
    }

    pub(super) fn is_manned(&self) -> bool {
        self.0.lock().is_some()
    }
}

impl Watchdog {
    /// # Errors
    ///
    /// If the handler of the signal cannot be installed.
    pub(super) fn new(settings: Monitor) -> io::Result<Watchdog> {
        if let Some(signal) = settings.signal {
            capture::install(signal)?;
        }
        let (stalls, reports) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Watchdog { settings, vigil: Vigil::new(), thread: OnceLock::new(), stalls, reports })
    }

    /// Ends it: the last worker has ended.
    pub(super) fn close(&self) {
        self.vigil.close();
        self.wake();
    }

    #[cold]
    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    pub(super) fn statistics(&self) -> MonitorStatistics {
        MonitorStatistics {
            stalls: self.stalls.load(Ordering::Relaxed),
            reports: self.reports.load(Ordering::Relaxed),
        }
    }

    /// Sleeps for so long, or until it is closed.
    fn sleep(&self, time: Duration) {
        let deadline = Instant::now() + time;
        while !self.vigil.is_closed() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
    }

    /// Watches until it is closed.
    fn run(&self, shared: &Shared) {
        let period = self.settings.threshold / SAMPLES_IN_THRESHOLD;
        let mut reporter = Reporter::new(self.settings.report_every);
        let places = shared.regular().iter().chain(shared.spare_places());
        let mut watches: Vec<Watch> = places.map(|_| Watch::new()).collect();
        let mut delay = RunDelay::new();
        let (mut last, mut spent) = (Instant::now(), Duration::ZERO);
        while !self.vigil.is_closed() {
            self.sleep(period);
            let now = Instant::now();
            let passed = (now - last).min(period + spent + delay.since_last());
            last = now;
            let mut is_quiet = true;
            for (remote, watch) in shared.remotes().iter().zip(&mut watches) {
                is_quiet &= watch.sample(self, remote, passed, &mut reporter);
            }
            // A worker may have been slow to answer a signal.
            spent = now.elapsed();
            let is_away = |remote: &Remote| remote.inbox.is_away() || !remote.post.is_manned();
            if is_quiet && self.vigil.rest(|| shared.remotes().iter().all(is_away)) {
                while self.vigil.is_resting() {
                    thread::park();
                }
                delay.since_last();
                last = Instant::now();
            }
        }
        reporter.end();
    }
}

/// Starts the watchdog of a runtime, if it is to have one. When this returns, it is known to the
/// deadlock detector.
///
/// # Errors
///
/// If the system refuses a thread.
pub(super) fn start(shared: &Arc<Shared>, name: &str) -> io::Result<Option<JoinHandle<()>>> {
    if shared.watchdog.is_none() {
        return Ok(None);
    }
    let shared = shared.clone();
    let thread = spawn_service(format!("{name}-monitor"), move || {
        let watchdog = shared.watchdog.as_ref().expect("looked at above");
        let _ = watchdog.thread.set(thread::current());
        watchdog.run(&shared);
    })?;
    Ok(Some(thread))
}

/// Spawns an OS thread that is known to the deadlock detector when this returns.
pub(super) fn spawn_service(
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let (started, is_started) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name(name).spawn(move || {
        let _service = ServiceThread::new();
        let _ = started.send(());
        body();
    })?;
    // Sent in any case, unless it has panicked, which is no reason to wait.
    let _ = is_started.recv();
    Ok(thread)
}

impl Runtime {
    /// What the watchdog of this runtime has noticed; none if there is no watchdog: see
    /// [`Monitor`].
    #[must_use]
    pub fn monitor_statistics(&self) -> Option<MonitorStatistics> {
        self.shared.watchdog.as_ref().map(Watchdog::statistics)
    }
}

/// [`Runtime::monitor_statistics`] of the calling green thread's runtime; on a plain OS thread, of
/// the global one, and none as long as nobody has started it.
#[must_use]
pub fn monitor_statistics() -> Option<MonitorStatistics> {
    match Worker::on_fiber() {
        Some((worker, _)) => worker.shared().watchdog.as_ref().map(Watchdog::statistics),
        None => super::runtime::started()?.monitor_statistics(),
    }
}

//! Green threads that a runtime has left behind: those that were alive when it was closed.
//!
//! Nobody keeps a list for it. Each worker comes across them as it winds up, and notes them where
//! that is asked for; whoever ends the runtime tells of them once all workers have ended.

use super::atomic::{AtomicBool, Mutex, Ordering};
use super::fiber::FiberRef;
use super::living::LivingThread;
use super::report;
use super::runtime::{Builder, Runtime};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::mem;

/// Lines of a report. The rest is counted.
const LISTED_AT_MOST: usize = 100;

/// What was left behind, as far as it was noted.
#[derive(Debug)]
pub(super) struct Leaks {
    /// Relaxed: set before the runtime is closed, which is what makes workers look.
    is_noted: AtomicBool,
    noted: Mutex<Vec<LivingThread>>,
}

impl Leaks {
    pub(super) fn new(is_noted: bool) -> Leaks {
        Leaks { is_noted: AtomicBool::new(is_noted), noted: Mutex::default() }
    }

    pub(super) fn note(&self, fiber: &FiberRef, is_started: bool) {
        if self.is_noted.load(Ordering::Relaxed) {
            self.noted.lock().push(LivingThread::new(fiber.header(), is_started));
        }
    }

    /// Takes out what was noted, oldest first.
    fn take(&self) -> Vec<LivingThread> {
        let mut noted = mem::take(&mut *self.noted.lock());
        noted.sort_by_key(|thread| thread.id().number());
        // Two workers may have come across the same free fiber at once.
        noted.dedup_by_key(|thread| thread.id());
        noted
    }

    /// Tells of what was noted.
    pub(super) fn report(&self) {
        let leaks = self.take();
        if leaks.is_empty() {
            return;
        }
        let mut text = String::new();
        for thread in leaks.iter().take(LISTED_AT_MOST) {
            write!(text, "\n  green thread {thread}").expect("a string takes everything");
        }
        if let more @ 1.. = leaks.len().saturating_sub(LISTED_AT_MOST) {
            write!(text, "\n  and {more} more").expect("a string takes everything");
        }
        let count = leaks.len();
        if report::has_no_subscriber() {
            // Unlike `eprintln`, this does not panic if nobody can be told.
            let _ = writeln!(io::stderr(), "{count} green threads outlived their runtime:{text}");
        } else {
            tracing::warn!(count, "green threads outlived their runtime:{text}");
        }
    }
}

impl Builder {
    /// Sets whether the runtime, when it ends, reports the green threads that are still alive,
    /// each with the place where it was spawned and what it waits in. The default is that it does
    /// not: they are unwound silently.
    ///
    /// The report is a warning of `tracing`, or goes to standard error if nobody subscribes. Scopes
    /// and nurseries leave nobody behind, and so need no report. For a program that wants the list
    /// itself there is [`Runtime::shutdown_listing`].
    pub fn report_leaks(mut self, report: bool) -> Builder {
        self.reports_leaks = report;
        self
    }
}

impl Runtime {
    /// [`shutdown`](Runtime::shutdown) that returns which green threads were still alive, oldest
    /// first, instead of reporting them.
    ///
    /// What they spawn while they unwind is among them. Empty if it is called on a green thread of
    /// this very runtime, which does not wait for the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{runtime::Builder, thread};
    ///
    /// let runtime = Builder::new().workers(1).build()?;
    /// runtime.spawn(thread::park);
    /// let leaks = runtime.shutdown_listing();
    /// assert_eq!(leaks.len(), 1);
    /// assert!(leaks[0].spawned_at().line() > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn shutdown_listing(self) -> Vec<LivingThread> {
        let shared = self.shared.clone();
        shared.leaks.is_noted.store(true, Ordering::Relaxed);
        let mut runtime = self;
        runtime.reports_leaks = false;
        drop(runtime);
        shared.leaks.take()
    }
}

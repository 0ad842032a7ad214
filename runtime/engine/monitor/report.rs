//! What is said of a stall, and how often.
//!
//! The first backtrace makes the program's debug information be read, which takes a second where it
//! is large, and a subscriber may take its time: so reports have an OS thread while there are any,
//! one after another, and the watchdog goes on watching.

use super::activity::Activity;
use super::capture::Capture;
use super::identity::Identity;
use super::spawn_service;
use super::unwind::{self, Backtrace};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write as _};
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

/// Reports of one runtime within the time in which a green thread is reported once.
const REPORTS_AT_MOST: usize = 10;

/// A green thread that holds its worker.
#[derive(Debug)]
pub(super) struct Stall {
    /// None if the system does not let us find out who it is.
    pub(super) identity: Option<Identity>,
    pub(super) worker: usize,
    pub(super) held: Duration,
    pub(super) activity: Activity,
    pub(super) capture: Option<Capture>,
}

/// Gives the reports of one runtime.
#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) quota: Quota,
    /// The thread of the last report, which ends when that is given.
    last: Option<JoinHandle<()>>,
}

/// Who was reported lately.
#[derive(Debug)]
pub(super) struct Quota {
    every: Duration,
    /// When, and the number of the green thread; oldest first, `REPORTS_AT_MOST` at most.
    reported: VecDeque<(Instant, Option<u64>)>,
}

impl Quota {
    pub(super) fn new(every: Duration) -> Quota {
        Quota { every, reported: VecDeque::new() }
    }

    /// Counts a report of a green thread. False if there is to be none.
    pub(super) fn take(&mut self, id: Option<u64>, now: Instant) -> bool {
        while self.reported.pop_front_if(|(at, _)| now - *at >= self.every).is_some() {}
        let is_new = self.reported.iter().all(|(_, reported)| *reported != id);
        let is_allowed = is_new && self.reported.len() < REPORTS_AT_MOST;
        if is_allowed {
            self.reported.push_back((now, id));
        }
        is_allowed
    }
}

impl Reporter {
    pub(super) fn new(every: Duration) -> Reporter {
        Reporter { quota: Quota::new(every), last: None }
    }

    /// Gives a report, after those that were to be given before.
    pub(super) fn report(&mut self, stall: Stall) {
        let before = self.last.take();
        let told = spawn_service("greenstd-report".to_owned(), move || {
            before.map(JoinHandle::join);
            // It does not matter to anybody whether the subscriber has panicked.
            mem::forget(panic::catch_unwind(AssertUnwindSafe(|| stall.tell())));
        });
        // Where there is no thread to be had, nothing is to be said either.
        self.last = told.ok();
    }

    /// Waits until all reports are given.
    pub(super) fn end(self) {
        self.last.map(JoinHandle::join);
    }
}

impl Stall {
    /// Tells of it. A closed standard error does no harm.
    fn tell(&self) {
        let backtrace = self.capture.as_ref().map_or_else(Backtrace::default, unwind::unwind);
        if dispatcher::get_default(|subscriber| subscriber.is::<NoSubscriber>()) {
            // Unlike `eprintln`, this does not panic if nobody can be told.
            let _ = match backtrace.is_empty() {
                true => writeln!(io::stderr(), "{self}"),
                false => writeln!(io::stderr(), "{self}\n{backtrace}"),
            };
            return;
        }
        let identity = self.identity.as_ref();
        let backtrace = (!backtrace.is_empty()).then(|| backtrace.to_string());
        tracing::warn!(
            green_thread = identity.map(|it| it.id),
            name = identity.and_then(|it| it.name.as_deref()),
            spawned_at = identity.map(|it| tracing::field::display(it.site)),
            worker = self.worker,
            held_ms = self.held.as_millis() as u64,
            activity = %self.activity,
            backtrace,
            "green thread holds its worker"
        );
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("green thread")?;
        if let Some(Identity { id, name, site }) = &self.identity {
            let name = name.as_deref().unwrap_or("<unnamed>");
            write!(f, " {id} '{name}' (spawned at {site})")?;
        }
        let (worker, held) = (self.worker, self.held.as_millis());
        write!(f, " has held worker {worker} for {held} ms: {}", self.activity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(10);

    #[test]
    fn a_green_thread_is_reported_once_in_a_while() {
        let mut quota = Quota::new(EVERY);
        let start = Instant::now();
        assert!(quota.take(Some(1), start));
        assert!(!quota.take(Some(1), start + EVERY / 2));
        assert!(quota.take(Some(2), start + EVERY / 2));
        assert!(quota.take(Some(1), start + EVERY));
        assert!(!quota.take(Some(2), start + EVERY));
    }

    #[test]
    fn many_green_threads_are_reported_ten_times_in_a_while() {
        let mut quota = Quota::new(EVERY);
        let start = Instant::now();
        let reported = (0..100).filter(|&id| quota.take(Some(id), start)).count();
        assert_eq!(reported, REPORTS_AT_MOST);
        assert!(quota.take(Some(50), start + EVERY));
        assert!(quota.reported.len() <= REPORTS_AT_MOST);
    }

    #[test]
    fn those_whose_number_is_unknown_share_one_report() {
        let mut quota = Quota::new(EVERY);
        let start = Instant::now();
        assert!(quota.take(None, start));
        assert!(!quota.take(None, start));
    }
}

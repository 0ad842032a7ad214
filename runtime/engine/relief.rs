//! Relief for workers that are stuck: what a runtime has of its sentry and its spare workers.
//!
//! A green thread that does not give its worker back holds up what lies there. What any worker may
//! run is helped by the *sentry*, an OS thread (`sentry`): it hands the stuck worker's events out,
//! fires the timers of its free fibers, and passes its stealable work on. If every worker is stuck
//! it starts a *spare* worker (`spare`), which leaves when it is not needed any more.
//!
//! The sentry comes with the first free fiber that starts, so a runtime without any has neither the
//! thread nor its cost. If the system refuses the thread, that is reported once, the fibers run as
//! they would without relief, and it is tried again with a free fiber that starts later.
//!
//! # State
//!
//! | word | meaning | who changes it |
//! |---|---|---|
//! | `is_posted` | the sentry is there | the sentry, once |
//! | `vigil` | whether it rests (`vigil`) | the sentry; workers that come back |
//! | `spares` | spare workers that have not left | the sentry up, each spare worker down |
//! | `needed` | how many the sentry wants | the sentry |
//!
//! # Orderings
//!
//! `come_back` skips its fence as long as the worker does not see `is_posted`. So the sentry, once
//! it has set that, takes the lock of the sleepers, which every worker takes after it has got up:
//! who came back before that has its inbox seen by the sentry, and who does later sees the sentry.
//! `spares` and `needed` are estimates to everybody but those who change them.

use super::atomic::{AtomicBool, AtomicUsize, Mutex, Ordering};
use super::monitor;
use super::sentry::Sentry;
use super::shared::Shared;
use super::vigil::Vigil;
use super::worker::Worker;
use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long the system is left alone that has refused the sentry.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a runtime has of its sentry and its spare workers.
#[derive(Debug)]
pub(crate) struct Relief {
    name: Box<str>,
    /// Spare workers that there may be at once.
    limit: usize,
    is_posted: AtomicBool,
    pub(super) vigil: Vigil,
    sentry: OnceLock<Thread>,
    pub(super) roster: Mutex<Roster>,
    pub(super) spares: AtomicUsize,
    pub(super) needed: AtomicUsize,
}

/// The OS threads that were started, to be joined.
#[derive(Debug, Default)]
pub(super) struct Roster {
    sentry: Option<JoinHandle<()>>,
    /// By their places among those for spare workers; `None` where nobody is.
    pub(super) spares: Vec<Option<JoinHandle<()>>>,
    /// When to try again after the system has refused the sentry.
    next_try: Option<Instant>,
}

impl Relief {
    pub(super) fn new(name: Box<str>, limit: usize) -> Relief {
        Relief {
            name,
            limit,
            is_posted: AtomicBool::new(false),
            vigil: Vigil::new(),
            sentry: OnceLock::new(),
            roster: Mutex::default(),
            spares: AtomicUsize::new(0),
            needed: AtomicUsize::new(0),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Starts the sentry, if nobody has yet. When this returns it is known to the deadlock
    /// detector. An error is returned for the first failure only.
    fn post(&self, shared: &Arc<Shared>) -> io::Result<()> {
        let mut roster = self.roster.lock();
        if roster.sentry.is_some() || roster.next_try.is_some_and(|time| Instant::now() < time) {
            return Ok(());
        }
        let shared = shared.clone();
        let body = move || {
            let relief = &shared.relief;
            relief.sentry.set(thread::current()).expect("there is one sentry");
            relief.is_posted.store(true, Ordering::Release);
            // See Orderings in the head.
            let _ = shared.idle.while_everybody_sleeps(|| ());
            Sentry::new(&shared).run();
        };
        match monitor::spawn_service(format!("{}-sentry", self.name), body) {
            Ok(thread) => {
                roster.sentry = Some(thread);
                Ok(())
            }
            Err(error) => {
                let is_first = roster.next_try.is_none();
                roster.next_try = Some(Instant::now() + RETRY_AFTER);
                if is_first { Err(error) } else { Ok(()) }
            }
        }
    }

    /// To be called by a worker that was away, before it runs anybody.
    #[inline]
    pub(super) fn come_back(&self) {
        if self.is_posted.load(Ordering::Acquire) && self.vigil.come_back() {
            self.wake();
        }
    }

    /// Ends the sentry: the last worker has ended.
    pub(super) fn close(&self) {
        self.vigil.close();
        self.wake();
    }

    #[cold]
    fn wake(&self) {
        if let Some(sentry) = self.sentry.get() {
            sentry.unpark();
        }
    }

    /// The OS threads of a runtime that has ended.
    pub(super) fn take_threads(&self) -> Vec<JoinHandle<()>> {
        let mut roster = self.roster.lock();
        let spares: Vec<_> = roster.spares.iter_mut().filter_map(Option::take).collect();
        roster.sentry.take().into_iter().chain(spares).collect()
    }

    /// Whether there are more spare workers than are needed.
    pub(super) fn has_superfluous(&self) -> bool {
        self.spares.load(Ordering::Relaxed) > self.needed.load(Ordering::Relaxed)
    }

    /// Lets a spare worker go, if there are more than are needed.
    pub(super) fn lets_go(&self) -> bool {
        let needed = self.needed.load(Ordering::Relaxed);
        let less = |spares: usize| (spares > needed).then(|| spares - 1);
        self.spares.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Worker {
    /// Sees to it that there is a sentry. To be called where a free fiber starts.
    #[inline]
    pub(super) fn call_sentry(&self) {
        if !self.has_sentry.get() {
            self.post_sentry();
        }
    }

    #[cold]
    fn post_sentry(&self) {
        let shared = &self.shared;
        if shared.regular().len() == 1 && shared.relief.limit == 0 {
            // Nobody could take anything over.
            return self.has_sentry.set(true);
        }
        // Before anybody else can come.
        self.expect_company();
        match shared.relief.post(shared) {
            Ok(()) => self.has_sentry.set(shared.relief.is_posted.load(Ordering::Relaxed)),
            Err(error) => tracing::warn!(
                target: "greenstd",
                %error,
                "no sentry: a green thread that holds its worker holds up others"
            ),
        }
    }
}

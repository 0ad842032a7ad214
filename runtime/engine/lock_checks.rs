//! Checks of how locks are used, in debug builds, once they were asked for.
//!
//! Each thread of either kind has a list of the locks that it holds, with the places where it took
//! them. Who asks for a lock while it holds others adds an arrow from each of those to the new one;
//! an arrow against the others closes a circle, and is reported instead of added. So two orders
//! are found without ever having met. Who parks with something in its list, and not for a lock, is
//! reported as well. Each pair of places is reported once.
//!
//! Until they are asked for, the checks cost a look at a word for each lock and each unlock; in
//! release builds there is nothing at all (`lock_checks_off`).
//!
//! # Invariants
//!
//! 1. No list stays borrowed, and the graph is not locked, across a switch or while user code runs:
//!    a report is told after both were given up.
//! 2. While a thread tells a report it reports nothing itself: a subscriber may use our locks.
//! 3. Locks are told apart by numbers, for they move, and their addresses are used again.

use super::atomic::{AtomicU32, AtomicU64, Mutex, Ordering};
use super::lock_graph::{Graph, Held};
use super::lock_report::{LockReport, LockUse, ORDER, WAITS};
use super::report;
use super::worker::Worker;
use std::cell::{Cell, RefCell};
use std::io::{self, Write as _};
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::LazyLock;

/// The checks were on at some time, so lists of held locks may not be empty.
const WERE_ON: u32 = 1 << 7;

/// Which checks are on. Relaxed: who switches them expects no more than that they begin.
static CHECKS: AtomicU32 = AtomicU32::new(0);

static IDS: AtomicU64 = AtomicU64::new(1);

static GRAPH: LazyLock<Mutex<Graph>> = LazyLock::new(Mutex::default);

thread_local! {
    /// Those of a plain OS thread.
    static HELD: HeldLocks = const { HeldLocks::new() };
}

/// What is known of a lock: its number, once it was checked.
#[derive(Debug)]
pub(crate) struct LockId(AtomicU64);

/// The locks that a thread holds.
#[derive(Debug)]
pub(crate) struct HeldLocks {
    uses: RefCell<Vec<Held>>,
    /// It waits for a lock: that is no wait across which another one is held needlessly.
    is_locking: Cell<bool>,
    /// Invariant 2.
    is_telling: Cell<bool>,
    /// Where the next lock is taken, if its caller's place is lost on the way.
    site: Cell<Option<&'static Location<'static>>>,
}

/// A lock on its way; dropped if it was not taken.
pub(crate) struct Attempt<'l> {
    asked: Option<(&'l LockId, Held)>,
    /// It is the thread's own.
    stays_here: PhantomData<*const ()>,
}

/// Has these checks made from now on. False if there are none.
pub(super) fn install(checks: u32) -> bool {
    CHECKS.store(checks | WERE_ON, Ordering::Relaxed);
    true
}

/// Makes no checks any more.
pub(super) fn uninstall() {
    CHECKS.fetch_and(WERE_ON, Ordering::Relaxed);
}

pub(super) fn take_reports() -> Vec<LockReport> {
    GRAPH.lock().take_kept()
}

impl LockId {
    pub(crate) const fn new() -> LockId {
        LockId(AtomicU64::new(0))
    }

    fn number(&self) -> u64 {
        let id = self.0.load(Ordering::Relaxed);
        if id != 0 {
            return id;
        }
        let fresh = IDS.fetch_add(1, Ordering::Relaxed);
        match self.0.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(id) => id,
        }
    }

    /// To be called before the lock is asked for.
    #[inline]
    #[track_caller]
    pub(crate) fn attempt(&self, call: &'static str, is_shared: bool) -> Attempt<'_> {
        let asked = match CHECKS.load(Ordering::Relaxed) & (ORDER | WAITS) {
            0 => None,
            _ => Some((self, self.ask(call, is_shared, Location::caller()))),
        };
        Attempt { asked, stays_here: PhantomData }
    }

    #[cold]
    fn ask(&self, call: &'static str, is_shared: bool, site: &'static Location<'static>) -> Held {
        let (uses, site) = HeldLocks::with(|held| {
            held.is_locking.set(true);
            let site = held.site.take().unwrap_or(site);
            let uses = if held.is_telling.get() { Vec::new() } else { held.uses.borrow().clone() };
            (uses, site)
        });
        let wanted = Held { lock: LockUse { id: self.number(), call, site }, is_shared };
        if CHECKS.load(Ordering::Relaxed) & ORDER != 0 {
            for held in uses {
                let report = GRAPH.lock().enter(held, wanted);
                report.iter().for_each(tell);
            }
        }
        wanted
    }

    /// To be called for a lock that was taken without a wait.
    #[inline]
    #[track_caller]
    pub(crate) fn taken(&self, call: &'static str, is_shared: bool) {
        if CHECKS.load(Ordering::Relaxed) & (ORDER | WAITS) != 0 {
            let site = Location::caller();
            HeldLocks::with(|held| {
                let site = held.site.take().unwrap_or(site);
                let lock = LockUse { id: self.number(), call, site };
                held.uses.borrow_mut().push(Held { lock, is_shared });
            });
        }
    }

    /// To be called before the lock is given up, by the thread that holds it.
    #[inline]
    pub(crate) fn given_up(&self) {
        if CHECKS.load(Ordering::Relaxed) != 0 {
            self.forget();
        }
    }

    #[cold]
    fn forget(&self) {
        let id = self.0.load(Ordering::Relaxed);
        HeldLocks::with(|held| {
            let mut uses = held.uses.borrow_mut();
            if let Some(place) = uses.iter().rposition(|held| held.lock.id == id) {
                uses.remove(place);
            }
        });
    }
}

impl Attempt<'_> {
    /// The lock was taken.
    #[inline]
    pub(crate) fn succeed(mut self) {
        if let Some((_, held)) = self.asked.take() {
            HeldLocks::with(|list| {
                list.is_locking.set(false);
                list.uses.borrow_mut().push(held);
            });
        }
    }
}

impl Drop for Attempt<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.asked.is_some() {
            HeldLocks::with(|list| list.is_locking.set(false));
        }
    }
}

impl HeldLocks {
    pub(crate) const fn new() -> HeldLocks {
        HeldLocks {
            uses: RefCell::new(Vec::new()),
            is_locking: Cell::new(false),
            is_telling: Cell::new(false),
            site: Cell::new(None),
        }
    }

    /// Calls `body` with the list of the calling thread; with an empty one where an OS thread's is
    /// gone already.
    fn with<R>(body: impl FnOnce(&HeldLocks) -> R) -> R {
        match Worker::on_fiber() {
            // SAFETY: the calling fiber runs, so its header is alive.
            Some((_, fiber)) => body(&unsafe { fiber.as_ref() }.held_locks),
            None => {
                let mut body = Some(body);
                let mut call = |held: &HeldLocks| body.take().map(|body| body(held));
                let called = HELD.try_with(&mut call).ok().flatten();
                called.or_else(|| call(&HeldLocks::new())).expect("it was called once")
            }
        }
    }
}

/// Says where the next lock of the calling thread is taken, which its own call cannot tell; until
/// it is dropped.
pub(crate) struct LocksHere {
    is_said: bool,
    /// It is the thread's own.
    stays_here: PhantomData<*const ()>,
}

#[inline]
#[track_caller]
pub(crate) fn locks_here() -> LocksHere {
    let is_said = CHECKS.load(Ordering::Relaxed) & (ORDER | WAITS) != 0;
    if is_said {
        let site = Location::caller();
        HeldLocks::with(|held| held.site.set(Some(site)));
    }
    LocksHere { is_said, stays_here: PhantomData }
}

impl Drop for LocksHere {
    #[inline]
    fn drop(&mut self) {
        if self.is_said {
            // Who holds the lock already has asked for none.
            HeldLocks::with(|held| held.site.set(None));
        }
    }
}

/// To be called by a thread that is about to park.
#[inline]
pub(super) fn about_to_wait() {
    if CHECKS.load(Ordering::Relaxed) & WAITS != 0 {
        check_wait();
    }
}

#[cold]
fn check_wait() {
    let uses = HeldLocks::with(|held| match held.is_locking.get() || held.is_telling.get() {
        true => Vec::new(),
        false => held.uses.borrow().clone(),
    });
    // SAFETY: the calling fiber runs.
    let reason = Worker::on_fiber().and_then(|(_, it)| unsafe { it.as_ref() }.waits_for.get());
    let waits_in = reason.map(|reason| reason.0);
    for Held { lock: held, .. } in uses {
        let report = GRAPH.lock().once(LockReport::HeldAcrossWait { held, waits_in });
        report.iter().for_each(tell);
    }
}

fn tell(report: &LockReport) {
    /// Goes back to reporting, should the subscriber panic, too.
    struct Telling;
    impl Drop for Telling {
        fn drop(&mut self) {
            HeldLocks::with(|held| held.is_telling.set(false));
        }
    }
    HeldLocks::with(|held| held.is_telling.set(true));
    let _telling = Telling;
    if report::has_no_subscriber() {
        let _ = writeln!(io::stderr(), "{report}");
    } else {
        tracing::warn!("{report}");
    }
}

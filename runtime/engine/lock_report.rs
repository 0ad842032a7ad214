//! Checks of locks as users see them: which are made, and what they have to tell.

use super::lock_checks;
use std::fmt;
use std::panic::Location;

pub(super) const ORDER: u32 = 1;
pub(super) const WAITS: u32 = 1 << 1;

/// Checks of how locks are used: which of them are to be made.
///
/// They are for finding deadlocks before they happen, and concern `Mutex`, `RwLock` and
/// `ReentrantMutex` of this library, on threads of either kind. What they find is a
/// [`LockReport`], once for each pair of places in the program. It is a warning of `tracing`, or
/// goes to standard error if nobody subscribes, and is kept for
/// [`take_reports`](LockChecks::take_reports).
///
/// The checks exist in builds with `debug_assertions`. In others installing them does nothing, and
/// locks cost what they cost without. Linux's lockdep is the model.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::sync::{LockChecks, Mutex};
///
/// let is_checked = LockChecks::new().install();
/// let (one, other) = (Mutex::new(1), Mutex::new(2));
/// {
///     let _one = one.lock().unwrap();
///     let _other = other.lock().unwrap();
/// }
/// {
///     let _other = other.lock().unwrap();
///     let _one = one.lock().unwrap();
/// }
/// assert_eq!(LockChecks::take_reports().len(), usize::from(is_checked));
/// # LockChecks::uninstall();
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "checks begin when they are installed"]
pub struct LockChecks {
    checks: u32,
}

/// A use of a lock: which, and where in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockUse {
    pub(super) id: u64,
    pub(super) call: &'static str,
    pub(super) site: &'static Location<'static>,
}

/// Something that [`LockChecks`](crate::sync::LockChecks) have found. As text, a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockReport {
    /// A lock was asked for while another one was held, and elsewhere it is the other way round:
    /// two threads that do both at once may wait for each other for ever.
    Order {
        /// The lock that was held.
        held: LockUse,
        /// The one that was asked for.
        wanted: LockUse,
        /// The locks between the two in the order seen before, from `wanted`'s to `held`'s: who
        /// held the first asked for the second, and so on.
        before: Vec<(LockUse, LockUse)>,
    },
    /// A lock was asked for by the thread that held it.
    Again {
        /// How it was taken.
        held: LockUse,
        /// How it was asked for.
        wanted: LockUse,
    },
    /// A lock was held while its holder waited for something that is no lock.
    HeldAcrossWait {
        /// The lock.
        held: LockUse,
        /// The call in which the holder waited, if it has a name, as in
        /// [`ParkedThread::waits_in`](crate::runtime::ParkedThread::waits_in).
        waits_in: Option<&'static str>,
    },
}

impl Default for LockChecks {
    fn default() -> LockChecks {
        LockChecks::new()
    }
}

impl LockChecks {
    /// All checks.
    pub fn new() -> LockChecks {
        LockChecks { checks: ORDER | WAITS }
    }

    /// Sets whether locks are reported that are taken in different orders, or by their holders.
    pub fn order(self, is_on: bool) -> LockChecks {
        self.with(ORDER, is_on)
    }

    /// Sets whether locks are reported that are held while their holder waits for something else
    /// than a lock: a sleep, a socket, a channel. That is allowed here, and so it is a hint; a
    /// condition's own mutex does not count.
    pub fn held_across_waits(self, is_on: bool) -> LockChecks {
        self.with(WAITS, is_on)
    }

    fn with(self, check: u32, is_on: bool) -> LockChecks {
        let checks = if is_on { self.checks | check } else { self.checks & !check };
        LockChecks { checks }
    }

    /// Has these checks made from now on, in the whole process, in place of those before. False if
    /// this build has none.
    #[allow(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn install(self) -> bool {
        lock_checks::install(self.checks)
    }

    /// Makes no checks any more.
    pub fn uninstall() {
        lock_checks::uninstall();
    }

    /// Takes out what was reported since the last call, at most the first thousand.
    #[must_use]
    pub fn take_reports() -> Vec<LockReport> {
        lock_checks::take_reports()
    }
}

impl LockUse {
    /// A number that tells locks apart: no other lock of the process has or will have it.
    #[must_use]
    pub fn lock(&self) -> u64 {
        self.id
    }

    /// The call that takes the lock, such as `RwLock::read`.
    #[must_use]
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// Where that call stands.
    #[must_use]
    pub fn site(&self) -> &'static Location<'static> {
        self.site
    }
}

impl fmt::Display for LockUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lock {} by {} at {}", self.id, self.call, self.site)
    }
}

impl fmt::Display for LockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockReport::Order { held, wanted, before } => {
                write!(f, "locks are taken in different orders: here {wanted}, holding {held}")?;
                for (held, wanted) in before {
                    write!(f, "; before, {wanted}, holding {held}")?;
                }
                Ok(())
            }
            LockReport::Again { held, wanted } => {
                write!(f, "a lock is asked for by its holder: {wanted}, holding {held}")
            }
            LockReport::HeldAcrossWait { held, waits_in } => {
                write!(f, "a lock is held across a wait in {}: ", waits_in.unwrap_or("park"))?;
                write!(f, "{held}")
            }
        }
    }
}

//! `std::sync::Once` for threads of either kind.
//!
//! # State
//!
//! | value | meaning | next |
//! |---|---|---|
//! | `INCOMPLETE` | nothing has run | `RUNNING` |
//! | `POISONED` | what ran has unwound | `RUNNING`, by force only |
//! | `RUNNING` | somebody runs a closure | `COMPLETE`, `POISONED` |
//! | `COMPLETE` | a closure has returned | none |
//!
//! The state changes under the lock of the line in which the others wait, and is read there. Only
//! `COMPLETE` is looked at without the lock too: its store releases what the closure has written,
//! the load of it acquires.

use crate::park::{self, Ask, Line, Reason, Waited, Wakeups};
use crate::park::{Mutex, MutexGuard};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicU8, Ordering};

const INCOMPLETE: u8 = 0;
const POISONED: u8 = 1;
const RUNNING: u8 = 2;
const COMPLETE: u8 = 3;

static WAIT: Reason = Reason("Once::wait");

/// Runs one closure, once, whichever thread comes first, green thread or OS thread; the others
/// wait until it has returned.
///
/// As [`std::sync::Once`]. The closure may wait, for anything but this `Once`: then it waits for
/// ever. A closure that unwinds poisons the `Once`; so does a kill, or a
/// [timeout scope](crate::time::timeout) that expires, that ends a closure. One that ends a thread
/// that waits for the closure of another has no such effect.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::sync::Once;
///
/// static START: Once = Once::new();
///
/// START.call_once(|| println!("only once"));
/// START.call_once(|| unreachable!());
/// assert!(START.is_completed());
/// ```
pub struct Once {
    state: AtomicU8,
    line: Mutex<Line<()>>,
}

/// What a closure that was run by force is told about the ones before it.
pub struct OnceState {
    is_poisoned: bool,
}

/// The start of a static [`Once`].
#[deprecated(note = "replaced by `Once::new`")]
#[expect(clippy::declare_interior_mutable_const, reason = "as in std")]
pub const ONCE_INIT: Once = Once::new();

impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

impl Once {
    /// Makes one that has run nothing.
    #[inline]
    #[expect(clippy::new_without_default, reason = "std's has none")]
    #[must_use]
    pub const fn new() -> Once {
        Once { state: AtomicU8::new(INCOMPLETE), line: Mutex::new(Line::new()) }
    }

    /// One that needs no closure any more.
    pub(super) const fn completed() -> Once {
        Once { state: AtomicU8::new(COMPLETE), line: Mutex::new(Line::new()) }
    }

    /// Runs `f` unless a closure has been run before. Blocks the calling thread while another one
    /// runs a closure. What that has written is visible afterwards.
    ///
    /// # Panics
    ///
    /// If a closure has unwound before.
    #[inline]
    #[track_caller]
    pub fn call_once<F>(&self, f: F)
    where
        F: FnOnce(),
    {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call(false, &mut |_| f.take().expect("it is called once")());
        }
    }

    /// [`call_once`](Once::call_once), even if a closure has unwound before: the new one is told.
    #[inline]
    pub fn call_once_force<F>(&self, f: F)
    where
        F: FnOnce(&OnceState),
    {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call(true, &mut |state| f.take().expect("it is called once")(state));
        }
    }

    /// Whether a closure has returned.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.state.load(Ordering::Acquire) == COMPLETE
    }

    /// Blocks the calling thread until a closure has returned, which another thread is to run.
    ///
    /// # Panics
    ///
    /// If a closure has unwound, or does while the thread waits.
    #[track_caller]
    pub fn wait(&self) {
        self.wait_for_completion(false);
    }

    /// [`wait`](Once::wait), past closures that unwind, until one returns.
    pub fn wait_force(&self) {
        self.wait_for_completion(true);
    }

    #[cold]
    #[track_caller]
    fn call(&self, by_force: bool, f: &mut dyn FnMut(&OnceState)) {
        loop {
            let line = self.line.lock();
            match self.state.load(Ordering::Relaxed) {
                COMPLETE => return,
                RUNNING => self.wait_in(line),
                POISONED if !by_force => {
                    drop(line);
                    poisoned();
                }
                before => {
                    self.state.store(RUNNING, Ordering::Relaxed);
                    drop(line);
                    let mut running = Running { once: self, ends_as: POISONED };
                    f(&OnceState { is_poisoned: before == POISONED });
                    running.ends_as = COMPLETE;
                    return;
                }
            }
        }
    }

    #[track_caller]
    fn wait_for_completion(&self, by_force: bool) {
        while !self.is_completed() {
            let line = self.line.lock();
            match self.state.load(Ordering::Relaxed) {
                COMPLETE => return,
                POISONED if !by_force => {
                    drop(line);
                    poisoned();
                }
                _ => self.wait_in(line),
            }
        }
    }

    /// Blocks the calling thread until a closure has ended, in whatever way.
    fn wait_in(&self, line: MutexGuard<'_, Line<()>>) {
        let ask = Ask::new(&WAIT, None);
        let waited = park::wait_in_line(&self.line, line, |line| line, (), ask);
        debug_assert!(matches!(waited, Waited::Granted(())), "there is no deadline");
    }
}

#[cold]
#[track_caller]
fn poisoned() -> ! {
    panic!("Once instance has previously been poisoned");
}

/// A closure that runs. Ends, and lets those go on who wait for that, even if it unwinds.
struct Running<'o> {
    once: &'o Once,
    ends_as: u8,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut line = self.once.line.lock();
        self.once.state.store(self.ends_as, Ordering::Release);
        let mut wakeups = Wakeups::new();
        while let Some(((), wakeup)) = line.grant(|()| ()) {
            wakeups.push(wakeup);
        }
        drop(line);
        // Those who wait are woken here, outside of the lock.
        drop(wakeups);
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl OnceState {
    /// Whether a closure has unwound before.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState").field("poisoned", &self.is_poisoned()).finish()
    }
}

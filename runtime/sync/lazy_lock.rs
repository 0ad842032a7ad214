//! `std::sync::LazyLock` for threads of either kind.

use super::once::Once;
use crate::park::Mutex;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::OnceLock as Cell;

/// A value that is made as it is first looked at, by whichever thread comes first, green thread or
/// OS thread.
///
/// As [`std::sync::LazyLock`]. What makes it may wait, for anything but this value: then it waits
/// for ever. If it unwinds, by a panic or because the thread was killed or a
/// [timeout scope](crate::time::timeout) has expired, the value is poisoned for good: every later
/// look panics.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::sync::LazyLock;
/// use std::collections::BTreeMap;
///
/// static PORTS: LazyLock<BTreeMap<&str, u16>> =
///     LazyLock::new(|| BTreeMap::from([("http", 80), ("https", 443)]));
///
/// assert_eq!(PORTS["http"], 80);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    /// Filled before the `Once` is complete, by whom that lets run; so std's cell never blocks.
    value: Cell<T>,
    /// Taken out by whom the `Once` lets run.
    make: Mutex<Option<F>>,
}

impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// Makes a value that `f` will make.
    #[inline]
    pub const fn new(f: F) -> LazyLock<T, F> {
        LazyLock { once: Once::new(), value: Cell::new(), make: Mutex::new(Some(f)) }
    }

    /// The value, which is made if it is not there. Blocks the calling thread while another one
    /// makes it.
    ///
    /// # Panics
    ///
    /// If what makes it does, or has unwound before.
    #[inline]
    #[track_caller]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        match this.value.get() {
            Some(value) => value,
            None => this.initialize(),
        }
    }

    /// [`force`](LazyLock::force) of a value that nobody else knows.
    ///
    /// # Panics
    ///
    /// As [`force`](LazyLock::force).
    #[inline]
    #[track_caller]
    pub fn force_mut(this: &mut LazyLock<T, F>) -> &mut T {
        LazyLock::force(this);
        this.value.get_mut().expect("it was made just now, or before")
    }

    #[cold]
    fn initialize(&self) -> &T {
        self.once.call_once_force(|state| {
            if state.is_poisoned() {
                poisoned();
            }
            let make = self.make.lock().take().expect("it is taken once");
            let is_filled = self.value.set(make()).is_ok();
            debug_assert!(is_filled, "only the `Once` fills the cell");
        });
        self.value.get().expect("it is filled before the `Once` is complete")
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it is there. Never blocks.
    #[inline]
    pub fn get(this: &LazyLock<T, F>) -> Option<&T> {
        this.value.get()
    }

    /// The value, if it is there, if nobody else knows it.
    #[inline]
    pub fn get_mut(this: &mut LazyLock<T, F>) -> Option<&mut T> {
        this.value.get_mut()
    }
}

#[cold]
fn poisoned() -> ! {
    panic!("LazyLock instance has previously been poisoned");
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        LazyLock::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("LazyLock");
        match LazyLock::get(self) {
            Some(value) => tuple.field(value),
            None => tuple.field(&format_args!("<uninit>")),
        };
        tuple.finish()
    }
}

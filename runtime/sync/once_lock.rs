//! `std::sync::OnceLock` for threads of either kind.
//!
//! The value lies in std's own cell, which is written by whoever our [`Once`] lets run alone, and
//! so never blocks; to read it is std's one load.

use super::once::Once;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::OnceLock as Cell;

/// A cell that is written once, by whichever thread comes first, green thread or OS thread.
///
/// As [`std::sync::OnceLock`]. What initialises it may wait, for anything but this cell: then it
/// waits for ever. If it unwinds, by a panic or because the thread was killed or a
/// [timeout scope](crate::time::timeout) has expired, the cell stays empty and the next one tries.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::OnceLock, thread};
///
/// static NAME: OnceLock<String> = OnceLock::new();
///
/// thread::spawn(|| NAME.get_or_init(|| "set by whoever comes first".to_owned()));
/// assert_eq!(NAME.wait(), "set by whoever comes first");
/// ```
pub struct OnceLock<T> {
    once: Once,
    /// Filled before the `Once` is complete.
    value: Cell<T>,
}

impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// Makes an empty cell.
    #[inline]
    #[must_use]
    pub const fn new() -> OnceLock<T> {
        OnceLock { once: Once::new(), value: Cell::new() }
    }

    /// The value, if it is there. Never blocks.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it is there, of a cell that nobody else knows.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Blocks the calling thread until the value is there.
    pub fn wait(&self) -> &T {
        if self.get().is_none() {
            self.once.wait_force();
        }
        self.get().expect("it is filled before the `Once` is complete")
    }

    /// Fills the cell. Blocks the calling thread while another one is about to.
    ///
    /// # Errors
    ///
    /// `value`, if the cell is full.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("it is called once"));
        value.map_or(Ok(()), Err)
    }

    /// The value; `f` makes it if it is not there. Blocks the calling thread while another one is
    /// about to fill the cell.
    ///
    /// # Panics
    ///
    /// If `f` does. The cell stays empty then.
    #[inline]
    pub fn get_or_init<F>(&self, f: F) -> &T
    where
        F: FnOnce() -> T,
    {
        match self.get() {
            Some(value) => value,
            None => self.initialize(f),
        }
    }

    #[cold]
    fn initialize(&self, f: impl FnOnce() -> T) -> &T {
        self.once.call_once_force(|_| {
            let is_filled = self.value.set(f()).is_ok();
            debug_assert!(is_filled, "only the `Once` fills the cell");
        });
        self.get().expect("it is filled before the `Once` is complete")
    }

    /// Gives the value back, if it is there.
    #[inline]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if it is there, and leaves an empty cell.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        let value = self.value.take();
        if value.is_some() {
            self.once = Once::new();
        }
        value
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        self.get().map_or_else(OnceLock::new, |value| OnceLock::from(value.clone()))
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        OnceLock { once: Once::completed(), value: Cell::from(value) }
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

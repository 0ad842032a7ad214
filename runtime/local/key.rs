//! `green_local!` and `LocalKey`: std's `thread_local!` with a value for each green thread.

use crate::engine::Local;
#[doc(hidden)]
pub use crate::engine::Show;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

/// Declares values of which each green thread has its own: std's `thread_local!` in every form.
///
/// A value is made when its thread first uses it, and dropped when that thread ends: on its own
/// stack, so that the destructor may block, and before anybody who joins it goes on. A plain OS
/// thread has a value too, which ends with the OS thread. `const { .. }` around the initial value
/// has the compiler compute it.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{green_local, thread};
/// use std::cell::{Cell, RefCell};
///
/// green_local! {
///     static DEPTH: Cell<u32> = const { Cell::new(0) };
///     pub static NAMES: RefCell<Vec<String>> = RefCell::new(Vec::new());
/// }
///
/// DEPTH.set(7);
/// let other = thread::spawn(|| DEPTH.get()).join();
/// assert_eq!((DEPTH.get(), other.expect("it does not panic")), (7, 0));
/// ```
#[macro_export]
macro_rules! green_local {
    () => {};
    (
        $(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty
            = const $init:block $(; $($rest:tt)*)?
    ) => {
        $(#[$attribute])*
        $visibility static $name: $crate::local::LocalKey<$type> =
            $crate::local::LocalKey::named(
                stringify!($name),
                {
                    #[allow(unused_imports, reason = "not for types that can be shown")]
                    use $crate::local::NotShown as _;
                    $crate::local::Shown::<$type>::SHOW
                },
                || const $init,
            );
        $($crate::green_local!($($rest)*);)?
    };
    (
        $(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty
            = $init:expr $(; $($rest:tt)*)?
    ) => {
        $(#[$attribute])*
        $visibility static $name: $crate::local::LocalKey<$type> =
            $crate::local::LocalKey::named(
                stringify!($name),
                {
                    #[allow(unused_imports, reason = "not for types that can be shown")]
                    use $crate::local::NotShown as _;
                    $crate::local::Shown::<$type>::SHOW
                },
                || $init,
            );
        $($crate::green_local!($($rest)*);)?
    };
}

/// A value of which each thread has its own; made by [`green_local!`](crate::green_local).
///
/// As [`std::thread::LocalKey`], for threads of either kind. On a green thread a reference into the
/// value stays valid across a wait, and no other green thread can reach the value: it need be
/// neither `Send` nor `Sync`.
///
/// Values are destroyed in the reverse order in which they were made. A destructor may use other
/// values, and make some: those are destroyed next, and each key once. What differs from std: a
/// destructor that panics ends no process, and harms no other value.
pub struct LocalKey<T: 'static> {
    local: Local<T>,
    init: fn() -> T,
}

/// How the values of a key are shown in dumps, if they can be: for the macro.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shown<T>(PhantomData<T>);

impl<T: fmt::Debug + Send> Shown<T> {
    /// By `Debug`, on another thread than their own, which does not run meanwhile.
    pub const SHOW: Option<Show<T>> = Some(<T as fmt::Debug>::fmt);
}

/// What holds of a `Shown` that says nothing itself.
#[doc(hidden)]
pub trait NotShown<T> {
    const SHOW: Option<Show<T>> = None;
}

impl<T> NotShown<T> for Shown<T> {}

/// The value of a [`LocalKey`] was destroyed, or is about to be, because its thread ends.
///
/// As [`std::thread::AccessError`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl Error for AccessError {}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

#[cold]
#[track_caller]
fn panic_destroyed() -> ! {
    panic!("cannot access a green local during or after its destruction: {AccessError}")
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(init: fn() -> T) -> LocalKey<T> {
        LocalKey::named("", None, init)
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn named(name: &'static str, show: Option<Show<T>>, init: fn() -> T) -> LocalKey<T> {
        LocalKey { local: Local::named(name, show), init }
    }

    /// Calls `f` with the calling thread's value, which is made if it is the first use.
    ///
    /// # Panics
    ///
    /// If the value has been destroyed, or is about to be.
    #[inline]
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(result) => result,
            Err(AccessError) => panic_destroyed(),
        }
    }

    /// [`with`](LocalKey::with) that does not panic.
    ///
    /// # Errors
    ///
    /// [`AccessError`] if the value has been destroyed, or is about to be; `f` is not called.
    ///
    /// # Panics
    ///
    /// If the initial value panics.
    #[inline]
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        self.local.try_with(self.init, f).ok_or(AccessError)
    }

    /// Calls `f` with the value, and with `value` unless it was used up to make that.
    #[track_caller]
    fn initialize_with<F, R>(&'static self, value: T, f: F) -> R
    where
        F: FnOnce(Option<T>, &T) -> R,
    {
        let given = Cell::new(Some(value));
        let init = || given.take().expect("it is called once, and first");
        match self.local.try_with(init, |value| f(given.take(), value)) {
            Some(result) => result,
            None => panic_destroyed(),
        }
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value. The initial one is not made for it.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with).
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.initialize_with(Cell::new(value), |value, cell| {
            if let Some(value) = value {
                cell.set(value.into_inner());
            }
        });
    }

    /// Returns a copy of the value.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with).
    #[must_use]
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value, leaving the default one.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with).
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Replaces the value, and returns the former one.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with).
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with a reference to what the cell holds.
    ///
    /// # Panics
    ///
    /// If it is mutably borrowed, and as [`with`](LocalKey::with).
    #[track_caller]
    pub fn with_borrow<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with a mutable reference to what the cell holds.
    ///
    /// # Panics
    ///
    /// If it is borrowed, and as [`with`](LocalKey::with).
    #[track_caller]
    pub fn with_borrow_mut<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets what the cell holds. The initial value is not made for it.
    ///
    /// # Panics
    ///
    /// If it is borrowed, and as [`with`](LocalKey::with).
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.initialize_with(RefCell::new(value), |value, cell| {
            if let Some(value) = value {
                *cell.borrow_mut() = value.into_inner();
            }
        });
    }

    /// Takes what the cell holds, leaving the default.
    ///
    /// # Panics
    ///
    /// If it is borrowed, and as [`with`](LocalKey::with).
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Replaces what the cell holds, and returns the former value.
    ///
    /// # Panics
    ///
    /// If it is borrowed, and as [`with`](LocalKey::with).
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

//! Values that a green thread inherits from its spawner.
//!
//! One mechanism for two habits. A *scoped value* (Java's `ScopedValue`) is bound for a call, and
//! whoever is spawned inside inherits it. A *tree local* (gevent's `spawn_tree_locals`) is set by a
//! green thread, for itself and for all that descend from it. Both are a binding that children
//! copy: they differ in when it ends. So there are no locks and no trees: a spawn shares a pointer
//! to a map that never changes, and what is to be shared *and* changed is a value with a lock of
//! its own.

use crate::engine::Binding;
use std::error::Error;
use std::fmt;

/// A value that is bound for a while, and inherited by the green threads spawned meanwhile.
///
/// A green thread starts with the bindings that its spawner, of either kind, had at the spawn. What
/// either of them binds later is its own. A plain OS thread that is spawned by std inherits
/// nothing. No call here blocks.
///
/// Bindings are released when their scope ends, and with the green thread at the latest, before it
/// counts as finished; a value is dropped by whoever releases it last.
///
/// The semantics are those of Java's `ScopedValue`; [`set`](Inherited::set) is gevent's tree local.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{local::Inherited, thread};
///
/// static USER: Inherited<String> = Inherited::new();
///
/// let seen = USER.scope("ann".into(), || {
///     let grandchild = || thread::spawn(|| USER.get()).join();
///     thread::spawn(grandchild).join().expect("it does not panic").expect("nor this one")
/// });
/// assert_eq!(seen.as_deref(), Some("ann"));
/// assert!(!USER.is_bound());
/// ```
pub struct Inherited<T: Send + Sync + 'static> {
    binding: Binding<T>,
}

/// An [`Inherited`] value is not bound on the calling thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbound;

impl fmt::Display for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the inherited value is not bound")
    }
}

impl Error for Unbound {}

impl<T: Send + Sync + 'static> Inherited<T> {
    /// Makes a key that is bound to nothing, for a `static`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default could only be bound to nothing")]
    pub const fn new() -> Inherited<T> {
        Inherited { binding: Binding::new() }
    }

    /// Calls `body` with the key bound to `value`. Afterwards, however `body` ends, the calling
    /// thread has the bindings of before, of all keys.
    ///
    /// On an OS thread that is destroying its thread-locals nothing can be bound.
    pub fn scope<R>(&'static self, value: T, body: impl FnOnce() -> R) -> R {
        let _rebound = self.binding.bind(value);
        body()
    }

    /// Binds the key to `value` for the calling thread until the innermost scope around the call
    /// ends, of whatever key, or else until the thread does. Green threads that it spawns from now
    /// on inherit the value, and so do theirs; its spawner and its siblings do not.
    ///
    /// Nothing can be bound on an OS thread that is destroying its thread-locals.
    pub fn set(&'static self, value: T) {
        self.binding.bind(value).keep();
    }

    /// Calls `f` with the value of the innermost binding.
    ///
    /// # Panics
    ///
    /// If the key is not bound.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(Unbound) => panic!("`with` was called where nothing is bound: {Unbound}"),
        }
    }

    /// [`with`](Inherited::with) that does not panic.
    ///
    /// # Errors
    ///
    /// [`Unbound`] if the key is not bound; `f` is not called.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, Unbound> {
        // Held, for `f` may end the binding.
        let value = self.binding.value().ok_or(Unbound)?;
        Ok(f(&value))
    }

    /// A copy of the value of the innermost binding, if there is one.
    #[must_use]
    pub fn get(&'static self) -> Option<T>
    where
        T: Clone,
    {
        self.try_with(T::clone).ok()
    }

    /// Whether the key is bound on the calling thread.
    #[must_use]
    pub fn is_bound(&'static self) -> bool {
        self.binding.value().is_some()
    }
}

impl<T: Send + Sync + fmt::Debug + 'static> fmt::Debug for Inherited<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherited").finish_non_exhaustive()
    }
}

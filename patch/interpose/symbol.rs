//! The macro that defines hooks, and what is counted of each.

use std::fmt;
use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};

/// A symbol of the C library that is defined here.
#[derive(Debug)]
pub(crate) struct Symbol {
    pub(crate) name: &'static str,
    /// Its other names.
    pub(crate) aliases: &'static [&'static str],
    /// Calls that blocked a worker.
    blocked: &'static AtomicU64,
    /// Keeps the function in the program.
    address: fn() -> usize,
}

/// How often a hooked call could not park, and blocked a worker with all its green threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockedCalls {
    /// The symbol.
    pub symbol: &'static str,
    /// How many calls.
    pub count: u64,
}

impl fmt::Display for BlockedCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.symbol, self.count)
    }
}

impl Symbol {
    pub(crate) const fn new(
        name: &'static str,
        aliases: &'static [&'static str],
        blocked: &'static AtomicU64,
        address: fn() -> usize,
    ) -> Symbol {
        Symbol { name, aliases, blocked, address }
    }
}

/// Counts a call that blocks a worker.
#[cold]
pub(crate) fn count_blocked(counter: &AtomicU64) {
    // Relaxed: a statistic.
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The symbols whose calls have blocked a worker although they came from a green thread whose calls
/// are to park, most often first.
#[must_use]
pub fn blocked_calls() -> Vec<BlockedCalls> {
    let symbols = crate::FAMILIES.iter().copied().flatten();
    let mut calls: Vec<BlockedCalls> = symbols
        .map(|it| BlockedCalls { symbol: it.name, count: it.blocked.load(Ordering::Relaxed) })
        .filter(|calls| calls.count > 0)
        .collect();
    calls.sort_by_key(|calls| std::cmp::Reverse(calls.count));
    calls
}

/// All symbols of the C library that are defined here, by every name.
#[must_use]
pub fn symbols() -> Vec<&'static str> {
    let symbols = crate::FAMILIES.iter().copied().flatten();
    symbols.flat_map(|it| std::iter::once(it.name).chain(it.aliases.iter().copied())).collect()
}

/// Names every hook, so that the linker leaves none out.
pub(crate) fn keep() {
    for symbol in crate::FAMILIES.iter().copied().flatten() {
        hint::black_box((symbol.address)());
    }
}

/// Defines hooks: each a function of the C library with its other names, which are functions of
/// their own that call it. In a body, `BLOCKED` is the counter for
/// [`count_blocked`](crate::symbol::count_blocked). Makes the family's `SYMBOLS`.
macro_rules! hooks {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident $([$($alias:ident)*])?
        ($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)?
        $body:block
    )*) => {
        $(
            $(#[$attribute])*
            ///
            /// # Safety
            ///
            /// As the C library's function.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $kind),*) $(-> $result)? {
                #[allow(unused)]
                use counters::$name as BLOCKED;
                $body
            }

            hooks!(@aliases [$($($alias)*)?] $name ($($argument: $kind),*) $(-> $result)?);
        )*

        #[allow(non_upper_case_globals)]
        mod counters {
            use std::sync::atomic::AtomicU64;
            $(pub(super) static $name: AtomicU64 = AtomicU64::new(0);)*
        }

        /// The hooks of this family.
        pub(crate) static SYMBOLS: &[crate::symbol::Symbol] = &[$(
            crate::symbol::Symbol::new(
                stringify!($name),
                &[$($(stringify!($alias)),*)?],
                &counters::$name,
                || $name as *const () as usize,
            ),
        )*];
    };
    (@aliases [] $name:ident $($rest:tt)*) => {};
    (
        @aliases [$alias:ident $($more:ident)*]
        $name:ident ($($argument:ident: $kind:ty),*) $(-> $result:ty)?
    ) => {
        /// Another name.
        ///
        /// # Safety
        ///
        /// As the C library's function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $alias($($argument: $kind),*) $(-> $result)? {
            // SAFETY: the same promise.
            unsafe { $name($($argument),*) }
        }

        hooks!(@aliases [$($more)*] $name ($($argument: $kind),*) $(-> $result)?);
    };
}

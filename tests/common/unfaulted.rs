//! Laws about a single call, which are spared the faults that a build may inject.

/// Calls `body` without the faults of the environment, on this thread and on the green threads
/// that it spawns. Each use says why its law cannot hold under them; without the feature `faults`
/// it is a plain call.
pub fn without_faults<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(feature = "faults")]
    return greenstd::net::faults::Plan::none().scope(body);
    #[cfg(not(feature = "faults"))]
    body()
}

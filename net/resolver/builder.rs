//! The limits of a pool of look-ups, and what can be made with them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::pool::{Limits, PooledResolver};
use super::system::SystemResolver;

/// Settings of a [`SystemResolver`] or a [`PooledResolver`].
///
/// # Examples
///
/// ```
/// use greenstd_net::resolver::{self, Builder};
/// use std::time::Duration;
///
/// let system = Builder::new().threads(2).idle_timeout(Duration::from_secs(1)).system();
/// let found = resolver::lookup_host_with(&system, "localhost:80", None)?;
/// assert!(found[0].ip().is_loopback());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing by itself"]
pub struct Builder {
    limits: Limits,
}

impl Builder {
    /// The settings of the default resolver: 4 threads, a queue of 1024, 5 s.
    pub fn new() -> Builder {
        Builder { limits: Limits::DEFAULT }
    }

    /// Sets how many OS threads there may be, which is how many look-ups run at once. They start
    /// when they are needed.
    ///
    /// # Panics
    ///
    /// If `threads` is zero.
    pub fn threads(mut self, threads: usize) -> Builder {
        assert!(threads > 0, "resolver::Builder::threads: zero threads look nothing up");
        self.limits.threads = threads;
        self
    }

    /// Sets how many different names may wait for a thread. Whoever finds the queue full waits for
    /// room.
    ///
    /// # Panics
    ///
    /// If `names` is zero.
    pub fn queue(mut self, names: usize) -> Builder {
        assert!(names > 0, "resolver::Builder::queue: nothing would pass a queue without room");
        self.limits.queued = names;
        self
    }

    /// Sets how long a thread without a look-up stays.
    pub fn idle_timeout(mut self, timeout: Duration) -> Builder {
        self.limits.idle = timeout;
        self
    }

    /// Makes a resolver that asks the system. No thread is started yet.
    #[must_use]
    pub fn system(self) -> SystemResolver {
        SystemResolver::with(self.limits)
    }

    /// Makes a resolver that calls `ask` for each host. No thread is started yet.
    #[must_use]
    pub fn pooled<F>(self, ask: F) -> PooledResolver
    where
        F: Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    {
        PooledResolver::with(ask, self.limits)
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

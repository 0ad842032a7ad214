//! The settings of a pool.

use super::manage::Manage;
use super::pool::ResourcePool;
use super::shared::Settings;
use crate::blocking::{BlockingPool, default_pool};
use std::fmt;
use std::time::Duration;

/// Resources at most: r2d2's. A PostgreSQL server grants 100 connections to all of its clients.
const MAX: usize = 10;

/// How long a resource idles before it is dropped: r2d2's and HikariCP's.
const MAX_IDLE: Duration = Duration::from_secs(10 * 60);

/// How old a resource gets: r2d2's and HikariCP's. So that a load balancer's change, or what a
/// server hoards for a connection, is over some time.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// How long it takes to make a resource at most: r2d2's.
const CREATE_TIMEOUT: Duration = Duration::from_secs(30);

/// What was used within such a time is not checked: HikariCP's. It spares a busy pool a round trip
/// for each loan.
const CHECK_AFTER: Duration = Duration::from_millis(500);

/// Which of several idle resources is lent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// The one that came back last, so that what a quiet time does not need idles long enough to be
    /// dropped.
    #[default]
    MostRecent,
    /// The one that has been idle longest, so that all are used alike, and none for long without.
    LeastRecent,
}

/// Sets a [`ResourcePool`] up.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::resource::Builder;
/// use std::fs::File;
/// use std::time::Duration;
///
/// let pool = Builder::new(|| File::open("/proc/uptime"))
///     .max(4)
///     .max_idle(Duration::from_secs(60))
///     .build();
/// let length = pool.with(|file| file.metadata().map(|metadata| metadata.len()))?;
/// assert!(length.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder<M> {
    manager: M,
    min: usize,
    max: Option<usize>,
    settings: Settings,
    /// None of its own: the default one.
    threads: Option<BlockingPool>,
    is_in_place: bool,
}

impl<M: Manage> Builder<M> {
    /// Makes a builder for a pool with this manager: at most 10 resources, of which none stays that
    /// was idle for 10 minutes or is 30 minutes old.
    pub fn new(manager: M) -> Builder<M> {
        let settings = Settings {
            max_idle: Some(MAX_IDLE),
            max_age: Some(MAX_AGE),
            create_timeout: Some(CREATE_TIMEOUT),
            check_after: CHECK_AFTER,
            reuse: Reuse::default(),
        };
        Builder { manager, min: 0, max: None, settings, threads: None, is_in_place: false }
    }

    /// Sets how many resources stay however long they are idle. They are made when they are wanted,
    /// as all others, or by [`fill`](ResourcePool::fill). The default is 0.
    pub fn min(mut self, resources: usize) -> Builder<M> {
        self.min = resources;
        self
    }

    /// Sets how many resources there may be at once: those that are lent out, idle, being made and
    /// being dropped, together. The default is 10, or `min` if that is more.
    ///
    /// # Panics
    ///
    /// If `resources` is 0.
    pub fn max(mut self, resources: usize) -> Builder<M> {
        assert!(resources > 0, "a pool lends at least one resource");
        self.max = Some(resources);
        self
    }

    /// Sets how long a resource idles before it is dropped; `None`: for ever. The default is 10
    /// minutes.
    pub fn max_idle(mut self, time: impl Into<Option<Duration>>) -> Builder<M> {
        self.settings.max_idle = time.into();
        self
    }

    /// Sets how old a resource gets before it is dropped, or replaced by who would get it; `None`:
    /// as old as it may. It is never taken from its holder. The default is 30 minutes.
    pub fn max_age(mut self, time: impl Into<Option<Duration>>) -> Builder<M> {
        self.settings.max_age = time.into();
        self
    }

    /// Sets how long a caller waits for a resource to be made or checked; `None`: as long as it
    /// takes. The default is 30 seconds.
    ///
    /// A call that blocks a thread of a pool cannot be ended: it keeps its place until it is over,
    /// and what it makes goes into the pool. [`in_place`](Builder::in_place) its waits end.
    pub fn create_timeout(mut self, time: impl Into<Option<Duration>>) -> Builder<M> {
        self.settings.create_timeout = time.into();
        self
    }

    /// Sets for how long a resource has to have been idle to be [checked](Manage::check) before it
    /// is lent. With zero each one is, with `Duration::MAX` none. The default is 500 milliseconds.
    pub fn check_after(mut self, time: Duration) -> Builder<M> {
        self.settings.check_after = time;
        self
    }

    /// Sets which of several idle resources is lent. The default is [`Reuse::MostRecent`].
    pub fn reuse(mut self, reuse: Reuse) -> Builder<M> {
        self.settings.reuse = reuse;
        self
    }

    /// Has all that blocks done by the threads of `pool`, instead of those of the
    /// [default pool](default_pool). It should have as many as there are resources, or more.
    pub fn threads(mut self, pool: BlockingPool) -> Builder<M> {
        self.threads = Some(pool);
        self.is_in_place = false;
        self
    }

    /// Has everything done on the calling thread, because nothing blocks but by parking: for
    /// resources made of greenstd's own sockets and locks.
    pub fn in_place(mut self) -> Builder<M> {
        self.is_in_place = true;
        self
    }

    /// Makes the pool, which holds no resource yet.
    ///
    /// # Panics
    ///
    /// If `max` was set to less than `min`.
    #[must_use]
    pub fn build(self) -> ResourcePool<M> {
        let max = self.max.unwrap_or(MAX.max(self.min));
        assert!(self.min <= max, "a pool of at most {max} resources cannot keep {}", self.min);
        let default = || self.threads.unwrap_or_else(|| default_pool().clone());
        let threads = (!self.is_in_place).then(default);
        ResourcePool::of(self.manager, self.settings, self.min, max, threads)
    }
}

impl<M> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("min", &self.min)
            .field("max", &self.max)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

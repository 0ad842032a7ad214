//! The settings of a pool.

use super::crew::Crew;
use super::pool::BlockingPool;
use super::state::Settings;
use std::time::Duration;

/// Threads at most, unless the builder says otherwise: jobs wait rather than compute, so there are
/// more of them than cores. 64 keeps a disk busy (a SATA queue holds 32 requests) and stays below
/// the connections that a database grants as a rule (PostgreSQL: 100), at some 64 × 20 KiB of
/// memory. gevent has 10, too few for one slow file server; tokio 512, too many for most servers
/// behind it.
const MAX_THREADS: usize = 64;

/// How long a thread idles before it leaves: tokio's, twice gevent's.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Jobs in the queue at most: callers wait either way, and a thousand jobs are some 100 KiB.
const QUEUE_LIMIT: usize = 1024;

/// Threads beyond the bound while all others wait for green code.
const SPARE_THREADS: usize = 16;

/// Sets a [`BlockingPool`] up.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::blocking::Builder;
/// use std::time::Duration;
///
/// let pool = Builder::new()
///     .name("database")
///     .max_threads(8)
///     .idle_timeout(Duration::from_secs(60))
///     .build();
/// let name = pool.run(|| std::thread::current().name().map(String::from));
/// assert_eq!(name.as_deref(), Some("database-0"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    name: String,
    min: usize,
    max: Option<usize>,
    idle_timeout: Duration,
    stack_size: Option<usize>,
    queue_limit: usize,
    spare_threads: usize,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// Makes a builder with the settings of the [default pool](super::default_pool), but for the
    /// name.
    pub fn new() -> Builder {
        Builder {
            name: "blocking-pool".into(),
            min: 0,
            max: None,
            idle_timeout: IDLE_TIMEOUT,
            stack_size: None,
            queue_limit: QUEUE_LIMIT,
            spare_threads: SPARE_THREADS,
        }
    }

    /// Sets the name of the pool, for reports, and of its threads: `NAME-0` and so on. The kernel
    /// shows 15 bytes of it. The default is `blocking-pool`.
    ///
    /// # Panics
    ///
    /// If the name holds a NUL byte.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = name.into();
        assert!(!self.name.contains('\0'), "a thread name may not hold NUL bytes");
        self
    }

    /// Sets how many threads stay when they are idle. They start on demand like all others. The
    /// default is 0.
    pub fn min_threads(mut self, threads: usize) -> Builder {
        self.min = threads;
        self
    }

    /// Sets how many threads there may be, and so how many jobs run at once. The default is 64, or
    /// `min_threads` if that is more.
    ///
    /// # Panics
    ///
    /// If `threads` is 0.
    pub fn max_threads(mut self, threads: usize) -> Builder {
        assert!(threads > 0, "a pool has at least one thread");
        self.max = Some(threads);
        self
    }

    /// Sets how long a thread idles before it leaves. The default is 10 seconds.
    pub fn idle_timeout(mut self, timeout: Duration) -> Builder {
        self.idle_timeout = timeout;
        self
    }

    /// Sets the stack size of the threads, in bytes. The default is std's: 2 MiB, or what
    /// `RUST_MIN_STACK` says.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Sets how many jobs may wait for a thread: whoever submits one more is blocked until there is
    /// room. The default is 1024. With 0 a caller waits until a thread takes its job.
    pub fn queue_limit(mut self, jobs: usize) -> Builder {
        self.queue_limit = jobs;
        self
    }

    /// Sets how many threads beyond `max_threads` may be started while all of them wait in
    /// [`call_from_thread`](super::call_from_thread) and other jobs are queued. The default is 16.
    pub fn spare_threads(mut self, threads: usize) -> Builder {
        self.spare_threads = threads;
        self
    }

    /// Makes the pool, which starts no thread yet.
    ///
    /// # Panics
    ///
    /// If `max_threads` was set to less than `min_threads`.
    #[must_use]
    pub fn build(self) -> BlockingPool {
        let max = self.max.unwrap_or(MAX_THREADS.max(self.min));
        assert!(self.min <= max, "a pool of at most {max} threads cannot keep {}", self.min);
        let settings = Settings {
            name: self.name.into(),
            idle_timeout: self.idle_timeout,
            stack_size: self.stack_size,
            queue_limit: self.queue_limit,
            spare_threads: self.spare_threads,
        };
        BlockingPool::of(Crew::new(settings, self.min, max))
    }
}

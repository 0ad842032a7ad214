//! `copy_bidirectional`: what a proxy does with a pair of connections, and its limits.

use greenstd_runtime::time;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::duplex::Duplex;
use super::{relay, relay_by_threads};

/// Copies from `a` to `b` and from `b` to `a` until both have ended, and returns how many bytes
/// went each way.
///
/// The end of one stream ends the writes of the other one, which goes on in its direction; the
/// first error ends both. They are two streams: one and the same has only one end to be told. They
/// are borrowed: whatever ends the copy, their owner closes them. As tokio's `copy_bidirectional`;
/// [`CopyBidirectional`] has limits and counters, which also tell what was moved before an error.
///
/// Blocks the calling thread, of either kind. Between two sockets it does all by itself, holds no
/// buffer while nothing comes, and at most 64 KiB in each direction that a peer does not take.
/// Between other streams each direction is a green thread of its own, with 16 KiB.
///
/// A kill and a timeout scope end it; what was read and not written yet is lost then, as it is
/// after an error. The read and write timeouts of sockets hold for each wait.
///
/// # Errors
///
/// The first one of either stream.
///
/// # Panics
///
/// With a panic of a stream's own code.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenstd_net::{Shutdown, TcpListener, TcpStream, io};
///
/// # fn pair() -> std::io::Result<(TcpStream, TcpStream)> {
/// #     let listener = TcpListener::bind("127.0.0.1:0")?;
/// #     let client = TcpStream::connect(listener.local_addr()?)?;
/// #     Ok((client, listener.accept()?.0))
/// # }
/// let ((mut client, proxy), (upstream, mut server)) = (pair()?, pair()?);
/// client.write_all(b"hello")?;
/// client.shutdown(Shutdown::Write)?;
/// server.shutdown(Shutdown::Write)?;
/// assert_eq!(io::copy_bidirectional(&proxy, &upstream)?, (5, 0));
/// let mut received = String::new();
/// server.read_to_string(&mut received)?;
/// assert_eq!(received, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy_bidirectional<A, B>(a: &A, b: &B) -> io::Result<(u64, u64)>
where
    A: Duplex + Sync + ?Sized,
    B: Duplex + Sync + ?Sized,
{
    CopyBidirectional::new().run(a, b)
}

/// A [`copy_bidirectional`] with limits, for one pair after the other or many at once.
///
/// # Examples
///
/// ```
/// use greenstd_net::{TcpStream, io};
/// use std::time::Duration;
///
/// fn relay(client: TcpStream, upstream: TcpStream) -> io::Result<(u64, u64)> {
///     io::CopyBidirectional::new()
///         .idle_timeout(Duration::from_secs(300))
///         .half_close_timeout(Duration::from_secs(30))
///         .run(&client, &upstream)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CopyBidirectional {
    idle_timeout: Option<Duration>,
    half_close_timeout: Option<Duration>,
    pub(super) limits: [u64; 2],
    pub(super) splices: bool,
    counters: Arc<CopyCounters>,
}

impl CopyBidirectional {
    /// Without limits.
    #[must_use]
    pub fn new() -> CopyBidirectional {
        CopyBidirectional {
            idle_timeout: None,
            half_close_timeout: None,
            limits: [u64::MAX; 2],
            splices: false,
            counters: Arc::default(),
        }
    }

    /// Ends the copy with `TimedOut` once no byte was moved in either direction for so long.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> CopyBidirectional {
        self.idle_timeout = timeout.into();
        self
    }

    /// Ends the copy with `TimedOut` if the second direction has not ended so long after the first
    /// one.
    #[must_use]
    pub fn half_close_timeout(mut self, timeout: impl Into<Option<Duration>>) -> CopyBidirectional {
        self.half_close_timeout = timeout.into();
        self
    }

    /// Moves so many bytes at most from `a` to `b`, and from `b` to `a`. A byte more ends the copy
    /// with `QuotaExceeded`, so that a stream that was cut never looks whole.
    #[must_use]
    pub fn limits(mut self, a_to_b: u64, b_to_a: u64) -> CopyBidirectional {
        self.limits = [a_to_b, b_to_a];
        self
    }

    /// Counts there, while the copy runs, beside whoever else does.
    #[must_use]
    pub fn count_into(mut self, counters: Arc<CopyCounters>) -> CopyBidirectional {
        self.counters = counters;
        self
    }

    /// Lets large transfers between two sockets go through a pipe inside of the kernel
    /// (`splice(2)`), which saves the copies into this process and out of it.
    ///
    /// For that both open file descriptions are `O_NONBLOCK` from the first large piece to the end
    /// of the copy. Streams of this crate and their clones do not notice. Whoever else uses the
    /// descriptors, through a duplicate or in another process, does; nobody may clear the flag
    /// meanwhile. A peer that is gone raises `SIGPIPE` here, which Rust programs ignore unless
    /// they say otherwise. Where there is no pipe to be had (`EMFILE`) bytes are copied. A pipe
    /// holds up to 256 KiB that a peer does not take.
    #[must_use]
    pub fn splice(mut self, splices: bool) -> CopyBidirectional {
        self.splices = splices;
        self
    }

    /// The counters of all copies made with these settings.
    #[must_use]
    pub fn counters(&self) -> &Arc<CopyCounters> {
        &self.counters
    }

    /// Blocks the calling thread until both directions have ended. As [`copy_bidirectional`].
    ///
    /// # Errors
    ///
    /// The first one of either stream, or that of a limit.
    ///
    /// # Panics
    ///
    /// With a panic of a stream's own code.
    pub fn run<A, B>(&self, a: &A, b: &B) -> io::Result<(u64, u64)>
    where
        A: Duplex + Sync + ?Sized,
        B: Duplex + Sync + ?Sized,
    {
        match (a.endpoint(), b.endpoint()) {
            (Some(a), Some(b)) => relay::relay(a, b, self),
            _ => relay_by_threads::relay(a, b, self),
        }
    }
}

impl Default for CopyBidirectional {
    fn default() -> CopyBidirectional {
        CopyBidirectional::new()
    }
}

/// Bytes moved by copies that may still run, each counted once its receiver has taken it.
#[derive(Debug, Default)]
pub struct CopyCounters {
    pub(super) a_to_b: AtomicU64,
    pub(super) b_to_a: AtomicU64,
}

impl CopyCounters {
    /// Counters at nought.
    #[must_use]
    pub const fn new() -> CopyCounters {
        CopyCounters { a_to_b: AtomicU64::new(0), b_to_a: AtomicU64::new(0) }
    }

    /// Bytes that went from `a` to `b`.
    #[must_use]
    pub fn a_to_b(&self) -> u64 {
        self.a_to_b.load(Ordering::Relaxed)
    }

    /// Bytes that went from `b` to `a`.
    #[must_use]
    pub fn b_to_a(&self) -> u64 {
        self.b_to_a.load(Ordering::Relaxed)
    }
}

/// When a copy was last active and when its first direction has ended, for whoever watches it.
///
/// Relaxed throughout: a watcher that reads an old time looks again.
pub(super) struct Clock {
    idle_timeout: Option<Duration>,
    half_close_timeout: Option<Duration>,
    start: Instant,
    /// Nanoseconds since `start`; five centuries of them fit.
    active_nanos: AtomicU64,
    /// `NOT_YET` until a direction has ended.
    first_end_nanos: AtomicU64,
}

const NOT_YET: u64 = u64::MAX;

impl Clock {
    pub(super) fn new(settings: &CopyBidirectional) -> Clock {
        Clock {
            idle_timeout: settings.idle_timeout,
            half_close_timeout: settings.half_close_timeout,
            start: time::now(),
            active_nanos: AtomicU64::new(0),
            first_end_nanos: AtomicU64::new(NOT_YET),
        }
    }

    pub(super) fn note_activity(&self) {
        // A look at the clock for each piece, only for whom it matters.
        if self.idle_timeout.is_some() {
            self.active_nanos.store(self.now_nanos(), Ordering::Relaxed);
        }
    }

    pub(super) fn note_first_end(&self) {
        if self.first_end_nanos.load(Ordering::Relaxed) == NOT_YET {
            self.first_end_nanos.store(self.now_nanos(), Ordering::Relaxed);
        }
    }

    /// When the copy is to end if nothing happens until then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.idle_deadline(), self.half_close_deadline()].into_iter().flatten().min()
    }

    /// Fails with `TimedOut` if that time has come.
    pub(super) fn check(&self) -> io::Result<()> {
        let now = time::now();
        let has_come = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if has_come(self.idle_deadline()) {
            return Err(io::Error::new(ErrorKind::TimedOut, "no byte came in either direction"));
        }
        if has_come(self.half_close_deadline()) {
            let message = "one direction has ended and the other one goes on for too long";
            return Err(io::Error::new(ErrorKind::TimedOut, message));
        }
        Ok(())
    }

    fn idle_deadline(&self) -> Option<Instant> {
        self.after(self.active_nanos.load(Ordering::Relaxed), self.idle_timeout?)
    }

    fn half_close_deadline(&self) -> Option<Instant> {
        match self.first_end_nanos.load(Ordering::Relaxed) {
            NOT_YET => None,
            nanos => self.after(nanos, self.half_close_timeout?),
        }
    }

    /// None for a time beyond the clock's range.
    fn after(&self, nanos: u64, timeout: Duration) -> Option<Instant> {
        self.start.checked_add(Duration::from_nanos(nanos))?.checked_add(timeout)
    }

    fn now_nanos(&self) -> u64 {
        u64::try_from((time::now() - self.start).as_nanos()).unwrap_or(NOT_YET - 1)
    }
}

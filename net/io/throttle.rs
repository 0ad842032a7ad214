//! Streams that are kept to so many bytes a second.
//!
//! A call first waits until it may move bytes, then moves as many as it may, and then pays for what
//! it has moved. So no wait comes after a byte was moved: a kill loses none. The price is that
//! streams which share a limiter may be told of the same bytes; that becomes debt, which is paid
//! before anybody goes on.

mod bucket;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use greenstd_runtime::thread;
use greenstd_runtime::time;
use parking_lot::Mutex;

use self::bucket::Bucket;
use super::duplex::Duplex;

/// What a stream waits for at least, in time: a hundred waits a second, not one for each byte.
const QUANTUM: Duration = Duration::from_millis(10);

/// A speed in bytes per second, to be shared by any number of [`Throttled`] streams.
///
/// A token bucket: over any stretch of time a stream moves at most the burst and what the rate
/// gives for that time. Streams that share a limiter share the rate; each of them may run ahead by
/// a burst at most, which all pay for after it.
///
/// # Examples
///
/// ```
/// use greenstd_net::io::{RateLimiter, Read, Throttled};
/// use std::sync::Arc;
///
/// let million = 1_000_000.try_into().expect("it is not zero");
/// let limiter = Arc::new(RateLimiter::new(million));
/// let mut slow = Throttled::new(&b"some bytes"[..]).reads(limiter);
/// let mut bytes = Vec::new();
/// slow.read_to_end(&mut bytes)?;
/// assert_eq!(bytes, b"some bytes");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RateLimiter {
    bucket: Mutex<Bucket>,
}

impl RateLimiter {
    /// A limiter whose burst is what a tenth of a second gives.
    #[must_use]
    pub fn new(bytes_per_second: NonZeroU64) -> RateLimiter {
        let burst = NonZeroU64::new(bytes_per_second.get() / 10).unwrap_or(NonZeroU64::MIN);
        RateLimiter::with_burst(bytes_per_second, burst)
    }

    /// A limiter that lets so many bytes go at once after a time of rest.
    #[must_use]
    pub fn with_burst(bytes_per_second: NonZeroU64, burst_bytes: NonZeroU64) -> RateLimiter {
        let bucket = Bucket::new(bytes_per_second.get(), burst_bytes.get(), time::now());
        RateLimiter { bucket: Mutex::new(bucket) }
    }

    /// Blocks the calling thread until bytes may be moved, and returns how many of `wanted`: one at
    /// least, unless none is wanted.
    ///
    /// Works on threads of either kind. A kill and a timeout scope end the wait; it has taken
    /// nothing. For what was moved then, [`spend`](RateLimiter::spend) pays.
    #[must_use = "it says how many bytes may be moved"]
    pub fn wait(&self, wanted: usize) -> usize {
        let wanted = wanted as u64;
        if wanted == 0 {
            return 0;
        }
        loop {
            let (available, time) = {
                let mut bucket = self.bucket.lock();
                let quantum = u128::from(bucket.rate()) * QUANTUM.as_millis() / 1_000;
                let quantum = u64::try_from(quantum).unwrap_or(u64::MAX).max(1);
                let least = wanted.min(bucket.burst()).min(quantum);
                let available = bucket.available(time::now());
                let is_enough = available >= least;
                (is_enough.then_some(available), bucket.when(least))
            };
            match (available, time) {
                (Some(available), _) => {
                    return usize::try_from(available.min(wanted)).unwrap_or(usize::MAX);
                }
                (None, Some(time)) => thread::sleep_until(time),
                // Beyond the clock's range.
                (None, None) => thread::sleep(Duration::MAX),
            }
        }
    }

    /// Pays for bytes that were moved. Never blocks.
    pub fn spend(&self, bytes: usize) {
        self.bucket.lock().spend(bytes as u64);
    }
}

/// A stream whose reads, writes or both keep to a [`RateLimiter`].
///
/// It is `Read`, `Write`, [`Duplex`] where the stream is. A call parks until the limiter lets it go
/// on, then waits as the stream's own call does. Without limiters it changes nothing.
#[derive(Clone, Debug)]
pub struct Throttled<S> {
    stream: S,
    reads: Option<Arc<RateLimiter>>,
    writes: Option<Arc<RateLimiter>>,
}

impl<S> Throttled<S> {
    /// Wraps a stream, without limits.
    #[must_use]
    pub const fn new(stream: S) -> Throttled<S> {
        Throttled { stream, reads: None, writes: None }
    }

    /// Has reads keep to `limiter`.
    #[must_use]
    pub fn reads(mut self, limiter: impl Into<Option<Arc<RateLimiter>>>) -> Throttled<S> {
        self.reads = limiter.into();
        self
    }

    /// Has writes keep to `limiter`, which may be that of the reads.
    #[must_use]
    pub fn writes(mut self, limiter: impl Into<Option<Arc<RateLimiter>>>) -> Throttled<S> {
        self.writes = limiter.into();
        self
    }

    /// The stream.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }
}

fn throttled_read(
    limiter: Option<&RateLimiter>,
    buffer: &mut [u8],
    read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let Some(limiter) = limiter else { return read(buffer) };
    let allowed = limiter.wait(buffer.len());
    let count = read(&mut buffer[..allowed])?;
    limiter.spend(count);
    Ok(count)
}

fn throttled_write(
    limiter: Option<&RateLimiter>,
    bytes: &[u8],
    write: impl FnOnce(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let Some(limiter) = limiter else { return write(bytes) };
    let allowed = limiter.wait(bytes.len());
    let count = write(&bytes[..allowed])?;
    limiter.spend(count);
    Ok(count)
}

impl<S: Read> Read for Throttled<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let stream = &mut self.stream;
        throttled_read(self.reads.as_deref(), buf, |buf| stream.read(buf))
    }
}

impl<S> Read for &Throttled<S>
where
    for<'a> &'a S: Read,
{
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        throttled_read(self.reads.as_deref(), buf, |buf| (&self.stream).read(buf))
    }
}

impl<S: Write> Write for Throttled<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let stream = &mut self.stream;
        throttled_write(self.writes.as_deref(), buf, |buf| stream.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl<S> Write for &Throttled<S>
where
    for<'a> &'a S: Write,
{
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        throttled_write(self.writes.as_deref(), buf, |buf| (&self.stream).write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.stream).flush()
    }
}

impl<S: Duplex> Duplex for Throttled<S> {
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
        throttled_read(self.reads.as_deref(), buffer, |buffer| self.stream.read_from(buffer))
    }

    fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        throttled_write(self.writes.as_deref(), bytes, |bytes| self.stream.write_to(bytes))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }

    fn flush(&self) -> io::Result<()> {
        self.stream.flush()
    }
}

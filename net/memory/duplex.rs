//! How a pair of streams is made: what its two directions are like.

use std::num::NonZeroU64;
use std::time::Duration;

use super::DuplexStream;
use super::connection::Connection;

/// What a direction holds unless it was said otherwise; what Linux gives a pipe.
const CAPACITY: usize = 64 << 10;

/// Makes a pair of connected streams: what is written to one is read from the other.
///
/// Each direction holds up to `capacity` bytes that are not read yet; whoever writes more waits.
///
/// # Panics
///
/// If `capacity` is zero.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
///
/// let (mut client, mut server) = greenstd_net::duplex(64);
/// client.write_all(b"ping")?;
/// let mut buffer = [0; 4];
/// server.read_exact(&mut buffer)?;
/// assert_eq!(&buffer, b"ping");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn duplex(capacity: usize) -> (DuplexStream, DuplexStream) {
    Builder::new().both(Link::new(capacity)).build()
}

/// Makes pairs of streams whose directions are like this or that.
///
/// # Examples
///
/// ```
/// use greenstd_net::duplex::{Builder, Link};
/// use std::io::{Read, Write};
/// use std::time::{Duration, Instant};
///
/// let late = Link::new(1024).latency(Duration::from_millis(5));
/// let (mut client, mut server) = Builder::new().forth(late).build();
/// let start = Instant::now();
/// client.write_all(b"x")?;
/// server.read_exact(&mut [0])?;
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    links: [Link; 2],
}

/// What one direction of a pair is like.
///
/// The same seeds and the same calls in the same order give the same counts and the same breakdown.
///
/// # Examples
///
/// ```
/// use greenstd_net::duplex::{Builder, Link};
/// use std::io::{ErrorKind, Read, Write};
///
/// let (mut one, mut other) = Builder::new().forth(Link::new(16).reset_after(3)).build();
/// one.write_all(b"abcd")?;
/// other.read_exact(&mut [0; 3])?;
/// assert_eq!(other.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Link {
    pub(super) capacity: usize,
    pub(super) latency: Duration,
    pub(super) bytes_per_second: Option<NonZeroU64>,
    pub(super) short_counts: Option<u64>,
    pub(super) reset_after: Option<u64>,
}

impl Builder {
    /// Both directions hold 64 KiB, at once and without faults.
    #[must_use]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Sets what both directions are like.
    #[must_use]
    pub fn both(self, link: Link) -> Builder {
        Builder { links: [link.clone(), link] }
    }

    /// Sets what the way from the first stream of the pair to the second is like: that of requests,
    /// if a [`Listener`](super::Listener) makes it.
    #[must_use]
    pub fn forth(mut self, link: Link) -> Builder {
        self.links[0] = link;
        self
    }

    /// Sets what the way from the second stream of the pair to the first is like.
    #[must_use]
    pub fn back(mut self, link: Link) -> Builder {
        self.links[1] = link;
        self
    }

    /// Makes a pair.
    #[must_use]
    pub fn build(&self) -> (DuplexStream, DuplexStream) {
        self.build_nth(0)
    }

    /// Makes one of several pairs, each of which has draws of its own.
    pub(super) fn build_nth(&self, number: u64) -> (DuplexStream, DuplexStream) {
        DuplexStream::pair(Connection::new(&self.links, number))
    }
}

impl Link {
    /// A direction that holds up to `capacity` bytes that are on their way or not read yet.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero.
    #[must_use]
    pub const fn new(capacity: usize) -> Link {
        assert!(capacity > 0, "a duplex stream without capacity could move nothing");
        Link {
            capacity,
            latency: Duration::ZERO,
            bytes_per_second: None,
            short_counts: None,
            reset_after: None,
        }
    }

    /// What is written can be read so much later, in the order in which it was written; so can the
    /// end of the stream. With the capacity this limits how fast bytes can pass, as it does on a
    /// network.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Link {
        self.latency = latency;
        self
    }

    /// No more bytes than this pass in a second; the others queue up.
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[must_use]
    pub const fn bandwidth(mut self, bytes_per_second: u64) -> Link {
        self.bytes_per_second = NonZeroU64::new(bytes_per_second);
        assert!(self.bytes_per_second.is_some(), "over a link without bandwidth nothing passes");
        self
    }

    /// Each read and each write moves only some of the bytes that it could, one at least: as many
    /// as is drawn from a generator that starts from `seed`.
    #[must_use]
    pub const fn short_counts(mut self, seed: u64) -> Link {
        self.short_counts = Some(seed);
        self
    }

    /// Once so many bytes have been read at the other end, the connection is reset: as by
    /// [`DuplexStream::reset`].
    #[must_use]
    pub const fn reset_after(mut self, bytes: u64) -> Link {
        self.reset_after = Some(bytes);
        self
    }
}

impl Default for Link {
    fn default() -> Link {
        Link::new(CAPACITY)
    }
}

//! The server of datagram sockets.
//!
//! One green thread receives and starts a handler for each datagram, as a member of a pool; the
//! pool is the limit, and what a stop waits for. A place is seen to be free before the next
//! datagram is taken, so what there is no room for stays in the kernel's queue, and is dropped by
//! the kernel when that is full: the network's own way to say "too much".
//!
//! # Invariants
//!
//! 1. Only the receiver spawns into the pool. So a place that it has seen free is there when it
//!    spawns, and between the receive and the spawn it does not wait: no kill loses a datagram.
//! 2. The socket is held by the receiver and by live [`Datagram`]s alone. Once a stop has seen the
//!    end of all of them, the address is free.

mod builder;
mod counters;
mod packet;
mod receiver;
mod signals;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use greenstd_runtime::group::Pool;
use greenstd_runtime::sync::{Event, WaitGroup};
use greenstd_runtime::thread::{self, JoinHandle};
use greenstd_runtime::time;

use self::counters::Counters;
use super::StopReport;

pub use self::builder::{DatagramBuilder, IntoDatagramSocket};
pub use self::counters::DatagramStatistics;
pub use self::packet::Datagram;

/// How long a stop waits for those it has killed to unwind. gevent's `stop_timeout`.
const UNWINDING: Duration = Duration::from_secs(1);

/// A server that receives datagrams and calls a handler for each, in a green thread of its own.
///
/// It runs beside its owner. Dropping it has it receive no more; the handlers go on, and the socket
/// is closed with the last of them. To wait for them use [`stop`](DatagramServer::stop). All calls
/// work on green threads and on plain OS threads, also in the server's own handlers; share it by an
/// `Arc` with whoever is to stop it.
///
/// The semantics are those of gevent's `DatagramServer`, but for a limit of live handlers,
/// datagrams of up to 64 KiB, and a stop that waits for the handlers. It lasts as long as the
/// runtime in which it was started.
///
/// # Examples
///
/// ```
/// use greenstd_net::{UdpSocket, server::DatagramServer};
///
/// let server = DatagramServer::builder()
///     .name("echo")
///     .start("127.0.0.1:0", |datagram| datagram.reply(datagram.bytes()))?;
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.send_to(b"hello", server.local_addr())?;
/// let mut buffer = [0; 5];
/// client.recv(&mut buffer)?;
/// assert_eq!(&buffer, b"hello");
/// assert!(server.stop(std::time::Duration::from_secs(5)).is_clean());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a server that is dropped receives no more"]
pub struct DatagramServer {
    shared: Arc<Shared>,
    receiver: JoinHandle<()>,
    local_addr: SocketAddr,
}

/// What the receiver, the handlers and the server see.
struct Shared {
    name: String,
    handlers: Pool,
    counters: Counters,
    /// Tells a receiver that cannot be killed.
    closing: Event,
    /// The stops that are under way.
    stops: Arc<WaitGroup>,
    /// The error number after which the socket was given up.
    failure: OnceLock<i32>,
}

impl DatagramServer {
    /// Makes a builder with the defaults that stand at [`DatagramBuilder`].
    pub fn builder() -> DatagramBuilder {
        DatagramBuilder::new()
    }

    /// The address at which it receives, or has received.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops the server, and blocks the calling thread until it has stopped, in phases:
    ///
    /// 1. It receives no more. What waits in the kernel's queue is dropped with the socket.
    /// 2. It waits until all handlers have ended, for at most `timeout`; `None` is as long as it
    ///    takes, and zero is not at all.
    /// 3. Those that are left are killed, and have a second to unwind.
    ///
    /// When it returns, and no handler is left alive or has given its [`Datagram`] away, the
    /// address can be bound again. A handler that calls this is neither waited for nor killed. To
    /// stop again does the same with whatever is left. If the caller is killed meanwhile it unwinds
    /// here, the phases that are left are not done, and somebody else may stop the server again.
    ///
    /// With `panic = "abort"` nothing can be killed: phase 3 is left out.
    pub fn stop(&self, timeout: impl Into<Option<Duration>>) -> StopReport {
        let shared = &self.shared;
        let deadline = timeout.into().and_then(|timeout| time::now().checked_add(timeout));
        let left = || deadline.map(|end| end.saturating_duration_since(time::now()));
        let _under_way = shared.stops.token_owned();
        shared.handlers.discard(&thread::current());
        self.close();
        // It goes at once, unless its worker is stuck, or its handlers are and nothing can be
        // killed.
        self.receiver.wait(left().map(|left| left.max(UNWINDING)));
        let (killed_before, live) = (self.statistics().killed, shared.handlers.len());
        if !shared.handlers.join(left()) {
            // Refused only where nothing can be killed.
            let _ = shared.handlers.kill(UNWINDING);
        }
        let alive = shared.handlers.len();
        let ended = live.saturating_sub(alive);
        let killed = self.statistics().killed.saturating_sub(killed_before) as usize;
        let killed = killed.min(ended);
        StopReport { finished: ended - killed, killed, alive }
    }

    /// Blocks the calling thread until the server has stopped: it receives no more, and each
    /// [`stop`](DatagramServer::stop) that was called has come to its end.
    ///
    /// If the caller is killed meanwhile it unwinds here; the server goes on.
    ///
    /// # Errors
    ///
    /// That of the socket, if it is what has ended the receiving: `EBADF`, `EINVAL` or `ENOTSOCK`,
    /// after which no receive can succeed. Handlers are not touched by that.
    pub fn wait(&self) -> io::Result<()> {
        self.receiver.wait(None);
        self.shared.stops.wait();
        self.shared.failure.get().map_or(Ok(()), |&code| Err(io::Error::from_raw_os_error(code)))
    }

    /// [`wait`](DatagramServer::wait) that ends the receiving if it is itself ended from outside,
    /// by a kill or a timeout scope: the last line of a `main`. As gevent's `serve_forever`.
    ///
    /// # Errors
    ///
    /// As [`wait`](DatagramServer::wait).
    pub fn serve_forever(&self) -> io::Result<()> {
        struct CloseWhenLeft<'s>(&'s DatagramServer);

        impl Drop for CloseWhenLeft<'_> {
            fn drop(&mut self) {
                self.0.close();
            }
        }

        let _close = CloseWhenLeft(self);
        self.wait()
    }

    /// What the server has counted so far. Never blocks.
    #[must_use]
    pub fn statistics(&self) -> DatagramStatistics {
        self.shared.counters.snapshot()
    }

    /// Has the receiver end. Never blocks.
    fn close(&self) {
        self.shared.closing.set();
        // Refused only where nothing can be killed; there it looks at the event.
        let _ = self.receiver.kill();
    }
}

impl Drop for DatagramServer {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for DatagramServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DatagramServer")
            .field("name", &self.shared.name)
            .field("local_addr", &self.local_addr)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

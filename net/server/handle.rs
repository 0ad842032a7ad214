//! What can be done with a running server: pause it, stop it, wait for its end, read its counts.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenstd_runtime::sync::Event;
use greenstd_runtime::thread;
use greenstd_runtime::time;

use super::connection::Stopping;
use super::shared::Shared;
use super::statistics::Statistics;
use super::stop_report::StopReport;

/// How long a stop waits for those it has killed to unwind. gevent's `stop_timeout`.
const UNWINDING: Duration = Duration::from_secs(1);

/// A handle to a server. Cheap to clone; dropping it changes nothing.
///
/// All calls work on green threads and on plain OS threads, also in the server's own handlers.
#[derive(Clone)]
pub struct ServerHandle {
    shared: Arc<Shared>,
}

impl ServerHandle {
    pub(super) fn new(shared: Arc<Shared>) -> ServerHandle {
        ServerHandle { shared }
    }

    /// Stops accepting until [`resume`](ServerHandle::resume). Never blocks.
    ///
    /// The listener goes on listening: clients connect, and wait in the kernel's queue until it is
    /// full. One that is being accepted in this moment is served, and so are all before.
    pub fn pause(&self) {
        self.shared.gate.pause();
    }

    /// Accepts again after a [`pause`](ServerHandle::pause). Never blocks. A server that has
    /// stopped stays so.
    pub fn resume(&self) {
        self.shared.gate.resume();
    }

    /// Stops the server, and blocks the calling thread until it has stopped, in phases:
    ///
    /// 1. It accepts no more, and the listener is closed. What was accepted is served; what waits
    ///    in the kernel's queue is reset.
    /// 2. Handlers are told, by [`Stopping`].
    /// 3. It waits until all handlers have ended, for at most `timeout`; `None` is as long as it
    ///    takes, and zero is not at all.
    /// 4. Those that are left are killed, and have a second to unwind.
    ///
    /// When it returns, the address can be bound again. A handler that calls this is neither waited
    /// for nor killed, and no connection is waited for that a handler has given away.
    ///
    /// To stop again, or to stop a server whose listener has broken, does the same with whatever is
    /// left. If the caller is killed meanwhile it unwinds here, the phases that are left are not
    /// done, and somebody else may stop the server again.
    ///
    /// gevent waits for handlers only if the server has a pool, and lets them go on otherwise; this
    /// always waits. With `panic = "abort"` nothing can be killed: phase 4 is left out.
    pub fn stop(&self, timeout: impl Into<Option<Duration>>) -> StopReport {
        let shared = &self.shared;
        let timeout = timeout.into();
        let deadline = timeout.and_then(|timeout| time::now().checked_add(timeout));
        let _under_way = shared.stops.token_owned();
        shared.handlers.discard(&thread::current());
        shared.gate.close();
        self.wait_closed(deadline);
        // Before they are told: who ends at once is one of those who have finished, too.
        let (killed_before, live) = (self.statistics().killed, shared.handlers.len());
        shared.stopping.set();
        let left = |deadline: Option<Instant>| {
            deadline.map(|deadline| deadline.saturating_duration_since(time::now()))
        };
        if !shared.handlers.join(left(deadline)) {
            // Refused only where nothing can be killed.
            if shared.handlers.kill(Duration::ZERO).is_ok() {
                shared.handlers.join(UNWINDING);
            }
        }
        let alive = shared.handlers.len();
        let killed = self.statistics().killed.saturating_sub(killed_before) as usize;
        let killed = killed.min(live.saturating_sub(alive));
        StopReport { finished: live.saturating_sub(alive + killed), killed, alive }
    }

    /// Waits until the acceptors are gone. They go at once, unless their worker is stuck.
    fn wait_closed(&self, deadline: Option<Instant>) {
        match deadline {
            None => self.shared.closed.wait(),
            Some(deadline) => {
                let _ = self.shared.closed.wait_until(deadline.max(time::now() + UNWINDING));
            }
        }
    }

    /// Blocks the calling thread until the server has stopped: it accepts no more, and each
    /// [`stop`](ServerHandle::stop) that was called has come to its end.
    ///
    /// If the caller is killed meanwhile it unwinds here; the server goes on.
    ///
    /// # Errors
    ///
    /// That of the listener, if it is what has ended the accepting: `EBADF`, `EINVAL` and their
    /// like, after which no accept can succeed. Handlers are not touched by that.
    pub fn wait(&self) -> io::Result<()> {
        self.shared.closed.wait();
        self.shared.stops.wait();
        self.shared.outcome()
    }

    /// Whether the server accepts no more, and its listener is closed. Never blocks.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.is_set()
    }

    /// What tells that the server stops.
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        Stopping::new(Arc::clone(&self.shared.stopping))
    }

    /// What the server has counted so far. Never blocks.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.shared.counters.snapshot()
    }

    /// Set once the server accepts no more.
    pub(super) fn closed(&self) -> &Event {
        &self.shared.closed
    }

    /// Has the server accept no more, and tells its handlers so. Never blocks.
    pub(super) fn let_go(&self) {
        self.shared.gate.close();
        self.shared.stopping.set();
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServerHandle")
            .field("name", &self.shared.name)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

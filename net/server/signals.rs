//! Servers that stop at a signal.

use std::borrow::Borrow;
use std::ffi::c_int;
use std::io;
use std::time::Duration;

use greenstd_runtime::select;
use greenstd_runtime::select::Waitable;
use greenstd_runtime::signal::{self, ExitOnSecond, Signals};
use greenstd_runtime::thread::{Builder, JoinHandle};

use super::stop_report::StopReport;
use super::stream::StreamServer;

/// The signals at which a server is to stop, and the exit at the second one.
#[derive(Debug)]
pub(super) struct StopSignals {
    signals: Signals,
    _exit: ExitOnSecond,
}

impl StopSignals {
    pub(super) fn new<I>(signals: I) -> io::Result<StopSignals>
    where
        I: IntoIterator<Item: Borrow<c_int>>,
    {
        let numbers: Vec<c_int> = signals.into_iter().map(|signal| *signal.borrow()).collect();
        // In this order: a signal in between is heard, and counts no more than once.
        let signals = Signals::new(&numbers)?;
        Ok(StopSignals { signals, _exit: signal::exit_on_second(&numbers)? })
    }

    /// Blocks the calling thread until a signal has come, or `ended`. True for a signal.
    pub(super) fn wait(&self, ended: &impl Waitable<Output = ()>) -> bool {
        select! {
            wait(self.signals) -> _signal => true,
            wait(ended) -> () => false,
        }
    }
}

impl<A> StreamServer<A> {
    /// Stops the server at the first of `signals`, with the phases and the timeout of
    /// [`stop`](StreamServer::stop), while its owner does other things: a green thread waits for
    /// the signal. Never blocks.
    ///
    /// The second of the signals ends the process at once, by
    /// [`exit_on_second`](greenstd_runtime::signal::exit_on_second), whatever the handlers do.
    /// When the stop has come to its end, or the server has ended in another way, the signals do
    /// again what they did before. [`wait`](StreamServer::wait) and
    /// [`serve_forever`](StreamServer::serve_forever) return when the stop has come to its end.
    ///
    /// The result of the handle is the report of the stop, and `None` if the server has ended in
    /// another way. Who does not want it drops the handle.
    ///
    /// # Errors
    ///
    /// As [`Signals::new`], and as a spawn if there is no room for one more green thread.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use greenstd_net::server::StreamServer;
    /// use greenstd_runtime::signal::{SIGINT, SIGTERM};
    /// use std::{io::Write, time::Duration};
    ///
    /// let server = StreamServer::builder()
    ///     .start("127.0.0.1:7777", |mut connection| connection.write_all(b"hello"))?;
    /// server.stop_on([SIGINT, SIGTERM], Duration::from_secs(30))?;
    /// server.serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop_on<I>(
        &self,
        signals: I,
        timeout: impl Into<Option<Duration>>,
    ) -> io::Result<JoinHandle<Option<StopReport>>>
    where
        I: IntoIterator<Item: Borrow<c_int>>,
    {
        let (signals, timeout) = (StopSignals::new(signals)?, timeout.into());
        let handle = self.handle();
        Builder::new()
            .name("stop on signal".to_owned())
            .spawn(move || signals.wait(handle.closed()).then(|| handle.stop(timeout)))
    }

    /// Blocks the calling thread until one of `signals` has come, then stops the server, with the
    /// phases and the timeout of [`stop`](StreamServer::stop). The last line of a `main`.
    ///
    /// The second of the signals ends the process at once, as in
    /// [`stop_on`](StreamServer::stop_on). If somebody else stops the server this returns when that
    /// has come to its end, with a report of what was left then. If the caller is killed meanwhile
    /// it unwinds here, and the server is dropped.
    ///
    /// # Errors
    ///
    /// As [`Signals::new`]; that of the listener, if it is what has ended the accepting.
    pub fn serve_until_signal<I>(
        self,
        signals: I,
        timeout: impl Into<Option<Duration>>,
    ) -> io::Result<StopReport>
    where
        I: IntoIterator<Item: Borrow<c_int>>,
    {
        let signals = StopSignals::new(signals)?;
        if !signals.wait(self.handle().closed()) {
            self.wait()?;
        }
        Ok(self.stop(timeout))
    }
}

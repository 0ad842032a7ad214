//! A server of datagrams that stops at a signal.

use std::borrow::Borrow;
use std::ffi::c_int;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use greenstd_runtime::thread::{Builder, JoinHandle};

use super::super::StopReport;
use super::super::signals::StopSignals;
use super::DatagramServer;

impl DatagramServer {
    /// Stops the server at the first of `signals`, with the phases and the timeout of
    /// [`stop`](DatagramServer::stop), while its owners do other things: a green thread waits for
    /// the signal, and does not keep the server from being dropped. Never blocks.
    ///
    /// The second of the signals ends the process at once, by
    /// [`exit_on_second`](greenstd_runtime::signal::exit_on_second), whatever the handlers do.
    /// When the stop has come to its end, or the server has ended in another way, the signals do
    /// again what they did before. [`wait`](DatagramServer::wait) and
    /// [`serve_forever`](DatagramServer::serve_forever) return when the stop has come to its end.
    ///
    /// The result of the handle is the report of the stop, and `None` if the server has ended in
    /// another way. Who does not want it drops the handle.
    ///
    /// # Errors
    ///
    /// As [`Signals::new`](greenstd_runtime::signal::Signals::new), and as a spawn if there is no
    /// room for one more green thread.
    pub fn stop_on<I>(
        self: &Arc<Self>,
        signals: I,
        timeout: impl Into<Option<Duration>>,
    ) -> io::Result<JoinHandle<Option<StopReport>>>
    where
        I: IntoIterator<Item: Borrow<c_int>>,
    {
        let (signals, timeout) = (StopSignals::new(signals)?, timeout.into());
        let (server, shared) = (Arc::downgrade(self), Arc::clone(&self.shared));
        // If it ends by itself, there is nothing left to be stopped.
        let ended = Arc::clone(&self.shared);
        self.receiver.link(move |_| ended.closing.set());
        Builder::new().name("stop on signal".to_owned()).spawn(move || {
            let is_told = signals.wait(&shared.closing);
            server.upgrade().filter(|_| is_told).map(|server| server.stop(timeout))
        })
    }

    /// Blocks the calling thread until one of `signals` has come, then stops the server, with the
    /// phases and the timeout of [`stop`](DatagramServer::stop). The last line of a `main`.
    ///
    /// The second of the signals ends the process at once, as in
    /// [`stop_on`](DatagramServer::stop_on). If somebody else stops the server this returns when
    /// that has come to its end, with a report of what was left then. If the caller is killed
    /// meanwhile it unwinds here, and the server is dropped.
    ///
    /// # Errors
    ///
    /// As [`Signals::new`](greenstd_runtime::signal::Signals::new); that of the socket, if it is
    /// what has ended the receiving.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use greenstd_net::server::DatagramServer;
    /// use greenstd_runtime::signal::{SIGINT, SIGTERM};
    /// use std::time::Duration;
    ///
    /// let server = DatagramServer::builder()
    ///     .start("127.0.0.1:7777", |datagram| datagram.reply(datagram.bytes()))?;
    /// let report = server.serve_until_signal([SIGINT, SIGTERM], Duration::from_secs(30))?;
    /// println!("{} handlers were killed", report.killed);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve_until_signal<I>(
        self,
        signals: I,
        timeout: impl Into<Option<Duration>>,
    ) -> io::Result<StopReport>
    where
        I: IntoIterator<Item: Borrow<c_int>>,
    {
        let signals = StopSignals::new(signals)?;
        if !signals.wait(&self.receiver) {
            self.wait()?;
        }
        Ok(self.stop(timeout))
    }
}

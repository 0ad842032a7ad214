//! The loop that receives, and what each datagram goes through.

use std::io;
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use greenstd_runtime::readiness::wait_readable;
use greenstd_runtime::select;
use greenstd_runtime::thread::{self, Builder, JoinHandle, Killed};

use super::Shared;
use super::builder::Settings;
use super::counters::Counters;
use super::packet::{Datagram, is_news_of_an_earlier_send};
use crate::back_off::BackOff;
use crate::server::statistics::Fate;
use crate::udp::UdpSocket;

/// Both bounds are gevent's (`min_delay`, `max_delay`).
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

pub(super) struct Receiver<H> {
    socket: Arc<UdpSocket>,
    shared: Arc<Shared>,
    settings: Settings,
    handler: Arc<H>,
}

impl<H> Receiver<H>
where
    H: Fn(Datagram) -> io::Result<()> + Send + Sync + 'static,
{
    pub(super) fn new(
        socket: UdpSocket,
        shared: Arc<Shared>,
        settings: Settings,
        handler: H,
    ) -> Receiver<H> {
        Receiver { socket: Arc::new(socket), shared, settings, handler: Arc::new(handler) }
    }

    pub(super) fn spawn(self) -> io::Result<JoinHandle<()>> {
        let name = format!("{}-receiver", self.shared.name);
        Builder::new().name(name).spawn(move || self.run())
    }

    fn run(self) {
        let shared = &*self.shared;
        let most = self.settings.max_datagram_bytes;
        // A byte more shows that a datagram is longer.
        let mut buffer = vec![0; most + 1];
        let mut back_off = BackOff::new(FIRST_DELAY, LONGEST_DELAY);
        while !shared.closing.is_set() {
            shared.handlers.wait_available(None);
            let failure = match self.receive(&mut buffer) {
                Ok(None) => return,
                Ok(Some((count, peer))) => {
                    Counters::add(&shared.counters.received);
                    if count <= most {
                        self.serve(&buffer[..count], peer).err()
                    } else {
                        Counters::add(&shared.counters.oversized);
                        tracing::debug!(server = shared.name, %peer, most, "datagram too long");
                        None
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A mode or a timeout of its user, who shares the socket.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait_readable(&*self.socket, None).err()
                }
                Err(error) => {
                    Counters::add(&shared.counters.receive_errors);
                    if let Some(code) = fatal_code(&error) {
                        tracing::error!(server = shared.name, %error, "the socket is broken");
                        // The receiver alone sets it, and ends then.
                        let _ = shared.failure.set(code);
                        return;
                    }
                    if is_news_of_an_earlier_send(&error) {
                        tracing::debug!(server = shared.name, %error, "a reply has found nobody");
                        continue;
                    }
                    Some(error)
                }
            };
            match failure {
                None => back_off.succeeded(),
                Some(error) => {
                    if !back_off.is_under_way() {
                        tracing::warn!(server = shared.name, %error, "cannot serve: backing off");
                    }
                    self.sleep(back_off.failed());
                }
            }
        }
    }

    /// Waits for a datagram and receives it; none if the server is to stop.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
        if !self.settings.can_be_killed {
            select! {
                wait(self.shared.closing) => return Ok(None),
                wait(select::readable(&*self.socket)) -> ready => ready?,
            }
        }
        self.socket.recv_from(buffer).map(Some)
    }

    fn sleep(&self, duration: Duration) {
        if self.settings.can_be_killed {
            thread::sleep(duration);
        } else {
            let _ = self.shared.closing.wait_timeout(duration);
        }
    }

    /// Starts the handler of a datagram. Never waits: there is room.
    fn serve(&self, bytes: &[u8], peer: SocketAddr) -> io::Result<()> {
        let datagram = Datagram::new(bytes.to_vec(), peer, Arc::clone(&self.socket));
        let (handler, turn) = (Arc::clone(&self.handler), Turn::new(&self.shared));
        let mut builder = Builder::new().name(format!("{}-{peer}", self.shared.name));
        if let Some(bytes) = self.settings.stack_size {
            builder = builder.stack_size(bytes);
        }
        let body = move || turn.run(&*handler, datagram);
        let started = self.shared.handlers.spawn_with(builder, body);
        if started.is_err() {
            self.shared.counters.never_started();
        }
        started.map(drop)
    }
}

/// The handling of one datagram, which is counted however it ends.
struct Turn {
    shared: Arc<Shared>,
    fate: Fate,
}

impl Turn {
    fn new(shared: &Arc<Shared>) -> Turn {
        Counters::add(&shared.counters.live);
        // If it never runs, that is what has happened to it.
        Turn { shared: Arc::clone(shared), fate: Fate::Killed }
    }

    /// A panic goes on to the first frame of the green thread, whose name has the peer's address,
    /// and is reported there as any other.
    fn run(mut self, handler: &impl Fn(Datagram) -> io::Result<()>, datagram: Datagram) {
        let peer = datagram.peer();
        match panic::catch_unwind(AssertUnwindSafe(|| handler(datagram))) {
            Ok(Ok(())) => self.fate = Fate::Finished,
            Ok(Err(error)) => {
                self.fate = Fate::Failed;
                tracing::warn!(server = self.shared.name, %peer, %error, "handler failed");
            }
            Err(payload) => {
                let is_killed = payload.is::<Killed>();
                self.fate = if is_killed { Fate::Killed } else { Fate::Panicked };
                panic::resume_unwind(payload);
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.counters.ended(self.fate);
    }
}

/// The number of an error after which no receive can succeed; gevent's list.
fn fatal_code(error: &io::Error) -> Option<i32> {
    let code = error.raw_os_error();
    code.filter(|code| [libc::EBADF, libc::EINVAL, libc::ENOTSOCK].contains(code))
}

#[cfg(test)]
mod tests {
    use super::super::DatagramServer;
    use super::*;

    #[test]
    fn server_without_kills_serves_and_stops() {
        let builder = DatagramServer::builder().without_kills();
        let echo = |datagram: Datagram| datagram.reply(datagram.bytes());
        let server = builder.start("127.0.0.1:0", echo).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        for byte in 0..10 {
            client.send_to(&[byte], server.local_addr()).unwrap();
            let mut answer = [0];
            client.recv(&mut answer).unwrap();
            assert_eq!(answer, [byte]);
        }
        // As a kill would not be heard of.
        server.shared.closing.set();
        assert!(server.receiver.wait(Duration::from_secs(10)));
        assert!(server.stop(None).is_clean());
        UdpSocket::bind(server.local_addr()).unwrap();
    }

    #[test]
    fn errors_are_told_apart() {
        let error = io::Error::from_raw_os_error;
        for code in [libc::EBADF, libc::EINVAL, libc::ENOTSOCK] {
            assert_eq!(fatal_code(&error(code)), Some(code));
            assert!(!is_news_of_an_earlier_send(&error(code)));
        }
        for code in [libc::ECONNREFUSED, libc::EHOSTUNREACH, libc::ENOPROTOOPT] {
            assert_eq!(fatal_code(&error(code)), None);
            assert!(is_news_of_an_earlier_send(&error(code)));
        }
        for code in [libc::ENOBUFS, libc::ENOMEM, libc::EPERM, libc::EMSGSIZE] {
            assert_eq!(fatal_code(&error(code)), None);
            assert!(!is_news_of_an_earlier_send(&error(code)));
        }
    }
}

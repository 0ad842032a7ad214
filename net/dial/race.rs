//! The attempts of one dial, and who of them wins.
//!
//! A single thread runs them: it begins an attempt when the next is due, waits until a socket is
//! writable or something is due, and looks at what the socket says. The waits are arms of one
//! select, which take nothing when they lose; the last attempt of all has an ordinary wait, which
//! leaves its socket registered for the reads that follow.
//!
//! # Invariants
//!
//! 1. Each address is in one place: not begun (`waiting`), under way (`running`), or over
//!    (`failed`).
//! 2. A socket that has not won is owned by `running`, so it is closed however the race ends.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;
use std::vec;

use greenstd_runtime::select::{wait_any, wait_any_deadline, writable};
use greenstd_runtime::time;

use super::Dialer;
use super::error::DialError;
use crate::tcp::{Connecting, TcpStream, timed_out};

/// Attempts under way at once: sixteen seconds' worth of them by default.
const RUNNING_MAX: usize = 64;

pub(super) struct Race<'d> {
    dialer: &'d Dialer,
    deadline: Option<Instant>,
    waiting: vec::IntoIter<SocketAddr>,
    /// The oldest first.
    running: Vec<Attempt>,
    failed: Vec<(SocketAddr, io::Error)>,
    /// When the next of `waiting` begins; `None` for at once.
    next_begin: Option<Instant>,
}

struct Attempt {
    address: SocketAddr,
    connecting: Connecting,
    deadline: Option<Instant>,
}

impl<'d> Race<'d> {
    pub(super) fn new(
        dialer: &'d Dialer,
        addresses: Vec<SocketAddr>,
        deadline: Option<Instant>,
    ) -> Race<'d> {
        let (running, failed) = (Vec::new(), Vec::new());
        let waiting = addresses.into_iter();
        Race { dialer, deadline, waiting, running, failed, next_begin: None }
    }

    pub(super) fn run(mut self) -> io::Result<TcpStream> {
        loop {
            let now = time::now();
            if is_past(self.deadline, now) {
                return self.look_at_the_late(now).ok_or_else(|| self.into_error(true));
            }
            self.begin_what_is_due(now);
            if self.waiting.as_slice().is_empty() && self.running.len() <= 1 {
                return self.finish();
            }
            let winner = match self.wait() {
                Some((number, Ok(()))) => self.look_at(number),
                Some((number, Err(error))) => {
                    self.fail(number, error);
                    None
                }
                None => self.look_at_the_late(time::now()),
            };
            if let Some(stream) = winner {
                return Ok(stream);
            }
        }
    }

    /// Begins attempts until the next one has a time to wait for. If others wait, one is under way
    /// afterwards.
    fn begin_what_is_due(&mut self, now: Instant) {
        while self.next_begin.is_none_or(|begin| begin <= now)
            && let Some(address) = self.waiting.next()
        {
            match self.begin(address, now) {
                Ok(attempt) => {
                    if self.running.len() == RUNNING_MAX {
                        self.fail(0, timed_out());
                    }
                    self.running.push(attempt);
                    self.next_begin = now.checked_add(self.dialer.attempt_delay);
                }
                Err(error) => self.failed.push((address, error)),
            }
        }
    }

    /// Makes a socket and begins to connect it.
    fn begin(&self, address: SocketAddr, now: Instant) -> io::Result<Attempt> {
        let connecting = self.dialer.connector.prepared(address)?;
        // If it should be connected at once, the first wait will say so.
        connecting.look()?;
        let own = self.dialer.attempt_timeout.and_then(|timeout| now.checked_add(timeout));
        let deadline = own.into_iter().chain(self.deadline).min();
        Ok(Attempt { address, connecting, deadline })
    }

    /// Parks the caller until a socket has something to tell, or something is due.
    fn wait(&self) -> Option<(usize, io::Result<()>)> {
        let has_waiting = !self.waiting.as_slice().is_empty();
        let next_begin = self.next_begin.filter(|_| has_waiting);
        let deadlines = self.running.iter().filter_map(|attempt| attempt.deadline);
        let sockets = self.running.iter().map(|attempt| writable(&attempt.connecting));
        match deadlines.chain(next_begin).chain(self.deadline).min() {
            Some(due) => wait_any_deadline(sockets, due),
            None => Some(wait_any(sockets)),
        }
    }

    /// Asks a socket that was writable. The stream, if it has won.
    fn look_at(&mut self, number: usize) -> Option<TcpStream> {
        match self.running[number].connecting.look() {
            Ok(true) => {
                let Attempt { address, connecting, .. } = self.running.remove(number);
                match connecting.into_stream().and_then(|stream| apart_from(stream, address)) {
                    Ok(stream) => return Some(stream),
                    Err(error) => self.note(address, error),
                }
            }
            Ok(false) => {}
            Err(error) => self.fail(number, error),
        }
        None
    }

    /// Gives up the attempts whose time is up. Each is asked once more, as the kernel does: a
    /// worker that is late finds the deadline passed before it hears of what came in time.
    fn look_at_the_late(&mut self, now: Instant) -> Option<TcpStream> {
        let mut number = 0;
        while number < self.running.len() {
            if !is_past(self.running[number].deadline, now) {
                number += 1;
                continue;
            }
            let others = self.running.len() - 1;
            let winner = self.look_at(number);
            if winner.is_some() {
                return winner;
            }
            if self.running.len() > others {
                self.fail(number, timed_out());
            }
        }
        None
    }

    /// Ends the race when one attempt is left, or none.
    fn finish(mut self) -> io::Result<TcpStream> {
        let Some(Attempt { address, connecting, deadline }) = self.running.pop() else {
            return Err(self.into_error(false));
        };
        connecting.wait(deadline).and_then(|stream| apart_from(stream, address)).map_err(|error| {
            let is_late = error.kind() == io::ErrorKind::TimedOut;
            self.failed.push((address, error));
            let is_out_of_time = is_late && is_past(self.deadline, time::now());
            self.into_error(is_out_of_time)
        })
    }

    fn fail(&mut self, number: usize, error: io::Error) {
        let attempt = self.running.remove(number);
        self.note(attempt.address, error);
    }

    /// Notes a failure, after which the next attempt begins at once.
    fn note(&mut self, address: SocketAddr, error: io::Error) {
        self.failed.push((address, error));
        self.next_begin = None;
    }

    fn into_error(self, is_out_of_time: bool) -> io::Error {
        let (attempts, untried) = (self.failed, self.waiting.collect());
        DialError { attempts, untried, is_out_of_time }.into_io()
    }
}

fn is_past(deadline: Option<Instant>, now: Instant) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}

/// The stream, unless its ends are one and the same socket: whoever connects from the very port
/// that it connects to meets itself (RFC 9293, section 3.5), where nobody listens.
fn apart_from(stream: TcpStream, target: SocketAddr) -> io::Result<TcpStream> {
    let own = stream.local_addr()?;
    if (own.ip(), own.port()) == (target.ip(), target.port()) {
        return Err(io::Error::from_raw_os_error(libc::ECONNREFUSED));
    }
    Ok(stream)
}

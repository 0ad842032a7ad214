//! One direction of a copy between two sockets: what it does next, without ever waiting.
//!
//! While the source has nothing, a direction holds no memory. Bytes are received into the worker's
//! buffer and sent at once; only what the sink does not take is put on the heap until it does. A
//! transfer that fills the buffer may be spliced from then on, through a pipe that is taken for as
//! long as the source delivers.
//!
//! # State
//!
//! | `held` | `at_end` | `is_done` | next |
//! |---|---|---|---|
//! | nothing | no | no | receive and send, or fill the pipe |
//! | bytes, or a pipe with bytes | no | no | send them |
//! | nothing | yes | no | shut the sink's write side down |
//! | nothing | yes | yes | nothing, ever |

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};

use greenstd_runtime::fd::Interest;

use super::duplex::{Endpoint, unless_gone};
use super::scratch;
use super::splice::{self, Pipe};
use crate::socket::{LentNonblocking, Socket};

/// A piece as large as this is worth a pipe: below it, copying costs less than the two calls more.
const WORTH_A_PIPE_BYTES: usize = 16 * 1024;

pub(super) struct Direction<'s> {
    source: Endpoint<'s>,
    sink: Endpoint<'s>,
    held: Held,
    at_end: bool,
    is_done: bool,
    moved: u64,
    limit: u64,
    counter: &'s AtomicU64,
    splicing: Splicing<'s>,
}

/// What the source has given and the sink has not taken.
enum Held {
    Nothing,
    Bytes { bytes: Box<[u8]>, sent: usize },
    Pipe { pipe: Pipe, count: usize },
}

enum Splicing<'s> {
    /// Not asked for, or found impossible.
    Never,
    /// Asked for; the last piece was not large.
    Later,
    /// The last piece was large. The flags of both sockets are lent for as long as the copy lasts.
    Now([LentNonblocking<'s>; 2]),
    /// As `Now`, but the last piece was not large.
    Paused([LentNonblocking<'s>; 2]),
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was done, and more may be possible.
    Moved,
    /// Nothing is possible until the source is readable, or the sink writable.
    Blocked(Interest),
    /// The end of the source was passed on to the sink.
    Done,
}

impl<'s> Direction<'s> {
    pub(super) fn new(
        source: Endpoint<'s>,
        sink: Endpoint<'s>,
        limit: u64,
        counter: &'s AtomicU64,
        splices: bool,
    ) -> Direction<'s> {
        let splicing = if splices { Splicing::Later } else { Splicing::Never };
        let (held, at_end, is_done) = (Held::Nothing, false, false);
        Direction { source, sink, held, at_end, is_done, moved: 0, limit, counter, splicing }
    }

    /// Bytes that the sink has taken.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// The socket that a direction which is blocked waits for.
    pub(super) fn awaited(&self, interest: Interest) -> &'s Socket {
        match interest {
            Interest::Read => self.source.socket(),
            Interest::Write => self.sink.socket(),
        }
    }

    /// Whether an event tells when it can go on.
    pub(super) fn is_told_of(&self, interest: Interest) -> bool {
        interest == Interest::Read || self.sink.events_tell()
    }

    /// Does what can be done at once.
    ///
    /// # Errors
    ///
    /// That of either socket, and `QuotaExceeded` if there is a byte beyond the limit.
    pub(super) fn step(&mut self) -> io::Result<Step> {
        let (outcome, interest) = match &self.held {
            _ if self.is_done => return Ok(Step::Done),
            Held::Nothing if self.at_end => {
                unless_gone(self.sink.socket().options().shutdown(Shutdown::Write))?;
                self.is_done = true;
                return Ok(Step::Done);
            }
            Held::Nothing => (self.receive(), Interest::Read),
            Held::Bytes { .. } | Held::Pipe { .. } => (self.send(), Interest::Write),
        };
        match outcome {
            Ok(()) => Ok(Step::Moved),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::Blocked(interest)),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Step::Moved),
            Err(error) => Err(error),
        }
    }

    /// Takes from the source what is there, and sends of it what can be sent.
    fn receive(&mut self) -> io::Result<()> {
        let left = self.limit - self.moved;
        if left == 0 {
            return self.expect_end();
        }
        if let Splicing::Now(_) = self.splicing
            && let Some(outcome) = self.splice(usize::try_from(left).unwrap_or(usize::MAX))
        {
            return outcome;
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(scratch::BUFFER_BYTES);
        let count = scratch::with(|buffer| {
            let count = self.source.try_read(&mut buffer[..wanted])?;
            if count > 0 {
                self.pass_on(&buffer[..count])?;
            }
            io::Result::Ok(count)
        })?;
        self.at_end = count == 0;
        if count == scratch::BUFFER_BYTES {
            self.begin_splicing();
        }
        Ok(())
    }

    /// Sends bytes that were just received; what is not taken is kept.
    fn pass_on(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = loop {
            match self.sink.try_write(bytes) {
                Ok(sent) => break sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break 0,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        self.count(sent);
        if sent < bytes.len() {
            self.held = Held::Bytes { bytes: bytes[sent..].into(), sent: 0 };
        }
        Ok(())
    }

    /// Sends of what is held as much as can be sent.
    fn send(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => {}
            Held::Bytes { bytes, sent } => {
                let outcome = self.sink.try_write(&bytes[sent..]);
                let sent = sent + *outcome.as_ref().unwrap_or(&0);
                if sent < bytes.len() {
                    self.held = Held::Bytes { bytes, sent };
                }
                self.count(outcome?);
            }
            Held::Pipe { pipe, count } => {
                let outcome = pipe.drain(self.sink, count);
                match count - *outcome.as_ref().unwrap_or(&0) {
                    0 => pipe.give_back(),
                    count => self.held = Held::Pipe { pipe, count },
                }
                self.count(outcome?);
            }
        }
        Ok(())
    }

    /// Moves a piece into a pipe and what the sink takes out of it. `None` if that is impossible,
    /// and copying is what is left.
    fn splice(&mut self, wanted: usize) -> Option<io::Result<()>> {
        let pipe = Pipe::take().ok()?;
        match pipe.fill(self.source.socket(), wanted) {
            Ok(0) => {
                self.at_end = true;
                pipe.give_back();
                Some(Ok(()))
            }
            Ok(count) => {
                if count < WORTH_A_PIPE_BYTES {
                    self.pause_splicing();
                }
                self.held = Held::Pipe { pipe, count };
                match self.send() {
                    // What is held says enough.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Some(Ok(())),
                    outcome => Some(outcome),
                }
            }
            Err(error) => {
                pipe.give_back();
                if !splice::is_impossible(&error) {
                    return Some(Err(error));
                }
                self.splicing = Splicing::Never;
                None
            }
        }
    }

    fn begin_splicing(&mut self) {
        self.splicing = match std::mem::replace(&mut self.splicing, Splicing::Never) {
            Splicing::Later => {
                let lent = LentNonblocking::new(self.source.socket())
                    .and_then(|source| Ok([source, LentNonblocking::new(self.sink.socket())?]));
                lent.map_or(Splicing::Never, Splicing::Now)
            }
            Splicing::Paused(lent) => Splicing::Now(lent),
            other => other,
        };
    }

    fn pause_splicing(&mut self) {
        self.splicing = match std::mem::replace(&mut self.splicing, Splicing::Never) {
            Splicing::Now(lent) => Splicing::Paused(lent),
            other => other,
        };
    }

    /// The limit is used up: only the end may follow.
    fn expect_end(&mut self) -> io::Result<()> {
        if self.source.try_read(&mut [0])? > 0 {
            let message = "more bytes than the limit of this direction";
            return Err(io::Error::new(ErrorKind::QuotaExceeded, message));
        }
        self.at_end = true;
        Ok(())
    }

    fn count(&mut self, moved: usize) {
        self.moved += moved as u64;
        // Relaxed: a figure for people, which orders nothing.
        self.counter.fetch_add(moved as u64, Ordering::Relaxed);
    }
}

//! The encrypted bytes on their way: those that have arrived, and those that are yet to be sent.
//!
//! Both buffers outlive the calls that fill them, so a call that ends in a timeout, or unwinds,
//! leaves behind what it has moved, and the next one goes on from there.
//!
//! # Invariants
//!
//! 1. A byte that the transport has handed over is in [`Inbound`] until rustls has taken it.
//! 2. A byte that rustls has made is in [`Outbound`] until the transport has acknowledged it.

use std::io;
use std::mem;

use rustls::Connection;

use crate::io::Duplex;

/// What an idle connection keeps for reading: as much as rustls takes at once.
const SMALLEST_BUFFER: usize = 4 << 10;

/// Room for one record of the largest size and most of another.
const LARGEST_BUFFER: usize = 32 << 10;

/// What an idle connection may keep for writing: a record of the largest size.
const KEPT_FOR_WRITING: usize = (16 << 10) + 512;

/// A record of TLS 1.3 that says nothing, for the sake of old boxes on the way: RFC 8446, D.4.
const DUMMY_CHANGE_CIPHER_SPEC: &[u8] = &[20, 3, 3, 0, 1, 1];

/// What was received and not processed yet.
#[derive(Default)]
pub(super) struct Inbound {
    /// Nothing before the first read.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// How long the buffer of the next read is to be.
    wanted: usize,
    is_at_end: bool,
    /// Fails all further reads, once what was received before it is read.
    failure: Option<rustls::Error>,
}

/// What was produced and not sent yet.
#[derive(Default)]
pub(super) struct Outbound {
    bytes: Vec<u8>,
    sent: usize,
    /// The `close_notify` is among the bytes, or was.
    pub(super) is_ended: bool,
}

impl Inbound {
    /// Waits for bytes of the transport, or its end. Whatever there was before was processed.
    pub(super) fn fill<S: Duplex>(&mut self, stream: &S) -> io::Result<()> {
        self.fill_by(|buffer| stream.read_from(buffer))
    }

    /// [`fill`](Inbound::fill) by one read, which may refuse to wait.
    pub(super) fn fill_by(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        debug_assert!(self.unprocessed().is_empty());
        (self.start, self.end) = (0, 0);
        let wanted = self.wanted.clamp(SMALLEST_BUFFER, LARGEST_BUFFER);
        if self.buffer.len() != wanted {
            self.buffer = vec![0; wanted].into_boxed_slice();
        }
        self.end = read(&mut self.buffer)?;
        self.is_at_end = self.end == 0;
        // Such that a read is short: one that is not costs another call, which finds nothing.
        self.wanted = match self.end {
            all if all == wanted => wanted * 2,
            few if few <= wanted / 8 => wanted / 2,
            _ => wanted,
        };
        Ok(())
    }

    /// Has rustls process the next of what was received. False if there is nothing.
    ///
    /// An error of the protocol is told at the next call, so that what came before it is read.
    pub(super) fn process(&mut self, connection: &mut Connection) -> io::Result<bool> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::new(io::ErrorKind::InvalidData, failure.clone()));
        }
        let taken = match self.unprocessed() {
            [] if self.is_at_end => connection.read_tls(&mut io::empty())?,
            [] => return Ok(false),
            mut bytes => connection.read_tls(&mut bytes)?,
        };
        self.start += taken;
        self.failure = connection.process_new_packets().err();
        Ok(true)
    }

    pub(super) fn unprocessed(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The transport has ended, and all that it has carried was processed.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end && self.unprocessed().is_empty()
    }
}

impl Outbound {
    /// Takes over what rustls has produced.
    pub(super) fn collect(&mut self, connection: &mut Connection) {
        while connection.wants_write() {
            connection.write_tls(&mut self.bytes).expect("a vector takes whatever it is given");
        }
    }

    /// Nothing is to be sent for which the peer waits.
    pub(super) fn is_awaited_by_nobody(&self) -> bool {
        self.bytes == DUMMY_CHANGE_CIPHER_SPEC
    }

    /// Waits until the transport has taken everything.
    pub(super) fn send<S: Duplex>(&mut self, stream: &S) -> io::Result<()> {
        self.send_by(|bytes| stream.write_to(bytes))
    }

    /// Has the transport take what it has room for. Never waits; true if that was everything.
    pub(super) fn try_send<S: Duplex>(&mut self, stream: &S) -> bool {
        self.send_by(|bytes| stream.try_write_to(bytes)).is_ok()
    }

    /// Sends by whatever writes, until everything is sent or a write fails.
    pub(super) fn send_by(
        &mut self,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        while self.sent < self.bytes.len() {
            match write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                // The caller may have handed plaintext over that is among these bytes: it must
                // not be told to try again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_FOR_WRITING {
            drop(mem::take(&mut self.bytes));
        }
        Ok(())
    }
}

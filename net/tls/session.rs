//! The two directions of an encrypted stream over one state of the protocol.
//!
//! rustls keeps one state for both directions, so that a message of one can cause a message of the
//! other. Here three things are locked apart: that state, the turn to read from the transport, and
//! the turn to write to it. Each lock is greenstd's, so waiting for it parks.
//!
//! A reader takes the reading turn and, as long as there is neither plaintext nor an error, gives
//! what has arrived to rustls under the state's lock, and waits for more under the turn alone. A
//! writer takes the writing turn, sends what is left of earlier calls, encrypts under the state's
//! lock, and sends under the turn alone. So:
//!
//! - A reader that waits for its peer keeps other readers from reading, and nobody from writing; a
//!   writer likewise. The state's lock is held for computing, never across a wait of ours.
//! - The writing turn is held from the encryption until the last byte is sent, so records reach the
//!   transport in the order of their numbers, whoever has caused them.
//! - What a reader causes (alerts; the answer to a key update, which rustls keeps for the next
//!   record) is sent by whoever comes along: by a reader before it waits, if the writing turn is
//!   free and the transport has room, by the next writer otherwise. A reader never waits for room:
//!   its peer may wait for it to read.
//!
//! # Invariants
//!
//! 1. Locks are taken in this order: a turn, the state. Nobody who holds one turn waits for the
//!    other.
//! 2. Plaintext is taken by rustls only once all older ciphertext was sent, so at most one call's
//!    worth of acknowledged bytes is under way here.
//! 3. What was taken counts as written, unless the transport has failed for good: a timeout that
//!    strikes while it is sent leaves it to be sent by later calls, and nothing is sent twice.
//! 4. Once a read has plaintext it does nothing that may wait.
//! 5. A turn may be left at any wait, by an error or by unwinding: `ciphertext` keeps what the next
//!    holder goes on with, so the poison of a turn says nothing. That of the state is an error.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, TryLockError};
use std::thread::panicking;

use greenstd_runtime::sync::{Mutex, MutexGuard};
use greenstd_runtime::thread;
use rustls::Connection;

use super::ciphertext::{Inbound, Outbound};
use crate::io::Duplex;

pub(super) struct Session {
    connection: Mutex<Connection>,
    pub(super) reading: Mutex<Inbound>,
    pub(super) writing: Mutex<Outbound>,
    /// Somebody here wants to read no more, so the end of the transport is no surprise.
    is_read_shut: AtomicBool,
}

impl Session {
    /// After the handshake, with what is left of it.
    pub(super) fn new(connection: Connection, inbound: Inbound, outbound: Outbound) -> Session {
        Session {
            connection: Mutex::new(connection),
            reading: Mutex::new(inbound),
            writing: Mutex::new(outbound),
            is_read_shut: AtomicBool::new(false),
        }
    }

    /// The state of the protocol, for as long as something is computed.
    pub(super) fn connection(&self) -> io::Result<MutexGuard<'_, Connection>> {
        self.connection.lock().map_err(|_| {
            io::Error::other("a panic has interrupted this TLS connection in the middle of a step")
        })
    }

    /// The same for a look at what no panic can have changed.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Connection) -> T) -> T {
        look(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn read<S: Duplex>(&self, stream: &S, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut inbound = take_turn(&self.reading);
        loop {
            if let Some(outcome) = self.read_arrived(stream, &mut inbound, buffer) {
                return outcome;
            }
            inbound.fill(stream)?;
        }
    }

    /// What a read has by what has arrived already; none if it is to wait for more.
    pub(super) fn read_arrived<S: Duplex>(
        &self,
        stream: &S,
        inbound: &mut Inbound,
        buffer: &mut [u8],
    ) -> Option<io::Result<usize>> {
        // rustls goes deep, here and below.
        let decrypted = thread::on_lent_stack(|| self.decrypt(inbound, buffer));
        let (outcome, is_owing) = match decrypted {
            Ok(decrypted) => decrypted,
            Err(poisoned) => return Some(Err(poisoned)),
        };
        let error = match outcome {
            Err(error) => error,
            // At once: at a wait from here on, a kill would lose what was read.
            Ok(count) => return Some(Ok(count)),
        };
        // Before a wait, since nobody else may come; before an error, since it may be an alert.
        self.send_along(stream, is_owing);
        match error.kind() {
            io::ErrorKind::WouldBlock => None,
            io::ErrorKind::UnexpectedEof if self.is_read_shut.load(Ordering::Relaxed) => {
                Some(Ok(0))
            }
            _ => Some(Err(error)),
        }
    }

    /// Decrypts what has arrived until there is something to read: `WouldBlock` if there is not.
    /// Tells also whether rustls has something to send.
    fn decrypt(
        &self,
        inbound: &mut Inbound,
        buffer: &mut [u8],
    ) -> io::Result<(io::Result<usize>, bool)> {
        let mut connection = self.connection()?;
        let outcome = loop {
            match connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match inbound.process(&mut connection) {
                        Ok(true) => {}
                        Ok(false) => break Err(error),
                        Err(failure) => break Err(failure),
                    }
                }
                outcome => break outcome,
            }
        };
        Ok((outcome, connection.wants_write()))
    }

    /// Sends what is left of writers that have given up, and what readers have caused, as far as
    /// that needs no wait.
    fn send_along<S: Duplex>(&self, stream: &S, is_owing: bool) {
        let Some(mut outbound) = try_take_turn(&self.writing) else { return };
        if outbound.try_send(stream)
            && is_owing
            && let Ok(mut connection) = self.connection()
        {
            outbound.collect(&mut connection);
            drop(connection);
            outbound.try_send(stream);
        }
    }

    pub(super) fn write<S: Duplex>(
        &self,
        stream: &S,
        buffers: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        let mut outbound = take_turn(&self.writing);
        outbound.send(stream)?;
        let taken = self.encrypt(&mut outbound, buffers)?;
        match outbound.send(stream) {
            Err(error) if is_timeout(&error) => Ok(taken),
            outcome => outcome.map(|()| taken),
        }
    }

    /// As [`write`](Session::write), but what the transport has no room for at once is left to
    /// later calls.
    pub(super) fn try_write<S: Duplex>(&self, stream: &S, bytes: &[u8]) -> io::Result<usize> {
        let would_block = || io::Error::from(io::ErrorKind::WouldBlock);
        let mut outbound = try_take_turn(&self.writing).ok_or_else(would_block)?;
        if !outbound.try_send(stream) {
            return Err(would_block());
        }
        let taken = self.encrypt(&mut outbound, &[IoSlice::new(bytes)])?;
        outbound.try_send(stream);
        Ok(taken)
    }

    pub(super) fn encrypt(
        &self,
        outbound: &mut Outbound,
        buffers: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        if outbound.is_ended {
            let message = "the write side of this TLS connection was shut down";
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, message));
        }
        thread::on_lent_stack(|| {
            let mut connection = self.connection()?;
            let taken = connection.writer().write_vectored(buffers)?;
            outbound.collect(&mut connection);
            Ok(taken)
        })
    }

    pub(super) fn flush<S: Duplex>(&self, stream: &S) -> io::Result<()> {
        let mut outbound = take_turn(&self.writing);
        outbound.collect(&mut *self.connection()?);
        outbound.send(stream)?;
        stream.flush()
    }

    /// Has new keys made for what is sent from now on, and asks the peer to do the same.
    pub(super) fn refresh_keys<S: Duplex>(&self, stream: &S) -> io::Result<()> {
        let mut outbound = take_turn(&self.writing);
        outbound.send(stream)?;
        let mut connection = self.connection()?;
        connection.refresh_traffic_keys().map_err(io::Error::other)?;
        outbound.collect(&mut connection);
        drop(connection);
        outbound.send(stream)
    }

    pub(super) fn shutdown<S: Duplex>(&self, stream: &S, how: Shutdown) -> io::Result<()> {
        match how {
            Shutdown::Read => self.is_read_shut.store(true, Ordering::Relaxed),
            // Whoever unwinds has not said all, and must not wait either.
            Shutdown::Write if panicking() => {}
            Shutdown::Write => self.end_writes(stream)?,
            Shutdown::Both => {
                self.is_read_shut.store(true, Ordering::Relaxed);
                if let Some(mut outbound) = try_take_turn(&self.writing) {
                    self.try_end_writes(stream, &mut outbound);
                }
            }
        }
        stream.shutdown(how)
    }

    fn end_writes<S: Duplex>(&self, stream: &S) -> io::Result<()> {
        let mut outbound = take_turn(&self.writing);
        outbound.send(stream)?;
        if !outbound.is_ended {
            let mut connection = self.connection()?;
            end(&mut connection, &mut outbound);
        }
        outbound.send(stream)?;
        stream.flush()
    }

    fn try_end_writes<S: Duplex>(&self, stream: &S, outbound: &mut Outbound) {
        if outbound.try_send(stream)
            && !outbound.is_ended
            && !panicking()
            && let Ok(mut connection) = self.connection()
        {
            end(&mut connection, outbound);
            drop(connection);
            outbound.try_send(stream);
        }
    }

    /// The farewell of a stream that is dropped. Never waits.
    pub(super) fn take_leave<S: Duplex>(&self, stream: &S) {
        if let Some(mut outbound) = try_take_turn(&self.writing) {
            self.try_end_writes(stream, &mut outbound);
        }
    }

    /// Whether a read would return, or fail, by what was received already. False while somebody
    /// reads.
    pub(super) fn has_unread(&self) -> bool {
        let Some(mut inbound) = try_take_turn(&self.reading) else { return false };
        let Ok(mut connection) = self.connection() else { return true };
        loop {
            // With nothing to process this only tells.
            let is_told = connection.process_new_packets().map_or(true, |state| {
                state.plaintext_bytes_to_read() > 0 || state.peer_has_closed()
            });
            if is_told || inbound.is_at_end() {
                return true;
            }
            match inbound.process(&mut connection) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(_) => return true,
            }
        }
    }
}

pub(super) fn end(connection: &mut Connection, outbound: &mut Outbound) {
    connection.send_close_notify();
    outbound.collect(connection);
    outbound.is_ended = true;
}

/// See invariant 5.
pub(super) fn take_turn<T>(turn: &Mutex<T>) -> MutexGuard<'_, T> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_take_turn<T>(turn: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match turn.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// The transport's timeouts fail as they do in std; that of an idle connection as `TimedOut`.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

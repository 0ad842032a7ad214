//! The two directions of a connection, used at once.
//!
//! Each direction has a turn, a lock of greenstd: waiting for it parks. A reader waits for its peer
//! under the reading turn, a sender under the writing turn, and neither waits for the other.
//!
//! What a reader has to say, a pong or the answer to a close, it puts where whoever has the writing
//! turn finds it, and sends it itself if that turn is free and the transport has room. It never
//! waits for room: its peer may wait for it to read. So what is owed is sent by the sender that has
//! the turn, before he leaves; by the reader, as far as there is room before it waits again; or by
//! the next sender.
//!
//! # Invariants
//!
//! 1. Nobody who has one turn waits for the other.
//! 2. A message is taken over whole, and only once all older frames were sent: one call's worth at
//!    most is under way here. From then on it counts as sent, unless the transport fails for good.
//! 3. Once a read has a message it does nothing that may wait: a kill there would lose it.
//! 4. A turn may be left at any wait, by an error or by unwinding: what is behind it stays in
//!    order, so the poison of a turn says nothing.

use std::io;
use std::net::Shutdown;
use std::sync::{PoisonError, TryLockError};

use greenstd_runtime::sync::{Mutex, MutexGuard};
use tungstenite::error::CapacityError;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data};
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Error, Message};

use super::inbound::{End, Inbound, Limits};
use super::outbound::Outbound;
use super::owed::Owed;
use super::wrong;
use crate::io::Duplex;

/// What a control frame can carry: RFC 6455, 5.5.
const CONTROL_BYTES: usize = 125;

pub(super) struct Session {
    pub(super) role: Role,
    reading: Mutex<Inbound>,
    writing: Mutex<Outbound>,
    owed: Owed,
}

impl Session {
    pub(super) fn new(role: Role, limits: Limits, leftover: Vec<u8>) -> Session {
        Session {
            role,
            reading: Mutex::new(Inbound::new(role, limits, leftover)),
            writing: Mutex::new(Outbound::new(role)),
            owed: Owed::default(),
        }
    }

    /// The next text or binary message; None after the peer's close frame.
    pub(super) fn read<S: Duplex>(&self, stream: &S) -> io::Result<Option<Message>> {
        let mut inbound = take_turn(&self.reading);
        match &inbound.ending {
            None => {}
            Some(End::Closed(_)) => return Ok(None),
            Some(End::Failed(kind, what)) => return Err(io::Error::new(*kind, what.clone())),
        }
        loop {
            match inbound.next() {
                Ok(None) => {
                    if inbound.is_at_end() {
                        let message = "the peer has ended the connection without a close frame";
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
                    }
                    self.send_along(stream);
                    inbound.fill(stream)?;
                }
                Ok(Some(Message::Ping(payload))) => {
                    self.owed.pong(payload);
                    self.send_along(stream);
                }
                Ok(Some(Message::Pong(_))) => {}
                Ok(Some(Message::Close(frame))) => {
                    inbound.ending = Some(End::Closed(frame.clone()));
                    self.owed.close(frame);
                    self.send_along(stream);
                    self.end_as_server(stream);
                    return Ok(None);
                }
                Ok(message) => return Ok(message),
                Err(error) => return Err(self.fail(stream, &mut inbound, error)),
            }
        }
    }

    /// Ends the transport once both sides have closed, as the server should: RFC 6455, 7.1.1. Never
    /// waits; as long as something is left to be sent, it is for the drop to end it.
    fn end_as_server<S: Duplex>(&self, stream: &S) {
        if self.role == Role::Server && !self.owed.is_any() {
            // If it fails, it has ended already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Fails the connection, which the peer has broken, as RFC 6455 has it: 7.1.7.
    fn fail<S: Duplex>(&self, stream: &S, inbound: &mut Inbound, error: Error) -> io::Error {
        let code = match &error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => CloseCode::Size,
            Error::Utf8(_) => CloseCode::Invalid,
            _ => CloseCode::Protocol,
        };
        let reason = short(&error.to_string()).into();
        self.owed.close(Some(CloseFrame { code, reason }));
        self.send_along(stream);
        // Wakes a sender, too, who waits for a peer like this. If it fails, it is gone already.
        let _ = stream.shutdown(Shutdown::Both);
        let what = error.to_string();
        let error = wrong(error);
        inbound.ending = Some(End::Failed(error.kind(), what));
        error
    }

    /// Sends what is owed as far as that needs no wait.
    fn send_along<S: Duplex>(&self, stream: &S) {
        while self.owed.is_any() {
            // Whoever has it looks after he has given it back.
            let Some(mut outbound) = try_take_turn(&self.writing) else { return };
            let is_settled = self.settle(stream, &mut outbound);
            drop(outbound);
            if !is_settled || !self.owed.is_any_after_turn() {
                return;
            }
        }
    }

    /// True if everything was sent.
    fn settle<S: Duplex>(&self, stream: &S, outbound: &mut Outbound) -> bool {
        loop {
            self.owed.set_has_bytes(true);
            if !outbound.try_send(stream) {
                return false;
            }
            self.owed.set_has_bytes(false);
            if !self.owed.settle(outbound) {
                return true;
            }
        }
    }

    /// Sends a message; see invariant 2.
    pub(super) fn send<S: Duplex>(&self, stream: &S, message: &Message) -> io::Result<()> {
        check(message)?;
        self.write(stream, |outbound| match message {
            Message::Text(text) => outbound.add_data(Data::Text, text.as_bytes()),
            Message::Binary(bytes) => outbound.add_data(Data::Binary, bytes),
            Message::Ping(bytes) => outbound.add_control(Control::Ping, bytes),
            Message::Pong(bytes) => outbound.add_control(Control::Pong, bytes),
            Message::Close(frame) => outbound.add_close(frame.clone()),
            Message::Frame(_) => unreachable!("was checked above"),
        })
    }

    fn write<S: Duplex>(&self, stream: &S, add: impl FnOnce(&mut Outbound)) -> io::Result<()> {
        // Dropped after the turn was given back.
        let _leaving = Leaving { session: self, stream };
        let mut outbound = take_turn(&self.writing);
        self.send_all(stream, &mut outbound)?;
        if outbound.is_closed() {
            let message = "this side of the WebSocket was closed";
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, message));
        }
        add(&mut outbound);
        match self.send_with_owed(stream, &mut outbound) {
            Err(error) if is_timeout(&error) => Ok(()),
            outcome => outcome,
        }
    }

    /// Also what a reader could not send meanwhile, since nobody else may come to do it.
    fn send_with_owed<S: Duplex>(&self, stream: &S, outbound: &mut Outbound) -> io::Result<()> {
        loop {
            self.send_all(stream, outbound)?;
            if !self.owed.settle(outbound) {
                return Ok(());
            }
        }
    }

    fn send_all<S: Duplex>(&self, stream: &S, outbound: &mut Outbound) -> io::Result<()> {
        // Stays set if the wait is ended by an error or by unwinding.
        self.owed.set_has_bytes(true);
        outbound.send(stream)?;
        self.owed.set_has_bytes(false);
        Ok(())
    }

    pub(super) fn flush<S: Duplex>(&self, stream: &S) -> io::Result<()> {
        let _leaving = Leaving { session: self, stream };
        self.send_with_owed(stream, &mut take_turn(&self.writing))
    }

    /// Sends a close frame, unless there was one, and waits for the peer's. Messages that come
    /// before it are thrown away, unless somebody else reads them.
    pub(super) fn close<S: Duplex>(&self, stream: &S, frame: Option<CloseFrame>) -> io::Result<()> {
        match self.send(stream, &Message::Close(frame)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.is_closed() => {
                self.flush(stream)?;
            }
            outcome => outcome?,
        }
        while self.read(stream)?.is_some() {}
        Ok(())
    }

    /// After the close frames of both sides: the server ends the transport, and the client waits
    /// for that, so that it is the server's port that stays blocked for a while.
    pub(super) fn end_transport<S: Duplex>(&self, stream: &S) -> io::Result<()> {
        match self.role {
            Role::Server => stream.shutdown(Shutdown::Both),
            Role::Client => take_turn(&self.reading).drain(stream),
        }
    }

    /// The farewell of a connection that is dropped. Never waits.
    pub(super) fn take_leave<S: Duplex>(&mut self, stream: &S, code: CloseCode) {
        let outbound = self.writing.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.owed.settle(outbound);
        outbound.add_close(Some(CloseFrame { code, reason: "".into() }));
        outbound.try_send(stream);
    }

    fn is_closed(&self) -> bool {
        take_turn(&self.writing).is_closed()
    }

    /// What the peer's close frame has said. None while there was none, or while somebody reads.
    pub(super) fn close_frame(&self) -> Option<CloseFrame> {
        match &try_take_turn(&self.reading)?.ending {
            Some(End::Closed(frame)) => frame.clone(),
            _ => None,
        }
    }
}

/// Looks, once the turn was given back, for what others could not send meanwhile.
struct Leaving<'s, S: Duplex> {
    session: &'s Session,
    stream: &'s S,
}

impl<S: Duplex> Drop for Leaving<'_, S> {
    fn drop(&mut self) {
        if self.session.owed.is_any_after_turn() {
            self.session.send_along(self.stream);
        }
    }
}

/// What cannot be sent.
fn check(message: &Message) -> io::Result<()> {
    let what = match message {
        Message::Ping(bytes) | Message::Pong(bytes) if bytes.len() > CONTROL_BYTES => {
            "a ping or pong carries at most 125 bytes"
        }
        Message::Close(Some(frame)) if frame.reason.len() > CONTROL_BYTES - 2 => {
            "the reason of a close has at most 123 bytes"
        }
        Message::Close(Some(frame)) if !frame.code.is_allowed() => {
            "this close code must not be sent"
        }
        Message::Frame(_) => "frames are made here: send their messages",
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// As much of it as a close frame carries.
fn short(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(CONTROL_BYTES - 2)]
}

/// See invariant 4.
fn take_turn<T>(turn: &Mutex<T>) -> MutexGuard<'_, T> {
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

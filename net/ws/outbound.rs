//! Frames on their way to the transport.
//!
//! # Invariants
//!
//! 1. `bytes` begins inside of a frame or between two, and ends between two: frames are added whole
//!    and taken away only by the transport. So a sender that is killed, or runs into a timeout, in
//!    the middle of a frame leaves the rest of it to whoever sends next, and never half a frame.
//! 2. Nothing is added after a close frame.

use std::io;
use std::mem;

use tungstenite::protocol::Role;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};

use super::mask;
use crate::io::Duplex;

/// What an idle connection may keep for writing.
const KEPT_BYTES: usize = 4 << 10;

pub(super) struct Outbound {
    role: Role,
    bytes: Vec<u8>,
    sent: usize,
    /// A close frame is among the bytes, or was.
    is_closed: bool,
}

impl Outbound {
    pub(super) fn new(role: Role) -> Outbound {
        Outbound { role, bytes: Vec::new(), sent: 0, is_closed: false }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) fn add_data(&mut self, kind: Data, payload: &[u8]) {
        self.add(OpCode::Data(kind), payload);
    }

    pub(super) fn add_control(&mut self, kind: Control, payload: &[u8]) {
        self.add(OpCode::Control(kind), payload);
    }

    /// Adds the close frame, unless there was one.
    pub(super) fn add_close(&mut self, frame: Option<CloseFrame>) {
        let payload = Frame::close(frame).into_payload();
        self.add(OpCode::Control(Control::Close), &payload);
        self.is_closed = true;
    }

    fn add(&mut self, opcode: OpCode, payload: &[u8]) {
        if self.is_closed {
            return;
        }
        let mask = (self.role == Role::Client).then(mask::fresh);
        let header = FrameHeader { opcode, mask, ..FrameHeader::default() };
        let length = payload.len() as u64;
        self.bytes.reserve(header.len(length) + payload.len());
        header.format(length, &mut self.bytes).expect("a vector takes whatever it is given");
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        if let Some(mask) = mask {
            mask::apply(&mut self.bytes[start..], mask);
        }
    }

    /// Waits until the transport has taken everything.
    pub(super) fn send<S: Duplex>(&mut self, stream: &S) -> io::Result<()> {
        self.send_by(|bytes| stream.write_to(bytes))?;
        stream.flush()
    }

    /// Has the transport take what it has room for. Never waits; true if that was everything.
    pub(super) fn try_send<S: Duplex>(&mut self, stream: &S) -> bool {
        self.send_by(|bytes| stream.try_write_to(bytes)).is_ok()
    }

    fn send_by(&mut self, mut write: impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        while self.sent < self.bytes.len() {
            match write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            drop(mem::take(&mut self.bytes));
        }
        Ok(())
    }
}

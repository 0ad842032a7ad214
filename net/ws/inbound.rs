//! What has arrived: bytes first, then messages.
//!
//! tungstenite parses from memory and never waits: an unwinding out of the middle of its parser
//! would leave zeros among the bytes. So the wait for bytes is here, outside of it.
//!
//! # Invariants
//!
//! 1. A byte that the transport has handed over is in `buffer` until tungstenite has taken it.
//! 2. What tungstenite writes (its own answers to pings and closes) goes nowhere: `session`
//!    answers, since only there both directions meet.

use std::io::{self, Read, Write};

use tungstenite::Message;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};

use crate::io::Duplex;

/// What an idle connection keeps for reading: some messages of a chat.
const SMALLEST_BUFFER: usize = 2 << 10;

/// Beyond it, larger reads cost no fewer system calls that matter.
const LARGEST_BUFFER: usize = 32 << 10;

/// How much tungstenite takes at once; it clears as much each time, so not too much.
const PARSED_AT_ONCE: usize = 2 << 10;

/// The most and the largest of what a peer may send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) message_bytes: usize,
    pub(super) frame_bytes: usize,
}

/// How reading has ended for good.
pub(super) enum End {
    /// The peer has sent a close frame, with this.
    Closed(Option<CloseFrame>),
    /// The peer has broken the protocol.
    Failed(io::ErrorKind, String),
}

pub(super) struct Inbound {
    context: WebSocketContext,
    /// Nothing before the first read.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// How long the buffer of the next read is to be.
    wanted: usize,
    is_at_end: bool,
    pub(super) ending: Option<End>,
}

impl Inbound {
    /// With what has come after the handshake already.
    pub(super) fn new(role: Role, limits: Limits, leftover: Vec<u8>) -> Inbound {
        let config = WebSocketConfig::default()
            .read_buffer_size(PARSED_AT_ONCE)
            .write_buffer_size(0)
            .max_message_size(Some(limits.message_bytes))
            .max_frame_size(Some(limits.frame_bytes));
        Inbound {
            context: WebSocketContext::new(role, Some(config)),
            start: 0,
            end: leftover.len(),
            buffer: leftover.into_boxed_slice(),
            wanted: 0,
            is_at_end: false,
            ending: None,
        }
    }

    /// The next message among the bytes that are here. None if it is not complete.
    pub(super) fn next(&mut self) -> tungstenite::Result<Option<Message>> {
        let mut bytes = Bytes { buffer: &self.buffer[..self.end], start: &mut self.start };
        match self.context.read(&mut bytes) {
            Ok(message) => Ok(Some(message)),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for bytes of the transport, or its end. Whatever there was before was parsed.
    pub(super) fn fill<S: Duplex>(&mut self, stream: &S) -> io::Result<()> {
        debug_assert_eq!(self.start, self.end);
        (self.start, self.end) = (0, 0);
        let wanted = self.wanted.clamp(SMALLEST_BUFFER, LARGEST_BUFFER);
        if self.buffer.len() != wanted {
            self.buffer = vec![0; wanted].into_boxed_slice();
        }
        self.end = stream.read_from(&mut self.buffer)?;
        self.is_at_end = self.end == 0;
        // Such that a read is short: one that is not costs another call, which finds nothing.
        self.wanted = match self.end {
            all if all == wanted => wanted * 2,
            few if few <= wanted / 8 => wanted / 2,
            _ => wanted,
        };
        Ok(())
    }

    /// Waits until the transport ends, and throws away what it still carries.
    pub(super) fn drain<S: Duplex>(&mut self, stream: &S) -> io::Result<()> {
        while !self.is_at_end {
            self.start = self.end;
            self.fill(stream)?;
        }
        Ok(())
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }
}

/// The bytes as tungstenite sees them: a stream that would block after the last one.
struct Bytes<'b> {
    buffer: &'b [u8],
    start: &'b mut usize,
}

impl Read for Bytes<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = &self.buffer[*self.start..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        *self.start += count;
        Ok(count)
    }
}

/// See invariant 2.
impl Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! The head of a request or of an answer, read off a stream that goes on with something else.

use std::io::{self, Read, Write};

use crate::io::Duplex;

/// As much as most servers take of a head: nginx's large buffers hold twice that, Apache's lines
/// half.
const LONGEST_BYTES: usize = 16 << 10;

/// What is read at once: a head of a usual size.
const CHUNK_BYTES: usize = 1 << 10;

const END: &[u8] = b"\r\n\r\n";

/// Reads a head with its end, and what has come after it.
pub(super) fn read_head<S: Duplex>(stream: &S) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        let count = match stream.read_from(&mut chunk) {
            Ok(0) => {
                let message = "the peer has closed the connection during the WebSocket handshake";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome?,
        };
        // The end may have begun in the bytes before.
        let searched = head.len().saturating_sub(END.len() - 1);
        head.extend_from_slice(&chunk[..count]);
        if let Some(at) = head[searched..].windows(END.len()).position(|four| four == END) {
            let leftover = head.split_off(searched + at + END.len());
            return Ok((head, leftover));
        }
        if head.len() > LONGEST_BYTES {
            let message = "the head of the WebSocket handshake is too long";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
    }
}

pub(super) fn write_all<S: Duplex>(stream: &S, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write_to(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.flush()
}

/// A stream as tungstenite's client sees it: it ends with the head of the answer, so that the
/// frames after it stay here.
pub(super) struct Heads<'s, S> {
    stream: &'s S,
    head: Option<io::Cursor<Vec<u8>>>,
    pub(super) leftover: Vec<u8>,
}

impl<'s, S> Heads<'s, S> {
    pub(super) fn new(stream: &'s S) -> Heads<'s, S> {
        Heads { stream, head: None, leftover: Vec::new() }
    }
}

impl<S: Duplex> Read for Heads<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = match &mut self.head {
            Some(head) => head,
            None => {
                let (head, leftover) = read_head(self.stream).map_err(settled)?;
                self.leftover = leftover;
                self.head.insert(io::Cursor::new(head))
            }
        };
        head.read(buffer)
    }
}

impl<S: Duplex> Write for Heads<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_to(bytes).map_err(settled)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().map_err(settled)
    }
}

/// A timeout of the transport, as a kind that tungstenite does not take for one that is polled.
fn settled(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, error),
        _ => error,
    }
}

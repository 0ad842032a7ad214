//! One client of a console: its line that is coming, its answer that is going.

use super::LINE_MAX_BYTES;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// What was sent and not yet read, in bytes: one line, with its end.
const BUFFER_BYTES: usize = LINE_MAX_BYTES + 2;

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    /// What has come and was not answered.
    input: Vec<u8>,
    /// What is to go.
    output: Vec<u8>,
    sent: usize,
    /// It sends no more.
    is_at_end: bool,
    /// It is to be closed once all has gone.
    is_leaving: bool,
}

/// What a client is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    Read,
    Write,
    /// For nothing: it is to be dropped.
    Gone,
}

impl Client {
    pub(super) fn new(stream: UnixStream) -> Client {
        let (input, output) = (Vec::new(), Vec::new());
        Client { stream, input, output, sent: 0, is_at_end: false, is_leaving: false }
    }

    /// One that is told so much, and closed.
    pub(super) fn refused(stream: UnixStream, why: &str) -> Client {
        let mut client = Client::new(stream);
        client.fail(why);
        client.is_leaving = true;
        client
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    pub(super) fn interest(&self) -> Interest {
        match (self.has_output(), self.is_leaving || self.is_at_end) {
            (true, _) => Interest::Write,
            (false, true) => Interest::Gone,
            (false, false) => Interest::Read,
        }
    }

    /// Goes on as far as it is possible without waiting: reads, has commands answered one after
    /// the other, writes. A client that does not read its answer gets no other one.
    ///
    /// # Errors
    ///
    /// Those of the connection, which is broken then.
    pub(super) fn go_on(&mut self, mut answer: impl FnMut(&str, &mut Client)) -> io::Result<()> {
        loop {
            self.write()?;
            if self.has_output() || self.is_leaving {
                return Ok(());
            }
            if let Some(line) = self.take_line() {
                match String::from_utf8(line) {
                    Ok(line) => answer(line.trim(), self),
                    Err(_) => self.fail("a command is UTF-8"),
                }
                continue;
            }
            if self.input.len() > LINE_MAX_BYTES {
                self.fail(&format!("a command has {LINE_MAX_BYTES} bytes at most"));
                self.is_leaving = true;
                continue;
            }
            if self.is_at_end || !self.read()? {
                return Ok(());
            }
        }
    }

    /// Sends lines, and the dot after them.
    pub(super) fn say(&mut self, lines: &str) {
        for line in lines.lines() {
            if line.starts_with('.') {
                self.output.push(b'.');
            }
            self.output.extend_from_slice(line.as_bytes());
            self.output.push(b'\n');
        }
        self.output.extend_from_slice(b".\n");
    }

    pub(super) fn fail(&mut self, why: &str) {
        self.say(&format!("error: {why}"));
    }

    pub(super) fn leave(&mut self) {
        self.is_leaving = true;
    }

    fn has_output(&self) -> bool {
        self.sent < self.output.len()
    }

    /// The first line that has come whole; at the end, what is left.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.input.iter().position(|&byte| byte == b'\n');
        if let Some(end) = end.filter(|&end| end <= LINE_MAX_BYTES) {
            let rest = self.input.split_off(end + 1);
            return Some(std::mem::replace(&mut self.input, rest));
        }
        let is_last = self.is_at_end && !self.input.is_empty() && end.is_none();
        (is_last && self.input.len() <= LINE_MAX_BYTES).then(|| std::mem::take(&mut self.input))
    }

    /// True if something has come, were it the end.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; BUFFER_BYTES];
        let room = BUFFER_BYTES - self.input.len();
        match self.stream.read(&mut buffer[..room]) {
            Ok(count) => {
                self.is_at_end = count == 0;
                self.input.extend_from_slice(&buffer[..count]);
                Ok(true)
            }
            Err(error) if is_temporary(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while self.has_output() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_temporary(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // Its room is not kept: an answer may have megabytes.
        (self.output, self.sent) = (Vec::new(), 0);
        Ok(())
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

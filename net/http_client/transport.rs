//! A connection, as ureq uses it.

use greenstd_runtime::time;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, ShutdownHandle, Transport};

use super::names::deadline;
use crate::TcpStream;
use crate::io::Duplex;

/// Shared with the agent, whose shutdown ends all connections.
pub(super) struct Stream(pub(super) TcpStream);

/// A connection of a [`Connector`](super::Connector).
pub struct TcpTransport {
    stream: Arc<Stream>,
    buffers: LazyBuffers,
    /// What the stream is set to: a change costs a system call.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl TcpTransport {
    pub(super) fn new(stream: Arc<Stream>, config: &Config) -> TcpTransport {
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        TcpTransport { stream, buffers, read_timeout: None, write_timeout: None }
    }
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        let deadline = deadline(timeout);
        let stream = &self.stream.0;
        let mut rest = &self.buffers.output()[..amount];
        while !rest.is_empty() {
            let left = left(deadline, timeout)?;
            if self.write_timeout != left {
                stream.set_write_timeout(left)?;
                self.write_timeout = left;
            }
            match (&*stream).write(rest) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(count) => rest = &rest[count..],
                Err(error) => unless_again(error, deadline)?,
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        let deadline = deadline(timeout);
        let stream = &self.stream.0;
        loop {
            let left = left(deadline, timeout)?;
            if self.read_timeout != left {
                stream.set_read_timeout(left)?;
                self.read_timeout = left;
            }
            match (&*stream).read(self.buffers.input_append_buf()) {
                Ok(count) => {
                    self.buffers.input_appended(count);
                    return Ok(count > 0);
                }
                Err(error) => unless_again(error, deadline)?,
            }
        }
    }

    /// Looks without waiting: whatever there is to read of an idle connection, a byte or the end or
    /// an error, makes it useless.
    fn is_open(&mut self) -> bool {
        let endpoint = self.stream.0.endpoint().expect("a TCP stream is a socket");
        let looked = endpoint.try_read(&mut [0]);
        matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl ShutdownHandle for Stream {
    fn shutdown(&self) {
        // It may be gone already, which is what is wanted.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// What is left of the time, for a socket: never nothing, which would be no limit to it.
pub(super) fn left(
    deadline: Option<Instant>,
    timeout: NextTimeout,
) -> Result<Option<Duration>, Error> {
    let Some(deadline) = deadline else { return Ok(None) };
    match deadline.saturating_duration_since(time::now()) {
        Duration::ZERO => Err(Error::Timeout(timeout.reason)),
        left => Ok(Some(left)),
    }
}

/// Fails unless the call is to be tried again: then the time that is left tells.
fn unless_again(error: io::Error, deadline: Option<Instant>) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock if deadline.is_some() => Ok(()),
        _ => Err(error),
    }
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TcpTransport")
            .field("stream", &self.stream.0)
            .finish_non_exhaustive()
    }
}

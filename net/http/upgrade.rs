//! Connections that leave HTTP for another protocol.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use ::http::{HeaderValue, StatusCode, header};
use bytes::{Buf, Bytes};
use greenstd_runtime::time;
use parking_lot::Mutex;

use super::reply::{Content, Response, ResponseBody};
use crate::io::Duplex;

/// What is done with a connection that has left HTTP.
pub(super) type Upgrade = Box<dyn FnOnce(Upgraded) -> io::Result<()> + Send>;

/// Makes the response that has a connection of HTTP/1.1 leave for `protocol`, and `speak` called
/// with it, on the connection's green thread, once the response is sent.
///
/// The request must have asked for an upgrade; otherwise it is answered by 400. The handler adds
/// what headers the protocol needs. The connection is closed when `speak` returns; it counts as
/// live until then, and a stop of the server waits for it and kills it as it does with handlers.
///
/// # Panics
///
/// If `protocol` cannot stand in a header.
///
/// # Examples
///
/// ```
/// use greenstd_net::http::upgrade;
/// use std::io::{Read, Write};
///
/// let response = upgrade("shouting", |mut stream| {
///     let mut bytes = [0; 1024];
///     while let count @ 1.. = stream.read(&mut bytes)? {
///         stream.write_all(&bytes[..count].to_ascii_uppercase())?;
///     }
///     Ok(())
/// });
/// assert_eq!(response.status(), 101);
/// ```
pub fn upgrade<F>(protocol: &str, speak: F) -> Response
where
    F: FnOnce(Upgraded) -> io::Result<()> + Send + 'static,
{
    let body = ResponseBody { content: Content::Upgrade(Box::new(speak)) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let name = HeaderValue::from_str(protocol).expect("the name of a protocol is a header's value");
    response.headers_mut().insert(header::UPGRADE, name);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

/// A connection that has left HTTP: the stream, and what was read of it already.
///
/// It reads and writes as the stream does, and one green thread may read while another one writes,
/// through `&Upgraded`. No timeout of the server holds any more.
pub struct Upgraded {
    stream: Box<dyn Duplex + Send + Sync>,
    ahead: Mutex<Bytes>,
    silence_limit: Option<Duration>,
}

impl Upgraded {
    pub(super) fn new(stream: Box<dyn Duplex + Send + Sync>, ahead: Bytes) -> Upgraded {
        Upgraded { stream, ahead: Mutex::new(ahead), silence_limit: None }
    }

    /// Sets how long a read may wait for a byte, and a write for room for one; `None`, which is the
    /// default, for as long as it takes. Beyond it they fail with `ConnectionAborted`: the peer has
    /// vanished. In a program that is built with `panic = "abort"` there is no limit.
    pub fn set_silence_limit(&mut self, limit: impl Into<Option<Duration>>) {
        self.silence_limit = limit.into();
    }

    /// Waits within the limit. An expired scope has to unwind: where nothing can, there is none.
    fn within(&self, wait: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        let Some(limit) = self.silence_limit.filter(|_| cfg!(panic = "unwind")) else {
            return wait();
        };
        time::timeout(limit, wait).unwrap_or_else(|_| {
            let message = "the peer has kept still for too long";
            Err(io::Error::new(io::ErrorKind::ConnectionAborted, message))
        })
    }
}

impl Duplex for Upgraded {
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
        {
            let mut ahead = self.ahead.lock();
            if !ahead.is_empty() {
                let count = buffer.len().min(ahead.len());
                ahead.copy_to_slice(&mut buffer[..count]);
                if ahead.is_empty() {
                    // Else it would keep what it was a part of.
                    *ahead = Bytes::new();
                }
                return Ok(count);
            }
        }
        self.within(|| self.stream.read_from(buffer))
    }

    fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        self.within(|| self.stream.write_to(bytes))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }

    fn flush(&self) -> io::Result<()> {
        self.stream.flush()
    }

    fn try_write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.try_write_to(bytes)
    }
}

/// std's traits, for a value and for a reference.
macro_rules! reads_and_writes {
    ($($upgraded:ty)*) => {$(
        impl Read for $upgraded {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.read_from(buf)
            }
        }

        impl Write for $upgraded {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.write_to(buf)
            }

            fn flush(&mut self) -> io::Result<()> {
                Duplex::flush(&*self)
            }
        }
    )*};
}

reads_and_writes!(Upgraded & Upgraded);

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").field("ahead", &self.ahead.lock().len()).finish_non_exhaustive()
    }
}

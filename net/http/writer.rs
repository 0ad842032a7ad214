//! Bodies that are written while they are sent.
//!
//! Writer and connection are two green threads with a bounded channel between them. At its end the
//! writer says so; a channel that ends without that is a body cut short.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use greenstd_runtime::block_on;
use greenstd_runtime::thread::{Builder, JoinHandle};
use tokio::sync::mpsc;

/// What is gathered before it is sent on: as much as a record of TLS holds.
const CHUNK_BYTES: usize = 16 * 1024;

/// Chunks that wait for the connection: with the one that is being written, 64 KiB.
const CHUNKS: usize = 3;

/// Where the body of a response is written to; see
/// [`ResponseBody::writer`](super::ResponseBody::writer).
///
/// Writes are gathered into chunks of 16 KiB; [`flush`](Write::flush) sends what there is, as each
/// event of a stream of events needs it. They park while the peer has 64 KiB to take.
///
/// # Errors
///
/// `BrokenPipe` once the peer has gone.
pub struct BodyWriter {
    chunk: Vec<u8>,
    sender: mpsc::Sender<Piece>,
    is_writing: Arc<AtomicBool>,
}

enum Piece {
    Data(Bytes),
    End,
}

impl BodyWriter {
    /// Whether the peer has gone, so that writes fail. Never blocks.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        self.is_writing.store(true, Ordering::SeqCst);
        let outcome = block_on(self.sender.send(piece));
        self.is_writing.store(false, Ordering::SeqCst);
        outcome.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the peer has gone"))
    }

    fn send_chunk(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.send(Piece::Data(chunk.into()))
    }
}

impl Write for BodyWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK_BYTES {
            self.send_chunk()?;
        }
        let count = buf.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&buf[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_chunk()
    }
}

impl fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWriter").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// The connection's end of such a body.
pub(super) struct Written {
    receiver: mpsc::Receiver<Piece>,
    thread: JoinHandle<()>,
    is_writing: Arc<AtomicBool>,
    is_at_end: bool,
}

impl Written {
    /// Starts the writer.
    ///
    /// # Errors
    ///
    /// Those of a spawn.
    pub(super) fn start(
        write: impl FnOnce(&mut BodyWriter) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Written> {
        let (sender, receiver) = mpsc::channel(CHUNKS);
        let is_writing = Arc::new(AtomicBool::new(false));
        let mut writer = BodyWriter { chunk: Vec::new(), sender, is_writing: is_writing.clone() };
        let body = move || match write(&mut writer).and_then(|()| writer.flush()) {
            Ok(()) => {
                let _ = writer.send(Piece::End);
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => tracing::error!(%error, "the writer of a body has failed"),
        };
        let thread = Builder::new().name("http-writer".to_owned()).spawn(body)?;
        Ok(Written { receiver, thread, is_writing, is_at_end: false })
    }

    /// The next chunk; none at the end.
    pub(super) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if self.is_at_end {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(context).map(|piece| match piece {
            Some(Piece::Data(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => {
                self.is_at_end = true;
                None
            }
            None => Some(Err(io::Error::other("the writer of the body has given up"))),
        })
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if self.is_at_end {
            return;
        }
        // First, so that whoever begins to write from now on is told.
        self.receiver.close();
        if !self.is_writing.load(Ordering::SeqCst) {
            // Refused where nothing can be unwound: there it ends at its next write.
            let _ = self.thread.kill();
        }
    }
}

/// Calls what a user has given on the connection's own thread: a panic becomes an error, and a kill
/// goes on.
pub(super) fn call_user<T>(call: impl FnOnce() -> T) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        if payload.is::<greenstd_runtime::thread::Killed>() {
            resume_unwind(payload);
        }
        io::Error::other("the body of a response has panicked")
    })
}

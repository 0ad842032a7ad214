//! Connections to upstreams, and the bodies of their responses.
//!
//! A connection is a plain blocking socket with a buffer for what is read. A request is written by
//! one green thread while another one reads its response: uploads and downloads need not wait for
//! each other.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenstd::net::http::{BodyWriter, Method, RequestBody, StatusCode};
use greenstd::net::{Dialer, TcpStream};
use greenstd::sync::{Mutex, PoisonError};
use greenstd::thread::{self, JoinHandle};

use crate::Rules;
use crate::exchange::Fault;
use crate::heads::{Framing, ResponseHead, wrong};
use crate::upstreams::Upstream;

/// For a head, or for the trailers: four times of what the server takes itself.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// For a line that begins a chunk.
const LINE_BYTES_MAX: u64 = 4 << 10;

/// What is passed on at once: as much as the writer of a body gathers.
const PIECE_BYTES: usize = 16 << 10;

/// A connection to an upstream.
pub struct Connection {
    pub stream: Arc<TcpStream>,
    reader: BufReader<Incoming>,
}

/// What an upstream sends.
struct Incoming {
    stream: Arc<TcpStream>,
    sending: Arc<Sending>,
}

/// How far a request has got.
#[derive(Default)]
struct Sending {
    /// Until then an upstream that is silent is not slow: it listens.
    is_over: AtomicBool,
    /// What has gone wrong.
    fault: Mutex<Option<Fault>>,
}

/// The body of a request on its way, on a green thread of its own, which ends with this.
pub struct Upload {
    thread: JoinHandle<()>,
    sending: Arc<Sending>,
}

/// The body of a response on its way.
pub struct Download {
    /// None once the body is at its end.
    connection: Option<Connection>,
    upload: Option<Upload>,
    framing: Framing,
    keeps_alive: bool,
    upstream: Arc<Upstream>,
}

impl Connection {
    pub fn open(address: &str, rules: &Rules) -> io::Result<Connection> {
        let stream = Dialer::new().timeout(rules.connect_timeout).dial(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(rules.timeout))?;
        stream.set_write_timeout(Some(rules.timeout))?;
        let stream = Arc::new(stream);
        let sending = Arc::new(Sending::default());
        sending.is_over.store(true, Ordering::Release);
        let incoming = Incoming { stream: Arc::clone(&stream), sending };
        Ok(Connection { stream, reader: BufReader::with_capacity(PIECE_BYTES, incoming) })
    }

    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.stream).write_all(bytes).map_err(named)
    }

    /// Waits for the head of the response, past those that are preliminary.
    pub fn receive_head(&mut self, method: &Method) -> io::Result<ResponseHead> {
        loop {
            let bytes = self.read_to_empty_line()?;
            let head = ResponseHead::parse(&bytes, method)?;
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(head);
            }
        }
    }

    /// Begins to send the body of a request.
    pub fn upload(&self, body: RequestBody, in_chunks: bool) -> Upload {
        let sending = Arc::clone(&self.reader.get_ref().sending);
        sending.is_over.store(false, Ordering::Release);
        let (stream, its_sending) = (Arc::clone(&self.stream), Arc::clone(&sending));
        let thread = thread::spawn(move || {
            if let Err(fault) = send_body(body, &stream, in_chunks) {
                if let Fault::Client(_) = fault {
                    // The upstream is to learn that this is not all, and its reader not to wait.
                    let _ = stream.shutdown(Shutdown::Both);
                }
                *its_sending.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
            }
            its_sending.is_over.store(true, Ordering::Release);
        });
        Upload { thread, sending }
    }

    /// What was read beyond the head.
    pub fn read_ahead(&self) -> &[u8] {
        self.reader.buffer()
    }

    /// Reads up to and with an empty line: a head, or trailers.
    fn read_to_empty_line(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut begin = 0;
        let mut reader = self.reader.by_ref().take(HEAD_BYTES_MAX);
        while reader.read_until(b'\n', &mut bytes)? > 0 {
            if matches!(&bytes[begin..], b"\r\n" | b"\n") {
                return Ok(bytes);
            }
            begin = bytes.len();
        }
        match reader.limit() {
            0 => Err(wrong("the head of the response is too long")),
            _ => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The size in a line that begins a chunk.
    fn read_chunk_size(&mut self) -> io::Result<u64> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        match httparse::parse_chunk_size(&line) {
            Ok(httparse::Status::Complete((_, size))) => Ok(size),
            Ok(httparse::Status::Partial) if (line.len() as u64) < LINE_BYTES_MAX => {
                Err(ErrorKind::UnexpectedEof.into())
            }
            _ => Err(wrong("the response has a chunk without a size")),
        }
    }

    fn read_chunk_end(&mut self) -> io::Result<()> {
        let mut end = [0; 2];
        self.reader.read_exact(&mut end)?;
        if end == *b"\r\n" { Ok(()) } else { Err(wrong("the response has an endless chunk")) }
    }
}

/// Sends a whole body, as it comes.
fn send_body(mut body: RequestBody, mut stream: &TcpStream, in_chunks: bool) -> Result<(), Fault> {
    let mut framed = Vec::new();
    while let Some(bytes) = body.next_chunk().map_err(Fault::Client)? {
        if !in_chunks {
            stream.write_all(&bytes).map_err(named).map_err(Fault::Upstream)?;
            continue;
        }
        // One call, and one packet, instead of three.
        framed.clear();
        framed.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        framed.extend_from_slice(&bytes);
        framed.extend_from_slice(b"\r\n");
        stream.write_all(&framed).map_err(named).map_err(Fault::Upstream)?;
    }
    let end: &[u8] = if in_chunks { b"0\r\n\r\n" } else { b"" };
    stream.write_all(end).map_err(named).map_err(Fault::Upstream)
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let was_over = self.sending.is_over.load(Ordering::Acquire);
            match (&*self.stream).read(buffer).map_err(named) {
                Err(error) if error.kind() == ErrorKind::TimedOut && !was_over => {}
                outcome => return outcome,
            }
        }
    }
}

impl Upload {
    /// What has gone wrong so far, if something has.
    pub fn take_fault(&self) -> Option<Fault> {
        self.sending.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_over(&self) -> bool {
        self.sending.is_over.load(Ordering::Acquire)
    }

    fn has_succeeded(&self) -> bool {
        self.is_over() && self.take_fault().is_none()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_over() {
            // Refused only where nothing can be killed; it ends by its timeouts there.
            let _ = self.thread.kill();
        }
    }
}

impl Download {
    pub fn new(
        connection: Connection,
        upload: Option<Upload>,
        head: &ResponseHead,
        upstream: Arc<Upstream>,
    ) -> Download {
        let connection = Some(connection);
        let (framing, keeps_alive) = (head.body, head.keeps_alive);
        let mut download = Download { connection, upload, framing, keeps_alive, upstream };
        if download.is_empty() {
            download.end();
        }
        download
    }

    pub fn is_empty(&self) -> bool {
        matches!(self.framing, Framing::Length(0))
    }

    /// Sends the whole body, each piece as soon as it has come.
    pub fn send(mut self, body: &mut BodyWriter) -> io::Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        while let count @ 1.. = self.read(&mut buffer)? {
            body.write_all(&buffer[..count])?;
            body.flush()?;
        }
        Ok(())
    }

    /// Gives the connection back before the last piece is passed on: after that the client has all
    /// that it wants, and this thread may be ended.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(connection) = &mut self.connection else { return Ok(0) };
        if let Framing::Chunk(0) = self.framing {
            let size = connection.read_chunk_size()?;
            if size == 0 {
                connection.read_to_empty_line()?;
                self.end();
                return Ok(0);
            }
            self.framing = Framing::Chunk(size);
        }
        let (Framing::Length(left) | Framing::Chunk(left)) = &mut self.framing else {
            return connection.reader.read(buffer);
        };
        let wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
        let count = connection.reader.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the response is cut short"));
        }
        *left -= count as u64;
        match self.framing {
            Framing::Chunk(0) => connection.read_chunk_end()?,
            Framing::Length(0) => self.end(),
            _ => {}
        }
        Ok(count)
    }

    /// Keeps the connection, if nothing is left on it in either direction.
    fn end(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let is_sent = self.upload.as_ref().is_none_or(Upload::has_succeeded);
        if self.keeps_alive && is_sent && connection.reader.buffer().is_empty() {
            self.upstream.keep(connection);
        }
    }
}

/// Timeouts of sockets have another name.
fn named(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

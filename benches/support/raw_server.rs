//! Echo without a runtime: a bare edge-triggered epoll loop, the practical limit of epoll, and one
//! OS thread for each connection.
//!
//! The epoll loop reads into one buffer for each thread. After a short read the socket is drained,
//! so the next edge will come; after a full one it reads again. What a full socket buffer refuses
//! is kept and sent at the next writable edge; until then nothing more is read from that
//! connection. With several threads the first accepts, and deals the connections out in turn.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::sync::Arc;
use std::thread;

use super::sys::{self, EDGE_BOTH, Epoll};

/// The event number of the listener: no descriptor is that large.
const LISTENER: u64 = u64::MAX;
/// Events for each wait, as in mio's and tokio's default.
const EVENTS: usize = 1024;
/// Address space of a connection's OS thread: ten thousand of them fit anywhere.
const THREAD_STACK_BYTES: usize = 64 * 1024;

/// Serves echo for ever from `threads` epoll loops.
pub fn serve_epoll(
    threads: usize,
    buffer_bytes: usize,
    announce: impl FnOnce(u16),
) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let polls: io::Result<Vec<Epoll>> = (0..threads).map(|_| Epoll::new()).collect();
    let polls: Arc<[Epoll]> = polls?.into();
    polls[0].add(listener.as_raw_fd(), LISTENER, sys::EDGE_READ)?;
    announce(listener.local_addr()?.port());
    for index in 1..threads {
        let polls = Arc::clone(&polls);
        thread::spawn(move || Connections::new(buffer_bytes).turn(&polls[index], &mut || Ok(())));
    }
    let mut turn = 0;
    Connections::new(buffer_bytes).turn(&polls[0], &mut || {
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nodelay(true)?;
                    let fd = stream.into_raw_fd();
                    polls[turn % threads].add(fd, fd as u64, EDGE_BOTH)?;
                    turn += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    })
}

/// Serves echo for ever, one OS thread for each connection.
pub fn serve_threads(buffer_bytes: usize, announce: impl FnOnce(u16)) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?.port());
    for stream in listener.incoming() {
        let stream = stream?;
        let builder = thread::Builder::new().stack_size(THREAD_STACK_BYTES);
        builder.spawn(move || echo_blocking(stream, buffer_bytes))?;
    }
    Ok(())
}

/// Ends with the connection: a reset is the client's way to leave.
pub fn echo_blocking(mut stream: TcpStream, buffer_bytes: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}

/// The connections of one epoll loop.
struct Connections {
    buffer: Vec<u8>,
    /// What could not be sent yet, by descriptor; nearly always empty.
    unsent: HashMap<RawFd, Vec<u8>>,
}

impl Connections {
    fn new(buffer_bytes: usize) -> Connections {
        Connections { buffer: vec![0; buffer_bytes], unsent: HashMap::new() }
    }

    /// Waits and serves for ever; `accept` runs when the listener has news.
    fn turn(&mut self, poll: &Epoll, accept: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        loop {
            for event in poll.wait(&mut events, -1)? {
                match event.u64 {
                    LISTENER => accept()?,
                    fd => self.serve(fd as RawFd),
                }
            }
        }
    }

    fn serve(&mut self, fd: RawFd) {
        if self.pump(fd).is_err() {
            self.unsent.remove(&fd);
            sys::close(fd);
        }
    }

    /// Echoes until the socket has no more, or takes no more. The end of the stream is an error.
    fn pump(&mut self, fd: RawFd) -> io::Result<()> {
        if !self.unsent.is_empty()
            && let Some(bytes) = self.unsent.remove(&fd)
            && !self.send(fd, &bytes)?
        {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = self.echo(fd, &mut buffer);
        self.buffer = buffer;
        result
    }

    fn echo(&mut self, fd: RawFd, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            let count = match sys::receive(fd, buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            if !self.send(fd, &buffer[..count])? || count < buffer.len() {
                return Ok(());
            }
        }
    }

    /// Sends all, or keeps the rest and says `false`.
    fn send(&mut self, fd: RawFd, mut bytes: &[u8]) -> io::Result<bool> {
        while !bytes.is_empty() {
            match sys::send(fd, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.unsent.insert(fd, bytes.to_vec());
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

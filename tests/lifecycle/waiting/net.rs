//! Waits for descriptors, names and servers, and for connections and pipes inside of the process.

use super::{Both, Grants, Row, Scene, apply, ignore};
use crate::fixture::Hanging;
use crate::served::Served;
use greenstd::io::{self, PollDuplex};
use greenstd::net::{DuplexStream, duplex, memory};
use greenstd::os::unix::net::UnixStream;
use greenstd::poller::{Event, Events, PollFd, PollFlags, PollMode, Poller, poll};
use greenstd::time::{self, timeout};
use std::future::poll_fn;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

pub const WAITING: &[Row] = lines! {
    row("poller::poll", pipe().unwrap(),
        |p| ignore(poll(&mut [PollFd::new(&p.0, PollFlags::IN)], None).unwrap()),
        |p| (&p.1).write_all(&[0]).unwrap()),
    row("Poller::wait", watched(), |w| ignore(w.0.wait(&mut Events::new(), None).unwrap()),
        |w| (&w.2).write_all(&[0]).unwrap()),
    row("DuplexStream::read", duplex(9), |d| (&d.0).read_exact(&mut [0]).unwrap(),
        |d| (&d.1).write_all(&[0]).unwrap(), |d| at_once(|| (&d.0).read(&mut [0]).is_ok())),
    row("DuplexStream::write", full_duplex(), |d| (&d.0).write_all(&[0]).unwrap(),
        |d| (&d.1).read_exact(&mut [0]).unwrap(), |d| at_once(|| (&d.0).write(&[0]).is_ok())),
    row("PollDuplex::poll_read_from", UnixStream::pair().unwrap(),
        |p| {
            let read = |context: &mut Context<'_>| p.0.poll_read_from(context, &mut [0], None);
            assert_eq!(greenstd::block_on(poll_fn(read)).unwrap(), 1);
        },
        |p| (&p.1).write_all(&[0]).unwrap(),
        |p| at_once(|| (&p.0).read(&mut [0]).is_ok())),
    row("memory::Listener::accept", memory::Listener::new(9), |l| ignore(l.accept().unwrap()),
        |l| ignore(l.connect().unwrap()), |l| at_once(|| l.accept().is_ok())),
    row("memory::Listener::connect", full_listener(), |l| ignore(l.connect().unwrap()),
        |l| ignore(l.accept().unwrap()), |l| at_once(|| l.connect().is_ok())),
    row("MemoryPipeReader::read", io::pipe_in_memory(9),
        |p| assert_eq!((&p.0).read(&mut [0]).unwrap(), 1),
        |p| assert_eq!((&p.1).write(&[0]).unwrap(), 1), |p| try_io(|| (&p.0).read(&mut [0]))),
    row("MemoryPipeWriter::write", full_pipe(), |p| assert_eq!((&p.1).write(&[0]).unwrap(), 1),
        |p| assert_eq!((&p.0).read(&mut [0]).unwrap(), 1), |p| try_io(|| (&p.1).write(&[0]))),
    row("io::pipeline", |_| {
        let (reader, _writer) = io::pipe_in_memory(1);
        ignore(io::pipeline(reader).run(io::sink()));
    }),
    row("RateLimiter::wait", |_| {
        let limiter = io::RateLimiter::with_burst(NonZeroU64::MIN, NonZeroU64::MIN);
        limiter.spend(1 << 30);
        ignore(limiter.wait(1));
    }),
    row("resolver::PooledResolver::resolve", Hanging::new(), Hanging::look_up, Hanging::end),
    row("StreamServer::wait", Served::new(), |s| s.server.wait().unwrap(), Served::end),
    row("StreamServer::stop", Served::new(), |s| assert!(s.server.stop(None).is_clean()),
        Served::end),
    row("Stopping::wait", Served::new(), |s| s.server.stopping().wait(), Served::end),
    row("Connection::wait_readable", Served::new(),
        |s| assert!(s.connection.wait_readable().unwrap()), Served::write),
};

fn full_pipe() -> Both<io::MemoryPipeReader, io::MemoryPipeWriter> {
    let (reader, writer) = io::pipe_in_memory(1);
    (&writer).write_all(&[0]).unwrap();
    (reader, writer)
}

/// Makes a call that can go on at once or not at all.
fn try_io(call: impl FnOnce() -> io::Result<usize>) -> bool {
    time::deadline(Instant::now(), call).is_ok_and(|moved| moved.unwrap() == 1)
}

/// Whether a call succeeds without a wait.
fn at_once(call: impl FnOnce() -> bool) -> bool {
    timeout(Duration::from_millis(2), call) == Ok(true)
}

fn watched() -> (Poller, PipeReader, PipeWriter) {
    let (poller, (reader, writer)) = (Poller::new().unwrap(), pipe().unwrap());
    poller.add_with_mode(&reader, Event::readable(0), PollMode::Level).unwrap();
    (poller, reader, writer)
}

fn full_duplex() -> (DuplexStream, DuplexStream) {
    let ends = duplex(1);
    (&ends.0).write_all(&[0]).unwrap();
    ends
}

fn full_listener() -> memory::Listener {
    let listener = memory::Listener::new(1);
    drop(listener.connect().unwrap());
    listener
}

//! Waits for descriptors, and for connections inside of the process.

use super::{Grants, Row, Scene, apply, ignore};
use greenstd::net::{DuplexStream, duplex, memory};
use greenstd::poller::{Event, Events, PollFd, PollFlags, PollMode, Poller, poll};
use greenstd::time::timeout;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::Arc;
use std::time::Duration;

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
    row("memory::Listener::accept", memory::Listener::new(9), |l| ignore(l.accept().unwrap()),
        |l| ignore(l.connect().unwrap()), |l| at_once(|| l.accept().is_ok())),
    row("memory::Listener::connect", full_listener(), |l| ignore(l.connect().unwrap()),
        |l| ignore(l.accept().unwrap()), |l| at_once(|| l.connect().is_ok())),
};

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

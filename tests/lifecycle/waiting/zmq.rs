//! Waits for ZeroMQ's messages.

use super::{Both, Grants, Row, Scene, apply, ignore};
use greenstd::net::zmq::{Context, PollFlags, Poller, Socket, SocketType};
use greenstd::select;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub const WAITING: &[Row] = lines! {
    row("zmq::Socket::recv", pair(), |p| drop(p.0.recv().unwrap()), |p| p.1.send("x").unwrap(),
        |p| p.0.try_recv().is_ok()),
    row("zmq::Socket in select!", pair(), |p| select! { wait(p.0) -> got => drop(got.unwrap()) },
        |p| p.1.send("x").unwrap(), |p| p.0.try_recv().is_ok()),
    row("zmq::Socket::poll", pair(), |p| ignore(p.0.poll(PollFlags::IN, None).unwrap()),
        |p| p.1.send("x").unwrap()),
    row("zmq::Poller::wait", pair(), |p| {
        let mut poller = Poller::new();
        poller.add_socket(&p.0, PollFlags::IN);
        assert_eq!(poller.wait(None).unwrap(), 1);
    }, |p| p.1.send("x").unwrap()),
};

fn pair() -> Both<Socket, Socket> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let endpoint = format!("inproc://waiting-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let context = Context::new();
    let ends = [SocketType::Pair; 2].map(|kind| context.socket(kind).unwrap());
    ends[0].bind(&endpoint).unwrap();
    ends[1].connect(&endpoint).unwrap();
    ends.into()
}

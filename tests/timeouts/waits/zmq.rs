//! ZeroMQ sockets.

use super::{Wait, is_over, plain, wait};
use greenstd::net::zmq::{self, Context, MonitorEventKind, PollFlags, Poller, Socket, SocketType};
use std::io::ErrorKind;
use std::time::Duration;

pub const WAITS: &[Wait] = &[
    wait("zmq::Socket::recv", || recv(None), |time| is_over(time, || recv(Some(time)))),
    plain("zmq::Socket::recv_multipart", || drop(socket(SocketType::Pull).recv_multipart())),
    wait("zmq::Socket::send", || send(None), |time| is_over(time, || send(Some(time)))),
    plain("zmq::Socket::send_multipart", || drop(lonely().send_multipart(&["a", "b"]))),
    wait("zmq::Socket::poll", || poll(None), |time| is_over(time, || poll(Some(time)))),
    wait("zmq::Poller::wait", || poller(None), |time| is_over(time, || poller(Some(time)))),
    wait(
        "zmq::Context::term",
        || {
            let (context, _socket) = held();
            context.term();
        },
        |time| {
            let (context, _socket) = held();
            is_over(time, || assert!(!context.term_timeout(time)))
        },
    ),
    plain("zmq::Monitor::recv", || {
        let socket = lonely();
        drop(socket.monitor(&[MonitorEventKind::Listening]).unwrap().recv());
    }),
    plain("zmq::proxy", || drop(zmq::proxy(&socket(SocketType::Pull), &lonely(), None))),
    plain("zmq::Socket in select!", || greenstd::select! { wait(socket(SocketType::Pull)) => {} }),
    plain("zmq::Socket::writable", || {
        let socket = lonely();
        greenstd::select! { wait(socket.writable()) => {} }
    }),
];

fn socket(kind: SocketType) -> Socket {
    Context::new().socket(kind).unwrap()
}

/// Nobody takes what it has to send.
fn lonely() -> Socket {
    socket(SocketType::Push)
}

/// A context that does not end while its socket lives.
fn held() -> (Context, Socket) {
    let context = Context::new();
    let socket = context.socket(SocketType::Pull).unwrap();
    (context, socket)
}

fn recv(timeout: Option<Duration>) {
    let socket = socket(SocketType::Pull);
    socket.set_receive_timeout(timeout);
    assert_eq!(socket.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn send(timeout: Option<Duration>) {
    let socket = lonely();
    socket.set_send_timeout(timeout);
    assert_eq!(socket.send("x").unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn poll(timeout: Option<Duration>) {
    assert!(socket(SocketType::Pull).poll(PollFlags::IN, timeout).unwrap().is_empty());
}

fn poller(timeout: Option<Duration>) {
    let (pull, push) = (socket(SocketType::Pull), lonely());
    let mut poller = Poller::new();
    poller.add_socket(&pull, PollFlags::IN);
    poller.add_socket(&push, PollFlags::OUT);
    assert_eq!(poller.wait(timeout).unwrap(), 0);
}

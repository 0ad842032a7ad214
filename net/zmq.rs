//! ZeroMQ sockets on green threads: libzmq's messages and patterns, with calls that park.
//!
//! libzmq's own threads speak to the network; what it calls a socket is a mailbox beside them,
//! which can tell through a descriptor that something has come into it. So a call here is
//! libzmq's, with `DONTWAIT`, and where that would block the caller parks until the descriptor
//! tells of news. The semantics are libzmq's and, where threads share a socket, those of
//! `zmq.green` in pyzmq.
//!
//! | here | what |
//! |---|---|
//! | [`Context`] | libzmq's threads, and what sockets of one process find each other by |
//! | [`Socket`], [`SocketType`] | a socket; its patterns: request, publish, push, route, pair |
//! | [`Message`] | what was received: one part of a message |
//! | [`Poller`] | waits on many sockets and descriptors |
//! | [`proxy`], [`proxy_steerable`] | from one socket to another and back |
//! | [`Monitor`] | what happens to the connections of a socket |
//! | [`CurveKeyPair`] | keys for encrypted connections |
//!
//! A [`Socket`] is a thing to wait for in a `select!`, which gives a whole message; so is
//! [`Socket::writable`].
//!
//! # Which libzmq
//!
//! The crate `zmq` compiles the libzmq whose source it brings, 4.3.4 without CURVE. A program that
//! wants the system's says so in its `.cargo/config.toml`:
//! `[target.x86_64-unknown-linux-gnu.zmq]`, `rustc-link-lib = ["zmq"]`. [`has`] tells what is
//! there.
//!
//! # Examples
//!
//! ```
//! use greenstd_net::zmq::{Context, SocketType};
//!
//! let context = Context::new();
//! let server = context.socket(SocketType::Rep)?;
//! server.bind("inproc://doc")?;
//! let client = context.socket(SocketType::Req)?;
//! client.connect("inproc://doc")?;
//! client.send("hello")?;
//! assert_eq!(&*server.recv()?, b"hello");
//! server.send_multipart(&["hello", "yourself"])?;
//! assert_eq!(client.recv_multipart()?.len(), 2);
//! # Ok::<(), std::io::Error>(())
//! ```

mod alarm;
mod arm;
mod context;
mod core;
mod curve;
mod error;
mod kind;
mod message;
mod monitor;
mod options;
mod poller;
mod proxy;
mod socket;

pub use ::zmq::Error;

pub use self::arm::Writable;
pub use self::context::Context;
pub use self::curve::{CurveKey, CurveKeyPair, ParseCurveKeyError};
pub use self::kind::SocketType;
pub use self::message::Message;
pub use self::monitor::{Monitor, MonitorEvent, MonitorEventKind};
pub use self::poller::Poller;
pub use self::proxy::{proxy, proxy_steerable};
pub use self::socket::Socket;

/// What can be waited for of a socket: [`PollFlags::IN`] and [`PollFlags::OUT`].
pub use greenstd_runtime::poller::PollFlags;

/// The version of libzmq: major, minor, patch.
#[must_use]
pub fn version() -> (i32, i32, i32) {
    ::zmq::version()
}

/// Whether libzmq was built with a capability: `"curve"`, `"ipc"`, `"pgm"`, …, as `zmq_has` names
/// them.
#[must_use]
pub fn has(capability: &str) -> bool {
    !capability.contains('\0') && ::zmq::has(capability).unwrap_or(false)
}

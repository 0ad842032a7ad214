//! From one socket to another and back: what libzmq calls a proxy, or a device.
//!
//! A green thread for each direction receives when the other side takes a message, and then sends
//! at once. So messages wait in libzmq's queues, and nobody waits with one in hand.

use std::convert::Infallible;
use std::io::{self, ErrorKind};

use greenstd_runtime::sync::Event;
use greenstd_runtime::thread::{self, nursery};

use super::error::invalid;
use super::{PollFlags, Socket};

/// Moves messages between two sockets, in both directions, and copies of all of them to `capture`.
/// Returns only with an error; a kill or a timeout scope ends it.
///
/// A direction in which one of the two cannot go, as from a `Push`, is left out. A slow receiver
/// slows its sender: what it does not take waits where it comes from. Works on threads of either
/// kind; the messages go through two green threads.
///
/// A kill loses no message: one that was received is sent before the proxy ends, so it ends when
/// that is possible. With a receiver that went away in just that moment, that takes another one.
///
/// # Errors
///
/// Those of the sockets; `InvalidInput` if no direction is possible.
///
/// # Examples
///
/// ```
/// use greenstd_net::zmq::{self, Context, SocketType};
/// use greenstd_runtime::thread;
///
/// let context = Context::new();
/// let (clients, workers) =
///     (context.socket(SocketType::Router)?, context.socket(SocketType::Dealer)?);
/// clients.bind("inproc://proxy-clients")?;
/// workers.bind("inproc://proxy-workers")?;
/// let proxy = thread::spawn(move || zmq::proxy(&clients, &workers, None));
/// let (client, worker) = (context.socket(SocketType::Req)?, context.socket(SocketType::Rep)?);
/// client.connect("inproc://proxy-clients")?;
/// worker.connect("inproc://proxy-workers")?;
/// client.send("hello")?;
/// assert_eq!(worker.recv()?, "hello");
/// proxy.kill()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn proxy(
    frontend: &Socket,
    backend: &Socket,
    capture: Option<&Socket>,
) -> io::Result<Infallible> {
    match run(frontend, backend, capture, None) {
        Ok(()) => Err(io::Error::other("a proxy without control was ended by it")),
        Err(error) => Err(error),
    }
}

/// As [`proxy()`], and does what `control` says: `PAUSE`, `RESUME`, and `TERMINATE`, at which it
/// returns. Other words are ignored. A `Rep` answers with an empty message.
///
/// # Errors
///
/// As [`proxy()`].
pub fn proxy_steerable(
    frontend: &Socket,
    backend: &Socket,
    capture: Option<&Socket>,
    control: &Socket,
) -> io::Result<()> {
    run(frontend, backend, capture, Some(control))
}

/// Why a proxy ends.
enum End {
    Terminated,
    Failed(io::Error),
}

fn run(
    frontend: &Socket,
    backend: &Socket,
    capture: Option<&Socket>,
    control: Option<&Socket>,
) -> io::Result<()> {
    let directions: Vec<_> = [(frontend, backend), (backend, frontend)]
        .into_iter()
        .filter(|(from, to)| from.socket_type().receives() && to.socket_type().sends())
        .collect();
    if directions.is_empty() {
        return Err(invalid("no message can go between these sockets"));
    }
    let runs = Event::new();
    runs.set();
    let outcome = nursery(|nursery| {
        for &(from, to) in &directions {
            let runs = &runs;
            nursery.spawn(move || forward(from, to, capture, runs).map_err(End::Failed));
        }
        match control {
            Some(control) => steer(control, &runs),
            None => Ok(()),
        }
    });
    match outcome {
        Ok(()) | Err(End::Terminated) => Ok(()),
        Err(End::Failed(error)) => Err(error),
    }
}

fn forward(from: &Socket, to: &Socket, capture: Option<&Socket>, runs: &Event) -> io::Result<()> {
    loop {
        runs.wait();
        to.poll(PollFlags::OUT, None)?;
        from.poll(PollFlags::IN, None)?;
        // Somebody else may have been quicker, at either; or it is paused by now.
        if !runs.is_set() || to.poll(PollFlags::OUT, Some(std::time::Duration::ZERO))?.is_empty() {
            continue;
        }
        let message = match from.try_recv_multipart() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            outcome => outcome?,
        };
        thread::shield(|| {
            if let Some(capture) = capture {
                capture.send_multipart(&message)?;
            }
            to.send_multipart(&message)
        })?;
    }
}

fn steer(control: &Socket, runs: &Event) -> Result<(), End> {
    loop {
        let word = control.recv().map_err(End::Failed)?;
        if control.socket_type() == super::SocketType::Rep && !word.has_more() {
            control.send([]).map_err(End::Failed)?;
        }
        match &*word {
            b"PAUSE" => runs.clear(),
            b"RESUME" => runs.set(),
            b"TERMINATE" => return Err(End::Terminated),
            _ => {}
        }
    }
}

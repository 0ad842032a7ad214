//! Echo servers for datagrams, one socket each: receive, send back where it came from, on one
//! worker.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use super::child::Job;
use super::contender::{Measurement, System};
use super::sys::{self, Epoll};
use super::{on_tokio, ours, server};

/// The only worker: one socket is one queue, which one loop empties.
const WORKERS: usize = 1;

/// Argument that makes ours a `DatagramServer`, with a green thread for each datagram.
pub const GREEN_THREAD_EACH: &str = "green_thread_each";

/// Serves until killed; the child's side.
pub fn serve(job: &Job) -> Measurement {
    if let Some(cpus) = server::cpus(job) {
        sys::pin_to(&cpus);
    }
    let buffer_bytes = job.number("buffer_bytes");
    let result = match job.system() {
        System::Ours if job.number(GREEN_THREAD_EACH) == 1 => serve_each_by_its_own(),
        System::Ours => serve_ours(buffer_bytes),
        tokio @ (System::TokioCurrent | System::TokioMulti) => serve_tokio(tokio, buffer_bytes),
        System::May => serve_may(buffer_bytes),
        System::Threads => serve_blocking(buffer_bytes),
        System::Raw => serve_epoll(buffer_bytes),
        neither @ (System::Corosensei | System::Crossbeam) => panic!("{neither:?} has no sockets"),
    };
    panic!("the server ended: {result:?}")
}

fn serve_ours(buffer_bytes: usize) -> io::Result<()> {
    ours::runtime(WORKERS).run(move || {
        let socket = greenstd::net::UdpSocket::bind("127.0.0.1:0")?;
        server::announce(socket.local_addr()?.port());
        let mut buffer = vec![0; buffer_bytes];
        loop {
            let (count, peer) = socket.recv_from(&mut buffer)?;
            socket.send_to(&buffer[..count], peer)?;
        }
    })
}

fn serve_each_by_its_own() -> io::Result<()> {
    ours::runtime(WORKERS).run(|| {
        let builder = greenstd::net::server::DatagramServer::builder();
        let server = builder.start("127.0.0.1:0", |datagram| datagram.reply(datagram.bytes()))?;
        server::announce(server.local_addr().port());
        server.serve_forever()
    })
}

fn serve_tokio(system: System, buffer_bytes: usize) -> io::Result<()> {
    on_tokio::run(system, WORKERS, async move {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
        server::announce(socket.local_addr()?.port());
        let mut buffer = vec![0; buffer_bytes];
        loop {
            let (count, peer) = socket.recv_from(&mut buffer).await?;
            socket.send_to(&buffer[..count], peer).await?;
        }
    })
}

fn serve_may(buffer_bytes: usize) -> io::Result<()> {
    use super::green::Green;
    super::on_may::May::run(WORKERS, move || {
        let socket = may::net::UdpSocket::bind("127.0.0.1:0")?;
        server::announce(socket.local_addr()?.port());
        let mut buffer = vec![0; buffer_bytes];
        loop {
            let (count, peer) = socket.recv_from(&mut buffer)?;
            socket.send_to(&buffer[..count], peer)?;
        }
    })
}

/// An OS thread in std's calls.
fn serve_blocking(buffer_bytes: usize) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    server::announce(socket.local_addr()?.port());
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let (count, peer) = socket.recv_from(&mut buffer)?;
        socket.send_to(&buffer[..count], peer)?;
    }
}

/// A bare edge-triggered epoll loop. What a socket cannot take is dropped; over loopback it takes
/// everything.
fn serve_epoll(buffer_bytes: usize) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let poll = Epoll::new()?;
    poll.add(socket.as_raw_fd(), 0, sys::EDGE_READ)?;
    server::announce(socket.local_addr()?.port());
    let mut buffer = vec![0; buffer_bytes];
    let mut events = [libc::epoll_event { events: 0, u64: 0 }];
    loop {
        poll.wait(&mut events, -1)?;
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((count, peer)) => drop(socket.send_to(&buffer[..count], peer)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
    }
}

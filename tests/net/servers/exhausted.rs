//! A process without a file descriptor left, in a child of its own.

use super::fixture::{A_WHILE, DEADLINE, ask, client, echo, until};
use crate::child;
use greenstd::net::TcpStream;
use greenstd::net::server::{Connection, StreamServer};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

/// C65: the delays themselves, and their reset, are a unit test of the back-off.
#[test]
fn server_without_descriptors_backs_off_and_lives() {
    child::succeed(|| {
        let server = StreamServer::builder().start("127.0.0.1:0", read_then_echo).unwrap();
        let before = client(&server);
        // Its first read has to wait for this.
        thread::sleep(A_WHILE);
        ask(&before);
        let open = limit_descriptors(None);
        for _ in 0..2 {
            // Sockets are made first, while they can be.
            let sockets: Vec<_> = (0..3).map(|_| socket()).collect();
            let errors_before = server.statistics().accept_errors;
            limit_descriptors(Some(lowest_free()));
            let clients: Vec<_> =
                sockets.into_iter().map(|one| connect(one, *server.local_addr())).collect();
            until(|| server.statistics().accept_errors > errors_before);
            ask(&before);
            let (start, errors) = (Instant::now(), server.statistics().accept_errors);
            thread::sleep(Duration::from_secs(1));
            // In a second from wherever they are at most 8 for each acceptor; a server that tries
            // again at once has tens of thousands.
            let errors = server.statistics().accept_errors - errors;
            assert!(errors <= 200 * start.elapsed().as_secs() + 200, "{errors}");
            limit_descriptors(Some(open));
            clients.iter().for_each(ask);
            drop(clients);
            // All their descriptors are free again.
            until(|| server.statistics().live == 1);
        }
        assert_eq!(server.statistics().accepted, 7);
        assert!(server.stop(DEADLINE).is_clean());
    });
}

/// The number of the next descriptor. A limit of nought would have `poll(2)` refuse to wait.
fn lowest_free() -> libc::rlim_t {
    let next = File::open("/dev/null").unwrap();
    next.as_raw_fd().try_into().unwrap()
}

/// Has read before it waits, which is the harder case for a wait without descriptors.
fn read_then_echo(mut connection: Connection) -> io::Result<()> {
    let mut byte = [0];
    connection.read_exact(&mut byte)?;
    connection.write_all(&byte)?;
    echo(connection)
}

fn socket() -> socket2::Socket {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap()
}

fn connect(socket: socket2::Socket, to: SocketAddr) -> TcpStream {
    socket.connect(&to.into()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    TcpStream::from(std::net::TcpStream::from(socket))
}

/// Sets how many descriptors this process may have, and returns how many it could.
#[allow(unsafe_code, reason = "limits are set by the C library alone")]
fn limit_descriptors(soft: Option<libc::rlim_t>) -> libc::rlim_t {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for a limit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    let before = limit.rlim_cur;
    limit.rlim_cur = soft.unwrap_or(before);
    // SAFETY: a limit of this process, which runs this one test.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    before
}

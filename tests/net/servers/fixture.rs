//! What the tests of servers share: an echo, clients that do not hang, waits for a condition.

use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::{SocketAddr, TcpStream};
use greenstd::thread;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// What nothing takes that works, on however slow a machine.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Long enough for what should not happen to happen.
pub const A_WHILE: Duration = Duration::from_millis(50);

/// A handler that answers each byte, until the end.
pub fn echo(mut connection: Connection) -> io::Result<()> {
    let mut bytes = [0; 1024];
    while connection.wait_readable()? {
        let count = connection.read(&mut bytes)?;
        if count == 0 {
            break;
        }
        connection.write_all(&bytes[..count])?;
    }
    Ok(())
}

/// A client whose calls end in any case.
pub fn client(server: &StreamServer) -> TcpStream {
    connect(server.local_addr())
}

pub fn connect(address: &SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(address, DEADLINE).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// One byte, and its answer.
pub fn ask(mut stream: &TcpStream) {
    stream.write_all(&[7]).unwrap();
    assert_eq!(answer(stream), Some(7));
}

/// A byte; none at the end, however that comes.
pub fn answer(mut stream: &TcpStream) -> Option<u8> {
    let mut byte = [0];
    match stream.read(&mut byte) {
        Ok(count) => (count == 1).then_some(byte[0]),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
        Err(error) => panic!("neither a byte nor the end: {error}"),
    }
}

/// Nothing comes for a while.
pub fn assert_silent(mut stream: &TcpStream) {
    stream.set_read_timeout(Some(A_WHILE)).unwrap();
    let outcome = stream.read(&mut [0]);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!(outcome.expect_err("nothing was to come").kind(), io::ErrorKind::WouldBlock);
}

/// Waits for what happens elsewhere, and happens soon.
#[track_caller]
pub fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "it never came");
        thread::sleep(Duration::from_millis(1));
    }
}

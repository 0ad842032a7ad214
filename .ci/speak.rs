//! A client for the examples: speaks to a server on loopback and compares every byte.
//!
//! `speak free-address` prints an address that nobody listens on. `speak echo ADDRESS CLIENTS
//! BYTES` sends that many bytes from each of so many clients at once, expects the same bytes back
//! and then the end. `speak reset ADDRESS CLIENTS` leaves in the middle of a message. `speak
//! free-udp-address` and `speak udp-echo ADDRESS CLIENTS DATAGRAMS` do the same with datagrams:
//! each client sends so many, of all lengths, and sends again what is lost. `speak unix-echo PATH
//! CLIENTS BYTES` and `speak unix-reset PATH CLIENTS` speak over a Unix socket. `speak serve-late
//! ADDRESS MILLISECONDS` is no client: it answers each HTTP request so late, until it is ended. Nor
//! is `speak serve-http ADDRESS NAME`, what a reverse proxy may find behind itself (`http`). `speak
//! websocket ADDRESS PATH` sends each line of its input as a text message, prints those that come,
//! and at the end how that was: `closed CODE`, or `cut`.
//!
//! It stands on std alone, so that `rustc` makes it without a package, and it gives up after a
//! while, so that a server that hangs is a failure and not a hanging check.

#[path = "speak/http.rs"]
mod http;
#[path = "speak/websocket.rs"]
mod websocket;

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to start listening.
const START: Duration = Duration::from_secs(20);

/// How long a server may keep a client waiting for one byte.
const PATIENCE: Duration = Duration::from_secs(20);

/// Larger than what the kernel sends in one piece, and no divisor of any message.
const PIECE_BYTES: usize = 70_001;

/// The longest datagram that IPv4 carries.
const DATAGRAM_BYTES: usize = 65_507;

/// After so long a datagram counts as lost.
const LOST_AFTER: Duration = Duration::from_millis(200);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["free-address"] => println!("{}", TcpListener::bind("127.0.0.1:0")?.local_addr()?),
        ["echo", address, clients, bytes] => {
            let (address, bytes) = (address.parse()?, bytes.parse()?);
            each(clients.parse()?, |client| echo(&connect(address)?, client, bytes))?;
            println!("{clients} clients got their {bytes} bytes back");
        }
        ["reset", address, clients] => {
            let address = address.parse()?;
            each(clients.parse()?, |_| reset(&connect(address)?))?;
            println!("{clients} clients left in the middle");
        }
        ["free-udp-address"] => println!("{}", UdpSocket::bind("127.0.0.1:0")?.local_addr()?),
        ["udp-echo", address, clients, datagrams] => {
            let (address, datagrams) = (address.parse()?, datagrams.parse()?);
            each(clients.parse()?, |client| udp_echo(address, client, datagrams))?;
            println!("{clients} clients got their {datagrams} datagrams back");
        }
        ["unix-echo", path, clients, bytes] => {
            let bytes = bytes.parse()?;
            each(clients.parse()?, |client| echo(&connect_unix(path)?, client, bytes))?;
            println!("{clients} clients got their {bytes} bytes back");
        }
        ["unix-reset", path, clients] => {
            each(clients.parse()?, |_| reset(&connect_unix(path)?))?;
            println!("{clients} clients left in the middle");
        }
        ["serve-late", address, milliseconds] => {
            let address: SocketAddr = address.parse()?;
            serve_late(address, Duration::from_millis(milliseconds.parse()?))?;
        }
        ["websocket", address, path] => {
            websocket::speak(&connect(address.parse()?)?, address, path)?
        }
        ["serve-http", address, name] => http::serve(address.parse()?, name)?,
        _ => {
            return Err("free-address | echo ADDRESS CLIENTS BYTES | reset ADDRESS CLIENTS | \
                        free-udp-address | udp-echo ADDRESS CLIENTS DATAGRAMS | \
                        unix-echo PATH CLIENTS BYTES | unix-reset PATH CLIENTS | \
                        serve-late ADDRESS MILLISECONDS | serve-http ADDRESS NAME | \
                        websocket ADDRESS PATH"
                .into());
        }
    }
    Ok(())
}

/// Runs `client` on so many threads at once, and returns the first error.
fn each(clients: usize, client: impl Fn(usize) -> io::Result<()> + Sync) -> io::Result<()> {
    let client = &client;
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..clients).map(|number| scope.spawn(move || client(number))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a client panics never"))
    })
}

/// A server on a thread for each connection, whose answers are all the same.
fn serve_late(address: SocketAddr, pause: Duration) -> io::Result<()> {
    for stream in TcpListener::bind(address)?.incoming() {
        let stream = stream?;
        thread::spawn(move || -> io::Result<()> {
            let mut reader = BufReader::new(&stream);
            let mut line = String::new();
            while reader.read_line(&mut line)? > 2 {
                line.clear();
            }
            thread::sleep(pause);
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5";
            write!(&stream, "{head}\r\n\r\nlate\n")
        });
    }
    Ok(())
}

/// A connection of either kind.
trait Stream: Sync {
    fn send(&self, bytes: &[u8]) -> io::Result<()>;
    fn receive_all(&self, bytes: &mut Vec<u8>) -> io::Result<()>;
    fn receive_one(&self) -> io::Result<()>;
    fn end(&self) -> io::Result<()>;
}

macro_rules! stream {
    ($stream:ty) => {
        impl Stream for $stream {
            fn send(&self, bytes: &[u8]) -> io::Result<()> {
                { self }.write_all(bytes)
            }

            fn receive_all(&self, bytes: &mut Vec<u8>) -> io::Result<()> {
                { self }.read_to_end(bytes).map(drop)
            }

            fn receive_one(&self) -> io::Result<()> {
                { self }.read_exact(&mut [0])
            }

            fn end(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

stream!(TcpStream);
stream!(UnixStream);

fn echo(stream: &impl Stream, client: usize, bytes: usize) -> io::Result<()> {
    let sent = message(client, bytes);
    let mut received = Vec::with_capacity(bytes);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for piece in sent.chunks(PIECE_BYTES) {
                stream.send(piece)?;
            }
            stream.end()
        });
        stream.receive_all(&mut received)?;
        writer.join().expect("a writer panics never")
    })?;
    if received == sent {
        return Ok(());
    }
    let same = received.iter().zip(&sent).take_while(|(one, other)| one == other).count();
    let text = format!(
        "client {client}: {} bytes sent, {} came back, of which {same} right",
        sent.len(),
        received.len()
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}

/// Closing with the answer unread makes the kernel send a reset instead of an end.
fn reset(stream: &impl Stream) -> io::Result<()> {
    stream.send(&message(0, 4096))?;
    stream.receive_one()
}

fn udp_echo(address: SocketAddr, client: usize, datagrams: usize) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(LOST_AFTER))?;
    let content = message(client, DATAGRAM_BYTES);
    let mut buffer = vec![0; DATAGRAM_BYTES + 1];
    for number in 0..datagrams {
        // Short ones, long ones, an empty one and the longest.
        let length = number * 7_919 * DATAGRAM_BYTES / datagrams.max(1) % (DATAGRAM_BYTES + 1);
        let length = if number == 1 { DATAGRAM_BYTES } else { length };
        let deadline = Instant::now() + START;
        loop {
            if Instant::now() > deadline {
                let text = format!("client {client}: {length} bytes never came back");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            // Refused as long as the server has not started.
            let outcome = socket.send(&content[..length]).and_then(|_| socket.recv(&mut buffer));
            match outcome {
                Ok(count) if buffer[..count] == content[..length] => break,
                // One that was sent again may come back twice, but never changed.
                Ok(count) if buffer[..count] == content[..count] => {}
                Ok(count) => {
                    let text = format!("client {client}: {count} bytes came back changed");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = patiently(|| TcpStream::connect(address))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn connect_unix(path: &str) -> io::Result<UnixStream> {
    let stream = patiently(|| UnixStream::connect(path))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Connects to a server that may not have started yet.
fn patiently<T>(connect: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + START;
    loop {
        match connect() {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
                ) && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(20));
            }
            outcome => return outcome,
        }
    }
}

/// Bytes that differ from client to client and do not repeat with a buffer's length.
fn message(client: usize, bytes: usize) -> Vec<u8> {
    let mut state = (client as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        // The xorshift generator of Marsaglia.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..bytes).map(|_| next()).collect()
}

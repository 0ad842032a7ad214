//! A client for the examples: speaks to a server on loopback and compares every byte.
//!
//! `speak free-address` prints an address that nobody listens on. `speak echo ADDRESS CLIENTS
//! BYTES` sends that many bytes from each of so many clients at once, expects the same bytes back
//! and then the end. `speak reset ADDRESS CLIENTS` leaves in the middle of a message. `speak
//! free-udp-address` and `speak udp-echo ADDRESS CLIENTS DATAGRAMS` do the same with datagrams:
//! each client sends so many, of all lengths, and sends again what is lost. `speak unix-echo PATH
//! CLIENTS BYTES` and `speak unix-reset PATH CLIENTS` speak over a Unix socket. `speak serve-late
//! ADDRESS MILLISECONDS` is no client: it answers each HTTP request so late, until it is ended. Nor
//! is `speak serve-http ADDRESS NAME`, what a reverse proxy may find behind itself: see
//! `answer_http`. `speak websocket ADDRESS PATH` sends each line of its input as a text message,
//! prints those that come, and at the end how that was: `closed CODE`, or `cut`.
//!
//! It stands on std alone, so that `rustc` makes it without a package, and it gives up after a
//! while, so that a server that hangs is a failure and not a hanging check.

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
        ["websocket", address, path] => websocket(&connect(address.parse()?)?, address, path)?,
        ["serve-http", address, name] => serve_http(address.parse()?, name)?,
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

/// Speaks by WebSocket (RFC 6455) until the server closes; the end of the input is no end.
fn websocket(stream: &TcpStream, address: &str, path: &str) -> io::Result<()> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    { stream }.write_all(head.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        if reader.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    // What belongs to that key, by the RFC's own example.
    if !answer.starts_with("HTTP/1.1 101 ") || !answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, answer));
    }
    let writer = stream.try_clone()?;
    thread::spawn(move || -> io::Result<()> {
        for line in io::stdin().lines() {
            { &writer }.write_all(&client_frame(0x81, line?.as_bytes()))?;
        }
        Ok(())
    });
    loop {
        let (kind, payload) = match read_frame(&mut reader) {
            Ok(frame) => frame,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                println!("cut");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        match kind {
            0x81 => println!("{}", String::from_utf8_lossy(&payload)),
            0x88 => {
                println!(
                    "closed {}",
                    payload.iter().take(2).fold(0, |code, &byte| { code * 256 + u32::from(byte) })
                );
                return { stream }.write_all(&client_frame(0x88, &payload));
            }
            0x89 => { stream }.write_all(&client_frame(0x8a, &payload))?,
            other => return Err(io::Error::other(format!("a frame that begins with {other:#x}"))),
        }
    }
}

/// With a mask, as a client has to send it.
fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        count @ ..126 => frame.push(0x80 | count as u8),
        count @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(count as u16).to_be_bytes());
        }
        count => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(count as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0xfe, 0x33, 0x80];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The first byte of a server's frame, and its payload.
fn read_frame(reader: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    reader.read_exact(&mut head)?;
    let count = match head[1] {
        126 => {
            let mut bytes = [0; 2];
            reader.read_exact(&mut bytes)?;
            u16::from_be_bytes(bytes).into()
        }
        127 => {
            let mut bytes = [0; 8];
            reader.read_exact(&mut bytes)?;
            u64::from_be_bytes(bytes)
        }
        count => count.into(),
    };
    let mut payload = Vec::new();
    if reader.take(count).read_to_end(&mut payload)? as u64 != count {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((head[0], payload))
}

fn serve_http(address: SocketAddr, name: &str) -> io::Result<()> {
    for stream in TcpListener::bind(address)?.incoming() {
        let (stream, name) = (stream?, name.to_owned());
        thread::spawn(move || -> io::Result<()> {
            let mut reader = BufReader::new(&stream);
            while answer_http(&mut reader, &stream, &name)? {}
            Ok(())
        });
    }
    Ok(())
}

/// Answers a request by its path, well or badly, and tells whether there may be another one.
fn answer_http(
    reader: &mut BufReader<&TcpStream>,
    mut stream: &TcpStream,
    name: &str,
) -> io::Result<bool> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(false);
        }
    }
    let value = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(this, _)| this.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let path = head.split(' ').nth(1).unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let length = value("content-length").and_then(|length| length.parse().ok());
    let in_chunks = value("transfer-encoding") == Some("chunked");
    match *parts.last().unwrap_or(&"") {
        // What was sent to it.
        "head" => answer_with(stream, &head)?,
        // How long the body is.
        "count" => {
            let mut bytes = 0;
            take_body(reader, length, in_chunks, |piece| {
                bytes += piece.len();
                Ok(())
            })?;
            answer_with(stream, &format!("{name} {bytes}"))?;
        }
        // The body, while it comes.
        "echo" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            take_body(reader, length, in_chunks, |piece| {
                write!(stream, "{:x}\r\n", piece.len())?;
                stream.write_all(piece)?;
                stream.write_all(b"\r\n")
            })?;
            stream.write_all(b"0\r\n\r\n")?;
        }
        "upgraded" => {
            let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo";
            write!(stream, "{head}\r\n\r\n")?;
            io::copy(reader, &mut stream)?;
            return Ok(false);
        }
        // Until the peer goes.
        "endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            loop {
                stream.write_all(b"9\r\nand so on\r\n")?;
            }
        }
        // None at all.
        "never" => {
            io::copy(reader, &mut io::sink())?;
            return Ok(false);
        }
        "nonsense" => {
            stream.write_all(b"hello? HTTP?\r\n\r\n")?;
            return Ok(false);
        }
        "torn" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")?;
            return Ok(false);
        }
        // Before the body has come.
        "early" => {
            stream.write_all(b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n")?;
            thread::sleep(LOST_AFTER);
            return Ok(false);
        }
        "smuggled" => {
            let lengths = "Content-Length: 5\r\nTransfer-Encoding: chunked";
            write!(stream, "HTTP/1.1 200 OK\r\n{lengths}\r\n\r\n0\r\n\r\n")?;
            return Ok(false);
        }
        _ => answer_with(stream, name)?,
    }
    Ok(value("connection") != Some("close"))
}

fn answer_with(mut stream: &TcpStream, body: &str) -> io::Result<()> {
    // Fields of this connection only, which nobody beyond it is to see.
    let own = "Keep-Alive: timeout=5\r\nX-Own: 1\r\nConnection: keep-alive, x-own";
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\n{own}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Reads the body of a request to its end.
fn take_body(
    reader: &mut impl BufRead,
    length: Option<u64>,
    in_chunks: bool,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut pass_on = |reader: &mut dyn BufRead, mut left: u64| {
        while left > 0 {
            let piece = reader.fill_buf()?;
            let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            take(&piece[..count])?;
            reader.consume(count);
            left -= count as u64;
        }
        Ok(())
    };
    if !in_chunks {
        return pass_on(reader, length.unwrap_or(0));
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        pass_on(reader, size)?;
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(());
        }
    }
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

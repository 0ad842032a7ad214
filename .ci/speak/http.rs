//! What a reverse proxy may find behind itself: an HTTP server that is good or bad by the path.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// How long it stays after an answer that came too early.
const LINGERS_FOR: Duration = Duration::from_millis(200);

/// Serves, one thread for each connection.
pub fn serve(address: SocketAddr, name: &str) -> io::Result<()> {
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
            thread::sleep(LINGERS_FOR);
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

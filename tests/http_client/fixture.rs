//! A server of HTTP by hand, that counts its connections.

use greenstd::net::TcpStream;
use greenstd::net::io::Duplex;
use greenstd::net::server::{Connection, StreamServer};
use std::io::{self, BufRead, BufReader, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Server {
    server: StreamServer,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

/// A request, as far as these tests look at it.
#[derive(Debug)]
pub struct Request {
    /// As the first line has it: `GET /path HTTP/1.1`.
    pub line: String,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| {
            let (found, value) = header.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Server {
    /// Answers each request of each connection by `answer`.
    pub fn start<F>(answer: F) -> Server
    where
        F: Fn(&Request, &TcpStream) -> io::Result<()> + Send + Sync + 'static,
    {
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let (count, count_request) = (connections.clone(), requests.clone());
        let serve = move |connection: Connection| {
            count.fetch_add(1, Ordering::SeqCst);
            let mut reader = BufReader::new(&*connection);
            while let Some(request) = read_request(&mut reader)? {
                count_request.fetch_add(1, Ordering::SeqCst);
                answer(&request, &connection)?;
            }
            Ok(())
        };
        let server =
            StreamServer::builder().max_connections(5000).start("127.0.0.1:0", serve).unwrap();
        Server { server, connections, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.local_addr())
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.server.stop(std::time::Duration::ZERO);
    }
}

/// None at the end.
pub fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim_end() {
            "" => break,
            header => headers.push(header.to_owned()),
        }
    }
    let mut request = Request { line: line.trim_end().to_owned(), headers, body: Vec::new() };
    if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

/// An answer with such a body.
pub fn answer<S: Duplex + ?Sized>(
    stream: &S,
    status: &str,
    more: &str,
    body: &[u8],
) -> io::Result<()> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    let mut at = 0;
    while at < bytes.len() {
        at += stream.write_to(&bytes[at..])?;
    }
    Ok(())
}

/// Passes bytes on, until both directions have ended.
pub fn relay(one: &TcpStream, other: &TcpStream) -> io::Result<()> {
    greenstd::net::io::copy_bidirectional(one, other)?;
    Ok(())
}

pub fn write(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)
}

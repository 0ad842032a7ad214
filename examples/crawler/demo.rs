//! Hosts to crawl, on loopback: each of a kind, with names that a resolver of ours knows.
//!
//! | names | what they do |
//! |---|---|
//! | `fast-N.demo` | answer at once |
//! | `slow-N.demo` | answer after a while, within the crawler's patience |
//! | `detour-N.demo` | have two addresses, of which only the second answers |
//! | `dead-N.demo` | never answer to a connection: the kernel drops every SYN |
//! | `refusing-N.demo` | have no server |
//! | `half-open-N.demo` | accept a connection and say nothing |
//! | `torn-N.demo` | close in the middle of the page |

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenstd::net::resolver::{self, Resolve};
use greenstd::net::{TcpListener, TcpListenerBuilder, TcpStream};
use greenstd::thread;

const PAGE: &[u8] = &[b'x'; 10_000];
const SLOWNESS: Duration = Duration::from_millis(200);

/// How many names there are of each kind.
const NAMES: [(&str, usize); 7] = [
    ("fast", 40),
    ("slow", 20),
    ("detour", 20),
    ("dead", 5),
    ("refusing", 10),
    ("half-open", 5),
    ("torn", 10),
];

/// The addresses of each kind.
struct Names {
    kinds: HashMap<&'static str, Vec<SocketAddr>>,
    others: Arc<dyn Resolve>,
}

impl Resolve for Names {
    fn resolve(&self, host: &str, deadline: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
        let Some(name) = host.strip_suffix(".demo") else {
            return self.others.resolve(host, deadline);
        };
        let kind = name.rsplit_once('-').map_or(name, |(kind, _)| kind);
        let found = self.kinds.get(kind).cloned();
        found.ok_or_else(|| io::Error::new(ErrorKind::NotFound, format!("no host {host}")))
    }
}

/// Starts the hosts, makes their names known, and returns what to crawl.
pub fn start() -> io::Result<Vec<String>> {
    // One port for all of them, since a name stands for an address only.
    let fast = TcpListenerBuilder::new().backlog(1024).bind("127.0.9.1:0")?;
    let port = fast.local_addr()?.port();
    let at = |last: u8| SocketAddr::from(([127, 0, 9, last], port));
    let [fast_at, slow_at, dead_at, refusing_at, half_open_at, torn_at] =
        [1, 2, 3, 4, 5, 6].map(at);
    serve(fast, |stream| answer(stream, Duration::ZERO, PAGE.len()));
    serve(TcpListener::bind(slow_at)?, |stream| answer(stream, SLOWNESS, PAGE.len()));
    serve(TcpListener::bind(torn_at)?, |stream| answer(stream, Duration::ZERO, PAGE.len() / 2));
    serve(TcpListener::bind(half_open_at)?, |mut stream| {
        // Until the other end has had enough.
        io::copy(&mut stream, &mut io::sink()).map(drop)
    });
    // A queue for one, and that one is in it.
    let dead = TcpListenerBuilder::new().backlog(0).bind(dead_at)?;
    let queued = TcpStream::connect(dead_at)?;
    thread::spawn(move || {
        let _kept = (dead, queued);
        thread::park();
    });
    let kinds = HashMap::from([
        ("fast", vec![fast_at]),
        ("slow", vec![slow_at]),
        ("detour", vec![dead_at, fast_at]),
        ("dead", vec![dead_at]),
        ("refusing", vec![refusing_at]),
        ("half-open", vec![half_open_at]),
        ("torn", vec![torn_at]),
    ]);
    resolver::set_default(Arc::new(Names { kinds, others: resolver::default_resolver() }));
    let named = |(kind, count)| (1..=count).map(move |n| format!("{kind}-{n}.demo:{port}"));
    Ok(NAMES.into_iter().flat_map(named).collect())
}

/// Serves each connection on a green thread of its own, for as long as the program runs.
fn serve(listener: TcpListener, handler: fn(TcpStream) -> io::Result<()>) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A crawler that has lost its patience is no error of the server's.
            thread::spawn(move || handler(stream).unwrap_or_default());
        }
    });
}

/// Answers a request with so much of the page, after a while.
fn answer(mut stream: TcpStream, slowness: Duration, bytes: usize) -> io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&piece[..count]),
        }
    }
    thread::sleep(slowness);
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", PAGE.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&PAGE[..bytes])
}

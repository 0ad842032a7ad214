//! The server: a green thread for each connection, on two workers.

use crate::message::{self, MESSAGE_BYTES};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::{Builder, Runtime};
use greenstd::thread;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A running server; ended when dropped.
pub struct Server {
    address: SocketAddr,
    counts: Arc<Counts>,
    /// Ends everything.
    _runtime: Runtime,
}

#[derive(Default)]
struct Counts {
    live: AtomicUsize,
    messages: AtomicUsize,
    ends: AtomicUsize,
    resets: AtomicUsize,
}

/// Counts one handler as live while it is.
struct Live(Arc<Counts>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Server {
    pub fn start() -> Server {
        let runtime = Builder::new().workers(2).name("server").build().unwrap();
        let counts = Arc::new(Counts::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = counts.clone();
        runtime.spawn(move || {
            for stream in listener.incoming() {
                let (stream, counts) = (stream.unwrap(), shared.clone());
                counts.live.fetch_add(1, Ordering::SeqCst);
                let live = Live(counts);
                thread::spawn(move || handle(stream, &live));
            }
        });
        Server { address, counts, _runtime: runtime }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Handlers that have neither ended nor died.
    pub fn live(&self) -> usize {
        self.counts.live.load(Ordering::SeqCst)
    }

    /// Requests that arrived whole and were answered.
    pub fn messages(&self) -> usize {
        self.counts.messages.load(Ordering::SeqCst)
    }

    /// Handlers whose clients said that they had nothing more to say.
    pub fn ends(&self) -> usize {
        self.counts.ends.load(Ordering::SeqCst)
    }

    /// Handlers whose clients vanished.
    pub fn resets(&self) -> usize {
        self.counts.resets.load(Ordering::SeqCst)
    }

    /// Waits until no handler lives.
    pub fn await_no_live(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.live() > 0 {
            assert!(Instant::now() < deadline, "{} handlers are left", self.live());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// One more connection, after all those that were lost.
    pub fn assert_serves_on(&self) {
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        let request = message::request(u64::MAX, 0);
        let mut answer = [0; MESSAGE_BYTES];
        stream.write_all(&request).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, message::answer(&request));
        drop(stream);
        self.await_no_live();
    }
}

/// The life of a connection.
fn handle(mut stream: TcpStream, live: &Live) {
    let counts = &live.0;
    let mut request = [0; MESSAGE_BYTES];
    loop {
        match stream.read_exact(&mut request) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                counts.ends.fetch_add(1, Ordering::SeqCst);
                return;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                counts.resets.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
        // Before the answer, so that whoever has all the answers finds all of them counted.
        counts.messages.fetch_add(1, Ordering::SeqCst);
        stream.write_all(&message::answer(&request)).unwrap();
    }
}

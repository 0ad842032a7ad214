//! The load generator: one thread, one epoll, closed-loop clients in a process of its own.
//!
//! Each connection sends a message, reads the whole echo, compares it byte for byte, notes the
//! latency, and sends the next. Every message starts with its own number, so that a lost, repeated
//! or swapped byte is found. The first echo of each connection opens it and is not timed; after a
//! warm-up the counters are cleared and the server's CPU clock is read, and again at the end.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::child::Job;
use super::contender::Measurement;
use super::histogram::Histogram;
use super::sys::{self, Epoll};

/// Case name of a load generator's child: load and measure.
pub const CASE: &str = "load";
/// Case name of a child that opens connections, does one echo on each, and holds them.
pub const HOLD_CASE: &str = "hold";
/// What an address begins with that is an abstract name of a Unix socket.
pub const UNIX: &str = "unix:";

/// Events for each wait.
const EVENTS: usize = 1024;
/// No echo takes longer, unless bytes were lost.
const STALL_LIMIT: Duration = Duration::from_secs(20);
/// Bytes of the number at the head of each message.
const NUMBER_BYTES: usize = 8;

/// Loads a server and measures it; the child's side.
///
/// Arguments: `address`, `connections`, `bytes`, `millis`, `warm_millis`, `server` (its pid),
/// `cpus`.
pub fn load(job: &Job) -> Measurement {
    let mut load = Load::open(job).expect("every connection opens and echoes once");
    load.run(Duration::from_millis(job.number("warm_millis") as u64)).expect("bytes come back");
    let warm = load.finished;
    load.latencies.clear();
    let server = job.number("server") as i32;
    let (cpu, start) = (sys::cpu_nanos_of(server), Instant::now());
    load.run(Duration::from_millis(job.number("millis") as u64)).expect("bytes come back");
    let cpu_nanos = sys::cpu_nanos_of(server) - cpu;
    let seconds = start.elapsed().as_secs_f64();
    let latencies = &load.latencies;
    assert!(latencies.total() > 0, "no request was finished within the time");
    let requests = latencies.total() as f64;
    let micros = |nanos: u64| nanos as f64 / 1e3;
    let (p50, p99) = (micros(latencies.quantile(0.50)), micros(latencies.quantile(0.99)));
    Measurement::of("rps", requests / seconds)
        .and("cpu_us", cpu_nanos as f64 / 1e3 / requests)
        .and("p50_us", p50)
        .and("p99_us", p99)
        .and("p99_over_p50", p99 / p50)
        .and("max_us", micros(latencies.max()))
        .and("requests", requests)
        .and("all_requests", (warm + latencies.total()) as f64)
}

/// Opens connections, says `held`, and keeps them until its standard input ends.
pub fn hold(job: &Job) -> Measurement {
    let load = Load::open(job).expect("every connection opens and echoes once");
    println!("held {}", load.clients.len());
    io::copy(&mut io::stdin(), &mut io::sink()).expect("standard input is a pipe");
    Measurement::default()
}

struct Client {
    stream: OwnedFd,
    number: u64,
    sent: usize,
    received: usize,
    since: Instant,
}

struct Load {
    poll: Epoll,
    clients: Vec<Client>,
    /// The message; its first bytes are replaced by the number of the client at hand.
    message: Vec<u8>,
    buffer: Vec<u8>,
    latencies: Histogram,
    finished: u64,
    /// After this no client sends another message.
    end: Option<Instant>,
    waiting: usize,
}

impl Load {
    /// Opens every connection and has it echo once.
    fn open(job: &Job) -> io::Result<Load> {
        sys::raise_file_limit();
        if let Some(cpus) = super::server::cpus(job) {
            sys::pin_to(&cpus);
        }
        let address = job.text("address");
        let bytes = job.number("bytes").max(NUMBER_BYTES);
        let mut load = Load {
            poll: Epoll::new()?,
            clients: Vec::new(),
            message: (0..bytes).map(|index| (index % 251) as u8).collect(),
            buffer: vec![0; bytes],
            latencies: Histogram::new(),
            finished: 0,
            end: Some(Instant::now()),
            waiting: 0,
        };
        for index in 0..job.number("connections") {
            let stream = connect(address)?;
            load.poll.add(stream.as_raw_fd(), index as u64, sys::EDGE_BOTH)?;
            let number = (index as u64) << 32;
            let since = Instant::now();
            load.clients.push(Client { stream, number, sent: 0, received: 0, since });
            load.begin(index)?;
            // One at a time: the backlog of no server overflows, so no connect is retried.
            load.drain()?;
        }
        Ok(load)
    }

    /// Has every client go round until `time` is over and the last echoes are back.
    fn run(&mut self, time: Duration) -> io::Result<()> {
        self.end = None;
        let start = Instant::now();
        for index in 0..self.clients.len() {
            self.begin(index)?;
        }
        let end = start + time;
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        while Instant::now() < end {
            self.turn(&mut events, end.saturating_duration_since(Instant::now()))?;
        }
        // The last echoes count: their requests were served within the CPU time that is counted.
        self.end = Some(end);
        self.drain()
    }

    /// Waits until no message is on its way.
    fn drain(&mut self) -> io::Result<()> {
        let limit = Instant::now() + STALL_LIMIT;
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        while self.waiting > 0 {
            if Instant::now() > limit {
                return Err(io::Error::other(format!("{} echoes never came", self.waiting)));
            }
            self.turn(&mut events, STALL_LIMIT)?;
        }
        Ok(())
    }

    fn turn(&mut self, events: &mut [libc::epoll_event], time: Duration) -> io::Result<()> {
        let millis = time.as_millis().max(1) as i32;
        let count = self.poll.wait(events, millis)?.len();
        for event in &events[..count] {
            self.progress(event.u64 as usize)?;
        }
        Ok(())
    }

    /// Sends the next message of a client.
    fn begin(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        client.number += 1;
        client.sent = 0;
        client.received = 0;
        client.since = Instant::now();
        self.waiting += 1;
        self.push(index)
    }

    /// Sends what the socket takes; the next writable edge continues.
    fn push(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        self.message[..NUMBER_BYTES].copy_from_slice(&client.number.to_le_bytes());
        while client.sent < self.message.len() {
            match sys::send(client.stream.as_raw_fd(), &self.message[client.sent..]) {
                Ok(count) => client.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads, checks, and goes on to the next message when this one is whole.
    fn progress(&mut self, index: usize) -> io::Result<()> {
        if self.clients[index].sent < self.message.len() {
            self.push(index)?;
        }
        loop {
            let client = &mut self.clients[index];
            let count = match sys::receive(client.stream.as_raw_fd(), &mut self.buffer) {
                Ok(0) => return Err(io::Error::other("the server closed a connection")),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.message[..NUMBER_BYTES].copy_from_slice(&client.number.to_le_bytes());
            let expected = self.message.get(client.received..client.received + count);
            if expected != Some(&self.buffer[..count]) {
                return Err(io::Error::other("a byte was lost, repeated or changed"));
            }
            client.received += count;
            if client.received == self.message.len() {
                self.latencies.add(client.since.elapsed().as_nanos() as u64);
                self.finished += 1;
                self.waiting -= 1;
                if self.end.is_none() {
                    self.begin(index)?;
                }
                return Ok(());
            }
        }
    }
}

/// A nonblocking connection.
fn connect(address: &str) -> io::Result<OwnedFd> {
    if let Some(name) = address.strip_prefix(UNIX) {
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        let stream = UnixStream::connect_addr(&address)?;
        stream.set_nonblocking(true)?;
        return Ok(stream.into());
    }
    let address: SocketAddr = address.parse().expect("the parent passed it");
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    sys::reset_on_close(&stream);
    Ok(stream.into())
}

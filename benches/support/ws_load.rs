//! The load generator for servers that speak WebSocket: as `load`, one thread, one epoll,
//! closed-loop clients in a process of its own. It writes frames by hand, under one mask, so that
//! it is no slower than what it loads.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::child::Job;
use super::contender::Measurement;
use super::histogram::Histogram;
use super::sys::{self, Epoll};

/// Case name of a load generator's child: load and measure.
pub const CASE: &str = "ws_load";
/// Case name of a child that opens connections, does one echo on each, and holds them.
pub const HOLD_CASE: &str = "ws_hold";

/// Before the payload of what a server sends.
const HEAD_BYTES: usize = 2;
/// A final binary frame.
const BINARY: u8 = 0x82;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Events for each wait.
const EVENTS: usize = 1024;
/// No echo takes longer, unless bytes were lost.
const STALL_LIMIT: Duration = Duration::from_secs(20);

/// Loads a server and measures it; the child's side. Arguments as those of `load::load`.
pub fn load(job: &Job) -> Measurement {
    let mut load = Load::open(job).expect("every connection opens and echoes once");
    load.run(Duration::from_millis(job.number("warm_millis") as u64)).expect("bytes come back");
    load.latencies.clear();
    let server = job.number("server") as i32;
    let (cpu, start) = (sys::cpu_nanos_of(server), Instant::now());
    load.run(Duration::from_millis(job.number("millis") as u64)).expect("bytes come back");
    let cpu_nanos = sys::cpu_nanos_of(server) - cpu;
    let (seconds, latencies) = (start.elapsed().as_secs_f64(), &load.latencies);
    assert!(latencies.total() > 0, "no request was finished within the time");
    let requests = latencies.total() as f64;
    Measurement::of("rps", requests / seconds)
        .and("cpu_us", cpu_nanos as f64 / 1e3 / requests)
        .and("p50_us", latencies.quantile(0.50) as f64 / 1e3)
        .and("p99_us", latencies.quantile(0.99) as f64 / 1e3)
}

/// Opens connections, says `held`, and keeps them until its standard input ends.
pub fn hold(job: &Job) -> Measurement {
    let load = Load::open(job).expect("every connection opens and echoes once");
    println!("held {}", load.clients.len());
    io::copy(&mut io::stdin(), &mut io::sink()).expect("standard input is a pipe");
    Measurement::default()
}

struct Client {
    stream: TcpStream,
    /// The first byte of its messages, which changes.
    first: u8,
    /// The frame on its way, and how much of it is.
    frame: Vec<u8>,
    sent: usize,
    received: usize,
    since: Instant,
}

struct Load {
    poll: Epoll,
    clients: Vec<Client>,
    message: Vec<u8>,
    buffer: Vec<u8>,
    latencies: Histogram,
    is_ending: bool,
    waiting: usize,
}

impl Load {
    /// Opens every connection and has it echo once.
    fn open(job: &Job) -> io::Result<Load> {
        sys::raise_file_limit();
        if let Some(cpus) = super::server::cpus(job) {
            sys::pin_to(&cpus);
        }
        let bytes = job.number("bytes");
        assert!(bytes < 126, "the length is to be in the second byte of a frame");
        let mut load = Load {
            poll: Epoll::new()?,
            clients: Vec::new(),
            message: (0..bytes).map(|index| (index % 251) as u8).collect(),
            buffer: vec![0; HEAD_BYTES + bytes],
            latencies: Histogram::new(),
            is_ending: true,
            waiting: 0,
        };
        for index in 0..job.number("connections") {
            let client = connect(job.text("address"))?;
            client.stream.set_nonblocking(true)?;
            load.poll.add(client.stream.as_raw_fd(), index as u64, sys::EDGE_BOTH)?;
            load.clients.push(client);
            load.begin(index)?;
            load.drain()?;
        }
        Ok(load)
    }

    /// Has every client go round until `time` is over and the last echoes are back.
    fn run(&mut self, time: Duration) -> io::Result<()> {
        self.is_ending = false;
        let end = Instant::now() + time;
        for index in 0..self.clients.len() {
            self.begin(index)?;
        }
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        while Instant::now() < end {
            self.turn(&mut events, end.saturating_duration_since(Instant::now()))?;
        }
        // The last echoes count: their requests were served within the CPU time that is counted.
        self.is_ending = true;
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
        let count = self.poll.wait(events, time.as_millis().max(1) as i32)?.len();
        for event in &events[..count] {
            self.progress(event.u64 as usize)?;
        }
        Ok(())
    }

    /// Sends the next message of a client.
    fn begin(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        client.first = client.first.wrapping_add(1);
        self.message[0] = client.first;
        client.received = 0;
        client.since = Instant::now();
        client.frame.clear();
        client.frame.extend([BINARY, 0x80 | self.message.len() as u8]);
        client.frame.extend(MASK);
        client.frame.extend(self.message.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
        client.sent = 0;
        self.waiting += 1;
        client.push()
    }

    /// Reads, checks, and goes on to the next message when this one is whole.
    fn progress(&mut self, index: usize) -> io::Result<()> {
        self.clients[index].push()?;
        loop {
            let client = &mut self.clients[index];
            let count = match client.stream.read(&mut self.buffer[client.received..]) {
                Ok(0) if client.received < self.buffer.len() => {
                    return Err(io::Error::other("the server closed a connection"));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                outcome => outcome?,
            };
            client.received += count;
            if client.received < self.buffer.len() {
                // Another client uses the buffer meanwhile; so short a frame comes in one piece.
                return Err(io::Error::other("a frame came in pieces"));
            }
            self.message[0] = client.first;
            let head = [BINARY, self.message.len() as u8];
            if self.buffer[..HEAD_BYTES] != head || self.buffer[HEAD_BYTES..] != self.message {
                return Err(io::Error::other("a byte was lost, repeated or changed"));
            }
            self.latencies.add(client.since.elapsed().as_nanos() as u64);
            self.waiting -= 1;
            if self.is_ending {
                return Ok(());
            }
            self.begin(index)?;
        }
    }
}

impl Client {
    /// Sends what the socket takes; the next writable edge continues.
    fn push(&mut self) -> io::Result<()> {
        while self.sent < self.frame.len() {
            match self.stream.write(&self.frame[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Connects and does the handshake.
fn connect(address: &str) -> io::Result<Client> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    sys::reset_on_close(&stream);
    stream.write_all(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )?;
    // The server says nothing after its answer, so nothing else is read here.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut piece = [0; 512];
        match stream.read(&mut piece)? {
            0 => return Err(io::Error::other("the server refused a connection")),
            count => answer.extend_from_slice(&piece[..count]),
        }
    }
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        return Err(io::Error::other("the server refused a WebSocket"));
    }
    let since = Instant::now();
    Ok(Client { stream, first: 0, frame: Vec::new(), sent: 0, received: 0, since })
}

//! The load generator for HTTP: one thread, one epoll, closed-loop clients that keep their
//! connections.
//!
//! All answers are as long as the first one, which is read to the end that its `content-length`
//! names; each is to begin as that does.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::support::child::Job;
use crate::support::contender::Measurement;
use crate::support::histogram::Histogram;
use crate::support::sys::{self, Epoll};

/// Case name of a load generator's child.
pub const CASE: &str = "http_load";

/// What wrk sends, but for the name of the host.
const REQUEST: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// What follows is "OK", or "Ok".
const STATUS: &[u8] = b"HTTP/1.1 200 ";
const EVENTS: usize = 1024;
/// No answer takes longer, unless bytes were lost.
const STALL_LIMIT: Duration = Duration::from_secs(20);

struct Client {
    stream: TcpStream,
    received: usize,
    since: Instant,
}

struct Load {
    poll: Epoll,
    clients: Vec<Client>,
    answer_bytes: usize,
    buffer: Vec<u8>,
    latencies: Histogram,
    waiting: usize,
    ends: bool,
}

/// Loads a server and measures it; the child's side.
///
/// Arguments: `address`, `connections`, `millis`, `warm_millis`, `server` (its pid), `cpus`.
pub fn load(job: &Job) -> Measurement {
    let mut load = Load::open(job).expect("every connection opens and is answered once");
    load.run(millis(job, "warm_millis")).expect("answers come");
    let warm = load.latencies.total();
    load.latencies.clear();
    let server = job.number("server") as i32;
    let (cpu, start) = (sys::cpu_nanos_of(server), Instant::now());
    load.run(millis(job, "millis")).expect("answers come");
    let cpu_nanos = sys::cpu_nanos_of(server) - cpu;
    let seconds = start.elapsed().as_secs_f64();
    let latencies = &load.latencies;
    assert!(latencies.total() > 0, "no request was finished within the time");
    let requests = latencies.total() as f64;
    let micros = |nanos: u64| nanos as f64 / 1e3;
    Measurement::of("rps", requests / seconds)
        .and("cpu_us", cpu_nanos as f64 / 1e3 / requests)
        .and("p50_us", micros(latencies.quantile(0.50)))
        .and("p99_us", micros(latencies.quantile(0.99)))
        .and("all_requests", requests + warm as f64)
}

fn millis(job: &Job, key: &str) -> Duration {
    Duration::from_millis(job.number(key) as u64)
}

impl Load {
    fn open(job: &Job) -> io::Result<Load> {
        sys::raise_file_limit();
        if let Some(cpus) = crate::support::server::cpus(job) {
            sys::pin_to(&cpus);
        }
        let address: SocketAddr = job.text("address").parse().expect("the parent passed it");
        let mut load = Load {
            poll: Epoll::new()?,
            clients: Vec::new(),
            answer_bytes: 0,
            buffer: vec![0; 64 * 1024],
            latencies: Histogram::new(),
            waiting: 0,
            ends: false,
        };
        for index in 0..job.number("connections") {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.write_all(REQUEST)?;
            load.answer_bytes = read_answer(&mut stream)?;
            stream.set_nonblocking(true)?;
            sys::reset_on_close(&stream);
            load.poll.add(stream.as_raw_fd(), index as u64, sys::EDGE_BOTH)?;
            load.clients.push(Client { stream, received: 0, since: Instant::now() });
        }
        Ok(load)
    }

    /// Has every client go round until `time` is over and the last answers are there.
    fn run(&mut self, time: Duration) -> io::Result<()> {
        let start = Instant::now();
        self.ends = false;
        for index in 0..self.clients.len() {
            self.ask(index)?;
        }
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        while self.waiting > 0 {
            self.ends = start.elapsed() >= time;
            if start.elapsed() > time + STALL_LIMIT {
                return Err(io::Error::other(format!("{} answers never came", self.waiting)));
            }
            let count = self.poll.wait(&mut events, 100)?.len();
            for event in &events[..count] {
                self.progress(event.u64 as usize)?;
            }
        }
        Ok(())
    }

    fn ask(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        client.since = Instant::now();
        client.received = 0;
        self.waiting += 1;
        // Into an empty buffer, which has room for it.
        client.stream.write_all(REQUEST)
    }

    fn progress(&mut self, index: usize) -> io::Result<()> {
        loop {
            let client = &mut self.clients[index];
            let count = match client.stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::Error::other("the server closed a connection")),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            if client.received == 0 && !self.buffer[..count].starts_with(STATUS) {
                return Err(io::Error::other("an answer is no success"));
            }
            client.received += count;
            if client.received > self.answer_bytes {
                return Err(io::Error::other("an answer is longer than the first one"));
            }
            if client.received == self.answer_bytes {
                self.latencies.add(client.since.elapsed().as_nanos() as u64);
                self.waiting -= 1;
                // The rest of the events of this socket are those of the next answer.
                return if self.ends { Ok(()) } else { self.ask(index) };
            }
        }
    }
}

/// Reads one answer, and tells how long it is.
fn read_answer(stream: &mut TcpStream) -> io::Result<usize> {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(answer.len() + length)
}

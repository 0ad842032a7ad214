//! The load generator for datagrams: one thread, one epoll, closed-loop clients in a process of its
//! own, each with a socket that is connected to the server's.
//!
//! Each client sends a numbered datagram, receives the echo, compares it byte for byte, notes the
//! latency, and sends the next. There is never more than one of a client on its way, so nothing is
//! lost over loopback, and what is lost all the same ends the run with an error.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::child::Job;
use super::contender::Measurement;
use super::histogram::Histogram;
use super::sys::{self, Epoll};

/// Events for each wait.
const EVENTS: usize = 1024;
/// No echo takes longer, unless a datagram was lost.
const STALL_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of the number at the head of each datagram.
const NUMBER_BYTES: usize = 8;

/// Loads a server and measures it; the child's side. Arguments: as those of the load of streams.
pub fn load(job: &Job) -> Measurement {
    const COMES_BACK: &str = "every datagram comes back";
    let mut load = Load::open(job).expect("every client has a socket");
    load.run(Duration::from_millis(job.number("warm_millis") as u64)).expect(COMES_BACK);
    let warm = load.latencies.total();
    load.latencies.clear();
    let server = job.number("server") as i32;
    let (cpu, start) = (sys::cpu_nanos_of(server), Instant::now());
    load.run(Duration::from_millis(job.number("millis") as u64)).expect(COMES_BACK);
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
        .and("all_requests", warm as f64 + requests)
}

struct Client {
    socket: UdpSocket,
    number: u64,
    since: Instant,
}

struct Load {
    poll: Epoll,
    clients: Vec<Client>,
    /// The datagram; its first bytes are replaced by the number of the client at hand.
    datagram: Vec<u8>,
    buffer: Vec<u8>,
    latencies: Histogram,
    waiting: usize,
    is_ending: bool,
}

impl Load {
    fn open(job: &Job) -> io::Result<Load> {
        sys::raise_file_limit();
        if let Some(cpus) = super::server::cpus(job) {
            sys::pin_to(&cpus);
        }
        let address: SocketAddr = job.text("address").parse().expect("the parent passed it");
        let bytes = job.number("bytes").max(NUMBER_BYTES);
        let poll = Epoll::new()?;
        let clients = (0..job.number("connections")).map(|index| {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(address)?;
            socket.set_nonblocking(true)?;
            poll.add(socket.as_raw_fd(), index as u64, sys::EDGE_READ)?;
            Ok(Client { socket, number: (index as u64) << 32, since: Instant::now() })
        });
        let clients = clients.collect::<io::Result<Vec<_>>>()?;
        Ok(Load {
            poll,
            clients,
            datagram: (0..bytes).map(|index| (index % 251) as u8).collect(),
            buffer: vec![0; bytes + 1],
            latencies: Histogram::new(),
            waiting: 0,
            is_ending: false,
        })
    }

    /// Has every client go round until `time` is over and the last echoes are back.
    fn run(&mut self, time: Duration) -> io::Result<()> {
        self.is_ending = false;
        let end = Instant::now() + time;
        for index in 0..self.clients.len() {
            self.begin(index)?;
        }
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        let limit = end + STALL_LIMIT;
        // The last echoes count: their requests were served within the CPU time that is counted.
        while self.waiting > 0 {
            let now = Instant::now();
            self.is_ending = now >= end;
            if now >= limit {
                return Err(io::Error::other(format!("{} echoes never came", self.waiting)));
            }
            let next = if self.is_ending { limit } else { end };
            let millis = next.duration_since(now).as_millis() as i32 + 1;
            let count = self.poll.wait(&mut events, millis)?.len();
            for event in &events[..count] {
                self.progress(event.u64 as usize)?;
            }
        }
        Ok(())
    }

    /// Sends the next datagram of a client.
    fn begin(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        client.number += 1;
        client.since = Instant::now();
        self.datagram[..NUMBER_BYTES].copy_from_slice(&client.number.to_le_bytes());
        self.waiting += 1;
        let sent = sys::send(client.socket.as_raw_fd(), &self.datagram)?;
        assert_eq!(sent, self.datagram.len(), "a datagram goes whole");
        Ok(())
    }

    /// Receives, checks, and goes on to the next datagram.
    fn progress(&mut self, index: usize) -> io::Result<()> {
        let client = &self.clients[index];
        let count = match sys::receive(client.socket.as_raw_fd(), &mut self.buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        self.datagram[..NUMBER_BYTES].copy_from_slice(&client.number.to_le_bytes());
        if self.buffer[..count] != self.datagram {
            return Err(io::Error::other("a datagram was repeated or changed"));
        }
        self.latencies.add(client.since.elapsed().as_nanos() as u64);
        self.waiting -= 1;
        if self.is_ending { Ok(()) } else { self.begin(index) }
    }
}

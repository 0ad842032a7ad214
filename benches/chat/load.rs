//! The clients: one thread, one epoll, in a process of its own. All wait, one message is sent, and
//! the time counts until the last of them has it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::child::Job;
use crate::support::contender::Measurement;
use crate::support::sys::{self, Epoll};
use crate::support::{proc, server};

/// Case name of the load generator's child.
pub const CASE: &str = "chat_load";

/// Events for each wait.
const EVENTS: usize = 1024;
/// No message takes longer, unless it was lost.
const STALL_LIMIT: Duration = Duration::from_secs(20);
/// A server that has used no CPU for so long has all its clients waiting.
const QUIET: Duration = Duration::from_millis(100);
/// Where a wait may be that nobody notices: the clock ticks of a server that does nothing.
const QUIET_NANOS: u64 = 1_000_000;

/// Arguments `address`, `server`, `transport`, `connections`, `messages`, `cpus`.
pub fn load(job: &Job) -> Measurement {
    sys::raise_file_limit();
    if let Some(cpus) = server::cpus(job) {
        sys::pin_to(&cpus);
    }
    let pid = job.number("server");
    let (count, messages) = (job.number("connections"), job.number("messages"));
    let before = proc::resident_bytes(pid as u32);
    let mut load = Load::open(job, count).expect("every client connects");
    await_quiet(pid as i32);
    let grown = proc::resident_bytes(pid as u32).saturating_sub(before);
    let (mut lasts, mut medians) = (Vec::new(), Vec::new());
    let mut cpu_nanos = 0;
    // The first one is for warming up.
    for number in 0..=messages {
        let cpu = sys::cpu_nanos_of(pid as i32);
        let times = load.tell(number).expect("every client gets every message once");
        await_quiet(pid as i32);
        if number > 0 {
            cpu_nanos += sys::cpu_nanos_of(pid as i32) - cpu;
            lasts.push(times[count - 1]);
            medians.push(times[count / 2]);
        }
    }
    let cpu_us = cpu_nanos as f64 / 1e3 / (messages * count) as f64;
    Measurement::of("last_us", median(lasts))
        .and("median_us", median(medians))
        .and("cpu_us", cpu_us)
        .and("bytes", grown as f64 / count as f64)
}

/// Microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_nanos() as f64 / 1e3
}

fn await_quiet(server: i32) {
    loop {
        let cpu = sys::cpu_nanos_of(server);
        thread::sleep(QUIET);
        if sys::cpu_nanos_of(server) - cpu < QUIET_NANOS {
            return;
        }
    }
}

struct Load {
    poll: Epoll,
    clients: Vec<Client>,
    /// Sends the messages, and waits for none.
    speaker: TcpStream,
    polls: bool,
}

struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    /// The number of its last message.
    since: u64,
}

impl Load {
    fn open(job: &Job, count: usize) -> io::Result<Load> {
        let address = job.text("address");
        let polls = match job.text("transport") {
            "websocket" => false,
            "poll" => true,
            other => panic!("no transport {other}"),
        };
        let speaker = connect(address)?;
        speaker.set_read_timeout(Some(STALL_LIMIT))?;
        let mut load = Load { poll: Epoll::new()?, clients: Vec::new(), speaker, polls };
        for index in 0..count {
            let mut stream = connect(address)?;
            if !polls {
                shake_hands(&mut stream)?;
            }
            stream.set_nonblocking(true)?;
            load.poll.add(stream.as_raw_fd(), index as u64, sys::EDGE_READ)?;
            let mut client = Client { stream, received: Vec::new(), since: 0 };
            if polls {
                client.ask()?;
            }
            load.clients.push(client);
        }
        Ok(load)
    }

    /// Sends a message; after how long each client had it, in order.
    fn tell(&mut self, number: usize) -> io::Result<Vec<Duration>> {
        let body = format!(r#"{{"name":"bench","text":"message {number}."}}"#);
        let length = body.len();
        let request = format!("POST /send HTTP/1.1\r\nhost: bench\r\ncontent-length: {length}\r\n");
        let start = Instant::now();
        self.speaker.write_all(format!("{request}\r\n{body}").as_bytes())?;
        let text = format!(r#""text":"message {number}.""#);
        let mut times = Vec::with_capacity(self.clients.len());
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        while times.len() < self.clients.len() {
            if start.elapsed() > STALL_LIMIT {
                let missing = self.clients.len() - times.len();
                return Err(io::Error::other(format!("{missing} clients have no message")));
            }
            let count = self.poll.wait(&mut events, STALL_LIMIT.as_millis() as i32)?.len();
            for event in &events[..count] {
                let client = &mut self.clients[event.u64 as usize];
                if client.hear(self.polls, &text)? {
                    times.push(start.elapsed());
                }
            }
        }
        let mut answer = [0; 1024];
        let count = self.speaker.read(&mut answer)?;
        if !answer[..count].starts_with(b"HTTP/1.1 204 ") {
            return Err(io::Error::other("the message was refused"));
        }
        // Only now: the time that counts is that of a message, and not of the next wait.
        if self.polls {
            self.clients.iter_mut().try_for_each(Client::ask)?;
        }
        Ok(times)
    }
}

impl Client {
    fn ask(&mut self) -> io::Result<()> {
        let since = self.since;
        let request = format!("GET /wait?since={since} HTTP/1.1\r\nhost: bench\r\n\r\n");
        // A request is far smaller than the buffer of a socket on which nothing is under way.
        self.stream.write_all(request.as_bytes())
    }

    /// Whether it has the message now. It may have nothing else.
    fn hear(&mut self, polls: bool, text: &str) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::Error::other("the server closed a connection")),
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let whole =
            if polls { response_bytes(&self.received) } else { frame_bytes(&self.received) };
        if whole.is_none_or(|bytes| bytes > self.received.len()) {
            return Ok(false);
        }
        let answer = String::from_utf8_lossy(&self.received);
        if whole != Some(self.received.len()) || answer.matches(r#""text":"#).count() != 1 {
            return Err(io::Error::other(format!("more than one message: {answer}")));
        }
        if !answer.contains(text) {
            return Err(io::Error::other(format!("not the message: {answer}")));
        }
        let number = answer.split(r#""number":"#).nth(1).and_then(|rest| rest.split(',').next());
        let number = number.and_then(|number| number.parse().ok());
        self.since = number.ok_or_else(|| io::Error::other("a message without a number"))?;
        self.received.clear();
        Ok(true)
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    sys::reset_on_close(&stream);
    Ok(stream)
}

/// Becomes a WebSocket.
fn shake_hands(stream: &mut TcpStream) -> io::Result<()> {
    let head = "GET /ws?since=0 HTTP/1.1\r\nhost: bench\r\nconnection: upgrade\r\n\
                upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    stream.set_read_timeout(Some(STALL_LIMIT))?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
    match answer.starts_with(b"HTTP/1.1 101 ") {
        true => Ok(()),
        false => Err(io::Error::other("the server does not speak by WebSocket")),
    }
}

/// How long the response is that begins there, if its head is whole.
fn response_bytes(received: &[u8]) -> Option<usize> {
    let head_bytes = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&received[..head_bytes]).ok()?.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?;
    Some(head_bytes + length.parse::<usize>().ok()?)
}

/// How long the frame is that begins there, if its head is whole; none is longer than 64 KiB.
fn frame_bytes(received: &[u8]) -> Option<usize> {
    match *received.get(1)? {
        126 => {
            let length = [*received.get(2)?, *received.get(3)?];
            Some(4 + usize::from(u16::from_be_bytes(length)))
        }
        length => Some(2 + usize::from(length)),
    }
}

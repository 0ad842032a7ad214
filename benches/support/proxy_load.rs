//! What stands on both sides of a proxy: a source that sends, a sink that compares and counts. Each
//! is a process with one thread and one epoll.
//!
//! Every connection carries the same endless pattern. The sink answers the first byte with one of
//! its own, so that an open connection is known to work both ways, and the end with its count.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::child::Job;
use super::contender::Measurement;
use super::sys::{self, Epoll};
use super::{proxies, server};

/// Case name of a sink's child.
pub const SINK_CASE: &str = "sink";
/// Case name of a source's child, which measures.
pub const SOURCE_CASE: &str = "source";
/// Case name of a child that opens connections and holds them.
pub const HOLD_CASE: &str = "hold";

const EVENTS: usize = 1024;
/// The event number of the listener.
const LISTENER: u64 = u64::MAX;
/// What one call moves.
const PIECE_BYTES: usize = 256 * 1024;
/// Of the pattern: prime, so that it meets no buffer's length.
const PERIOD_BYTES: usize = 251;
/// No transfer takes longer, unless bytes were lost.
const STALL_LIMIT: Duration = Duration::from_secs(100);

/// A piece of the pattern from any place of its period on.
fn pattern() -> Vec<u8> {
    (0..PIECE_BYTES + PERIOD_BYTES).map(|index| (index % PERIOD_BYTES) as u8).collect()
}

/// Receives for ever.
pub fn sink(job: &Job) -> Measurement {
    prepare(job);
    let result = run_sink();
    panic!("the sink ended: {result:?}")
}

fn run_sink() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // As many as there are clients, all at once.
    socket2::SockRef::from(&listener).listen(1024)?;
    listener.set_nonblocking(true)?;
    let poll = Epoll::new()?;
    poll.add(listener.as_raw_fd(), LISTENER, libc::EPOLLIN as u32)?;
    proxies::announce(listener.local_addr()?.port());
    let (pattern, mut buffer) = (pattern(), vec![0; PIECE_BYTES]);
    let mut streams: Vec<(Option<TcpStream>, usize)> = Vec::new();
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    loop {
        let count = poll.wait(&mut events, -1)?.len();
        for event in &events[..count] {
            if event.u64 == LISTENER {
                if let Ok((stream, _)) = listener.accept() {
                    // Level-triggered: a piece for each event keeps all of them going.
                    let number = streams.len() as u64;
                    poll.add(stream.as_raw_fd(), number, libc::EPOLLIN as u32)?;
                    streams.push((Some(stream), 0));
                }
                continue;
            }
            let (place, received) = &mut streams[event.u64 as usize];
            let Some(stream) = place else { continue };
            match sys::receive(stream.as_raw_fd(), &mut buffer) {
                Ok(0) => {
                    stream.write_all(&received.to_le_bytes())?;
                    *place = None;
                }
                Ok(count) => {
                    let offset = *received % PERIOD_BYTES;
                    assert!(buffer[..count] == pattern[offset..offset + count], "a byte is wrong");
                    if *received == 0 {
                        stream.write_all(&[1])?;
                    }
                    *received += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // A connection that a held source has dropped.
                Err(_) => *place = None,
            }
        }
    }
}

/// Sends `bytes` on each of `connections` through the proxy at `address`, whose process is
/// `server`, and has them confirmed.
pub fn source(job: &Job) -> Measurement {
    prepare(job);
    let (server, bytes) = (job.number("server") as i32, job.number("bytes"));
    let streams = open(job).expect("every connection opens");
    let (cpu, start) = (sys::cpu_nanos_of(server), Instant::now());
    send_all(&streams, bytes).expect("the proxy takes all bytes");
    for mut stream in &streams {
        let mut count = [0; size_of::<usize>()];
        stream.read_exact(&mut count).expect("the sink answers");
        assert_eq!(usize::from_le_bytes(count), bytes, "bytes were lost or repeated");
    }
    let cpu_nanos = sys::cpu_nanos_of(server) - cpu;
    let seconds = start.elapsed().as_secs_f64();
    let kibs = (bytes * streams.len()) as f64 / 1024.0;
    Measurement::of("cpu_ns", cpu_nanos as f64 / kibs)
        .and("mib_per_second", kibs / 1024.0 / seconds)
}

/// Opens connections, says so, and keeps them until its standard input ends.
pub fn hold(job: &Job) -> Measurement {
    prepare(job);
    let streams = open(job).expect("every connection opens");
    println!("held {}", streams.len());
    io::copy(&mut io::stdin(), &mut io::sink()).expect("standard input is a pipe");
    Measurement::default()
}

fn prepare(job: &Job) {
    sys::raise_file_limit();
    if let Some(cpus) = server::cpus(job) {
        sys::pin_to(&cpus);
    }
}

/// Connections that have sent the first byte of the pattern and got the sink's answer.
fn open(job: &Job) -> io::Result<Vec<TcpStream>> {
    let address: SocketAddr = job.text("address").parse().expect("the parent passed it");
    let open_one = |_| {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STALL_LIMIT))?;
        stream.write_all(&[0])?;
        stream.read_exact(&mut [0])?;
        Ok(stream)
    };
    (0..job.number("connections")).map(open_one).collect()
}

/// Sends on all at once, and then the end of each.
fn send_all(streams: &[TcpStream], bytes: usize) -> io::Result<()> {
    let (poll, pattern) = (Epoll::new()?, pattern());
    for (number, stream) in streams.iter().enumerate() {
        poll.add(stream.as_raw_fd(), number as u64, libc::EPOLLOUT as u32)?;
    }
    // The first byte was sent by `open`.
    let mut sent = vec![1; streams.len()];
    let mut left = streams.len();
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let limit = Instant::now() + STALL_LIMIT;
    while left > 0 {
        if Instant::now() > limit {
            return Err(io::Error::other(format!("{left} connections are stuck")));
        }
        let count = poll.wait(&mut events, 1_000)?.len();
        for event in &events[..count] {
            let number = event.u64 as usize;
            let (stream, sent) = (&streams[number], &mut sent[number]);
            if *sent == bytes {
                continue;
            }
            let offset = *sent % PERIOD_BYTES;
            let length = PIECE_BYTES.min(bytes - *sent);
            match sys::send(stream.as_raw_fd(), &pattern[offset..offset + length]) {
                Ok(count) => *sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if *sent == bytes {
                stream.shutdown(Shutdown::Write)?;
                poll.remove(stream.as_raw_fd())?;
                left -= 1;
            }
        }
    }
    Ok(())
}

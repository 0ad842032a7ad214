//! Many connections: how they are spread, what they cost others, and what they leave behind.

use super::fixture::{DEADLINE, ask, connect, echo, until};
use crate::child;
use crate::descriptors::descriptors;
use crate::flavour::on_workers;
use greenstd::net::server::{Acceptors, Connection, StreamServer};
use greenstd::runtime::{Builder, Runtime};
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

const SPREAD: usize = 1000;

/// On how many connections each of two workers has a handler.
fn spread(acceptors: Acceptors) -> Vec<usize> {
    let counts: Arc<Mutex<HashMap<ThreadId, usize>>> = Arc::default();
    let its_counts = Arc::clone(&counts);
    on_workers(2, move || {
        let server = StreamServer::builder()
            .acceptors(acceptors)
            .start("127.0.0.1:0", move |connection| {
                // All green threads of a worker are on one OS thread.
                *its_counts.lock().unwrap().entry(thread::current().id()).or_insert(0) += 1;
                echo(connection)
            })
            .unwrap();
        let address = *server.local_addr();
        let clients = thread::spawn(move || {
            let connect = |_| {
                thread::sleep(Duration::from_micros(500));
                connect(&address)
            };
            let clients: Vec<_> = (0..SPREAD).map(connect).collect();
            clients.iter().for_each(ask);
            clients
        });
        until(|| server.statistics().live == SPREAD as u64);
        while !clients.is_finished() {
            greenstd::thread::sleep(Duration::from_millis(1));
        }
        drop(clients.join().unwrap());
    });
    let counts = counts.lock().unwrap();
    counts.values().copied().collect()
}

#[test]
fn two_workers_share_connections_evenly() {
    for acceptors in [Acceptors::SharedListener, Acceptors::ReusePort] {
        // A worker that gets no core for a while has fewer, so it may take some attempts on a
        // busy machine; without spreading none succeeds.
        let mut attempts = (0..10).map(|_| spread(acceptors));
        let fair = SPREAD * 2 / 5..=SPREAD * 3 / 5;
        let is_even = |counts: &Vec<usize>| {
            println!("{acceptors:?}: {counts:?}");
            counts.len() == 2 && counts.iter().all(|count| fair.contains(count))
        };
        assert!(attempts.any(|counts| is_even(&counts)), "{acceptors:?}");
    }
}

static HOGS: AtomicBool = AtomicBool::new(false);

/// Lets workers be hogged, until it is dropped.
struct Hogging;

impl Hogging {
    fn begin() -> Hogging {
        HOGS.store(true, Ordering::SeqCst);
        Hogging
    }
}

impl Drop for Hogging {
    fn drop(&mut self) {
        HOGS.store(false, Ordering::SeqCst);
    }
}

/// Tells whether it is on the worker of the first connection; hogs its worker when it is told to.
fn tell_and_hog(mut connection: Connection, first: &Mutex<Option<ThreadId>>) -> io::Result<()> {
    let worker = thread::current().id();
    let is_first = *first.lock().unwrap().get_or_insert(worker) == worker;
    connection.write_all(&[u8::from(is_first)])?;
    connection.read_exact(&mut [0])?;
    while HOGS.load(Ordering::SeqCst) {
        std::hint::spin_loop();
    }
    connection.write_all(&[2])
}

/// Whether connections are served while either of the workers is stuck.
fn is_served_beside_a_hog() -> bool {
    let runtime = Builder::new().workers(2).build().unwrap();
    let first = Mutex::new(None);
    let handle = move |connection| tell_and_hog(connection, &first);
    let server = runtime.run(|| StreamServer::builder().start("127.0.0.1:0", handle).unwrap());
    let address = *server.local_addr();
    // Until each worker has its acceptor.
    thread::sleep(Duration::from_millis(500));
    let mut hogs = [None, None];
    for _ in 0..1000 {
        let mut stream = std_client(address);
        let mut number = [0];
        stream.read_exact(&mut number).unwrap();
        hogs[usize::from(number[0])].get_or_insert(stream);
    }
    let mut are_served = true;
    for hog in &hogs {
        let Some(mut hog) = hog.as_ref() else { return false };
        let hogging = Hogging::begin();
        hog.write_all(&[0]).unwrap();
        thread::sleep(Duration::from_millis(50));
        // Those that are placed on the stuck worker have to wait for it.
        let (start, mut served) = (Instant::now(), 0);
        while served < 10 && start.elapsed() < Duration::from_secs(3) {
            let mut stream = std_client(address);
            stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            served += usize::from(stream.read_exact(&mut [0]).is_ok());
        }
        drop(hogging);
        hog.read_exact(&mut [0]).unwrap();
        are_served &= served == 10;
    }
    are_served
}

#[test]
fn worker_that_is_stuck_delays_no_accept() {
    // Where a worker got no core for all of the time, it has no acceptor.
    let mut attempts = (0..5).map(|_| is_served_beside_a_hog());
    assert!(attempts.any(|is_served| is_served));
}

/// A client of std, which ends in any case.
fn std_client(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn exchange(mut stream: &TcpStream) -> Duration {
    let start = Instant::now();
    stream.write_all(b"request\n").unwrap();
    let mut response = [0; 8];
    stream.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"request\n");
    start.elapsed()
}

/// An echo of lines, on a runtime that ends with it.
fn serve_lines(workers: usize) -> (Runtime, StreamServer) {
    let runtime = Builder::new().workers(workers).build().unwrap();
    let server = runtime.run(|| {
        let serve = |connection: Connection| {
            let mut reader = io::BufReader::new(&*connection);
            let mut line = Vec::new();
            while io::BufRead::read_until(&mut reader, b'\n', &mut line)? > 0 {
                (&connection).write_all(&line)?;
                line.clear();
            }
            Ok(())
        };
        StreamServer::builder().start("127.0.0.1:0", serve).unwrap()
    });
    (runtime, server)
}

/// How long an exchange of one client takes, as a median, beside so many that send one byte a
/// second of a line that never ends.
fn beside_slow_clients(workers: usize, slow: usize) -> Duration {
    let (_runtime, server) = serve_lines(workers);
    let address = *server.local_addr();
    let slow: Vec<_> = (0..slow).map(|_| std_client(address)).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let until_when = Arc::clone(&is_over);
    let dripping = thread::spawn(move || {
        while !until_when.load(Ordering::SeqCst) {
            let start = Instant::now();
            slow.iter().for_each(|mut stream| stream.write_all(b"x").unwrap());
            while start.elapsed() < Duration::from_secs(1) && !until_when.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
        }
        slow
    });
    let fast = std_client(address);
    let mut times: Vec<_> = (0..200)
        .map(|_| {
            thread::sleep(Duration::from_millis(10));
            exchange(&fast)
        })
        .collect();
    is_over.store(true, Ordering::SeqCst);
    drop(dripping.join().unwrap());
    times.sort();
    times[times.len() / 2]
}

#[test]
fn thousand_slow_clients_leave_a_fast_one_fast() {
    for workers in [1, 2] {
        let (alone, beside) = (beside_slow_clients(workers, 0), beside_slow_clients(workers, 1000));
        println!("{workers} workers: alone {alone:?}, beside 1,000 slow ones {beside:?}");
        // A server that a slow client holds up answers after seconds, or never.
        assert!(beside < Duration::from_millis(50), "{alone:?}, then {beside:?}");
    }
}

/// Connections, each with one request, one after the other.
fn churn(address: SocketAddr, count: usize) {
    for _ in 0..count {
        exchange(&std_client(address));
    }
}

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn ten_thousand_connections_leave_neither_descriptors_nor_memory_behind() {
    child::succeed(|| {
        for workers in [1, 2] {
            let (_runtime, server) = serve_lines(workers);
            let address = *server.local_addr();
            let is_at_rest = || server.statistics().live == 0;
            churn(address, 2000);
            until(is_at_rest);
            let before = (descriptors(), resident_kib());
            churn(address, 8000);
            until(is_at_rest);
            let after = (descriptors(), resident_kib());
            println!("{workers} workers: {before:?} after 2,000, {after:?} after 10,000");
            assert_eq!(server.statistics().finished, 10_000);
            // A descriptor of the look itself, or of a registration that is ending.
            assert!(after.0 <= before.0 + 2, "{before:?}, then {after:?}");
            // A leak of a single page for each would be 32 MiB, one of 256 bytes 2 MiB.
            assert!(after.1 <= before.1 + 1536, "{before:?}, then {after:?}");
        }
    });
}

//! The clients: a process with a green thread for each connection, and the parent's hold on it.

use crate::message::{self, MESSAGE_BYTES};
use crate::{ADDRESS, CONNECTIONS, ROUNDS};
use greenstd::net::TcpStream;
use greenstd::runtime::Builder;
use greenstd::thread::{self, JoinHandle};
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Connects that are under way at once: fewer than a listener's queue takes, which is 128.
const WAVE: usize = 100;

/// The process of the clients, killed when dropped.
pub struct Clients {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Clients {
    pub fn start(server: SocketAddr) -> Clients {
        // This program has one test, whose name need not be told.
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--nocapture", "--test-threads=1"])
            .env(ADDRESS, server.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Clients { process, output }
    }

    /// Waits until the clients say so.
    pub fn await_phase(&mut self, phase: &str) {
        let mut line = String::new();
        // The harness leaves words of its own, perhaps before ours on the same line.
        while !line.trim_end().ends_with(phase) {
            line.clear();
            let count = self.output.read_line(&mut line).unwrap();
            assert!(count > 0, "the clients have ended before they were {phase}");
        }
    }

    /// Tells the clients what to do next.
    pub fn begin_phase(&mut self, phase: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{phase}").unwrap();
    }

    /// Waits for the end of the process.
    pub fn end(mut self) {
        io::copy(&mut self.output, &mut io::sink()).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        // Both fail only if the process has ended and was waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leave {
    /// Abruptly: the peer is sent a reset.
    Reset,
    /// Says that it has nothing more to say, and waits for the same from the peer.
    HalfClose,
    /// Closes.
    Close,
}

impl Leave {
    fn of(connection: usize) -> Leave {
        [Leave::Reset, Leave::HalfClose, Leave::Close][connection % 3]
    }

    /// How many leave so.
    pub fn count(leave: Leave) -> usize {
        (0..CONNECTIONS).filter(|&connection| Leave::of(connection) == leave).count()
    }
}

/// What the clients wait for, and how many have got there.
#[derive(Default)]
struct Progress {
    phase: AtomicUsize,
    connected: AtomicUsize,
    used: AtomicUsize,
}

impl Progress {
    fn await_phase(&self, phase: usize) {
        while self.phase.load(Ordering::SeqCst) < phase {
            thread::park();
        }
    }

    fn begin_phase(&self, phase: usize, clients: &[JoinHandle<()>]) {
        let mut line = String::new();
        io::stdin().read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the parent has ended");
        self.phase.store(phase, Ordering::SeqCst);
        clients.iter().for_each(|client| client.thread().unpark());
    }
}

/// The body of the process.
pub fn run(server: SocketAddr) {
    let runtime = Builder::new().workers(2).name("client").build().unwrap();
    let progress = Arc::new(Progress::default());
    let mut clients = Vec::with_capacity(CONNECTIONS);
    while clients.len() < CONNECTIONS {
        let wave = clients.len()..CONNECTIONS.min(clients.len() + WAVE);
        for connection in wave {
            let progress = progress.clone();
            clients.push(runtime.spawn(move || live(connection, server, &progress)));
        }
        await_count(&progress.connected, clients.len());
    }
    println!("open");
    progress.begin_phase(1, &clients);
    await_count(&progress.used, CONNECTIONS);
    println!("used");
    progress.begin_phase(2, &clients);
    clients.into_iter().for_each(|client| client.join().unwrap());
    println!("left");
}

/// Waits until so many have got there; the watchdog sees to those that never do.
fn await_count(count: &AtomicUsize, wanted: usize) {
    while count.load(Ordering::SeqCst) < wanted {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The life of one client.
fn live(connection: usize, server: SocketAddr, progress: &Progress) {
    let mut stream = TcpStream::connect(server).unwrap();
    exchange(&mut stream, connection, 0);
    progress.connected.fetch_add(1, Ordering::SeqCst);
    progress.await_phase(1);
    (1..=ROUNDS).for_each(|round| exchange(&mut stream, connection, round));
    progress.used.fetch_add(1, Ordering::SeqCst);
    progress.await_phase(2);
    match Leave::of(connection) {
        Leave::Reset => {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        Leave::HalfClose => {
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the server closes too");
        }
        Leave::Close => {}
    }
}

fn exchange(stream: &mut TcpStream, connection: usize, round: usize) {
    let request = message::request(connection as u64, round as u64);
    let mut answer = [0; MESSAGE_BYTES];
    stream.write_all(&request).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, message::answer(&request), "{connection}, {round}");
}

//! Echo servers as children: start one, learn its port, read its costs, kill it.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use super::child::{Child, Job};
use super::contender::{Contender, Measurement, System};
use super::{on_may, on_tokio, ours, raw_server, sys};

/// Case name of a server's child.
pub const CASE: &str = "serve";

/// A running echo server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// The process that serves: under `strace` that is not the child itself.
    pub pid: u32,
}

impl Server {
    /// Starts the contender's server: arguments `workers`, `buffer_bytes`, `cpus`.
    pub fn start(contender: &Contender) -> Result<Server, String> {
        Server::greet(Child::start(&contender.clone().with("case", CASE).arguments))
    }

    /// Starts the contender's server under `strace`.
    pub fn start_traced(contender: &Contender, options: &[&str]) -> Result<Server, String> {
        let arguments = contender.clone().with("case", CASE).arguments;
        Server::greet(Child::start_traced(options, &arguments))
    }

    fn greet(mut child: Child) -> Result<Server, String> {
        let line = child.line()?;
        let mut words = line.split(' ');
        match (words.next(), number(words.next()), number(words.next())) {
            (Some("listening"), Some(port), Some(pid)) => {
                let port = u16::try_from(port).map_err(|_| format!("no port: {line}"))?;
                Ok(Server { child, address: (Ipv4Addr::LOCALHOST, port).into(), pid })
            }
            _ => Err(format!("the server said {line:?}")),
        }
    }

    /// Ends the server the way an operator does, and waits until it (and its tracer) has ended.
    pub fn terminate(mut self) {
        sys::signal(self.pid as i32, libc::SIGTERM);
        while self.child.line().is_ok() {}
    }
}

/// Serves until killed; the child's side.
pub fn serve(job: &Job) -> Measurement {
    prepare(job);
    let (workers, buffer_bytes) = (job.number("workers"), job.number("buffer_bytes"));
    let result = match job.system() {
        System::Ours => ours::serve_echo(workers, buffer_bytes, announce),
        System::May => on_may::serve_echo(workers, buffer_bytes, announce),
        tokio @ (System::TokioCurrent | System::TokioMulti) => {
            on_tokio::serve_echo(tokio, workers, buffer_bytes, announce)
        }
        System::Threads => raw_server::serve_threads(buffer_bytes, announce),
        System::Raw => raw_server::serve_epoll(workers, buffer_bytes, announce),
        other => panic!("{other:?} is no echo server"),
    };
    panic!("the server ended: {result:?}")
}

/// Raises the limits of a server's child, and pins it if asked to.
pub fn prepare(job: &Job) {
    sys::raise_file_limit();
    if let Some(cpus) = cpus(job) {
        sys::pin_to(&cpus);
    }
}

/// The CPUs of a child, if it is to be pinned: `cpus=0`, or `cpus=any`.
pub fn cpus(job: &Job) -> Option<Vec<usize>> {
    match job.text("cpus") {
        "any" => None,
        _ => Some(vec![job.number("cpus")]),
    }
}

/// Tells the parent where the server of this process is.
pub fn announce(port: u16) {
    println!("listening {port} {}", std::process::id());
    // Standard output is a pipe to the parent, which waits for this line.
    io::stdout().flush().expect("the parent is alive");
}

fn number(word: Option<&str>) -> Option<u32> {
    word.and_then(|word| word.parse().ok())
}

//! `idle`: a server with two workers and ten parked connections does nothing at all.
//!
//! All systems idle at the same time, each in its own process. In a first window the context
//! switches of all their threads are counted, in a second one their system calls, by `strace` with
//! time stamps: attaching interrupts every waiting call, so the first moments after it do not
//! count.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child as Process, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::contender::{Contender, Measurement, Role, System};
use support::rounds::{Bench, Sample};
use support::server::Server;
use support::{proc, server, sys};

const WORKERS: usize = 2;
const CONNECTIONS: usize = 10;
const MESSAGE: &[u8] = b"one echo, then silence";
/// From the last echo to the first window: whatever a runtime still has to do is done.
const SETTLE: Duration = Duration::from_millis(500);
/// From attaching to counting: the interrupted calls have been made again.
const ATTACH: Duration = Duration::from_millis(700);

fn main() -> ExitCode {
    support::main("idle", plan, server::serve)
}

fn plan(bench: &mut Bench) {
    let window = Duration::from_secs(bench.options.pick(5, 3));
    let contenders = [
        Contender::ours(),
        Contender::peer(System::TokioMulti),
        Contender::peer(System::May),
        Contender::beside(System::Raw),
    ];
    let contenders = contenders.into_iter();
    let contenders = contenders.filter(|one| bench.options.wants_system(one.system.name()));
    let mut idlers: Vec<Idler> = contenders.map(Idler::start).collect();
    thread::sleep(SETTLE);
    count_context_switches(&mut idlers, window);
    let has_strace = Command::new("strace").arg("-V").output().is_ok();
    if has_strace {
        count_syscalls(&mut idlers, window);
    } else {
        println!("bench=idle row=syscalls skipped: strace is not installed");
    }
    let samples: Vec<Sample> = idlers.into_iter().map(Idler::into_sample).collect();
    for sample in &samples {
        if let (Some(failure), Role::Ours) = (&sample.failure, sample.contender.role) {
            bench.fail(&format!("ours failed: {failure}"));
        }
    }
    let seconds = window.as_secs();
    bench.row(&format!("context_switches_{seconds}s"), "count", &samples, "context_switches");
    if has_strace {
        bench.row(&format!("syscalls_{seconds}s"), "count", &samples, "syscalls");
    }
}

/// A server with its parked connections.
struct Idler {
    contender: Contender,
    running: Result<(Server, Vec<TcpStream>), String>,
    measurement: Measurement,
}

impl Idler {
    fn start(contender: Contender) -> Idler {
        let name = contender.system.name();
        let contender = contender.with("system", name).with("workers", WORKERS);
        let contender = contender.with("buffer_bytes", 2 * MESSAGE.len()).with("cpus", "any");
        let running = Server::start(&contender).and_then(|server| {
            let clients = open_clients(&server).map_err(|error| error.to_string())?;
            Ok((server, clients))
        });
        Idler { contender, running, measurement: Measurement::default() }
    }

    fn pid(&self) -> Option<u32> {
        self.running.as_ref().ok().map(|(server, _)| server.pid)
    }

    fn note(&mut self, name: &str, value: f64) {
        self.measurement = std::mem::take(&mut self.measurement).and(name, value);
    }

    fn into_sample(self) -> Sample {
        let failure = self.running.err();
        let measurements = if failure.is_none() { vec![self.measurement] } else { Vec::new() };
        Sample { contender: self.contender, measurements, failure }
    }
}

fn open_clients(server: &Server) -> std::io::Result<Vec<TcpStream>> {
    let open = |_| {
        let mut stream = TcpStream::connect(server.address)?;
        stream.write_all(MESSAGE)?;
        let mut echo = [0; MESSAGE.len()];
        stream.read_exact(&mut echo)?;
        assert_eq!(echo, MESSAGE, "the echo differs from the message");
        Ok(stream)
    };
    (0..CONNECTIONS).map(open).collect()
}

fn count_context_switches(idlers: &mut [Idler], window: Duration) {
    let count = |idler: &Idler| idler.pid().map(proc::context_switches);
    let before: Vec<_> = idlers.iter().map(count).collect();
    thread::sleep(window);
    for (idler, before) in idlers.iter_mut().zip(before) {
        if let (Some(before), Some(after)) = (before, count(idler)) {
            idler.note("context_switches", (after - before) as f64);
        }
    }
}

fn count_syscalls(idlers: &mut [Idler], window: Duration) {
    let trace = |idler: &Idler| idler.pid().map(Trace::attach);
    let traces: Vec<_> = idlers.iter().map(trace).collect();
    thread::sleep(ATTACH);
    let start = epoch_seconds();
    thread::sleep(window);
    let end = epoch_seconds();
    for (idler, trace) in idlers.iter_mut().zip(traces) {
        if let Some(trace) = trace {
            idler.note("syscalls", trace.calls_between(start, end) as f64);
        }
    }
}

/// An `strace` attached to a process.
struct Trace {
    process: Process,
    log: PathBuf,
}

impl Trace {
    fn attach(pid: u32) -> Trace {
        let log = std::env::temp_dir().join(format!("greenstd-bench-{pid}.strace"));
        let mut command = Command::new("strace");
        command.args(["-f", "-ttt", "-o"]).arg(&log).arg("-p").arg(pid.to_string());
        let process = command.stderr(Stdio::null()).spawn().expect("strace was found before");
        Trace { process, log }
    }

    /// Detaches, and counts the calls that began between two moments.
    ///
    /// # Panics
    /// If strace never attached: an empty log would pass for silence.
    fn calls_between(mut self, start: f64, end: f64) -> usize {
        sys::signal(self.process.id() as i32, libc::SIGINT);
        self.process.wait().expect("strace is a child and not yet reaped");
        let log = std::fs::read_to_string(&self.log).expect("strace has written its log");
        assert!(!log.is_empty(), "strace did not attach");
        let began = |line: &str| {
            let mut words = line.split_whitespace().skip(1);
            let stamp: f64 = words.next()?.parse().ok()?;
            // "<... resumed" ends a call whose beginning has a line of its own; "+++" is an exit.
            let is_call = !matches!(words.next(), Some("<..." | "+++" | "---"));
            Some(is_call && (start..end).contains(&stamp))
        };
        log.lines().filter_map(began).filter(|&is_counted| is_counted).count()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // All three fail only if what they end or remove is gone, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

fn epoch_seconds() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("the clock is set to later than 1970").as_secs_f64()
}

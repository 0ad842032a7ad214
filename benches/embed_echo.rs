//! `embed_echo`: an echo server whose runtime a foreign loop drives, beside the same server on a
//! runtime with a thread of its own: requests per second, CPU per request, latency.
//!
//! The foreign loop is one of `poll(2)`, which polls the runtime's descriptor and nothing else; in
//! another contender it is tokio's. Server and load generator are processes of their own, each
//! bound to a CPU.

mod support;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use greenstd::runtime::{Builder, DrivenRuntime};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::rounds::Bench;
use support::server::{self, Server};
use support::{load, ours, sys};

const BYTES: usize = 64;
/// As in `tcp_echo`: a buffer that is read full makes every edge-triggered server ask once more.
const BUFFER_BYTES: usize = 2 * BYTES;
const CONNECTIONS: [usize; 3] = [1, 100, 1_000];

fn main() -> ExitCode {
    support::main("embed_echo", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => serve(job),
        load::CASE => load::load(job),
        other => panic!("no case {other}"),
    }
}

fn plan(bench: &mut Bench) {
    sys::raise_file_limit();
    for connections in CONNECTIONS {
        if bench.options.is_quick && connections == 1_000 {
            continue;
        }
        plan_row(bench, connections);
    }
}

/// All are ours: the peer is the runtime's own loop.
fn servers() -> Vec<Contender> {
    let servers = [
        Contender::ours().with("loop", "poll"),
        Contender::peer(System::Ours).labelled("own_loop").with("loop", "own"),
        Contender::beside(System::Ours).labelled("in_tokio").with("loop", "tokio"),
    ];
    let configure = |one: Contender| one.with("buffer_bytes", BUFFER_BYTES).with("cpus", cpu(0));
    servers.map(configure).into()
}

/// The server's CPU is number 0 of those allowed, the load's number 1.
fn cpu(number: usize) -> String {
    sys::allowed_cpus().get(number).map_or_else(|| "any".to_owned(), usize::to_string)
}

fn plan_row(bench: &mut Bench, connections: usize) {
    let row = format!("w1_64B_c{connections}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let (millis, warm_millis) = bench.options.pick((1_000, 300), (200, 60));
    let samples = bench.interleave_with(servers(), |contender| {
        let server = Server::start(contender)?;
        let load = Contender::beside(System::Raw)
            .with("case", load::CASE)
            .with("address", server.address)
            .with("connections", connections)
            .with("bytes", BYTES)
            .with("cpus", cpu(1))
            .with("millis", millis)
            .with("warm_millis", warm_millis)
            .with("server", server.pid);
        Child::start(&load.arguments).measurement()
    });
    // Issue: at least 0.9 of the throughput of its own loop, so a ratio of 1.11 at most.
    bench.row_higher(&format!("{row}_rps"), "1/s", &samples, "rps");
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row(&format!("{row}_p50"), "us", &samples, "p50_us");
    bench.row(&format!("{row}_p99"), "us", &samples, "p99_us");
}

/// Serves until killed; the child's side. Arguments: `loop`, `buffer_bytes`, `cpus`.
fn serve(job: &Job) -> Measurement {
    server::prepare(job);
    let buffer_bytes = job.number("buffer_bytes");
    let result = match job.text("loop") {
        "own" => ours::serve_echo(1, buffer_bytes, server::announce),
        "poll" => in_poll(&embedded(buffer_bytes)),
        "tokio" => in_tokio(embedded(buffer_bytes)),
        other => panic!("no loop {other}"),
    };
    panic!("the server ended: {result:?}")
}

fn embedded(buffer_bytes: usize) -> DrivenRuntime {
    let runtime = Builder::new().build_driven().expect("the system has room for a runtime");
    runtime.spawn(move || ours::accept(buffer_bytes, server::announce));
    runtime
}

fn in_poll(runtime: &DrivenRuntime) -> io::Result<()> {
    loop {
        match poll(&mut [PollFd::new(runtime, PollFlags::IN)], None) {
            Ok(_) => {
                runtime.turn(Some(Duration::ZERO));
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[allow(unsafe_code, reason = "tokio wants a promise for a descriptor")]
fn in_tokio(runtime: DrivenRuntime) -> io::Result<()> {
    let host = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    host.block_on(async {
        // SAFETY: the descriptor is the runtime's, and open for as long as that is there.
        let runtime = unsafe { AsyncFd::register_with_interest(runtime, Interest::READABLE)? };
        loop {
            while runtime.get_ref().turn(Some(Duration::ZERO)).is_runnable() {
                tokio::task::yield_now().await;
            }
            runtime.readable().await?.clear_ready();
        }
    })
}

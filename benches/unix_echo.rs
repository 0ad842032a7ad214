//! `unix_echo`: server CPU per request, requests per second and latency of an echo server on a Unix
//! socket.
//!
//! Server and load generator are processes of their own; the server has one worker and is bound to
//! the first CPU, and the load to the second.

mod support;

use std::process::ExitCode;

use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::rounds::Bench;
use support::server::Server;
use support::{load, server, sys, unix_server};

const BYTES: usize = 64;
/// As in `tcp_echo`: a buffer that is read full makes every edge-triggered server ask once more.
const BUFFER_BYTES: usize = 2 * BYTES;
const CONNECTIONS: [usize; 3] = [1, 100, 1_000];

fn main() -> ExitCode {
    support::main("unix_echo", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => unix_server::serve(job),
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

/// Threads are beside the comparison, which is with runtimes.
fn servers() -> Vec<Contender> {
    let servers = [
        Contender::ours(),
        Contender::peer(System::TokioCurrent),
        Contender::peer(System::TokioMulti),
        Contender::beside(System::Threads),
    ];
    let configure = |one: Contender| {
        one.with("workers", 1).with("buffer_bytes", BUFFER_BYTES).with("cpus", cpu(0))
    };
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
            .with("address", format!("{}{}", load::UNIX, unix_server::name(server.pid)))
            .with("connections", connections)
            .with("bytes", BYTES)
            .with("cpus", cpu(1))
            .with("millis", millis)
            .with("warm_millis", warm_millis)
            .with("server", server.pid);
        Child::start(&load.arguments).measurement()
    });
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row_higher(&format!("{row}_rps"), "1/s", &samples, "rps");
    bench.row(&format!("{row}_p50"), "us", &samples, "p50_us");
    bench.row(&format!("{row}_p99"), "us", &samples, "p99_us");
}

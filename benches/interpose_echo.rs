//! `interpose_echo`: an echo server written with plain `std::net`, on hooked green threads, beside
//! the same server on `greenstd::net` and on OS threads.
//!
//! Server and load generator are processes of their own; the server has one worker and is bound to
//! the first CPU, and the load to the second.

mod support;

use std::io;
use std::net::TcpListener;
use std::process::ExitCode;

use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::raw_server::echo_blocking;
use support::rounds::Bench;
use support::server::{self, Server};
use support::{load, ours, raw_server, sys};

const BYTES: usize = 64;
/// As in `tcp_echo`: a buffer that is read full makes every edge-triggered server ask once more.
const BUFFER_BYTES: usize = 2 * BYTES;
const CONNECTIONS: [usize; 3] = [1, 100, 1_000];
/// Issue: at least 0.9 of the requests that `greenstd::net` serves in a second of CPU.
const OF_NET_AT_LEAST: f64 = 0.9;
/// Issue: at least 1.3 of those that OS threads serve, at 1,000 connections.
const OF_THREADS_AT_LEAST: f64 = 1.3;

fn main() -> ExitCode {
    support::main("interpose_echo", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => {
            server::prepare(job);
            let result = match (job.system(), job.text("net")) {
                (System::Ours, "std") => serve_hooked(server::announce),
                (System::Ours, "own") => greenstd::patch::install()
                    .and_then(|()| ours::serve_echo(1, BUFFER_BYTES, server::announce)),
                (System::Ours, _) => ours::serve_echo(1, BUFFER_BYTES, server::announce),
                _ => raw_server::serve_threads(BUFFER_BYTES, server::announce),
            };
            panic!("the server ended: {result:?}")
        }
        load::CASE => load::load(job),
        other => panic!("no case {other}"),
    }
}

/// What a program does that knows nothing of green threads, but for the first line of `main`.
fn serve_hooked(announce: impl FnOnce(u16) + Send + 'static) -> io::Result<()> {
    greenstd::patch::install()?;
    ours::runtime(1).run(move || {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        announce(listener.local_addr()?.port());
        for stream in listener.incoming() {
            let stream = stream?;
            greenstd::thread::spawn(move || echo_blocking(stream, BUFFER_BYTES));
        }
        Ok(())
    })
}

fn plan(bench: &mut Bench) {
    sys::raise_file_limit();
    for connections in CONNECTIONS {
        plan_row(bench, connections);
    }
}

fn servers() -> Vec<Contender> {
    let servers = [
        Contender::ours().labelled("hooked").with("net", "std"),
        Contender::beside(System::Ours).labelled("net").with("net", "greenstd"),
        // The part of the difference that is the price of thread-locals of their own.
        Contender::beside(System::Ours).labelled("net_own").with("net", "own"),
        Contender::beside(System::Threads).with("net", "std"),
    ];
    servers.map(|one| one.with("cpus", cpu(0))).into()
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
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row_higher(&format!("{row}_rps"), "1/s", &samples, "rps");
    bench.row(&format!("{row}_p99"), "us", &samples, "p99_us");
    let cost = |label: &str| {
        let sample = samples.iter().find(|sample| sample.contender.label == label)?;
        let costs = sample.measurements.iter().map(|one| one.figure("cpu_us"));
        support::report::median(costs.collect())
    };
    // The same requests cost less, so more of them fit into a second of CPU.
    if let (Some(hooked), Some(net)) = (cost("ours_hooked"), cost("ours_net")) {
        print_ratio(&format!("{row}_of_net"), net / hooked, OF_NET_AT_LEAST);
    }
    if let (Some(hooked), Some(threads)) = (cost("ours_hooked"), cost("threads")) {
        let at_least = if connections == 1_000 { OF_THREADS_AT_LEAST } else { 0.0 };
        print_ratio(&format!("{row}_of_threads"), threads / hooked, at_least);
    }
}

fn print_ratio(row: &str, ratio: f64, at_least: f64) {
    println!("bench=interpose_echo row={row} value={ratio:.3} unit=ratio at_least={at_least}");
}

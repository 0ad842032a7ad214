//! `udp_echo`: server CPU per request, requests per second and latency of a UDP echo server.
//!
//! Server and load generator are processes of their own; the server is bound to the first CPU and
//! the load to the second.

mod support;

use std::process::ExitCode;

use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::rounds::{Bench, Sample};
use support::server::Server;
use support::{load, report, server, sys, udp_load, udp_server};

const BYTES: usize = 64;
/// A server does not know how long its clients' datagrams are.
const BUFFER_BYTES: usize = 2 * 1024;
/// Client sockets that send to one server socket.
const CLIENTS: [usize; 2] = [1, 100];

fn main() -> ExitCode {
    support::main("udp_echo", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => udp_server::serve(job),
        load::CASE => udp_load::load(job),
        other => panic!("no case {other}"),
    }
}

fn plan(bench: &mut Bench) {
    for clients in CLIENTS {
        plan_row(bench, clients);
    }
}

/// `threads`, `raw` and the server with a green thread for each datagram are beside the comparison,
/// which is with runtimes whose one task does all.
fn servers() -> Vec<Contender> {
    let servers = [
        Contender::ours(),
        Contender::peer(System::TokioCurrent),
        Contender::peer(System::TokioMulti),
        Contender::peer(System::May),
        Contender::beside(System::Ours)
            .labelled("datagram_server")
            .with(udp_server::GREEN_THREAD_EACH, 1),
        Contender::beside(System::Raw),
        Contender::beside(System::Threads),
    ];
    let configure = |one: Contender| {
        one.or_with(udp_server::GREEN_THREAD_EACH, 0)
            .with("buffer_bytes", BUFFER_BYTES)
            .with("cpus", cpu(0))
    };
    servers.map(configure).into()
}

/// The server's CPU is number 0 of those allowed, the load's number 1.
fn cpu(number: usize) -> String {
    sys::allowed_cpus().get(number).map_or_else(|| "any".to_owned(), usize::to_string)
}

fn plan_row(bench: &mut Bench, clients: usize) {
    let row = format!("w1_64B_c{clients}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let (millis, warm_millis) = bench.options.pick((1_000, 300), (200, 60));
    let samples = bench.interleave_with(servers(), |contender| {
        let server = Server::start(contender)?;
        let load = Contender::beside(System::Raw)
            .with("case", load::CASE)
            .with("address", server.address)
            .with("connections", clients)
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
    print_versus_raw(bench, &format!("{row}_cpu_vs_raw"), &samples);
}

fn print_versus_raw(bench: &Bench, row: &str, samples: &[Sample]) {
    let raw = samples.iter().find(|sample| sample.contender.system == System::Raw);
    let costs = raw.into_iter().flat_map(|sample| &sample.measurements);
    if let Some(cost) = report::median(costs.map(|one| one.figure("cpu_us")).collect()) {
        bench.row_beside_constant(row, "us", samples, "cpu_us", ("raw", cost));
    }
}

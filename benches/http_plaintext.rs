//! `http_plaintext`: server CPU per request, requests per second and latency of an HTTP server that
//! answers 13 bytes, with connections that are kept alive.
//!
//! Server and load generator are processes of their own; the server has one worker and is bound to
//! the first CPU, and the load to the second. The rival is hyper of the same version on tokio.
//! Beside it, with protocols of their own: may_minihttp, which knows no limits, no deadlines and
//! few of the rules of HTTP; nginx and Go's net/http, where they are installed.

#[path = "http/foreign.rs"]
mod foreign;
#[path = "http/load.rs"]
mod http_load;
#[path = "http/server.rs"]
mod http_server;
mod support;

use std::net::SocketAddr;
use std::process::ExitCode;

use foreign::Foreign;
use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::rounds::Bench;
use support::server::Server;
use support::{server, sys};

const CONNECTIONS: [usize; 3] = [1, 100, 1_000];

fn main() -> ExitCode {
    support::main("http_plaintext", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => http_server::serve(job),
        http_load::CASE => http_load::load(job),
        other => panic!("no case {other}"),
    }
}

fn plan(bench: &mut Bench) {
    sys::raise_file_limit();
    for system in [System::Nginx, System::Go] {
        if !foreign::is_installed(system) {
            println!("bench=http_plaintext {} skipped: it is not installed", system.name());
        }
    }
    for connections in CONNECTIONS {
        if bench.options.is_quick && connections == 1_000 {
            continue;
        }
        plan_row(bench, connections);
    }
}

fn servers() -> Vec<Contender> {
    let mut servers = vec![
        Contender::ours(),
        Contender::peer(System::TokioCurrent),
        Contender::peer(System::TokioMulti),
        Contender::beside(System::May),
    ];
    let foreign = [System::Nginx, System::Go].into_iter();
    servers.extend(foreign.filter(|&one| foreign::is_installed(one)).map(Contender::beside));
    servers.into_iter().map(|one| one.with("workers", 1).with("cpus", cpu(0))).collect()
}

/// A running server of either kind.
enum Running {
    Own(Server),
    Foreign(Foreign),
}

impl Running {
    fn start(contender: &Contender) -> Result<Running, String> {
        match contender.system {
            System::Nginx | System::Go => Foreign::start(contender).map(Running::Foreign),
            _ => Server::start(contender).map(Running::Own),
        }
    }

    fn place(&self) -> (SocketAddr, u32) {
        match self {
            Running::Own(server) => (server.address, server.pid),
            Running::Foreign(server) => (server.address, server.pid),
        }
    }
}

/// The server's CPU is number 0 of those allowed, the load's number 1.
fn cpu(number: usize) -> String {
    sys::allowed_cpus().get(number).map_or_else(|| "any".to_owned(), usize::to_string)
}

fn plan_row(bench: &mut Bench, connections: usize) {
    let row = format!("w1_c{connections}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let (millis, warm_millis) = bench.options.pick((1_000, 300), (200, 60));
    let samples = bench.interleave_with(servers(), |contender| {
        let server = Running::start(contender)?;
        let (address, pid) = server.place();
        let load = Contender::beside(System::Raw)
            .with("case", http_load::CASE)
            .with("address", address)
            .with("connections", connections)
            .with("cpus", cpu(1))
            .with("millis", millis)
            .with("warm_millis", warm_millis)
            .with("server", pid);
        Child::start(&load.arguments).measurement()
    });
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row_higher(&format!("{row}_rps"), "1/s", &samples, "rps");
    bench.row(&format!("{row}_p50"), "us", &samples, "p50_us");
    bench.row(&format!("{row}_p99"), "us", &samples, "p99_us");
}

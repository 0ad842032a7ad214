//! `ws_echo`: server CPU per message, messages per second, latency and memory of an echo server for
//! WebSockets, beside tokio-tungstenite on the same tungstenite.
//!
//! As `tcp_echo`: server and load generator are processes of their own; with one worker the server
//! is bound to the first CPU and the load to the second.

mod support;

use std::process::ExitCode;

use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::rounds::Bench;
use support::server::Server;
use support::{proc, server, sys, ws_load, ws_server};

/// A line of a chat.
const BYTES: usize = 64;

fn main() -> ExitCode {
    support::main("ws_echo", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => ws_server::serve(job),
        ws_load::CASE => ws_load::load(job),
        ws_load::HOLD_CASE => ws_load::hold(job),
        other => panic!("no case {other}"),
    }
}

/// What the clients of a row do.
#[derive(Clone, Copy)]
struct Clients {
    workers: usize,
    connections: usize,
}

fn plan(bench: &mut Bench) {
    sys::raise_file_limit();
    let (counts, workers): (&[usize], &[usize]) =
        bench.options.pick((&[1, 100, 1_000], &[1, 2]), (&[1, 100], &[1]));
    for &workers in workers {
        for &connections in counts {
            plan_row(bench, Clients { workers, connections });
        }
    }
    plan_idle_connections(bench);
}

fn servers(clients: Clients) -> Vec<Contender> {
    let mut servers = vec![Contender::ours()];
    if clients.workers == 1 {
        servers.push(Contender::peer(System::TokioCurrent));
    }
    servers.push(Contender::peer(System::TokioMulti));
    let cpus = cpu_of(clients.workers, 0);
    let configure = |one: Contender| one.with("workers", clients.workers).with("cpus", &cpus);
    servers.into_iter().map(configure).collect()
}

/// The server's CPU is number 0 of those allowed, the load's number 1; with two workers, any.
fn cpu_of(workers: usize, number: usize) -> String {
    match sys::allowed_cpus().get(number) {
        Some(cpu) if workers == 1 => cpu.to_string(),
        _ => "any".to_owned(),
    }
}

fn client(case: &str, server: &Server, clients: Clients) -> Contender {
    Contender::beside(System::Raw)
        .with("case", case)
        .with("address", server.address)
        .with("connections", clients.connections)
        .with("bytes", BYTES)
        .with("cpus", cpu_of(clients.workers, 1))
        .with("server", server.pid)
}

fn plan_row(bench: &mut Bench, clients: Clients) {
    let Clients { workers, connections } = clients;
    let row = format!("w{workers}_64B_c{connections}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let (millis, warm_millis) = bench.options.pick((1_000, 300), (200, 60));
    let samples = bench.interleave_with(servers(clients), |contender| {
        let server = Server::start(contender)?;
        let client = client(ws_load::CASE, &server, clients);
        let client = client.with("millis", millis).with("warm_millis", warm_millis);
        Child::start(&client.arguments).measurement()
    });
    // Issue: at most the CPU of tokio-tungstenite.
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row_higher(&format!("{row}_rps"), "1/s", &samples, "rps");
    bench.row(&format!("{row}_p50"), "us", &samples, "p50_us");
    bench.row(&format!("{row}_p99"), "us", &samples, "p99_us");
}

/// Resident bytes of the server for each connection that has echoed once and says no more.
fn plan_idle_connections(bench: &mut Bench) {
    let connections = bench.options.pick(2_000, 200);
    let row = format!("idle_connection_bytes_c{connections}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let clients = Clients { workers: 1, connections };
    let samples = bench.interleave_with(servers(clients), |contender| {
        let server = Server::start(contender)?;
        let before = proc::resident_bytes(server.pid);
        let mut holder = Child::start(&client(ws_load::HOLD_CASE, &server, clients).arguments);
        holder.line()?;
        let grown = proc::resident_bytes(server.pid).saturating_sub(before);
        Ok(Measurement::of("bytes", grown as f64 / connections as f64))
    });
    bench.row(&row, "B", &samples, "bytes");
}

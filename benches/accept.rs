//! `accept`: connections per second and their cost, and how evenly two workers share many.
//!
//! Server and clients are processes of their own, bound to CPUs as in `tcp_echo`. A client resets
//! its connection when it has its echo, so that no port stays behind in TIME_WAIT.

mod support;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use greenstd::net::server::Acceptors;
use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::histogram::Histogram;
use support::rounds::Bench;
use support::server::Server;
use support::{load, ours, proc, server, sys};

/// Case name of the child that connects again and again.
const CHURN_CASE: &str = "churn";

const MESSAGE_BYTES: usize = 64;
/// As in `tcp_echo`: no server's buffer is read full.
const BUFFER_BYTES: usize = 2 * MESSAGE_BYTES;
/// Client threads: enough that one is always ready while others wait for the server.
const CLIENTS: usize = 16;
const SPREAD_CONNECTIONS: usize = 1_000;

fn main() -> ExitCode {
    support::main("accept", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => serve(job),
        CHURN_CASE => churn(job),
        load::CASE => load::load(job),
        other => panic!("no case {other}"),
    }
}

/// The servers of `tcp_echo`, and ours in its three forms.
fn serve(job: &Job) -> Measurement {
    let acceptors = match (job.system(), job.text("acceptors")) {
        (System::Ours, "shared") => Acceptors::SharedListener,
        (System::Ours, "reuseport") => Acceptors::ReusePort,
        _ => return server::serve(job),
    };
    server::prepare(job);
    let (workers, buffer_bytes) = (job.number("workers"), job.number("buffer_bytes"));
    let result = ours::serve_echo_by_server(workers, buffer_bytes, acceptors, server::announce);
    panic!("the server ended: {result:?}")
}

fn plan(bench: &mut Bench) {
    sys::raise_file_limit();
    for workers in [1, 2] {
        plan_churn(bench, workers);
    }
    plan_spread(bench);
}

fn servers(workers: usize) -> Vec<Contender> {
    let mut servers = vec![
        Contender::ours().with("acceptors", "shared"),
        Contender::beside(System::Ours).labelled("reuseport").with("acceptors", "reuseport"),
        Contender::beside(System::Ours).labelled("incoming").with("acceptors", "incoming"),
    ];
    if workers == 1 {
        servers.push(Contender::peer(System::TokioCurrent));
    }
    servers.extend([
        Contender::peer(System::TokioMulti),
        Contender::peer(System::May),
        Contender::beside(System::Raw),
        Contender::beside(System::Threads),
    ]);
    let configure = |one: Contender| {
        let one = one.or_with("acceptors", "one").with("workers", workers);
        one.with("buffer_bytes", BUFFER_BYTES).with("cpus", cpu_of(workers, 0))
    };
    servers.into_iter().map(configure).collect()
}

/// The server's CPU is number 0 of those allowed, the clients' number 1; with two workers, any.
fn cpu_of(workers: usize, number: usize) -> String {
    match sys::allowed_cpus().get(number) {
        Some(cpu) if workers == 1 => cpu.to_string(),
        _ => "any".to_owned(),
    }
}

fn client(case: &str, server: &Server, workers: usize) -> Contender {
    Contender::beside(System::Raw)
        .with("case", case)
        .with("address", server.address)
        .with("server", server.pid)
        .with("cpus", cpu_of(workers, 1))
}

fn plan_churn(bench: &mut Bench, workers: usize) {
    let row = format!("w{workers}_churn");
    if !bench.options.wants_row(&row) {
        return;
    }
    let (millis, warm_millis) = bench.options.pick((2_000, 500), (300, 100));
    let samples = bench.interleave_with(servers(workers), |contender| {
        let server = Server::start(contender)?;
        let client = client(CHURN_CASE, &server, workers);
        let client = client.with("millis", millis).with("warm_millis", warm_millis);
        Child::start(&client.arguments).measurement()
    });
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row_higher(&format!("{row}_cps"), "1/s", &samples, "cps");
    bench.row(&format!("{row}_p50"), "us", &samples, "p50_us");
    bench.row(&format!("{row}_p99"), "us", &samples, "p99_us");
}

/// Connects, echoes and resets on every thread for a while; the child's side.
fn churn(job: &Job) -> Measurement {
    sys::raise_file_limit();
    if let Some(cpus) = server::cpus(job) {
        sys::pin_to(&cpus);
    }
    let address: SocketAddr = job.text("address").parse().expect("the parent passed it");
    let server = job.number("server") as i32;
    let millis = |key| Duration::from_millis(job.number(key) as u64);
    let start = Instant::now() + millis("warm_millis");
    let end = start + millis("millis");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|index| thread::spawn(move || go_round(address, index, start, end)))
        .collect();
    thread::sleep(start.saturating_duration_since(Instant::now()));
    let cpu = sys::cpu_nanos_of(server);
    let latencies: Vec<u64> =
        clients.into_iter().flat_map(|client| client.join().expect("bytes come back")).collect();
    let (cpu_nanos, seconds) = (sys::cpu_nanos_of(server) - cpu, start.elapsed().as_secs_f64());
    let connections = latencies.len() as f64;
    assert!(connections > 0.0, "no connection was finished within the time");
    let mut histogram = Histogram::new();
    latencies.into_iter().for_each(|nanos| histogram.add(nanos));
    let micros = |nanos: u64| nanos as f64 / 1e3;
    Measurement::of("cps", connections / seconds)
        .and("cpu_us", cpu_nanos as f64 / 1e3 / connections)
        .and("p50_us", micros(histogram.quantile(0.50)))
        .and("p99_us", micros(histogram.quantile(0.99)))
}

/// The latencies of one client's connections that began within the time.
fn go_round(address: SocketAddr, index: usize, start: Instant, end: Instant) -> Vec<u64> {
    let mut latencies = Vec::new();
    let mut number = (index as u64) << 32;
    loop {
        let since = Instant::now();
        if since >= end {
            return latencies;
        }
        number += 1;
        connect_and_echo(address, number).expect("every connection is served");
        if since >= start {
            latencies.push(since.elapsed().as_nanos() as u64);
        }
    }
}

fn connect_and_echo(address: SocketAddr, number: u64) -> io::Result<()> {
    let mut message = [0; MESSAGE_BYTES];
    message[..8].copy_from_slice(&number.to_le_bytes());
    let mut stream = TcpStream::connect(address)?;
    sys::reset_on_close(&stream);
    stream.write_all(&message)?;
    let mut echo = [0; MESSAGE_BYTES];
    stream.read_exact(&mut echo)?;
    if echo == message { Ok(()) } else { Err(io::Error::other("a byte was lost or changed")) }
}

/// The share of the busier one of two workers, while many connections echo.
fn plan_spread(bench: &mut Bench) {
    let row = format!("w2_spread_c{SPREAD_CONNECTIONS}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let (millis, warm_millis) = bench.options.pick((1_000, 300), (200, 60));
    let mut contenders = servers(2);
    contenders.retain(|one| one.system != System::Threads);
    let samples = bench.interleave_with(contenders, |contender| {
        let server = Server::start(contender)?;
        let load = client(load::CASE, &server, 2)
            .with("connections", SPREAD_CONNECTIONS)
            .with("bytes", MESSAGE_BYTES)
            .with("millis", millis)
            .with("warm_millis", warm_millis);
        let before = proc::thread_cpu_nanos(server.pid);
        Child::start(&load.arguments).measurement()?;
        let mut ran: Vec<u64> = proc::thread_cpu_nanos(server.pid)
            .into_iter()
            .map(|(thread, nanos)| nanos - before.get(&thread).unwrap_or(&0))
            .collect();
        ran.sort_unstable_by(|one, other| other.cmp(one));
        let (busier, other) = (ran[0], ran.get(1).copied().unwrap_or(0));
        Ok(Measurement::of("busier_share", busier as f64 / (busier + other) as f64))
    });
    bench.row(&row, "share", &samples, "busier_share");
}

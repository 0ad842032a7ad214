//! `tcp_echo`: server CPU per request, requests per second, latency and memory of an echo server.
//!
//! Server and load generator are processes of their own. With one worker the server is bound to the
//! first CPU and the load to the second; with two workers nothing is bound. `--syscalls` counts the
//! server's system calls for each request instead.

mod support;

use std::path::PathBuf;
use std::process::ExitCode;

use support::child::{Child, Job};
use support::contender::{Contender, Measurement, Role, System};
use support::rounds::{Bench, Sample};
use support::server::Server;
use support::{load, proc, report, server, sys};

const SMALL_BYTES: usize = 64;
const LARGE_BYTES: usize = 16 * 1024;
/// A server's buffer in messages. A buffer that is read full makes every edge-triggered server ask
/// once more and be told EAGAIN: no server knows its clients' message size, so none has such a
/// buffer.
const BUFFER_MESSAGES: usize = 2;
/// Connections whose cost is compared with the bare epoll loop by the issue.
const SYSCALL_CONNECTIONS: usize = 100;

fn main() -> ExitCode {
    support::main("tcp_echo", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => server::serve(job),
        load::CASE => load::load(job),
        load::HOLD_CASE => load::hold(job),
        other => panic!("no case {other}"),
    }
}

/// What the clients of a row do.
#[derive(Clone, Copy)]
struct Clients {
    workers: usize,
    bytes: usize,
    connections: usize,
}

fn plan(bench: &mut Bench) {
    sys::raise_file_limit();
    if bench.options.counts_syscalls {
        return plan_syscalls(bench);
    }
    for clients in rows(bench) {
        plan_row(bench, clients);
    }
    plan_idle_connections(bench);
}

fn rows(bench: &Bench) -> Vec<Clients> {
    if bench.options.is_quick {
        let quick = [(1, 1), (1, 100), (2, 100)];
        let row = |(workers, connections)| Clients { workers, bytes: SMALL_BYTES, connections };
        return quick.map(row).into();
    }
    let mut rows = Vec::new();
    for workers in [1, 2] {
        for bytes in [SMALL_BYTES, LARGE_BYTES] {
            for connections in [1, 100, 1_000, 5_000] {
                rows.push(Clients { workers, bytes, connections });
            }
        }
    }
    rows
}

/// The servers of a row; `threads` and `raw` are beside the comparison, which is with runtimes.
fn servers(clients: Clients) -> Vec<Contender> {
    let mut servers = vec![Contender::ours()];
    if clients.workers == 1 {
        servers.push(Contender::peer(System::TokioCurrent));
    }
    servers.extend([
        Contender::peer(System::TokioMulti),
        Contender::peer(System::May),
        Contender::beside(System::Raw),
        Contender::beside(System::Threads),
    ]);
    let buffer_bytes = clients.bytes * BUFFER_MESSAGES;
    let configure = |one: Contender| {
        let cpus = cpu_of(clients.workers, 0);
        one.with("workers", clients.workers).with("buffer_bytes", buffer_bytes).with("cpus", cpus)
    };
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
        .with("bytes", clients.bytes)
        .with("cpus", cpu_of(clients.workers, 1))
}

fn run_load(
    server: &Server,
    clients: Clients,
    millis: usize,
    warm_millis: usize,
) -> Result<Measurement, String> {
    let client = client(load::CASE, server, clients);
    let client = client.with("millis", millis).with("warm_millis", warm_millis);
    Child::start(&client.with("server", server.pid).arguments).measurement()
}

fn plan_row(bench: &mut Bench, clients: Clients) {
    let Clients { workers, bytes, connections } = clients;
    let size = if bytes == SMALL_BYTES { "64B" } else { "16KiB" };
    let row = format!("w{workers}_{size}_c{connections}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let (millis, warm_millis) = bench.options.pick((1_000, 300), (200, 60));
    let samples = bench.interleave_with(servers(clients), |contender| {
        let server = Server::start(contender)?;
        run_load(&server, clients, millis, warm_millis)
    });
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row_higher(&format!("{row}_rps"), "1/s", &samples, "rps");
    bench.row(&format!("{row}_p50"), "us", &samples, "p50_us");
    bench.row(&format!("{row}_p99"), "us", &samples, "p99_us");
    bench.row(&format!("{row}_p99_over_p50"), "ratio", &samples, "p99_over_p50");
    bench.row(&format!("{row}_max"), "us", &samples, "max_us");
    print_versus_raw(bench, &format!("{row}_cpu_vs_raw"), &samples);
}

fn print_versus_raw(bench: &Bench, row: &str, samples: &[Sample]) {
    let raw = samples.iter().find(|sample| sample.contender.system == System::Raw);
    let costs = raw.into_iter().flat_map(|sample| &sample.measurements);
    if let Some(cost) = report::median(costs.map(|one| one.figure("cpu_us")).collect()) {
        bench.row_beside_constant(row, "us", samples, "cpu_us", ("raw", cost));
    }
}

/// Resident bytes of the server for each connection that has echoed once and says no more.
fn plan_idle_connections(bench: &mut Bench) {
    let connections = bench.options.pick(10_000, 1_000);
    let row = format!("idle_connection_bytes_c{connections}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let clients = Clients { workers: 1, bytes: SMALL_BYTES, connections };
    let samples = bench.interleave_with(servers(clients), |contender| {
        let server = Server::start(contender)?;
        let before = proc::resident_bytes(server.pid);
        let mut holder = Child::start(&client(load::HOLD_CASE, &server, clients).arguments);
        holder.line()?;
        let grown = proc::resident_bytes(server.pid).saturating_sub(before);
        Ok(Measurement::of("bytes", grown as f64 / connections as f64))
    });
    bench.row(&row, "B", &samples, "bytes");
    // Issue: at most 8,000 bytes for each idle connection at 10,000 of them.
    let limit = ("limit", 8_000.0);
    bench.row_beside_constant(&format!("{row}_vs_limit"), "B", &samples, "bytes", limit);
}

/// Calls by name for each request; opening and closing the connections is included.
fn plan_syscalls(bench: &mut Bench) {
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        println!("bench=tcp_echo syscalls skipped: strace is not installed");
        return;
    }
    for workers in [1, 2] {
        let clients = Clients { workers, bytes: SMALL_BYTES, connections: SYSCALL_CONNECTIONS };
        let mut servers = servers(clients);
        servers.retain(|one| bench.options.wants_system(one.system.name()));
        for contender in servers {
            let contender = contender.clone().with("system", contender.system.name());
            let row = format!("w{workers}_64B_c{SYSCALL_CONNECTIONS}_syscalls");
            match count_syscalls(&contender, clients) {
                Ok(calls) => print_syscalls(&row, &contender.label, &calls),
                Err(error) if contender.role == Role::Ours => bench.fail(&error),
                Err(error) => {
                    println!(
                        "bench=tcp_echo row={row} system={} failed=\"{error}\"",
                        contender.label
                    )
                }
            }
        }
    }
}

fn print_syscalls(row: &str, label: &str, calls: &[(String, f64)]) {
    let sum: f64 = calls.iter().map(|(_, count)| count).sum();
    print!("bench=tcp_echo row={row} system={label} value={sum:.3} unit=calls/request");
    // Rarer calls belong to the start of the process and of its connections.
    for (name, count) in calls.iter().filter(|(_, count)| *count >= 0.001) {
        print!(" {name}={count:.3}");
    }
    println!();
}

fn count_syscalls(contender: &Contender, clients: Clients) -> Result<Vec<(String, f64)>, String> {
    let name = format!("greenstd-bench-{}.strace", std::process::id());
    let summary = RemovedFile(std::env::temp_dir().join(name));
    let path = summary.0.to_str().ok_or("the temporary directory has no name in UTF-8")?;
    let server = Server::start_traced(contender, &["-c", "-f", "-q", "-o", path])?;
    let requests = run_load(&server, clients, 2_000, 0)?.figure("all_requests");
    server.terminate();
    let table = std::fs::read_to_string(&summary.0).map_err(|error| error.to_string())?;
    Ok(calls_in(&table).map(|(name, calls)| (name, calls / requests)).collect())
}

/// The rows of strace's table: % time, seconds, usecs/call, calls, perhaps errors, name.
fn calls_in(table: &str) -> impl Iterator<Item = (String, f64)> {
    table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.first()?.parse::<f64>().ok()?;
        let (calls, name) = (words.get(3)?.parse().ok()?, words.last()?);
        (*name != "total").then(|| ((*name).to_owned(), calls))
    })
}

/// Removes its file when dropped.
struct RemovedFile(PathBuf);

impl Drop for RemovedFile {
    fn drop(&mut self) {
        // The file is absent if strace could not start.
        let _ = std::fs::remove_file(&self.0);
    }
}

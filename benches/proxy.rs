//! `proxy`: CPU per KiB that a proxy passes on, and its memory with idle connections.
//!
//! Source, proxy and sink are processes of their own. With one worker the proxy is bound to the
//! first CPU, source and sink to the second; with two workers nothing is bound. The sink compares
//! every byte and answers with its count.

mod support;

use std::process::ExitCode;

use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::proxies::{self, Proxy};
use support::proxy_load;
use support::rounds::Bench;
use support::{proc, sys};

const MIB: usize = 1024 * 1024;
const IDLE_CONNECTIONS: usize = 500;
/// Issue: resident memory of the whole process with that many idle proxied connections.
const IDLE_LIMIT_BYTES: f64 = (12 * MIB) as f64;

fn main() -> ExitCode {
    support::main("proxy", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        proxies::CASE => proxies::serve(job),
        proxy_load::SINK_CASE => proxy_load::sink(job),
        proxy_load::SOURCE_CASE => proxy_load::source(job),
        proxy_load::HOLD_CASE => proxy_load::hold(job),
        other => panic!("no case {other}"),
    }
}

fn plan(bench: &mut Bench) {
    sys::raise_file_limit();
    if !proxies::has_haproxy() {
        println!("bench=proxy haproxy skipped: it is not installed");
    }
    for workers in [1, 2] {
        for connections in [1, IDLE_CONNECTIONS] {
            plan_transfer(bench, workers, connections);
        }
    }
    for workers in [1, 2] {
        plan_idle(bench, workers);
    }
}

/// All that take part; the figure to meet is tokio's, so the others are beside the comparison.
fn contenders(workers: usize) -> Vec<Contender> {
    let mut all = vec![
        Contender::ours().with("splice", 0),
        Contender::beside(System::Ours).labelled("splice").with("splice", 1),
    ];
    // tokio's own default, and a buffer as large as ours.
    for buffer_bytes in [8 * 1024, 64 * 1024] {
        let sized = |one: Contender| {
            let label = format!("{}k", buffer_bytes / 1024);
            one.labelled(label).with("buffer_bytes", buffer_bytes)
        };
        if workers == 1 {
            all.push(sized(Contender::peer(System::TokioCurrent)));
        }
        all.push(sized(Contender::peer(System::TokioMulti)));
    }
    if workers == 1 && proxies::has_haproxy() {
        all.push(Contender::beside(System::Haproxy));
    }
    let configure = |one: Contender| one.with("workers", workers).with("cpus", cpu(workers, 0));
    all.into_iter().map(configure).collect()
}

/// The proxy's CPU is number 0 of those allowed, the load's number 1; with two workers, any.
fn cpu(workers: usize, number: usize) -> String {
    match sys::allowed_cpus().get(number) {
        Some(cpu) if workers == 1 => cpu.to_string(),
        _ => "any".to_owned(),
    }
}

/// A child of the load generator.
fn load(case: &str, workers: usize) -> Contender {
    Contender::beside(System::Raw).with("case", case).with("cpus", cpu(workers, 1))
}

/// Starts a sink and the contender's proxy in front of it.
fn start(contender: &Contender, workers: usize) -> Result<(Child, Proxy), String> {
    let mut sink = Child::start(&load(proxy_load::SINK_CASE, workers).arguments);
    let (port, _pid) = proxies::greeting(&mut sink)?;
    let proxy = Proxy::start(&contender.clone().with("upstream", format!("127.0.0.1:{port}")))?;
    Ok((sink, proxy))
}

fn plan_transfer(bench: &mut Bench, workers: usize, connections: usize) {
    let row = format!("w{workers}_c{connections}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let total = bench.options.pick(1024, 64) * MIB;
    let samples = bench.interleave_with(contenders(workers), |contender| {
        let (_sink, proxy) = start(contender, workers)?;
        let source = load(proxy_load::SOURCE_CASE, workers)
            .with("address", proxy.address)
            .with("server", proxy.pid)
            .with("connections", connections)
            .with("bytes", total / connections);
        Child::start(&source.arguments).measurement()
    });
    bench.row(&format!("{row}_cpu"), "ns/KiB", &samples, "cpu_ns");
    bench.row_higher(&format!("{row}_rate"), "MiB/s", &samples, "mib_per_second");
}

/// Resident bytes of the whole proxy with connections that have said one word and are silent now.
fn plan_idle(bench: &mut Bench, workers: usize) {
    let row = format!("w{workers}_idle_bytes_c{IDLE_CONNECTIONS}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let samples = bench.interleave_with(contenders(workers), |contender| {
        let (_sink, proxy) = start(contender, workers)?;
        let holder = load(proxy_load::HOLD_CASE, workers)
            .with("address", proxy.address)
            .with("connections", IDLE_CONNECTIONS);
        let mut holder = Child::start(&holder.arguments);
        holder.line()?;
        Ok(Measurement::of("bytes", proc::resident_bytes(proxy.pid) as f64))
    });
    bench.row(&row, "B", &samples, "bytes");
    let limit = ("limit", IDLE_LIMIT_BYTES);
    bench.row_beside_constant(&format!("{row}_vs_limit"), "B", &samples, "bytes", limit);
}

//! `zmq_req_rep`: what a request and its reply cost over ZeroMQ, beside plain libzmq.
//!
//! Both sockets are in one process, on two green threads of one worker, or on two OS threads that
//! block in libzmq. Every reply is checked. With `inproc` there is no thread of libzmq in between;
//! with `tcp` there is one, and four wake-ups of one thread by another for each request. What these
//! cost from one CPU to another depends on how deep that sleeps, and in a virtual machine it is far
//! more than all the rest: so there is a row on one CPU, too, where they are switches.

mod support;

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use greenstd::net::zmq::{Context, Socket, SocketType};
use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::ours::Ours;
use support::report::median;
use support::rounds::Bench;
use support::sys;

const TIME: &str = "ns";
const CPU: &str = "cpu_ns";
const BYTES: usize = 64;
const WORKS: &str = "sockets work";
const WRONG: &str = "a reply belongs to another request";

fn main() -> ExitCode {
    support::main("zmq_req_rep", plan, measure)
}

fn plan(bench: &mut Bench) {
    let count = bench.options.pick(20_000, 5_000);
    let one_cpu = sys::allowed_cpus().first().map_or_else(|| "any".to_owned(), usize::to_string);
    let rows = [
        ("inproc", "inproc://bench", "any"),
        ("tcp", "tcp://127.0.0.1:*", "any"),
        ("tcp_one_cpu", "tcp://127.0.0.1:*", &one_cpu),
    ];
    for (name, endpoint, cpus) in rows {
        let row = format!("w1_{name}_{BYTES}B");
        if !bench.options.wants_row(&row) {
            continue;
        }
        let contenders = [Contender::ours(), Contender::peer(System::Threads)].map(|contender| {
            let contender = contender.with("endpoint", endpoint).with("count", count);
            contender.with("cpus", cpus).with("repeats", bench.options.pick(5, 3))
        });
        let samples = bench.interleave(contenders.into());
        bench.row(&row, "ns", &samples, TIME);
        bench.row(&format!("{row}_cpu"), "ns", &samples, CPU);
    }
}

fn measure(job: &Job) -> Measurement {
    let (count, repeats) = (job.number("count"), job.number("repeats"));
    let endpoint = job.text("endpoint").to_owned();
    if let Some(cpus) = support::server::cpus(job) {
        sys::pin_to(&cpus);
    }
    let figures = match job.system() {
        System::Ours => Ours::run(1, move || repeat(repeats, || green(&endpoint, count))),
        System::Threads => repeat(repeats, || plain(&endpoint, count)),
        other => panic!("no {} here", other.name()),
    };
    let per_message = |nanos: f64| nanos / count as f64;
    Measurement::of(TIME, per_message(figures.0)).and(CPU, per_message(figures.1))
}

/// Medians of time and CPU time of the process, after a lap to warm up.
fn repeat(repeats: usize, run: impl Fn()) -> (f64, f64) {
    run();
    let laps = (0..repeats).map(|_| {
        let (start, cpu) = (Instant::now(), sys::cpu_nanos());
        run();
        (start.elapsed().as_nanos() as f64, (sys::cpu_nanos() - cpu) as f64)
    });
    let (times, cpus) = laps.unzip();
    let of = |values: Vec<f64>| median(values).expect("a bench repeats at least once");
    (of(times), of(cpus))
}

/// Two connected sockets of greenstd, in a context of their own.
fn green_pair(endpoint: &str, kinds: [SocketType; 2]) -> [Socket; 2] {
    let context = Context::new();
    let [bound, connected] = kinds.map(|kind| context.socket(kind).expect(WORKS));
    bound.bind(endpoint).expect(WORKS);
    connected.connect(&bound.last_endpoint().expect(WORKS)).expect(WORKS);
    [bound, connected]
}

/// The same of the crate, for OS threads.
fn plain_pair(endpoint: &str, kinds: [zmq::SocketType; 2]) -> [zmq::Socket; 2] {
    let context = zmq::Context::new();
    let [bound, connected] = kinds.map(|kind| context.socket(kind).expect(WORKS));
    bound.bind(endpoint).expect(WORKS);
    let at = bound.get_last_endpoint().expect(WORKS).expect("an endpoint is UTF-8");
    connected.connect(&at).expect(WORKS);
    [bound, connected]
}

fn request(number: usize) -> [u8; BYTES] {
    let mut request = [0; BYTES];
    request[..8].copy_from_slice(&number.to_be_bytes());
    request
}

fn green(endpoint: &str, count: usize) {
    let [rep, req] = green_pair(endpoint, [SocketType::Rep, SocketType::Req]);
    let server = Ours::spawn(move || {
        for _ in 0..count {
            let request = rep.recv().expect(WORKS);
            rep.send(&*request).expect(WORKS);
        }
        rep
    });
    for number in 0..count {
        req.send(request(number)).expect(WORKS);
        assert!(req.recv().expect(WORKS) == request(number), "{WRONG}");
    }
    drop(Ours::join(server));
}

fn plain(endpoint: &str, count: usize) {
    let [rep, req] = plain_pair(endpoint, [zmq::REP, zmq::REQ]);
    let server = thread::spawn(move || {
        for _ in 0..count {
            let request = rep.recv_msg(0).expect(WORKS);
            rep.send(&*request, 0).expect(WORKS);
        }
        rep
    });
    for number in 0..count {
        req.send(&request(number)[..], 0).expect(WORKS);
        assert!(*req.recv_msg(0).expect(WORKS) == request(number)[..], "{WRONG}");
    }
    drop(server.join().expect(NO_PANIC));
}

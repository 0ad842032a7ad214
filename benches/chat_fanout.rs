//! `chat_fanout`: one message to all clients of the example `chat` that wait, by WebSocket or by
//! long poll: the time to the last of them, the server's CPU for each, and its memory for each
//! while they wait.
//!
//! What serves is the example itself, in a runtime of one worker or two; beside it hyper on tokio,
//! with `watch` to wake and tokio-tungstenite. Server and load generator are processes of their
//! own; with one worker the server is bound to the first CPU and the load to the second.

mod support;

mod chat {
    pub mod load;
    pub mod on_hyper;
    pub mod ours;
}

// The example, less its `main`; neither `--redis` nor the end is measured.
#[allow(dead_code)]
#[path = "../examples/chat/bus.rs"]
mod bus;
#[allow(dead_code)]
#[path = "../examples/chat/log.rs"]
mod log;
#[path = "../examples/chat/message.rs"]
mod message;
#[allow(dead_code)]
#[path = "../examples/chat/redis_bus.rs"]
mod redis_bus;
#[path = "../examples/chat/web.rs"]
mod web;
#[path = "../examples/chat/web_socket.rs"]
mod web_socket;

use std::process::ExitCode;

use chat::{load, on_hyper, ours};
use support::child::{Child, Job};
use support::contender::{Contender, Measurement, System};
use support::rounds::Bench;
use support::server::Server;
use support::{server, sys};

fn main() -> ExitCode {
    support::main("chat_fanout", plan, measure)
}

fn measure(job: &Job) -> Measurement {
    match job.case() {
        server::CASE => serve(job),
        load::CASE => load::load(job),
        other => panic!("no case {other}"),
    }
}

/// Serves until killed; a server's child.
fn serve(job: &Job) -> Measurement {
    server::prepare(job);
    let workers = job.number("workers");
    let result = match job.system() {
        System::Ours => ours::serve(workers, server::announce),
        tokio @ (System::TokioCurrent | System::TokioMulti) => {
            on_hyper::serve(tokio, workers, server::announce)
        }
        other => panic!("{other:?} is no chat"),
    };
    panic!("the server ended: {result:?}")
}

fn plan(bench: &mut Bench) {
    sys::raise_file_limit();
    let (counts, workers): (&[usize], &[usize]) =
        bench.options.pick((&[100, 5_000], &[1, 2]), (&[100, 1_000], &[1]));
    for transport in ["websocket", "poll"] {
        for &workers in workers {
            for &clients in counts {
                plan_row(bench, transport, workers, clients);
            }
        }
    }
}

fn plan_row(bench: &mut Bench, transport: &str, workers: usize, clients: usize) {
    let row = format!("{transport}_w{workers}_c{clients}");
    if !bench.options.wants_row(&row) {
        return;
    }
    let mut servers = vec![Contender::ours()];
    if workers == 1 {
        servers.push(Contender::peer(System::TokioCurrent));
    }
    servers.push(Contender::peer(System::TokioMulti));
    let configure = |one: Contender| one.with("workers", workers).with("cpus", cpu_of(workers, 0));
    let messages = bench.options.pick(15, 5);
    let samples = bench.interleave_with(servers.into_iter().map(configure).collect(), |one| {
        let server = Server::start(one)?;
        let client = Contender::beside(System::Raw)
            .with("case", load::CASE)
            .with("address", server.address)
            .with("server", server.pid)
            .with("transport", transport)
            .with("connections", clients)
            .with("messages", messages)
            .with("cpus", cpu_of(workers, 1));
        Child::start(&client.arguments).measurement()
    });
    bench.row(&format!("{row}_last"), "us", &samples, "last_us");
    bench.row(&format!("{row}_median"), "us", &samples, "median_us");
    bench.row(&format!("{row}_cpu"), "us", &samples, "cpu_us");
    bench.row(&format!("{row}_memory"), "B", &samples, "bytes");
}

/// The server's CPU is number 0 of those allowed, the load's number 1; with two workers, any.
fn cpu_of(workers: usize, number: usize) -> String {
    match sys::allowed_cpus().get(number) {
        Some(cpu) if workers == 1 => cpu.to_string(),
        _ => "any".to_owned(),
    }
}

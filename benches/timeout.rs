//! `timeout`: what it costs to limit something that is over in time.
//!
//! A scope is entered and left again with nothing in it that waits: the price that every call pays
//! for a limit that it does not reach.

mod support;

use std::future;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenstd::time;
use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::Green;
use support::lap::median_of_repeats;
use support::on_tokio;
use support::ours::Ours;
use support::rounds::Bench;

/// Never passes while a bench runs.
const MINUTE: Duration = Duration::from_secs(60);
/// What the project promises for a scope that does not fire.
const LIMIT_NS: f64 = 60.0;
const ROW: &str = "scope";
const FIGURE: &str = "ns_per_scope";

fn main() -> ExitCode {
    support::main("timeout", plan, measure)
}

fn plan(bench: &mut Bench) {
    if !bench.options.wants_row(ROW) {
        return;
    }
    let each = bench.options.pick(5_000_000, 1_000_000);
    let repeats = bench.options.pick(5, 3);
    let contenders = [Contender::ours(), Contender::peer(System::TokioCurrent)];
    let contenders =
        contenders.map(|contender| contender.with("each", each).with("repeats", repeats));
    let samples = bench.interleave(contenders.into());
    bench.row(ROW, "ns", &samples, FIGURE);
    bench.row_beside_constant("scope_vs_limit", "ns", &samples, FIGURE, ("limit", LIMIT_NS));
}

fn measure(job: &Job) -> Measurement {
    let (each, repeats) = (job.number("each"), job.number("repeats"));
    let nanos = match job.system() {
        System::Ours => Ours::run(1, move || median_of_repeats(repeats, || scopes(each))),
        tokio => on_tokio::run(tokio, 1, async move { median_of_futures(each, repeats).await }),
    };
    Measurement::of(FIGURE, nanos / each as f64)
}

fn scopes(each: usize) -> f64 {
    let start = Instant::now();
    for number in 0..each {
        let value = time::timeout(black_box(MINUTE), || black_box(number));
        assert_eq!(value, Ok(number));
    }
    start.elapsed().as_nanos() as f64
}

async fn median_of_futures(each: usize, repeats: usize) -> f64 {
    futures(each).await;
    let mut values = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        values.push(futures(each).await);
    }
    support::report::median(values).expect("a bench repeats at least once")
}

async fn futures(each: usize) -> f64 {
    let start = Instant::now();
    for number in 0..each {
        let ready = future::ready(black_box(number));
        assert_eq!(tokio::time::timeout(black_box(MINUTE), ready).await, Ok(number));
    }
    start.elapsed().as_nanos() as f64
}

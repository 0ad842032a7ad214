//! `block_on`: what it costs a thread that blocks to run a future to its end.
//!
//! `ready`: a future that is ready at its first poll. `woken_once`: one that wakes itself in its
//! first poll and is ready at the second. Ours is called on a green thread and, beside it, on an OS
//! thread; tokio's by its runtimes on an OS thread, which is what its `block_on` is for;
//! `futures-executor` likewise.

mod support;

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::Instant;

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::Green;
use support::lap::median_of_repeats;
use support::on_tokio;
use support::ours::Ours;
use support::rounds::Bench;

const CALLS: u64 = 200_000;
const FIGURE: &str = "ns_per_call";

fn main() -> ExitCode {
    support::main("block_on", plan, measure)
}

fn plan(bench: &mut Bench) {
    let repeats = bench.options.pick(15, 5);
    for (row, wakes) in [("ready", 0), ("woken_once", 1)] {
        if !bench.options.wants_row(row) {
            continue;
        }
        let contenders = [
            Contender::ours().with("on", "green"),
            Contender::beside(System::Ours).labelled("on_os_thread").with("on", "os"),
            Contender::peer(System::TokioCurrent),
            Contender::peer(System::TokioMulti),
            Contender::beside(System::Threads).labelled("futures_executor"),
        ];
        let contenders =
            contenders.map(|contender| contender.with("wakes", wakes).with("repeats", repeats));
        let samples = bench.interleave(contenders.into());
        // Issue: a ready future at most 1.2 times tokio's.
        bench.row(row, "ns", &samples, FIGURE);
    }
}

fn measure(job: &Job) -> Measurement {
    let (repeats, wakes) = (job.number("repeats"), job.number("wakes"));
    let nanos = match job.system() {
        System::Ours if job.text("on") == "green" => {
            Ours::run(1, move || median(repeats, wakes, greenstd::block_on::<Counted>))
        }
        System::Ours => median(repeats, wakes, greenstd::block_on::<Counted>),
        System::Threads => median(repeats, wakes, futures_executor::block_on::<Counted>),
        tokio => {
            let runtime = on_tokio::runtime(tokio, 1);
            median(repeats, wakes, |future| runtime.block_on(future))
        }
    };
    Measurement::of(FIGURE, nanos / CALLS as f64)
}

fn median(repeats: usize, wakes: usize, block_on: impl Fn(Counted) -> u64) -> f64 {
    median_of_repeats(repeats, || {
        let start = Instant::now();
        let sum: u64 =
            (0..CALLS).map(|number| block_on(black_box(Counted { wakes, number }))).sum();
        let nanos = start.elapsed().as_nanos() as f64;
        assert_eq!(sum, CALLS * (CALLS - 1) / 2, "a future has lost its number");
        nanos
    })
}

/// Gives its number once it has woken itself so often.
struct Counted {
    wakes: usize,
    number: u64,
}

impl Future for Counted {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        match self.wakes.checked_sub(1) {
            None => Poll::Ready(self.number),
            Some(left) => {
                self.wakes = left;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

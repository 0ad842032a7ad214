//! `dump`: how long a dump of 100,000 parked green threads takes, and for how long it stops a loop.
//!
//! Beside the crowd one green thread of each worker yields without end and notes the longest time
//! between two of its turns: while nobody looks, and while a dump is made. Three kinds of dump:
//! without stacks, with stacks, and as JSON with both.

mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greenstd::diag::Options;
use greenstd::{runtime, thread};
use support::child::Job;
use support::contender::{Contender, Measurement};
use support::lap::median_of_repeats;
use support::rounds::Bench;

/// What the project promises: a second, and 10 ms.
const LIMITS: [f64; 3] = [1000.0, 10.0, 10.0];
const FIGURES: [&str; 3] = ["dump_ms", "longest_stop_ms", "longest_stop_idle_ms"];
/// Long enough for the longest stop while nobody looks to show.
const QUIET: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    support::main("dump", plan, measure)
}

fn plan(bench: &mut Bench) {
    let count = bench.options.pick(100_000, 20_000);
    for workers in [1, 2] {
        for case in ["plain", "stacks", "json"] {
            let row = format!("{case}_{count}_w{workers}");
            if !bench.options.wants_row(&row) {
                continue;
            }
            let ours = Contender::ours();
            let ours = ours.with("case", case).with("workers", workers).with("count", count);
            let samples = bench.interleave(vec![ours]);
            for (figure, limit) in FIGURES.into_iter().zip(LIMITS) {
                let row = format!("{row}_{figure}_vs_limit");
                bench.row_beside_constant(&row, "ms", &samples, figure, ("limit", limit));
            }
        }
    }
}

fn measure(job: &Job) -> Measurement {
    let (workers, count) = (job.number("workers"), job.number("count"));
    let case = job.text("case").to_owned();
    let runtime = runtime::Builder::new().workers(workers).monitor(None).build();
    let runtime = runtime.expect("there are threads to be had");
    let crowd: Vec<_> = (0..count).map(|_| runtime.spawn(thread::park)).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let longest = Arc::new(AtomicU64::new(0));
    let yielding = |_| {
        let (ends, longest) = (is_over.clone(), longest.clone());
        runtime.spawn(move || {
            let mut last = Instant::now();
            while !ends.load(Ordering::Relaxed) {
                thread::yield_now();
                let now = Instant::now();
                longest.fetch_max((now - last).as_nanos() as u64, Ordering::Relaxed);
                last = now;
            }
        })
    };
    let yielding: Vec<_> = (0..workers).map(yielding).collect();
    let options = Options::new().stacks(case != "plain");
    // Everybody has parked, and the debug information was read.
    while options.dump().threads().iter().filter(|it| it.wait().is_some()).count() < count {
        std::thread::sleep(Duration::from_millis(10));
    }
    longest.store(0, Ordering::Relaxed);
    std::thread::sleep(QUIET);
    let idle = longest.swap(0, Ordering::Relaxed);
    let nanos = median_of_repeats(3, || {
        let start = Instant::now();
        let dump = options.dump();
        let bytes = if case == "json" { dump.to_json().len() } else { 0 };
        std::hint::black_box(bytes);
        let nanos = start.elapsed().as_nanos() as f64;
        assert!(dump.threads().len() >= count, "{} listed", dump.threads().len());
        nanos
    });
    let stop = longest.load(Ordering::Relaxed);
    is_over.store(true, Ordering::Relaxed);
    yielding.into_iter().for_each(|it| it.join().expect("it does not panic"));
    crowd.iter().for_each(|it| it.thread().unpark());
    crowd.into_iter().for_each(|it| it.join().expect("it does not panic"));
    let [dump_ms, stop_ms, idle_ms] = FIGURES;
    let millis = |nanos: f64| nanos / 1e6;
    Measurement::of(dump_ms, millis(nanos))
        .and(stop_ms, millis(stop as f64))
        .and(idle_ms, millis(idle as f64))
}

//! `own_locals`: what a green thread pays for thread-locals of its own.
//!
//! Yields, spawns with joins, and memory, each of green threads that share their worker's
//! thread-locals (pinned) and of those that have their own, in turn in one process. What counts is
//! the difference or the ratio of the two, which a busy machine spoils least.

mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use greenstd::thread::{self, Builder, ThreadLocals};
use support::child::Job;
use support::contender::{Contender, Measurement};
use support::green::{Green, NO_PANIC};
use support::lap::Lap;
use support::ours::Ours;
use support::proc;
use support::report::median;
use support::rounds::Bench;

/// Green threads that yield to each other.
const CROWDS: [usize; 3] = [2, 100, 10_000];
/// Yields before the clock starts, so that every green thread is in the ring when it does.
const WARM_YIELDS: usize = 5;
/// Green threads alive at once in `batch`.
const BATCH: usize = 10_000;

/// The limits: nanoseconds that a yield may be dearer, how often as long a spawn with its
/// join may take, resident bytes of a parked green thread.
const YIELD_DEARER_NS: f64 = 45.0;
const SPAWN_TIMES: f64 = 2.0;
const PARKED_BYTES: f64 = 12_288.0;

fn main() -> ExitCode {
    support::main("own_locals", plan, measure)
}

fn plan(bench: &mut Bench) {
    let total = bench.options.pick(5_000_000, 500_000);
    for crowd in CROWDS {
        let row = format!("yield_{crowd}");
        let case = Contender::ours().with("case", "yield").with("crowd", crowd);
        let case = case.with("each", total / crowd);
        plan_pair(bench, &row, "ns", case, ("difference", YIELD_DEARER_NS));
    }
    let sequence = bench.options.pick(50_000, 5_000);
    for workers in [1, 2] {
        for (name, count) in [("spawn", sequence), ("batch", BATCH)] {
            let row = format!("{name}_w{workers}");
            let case = Contender::ours().with("case", name).with("count", count);
            let case = case.with("workers", workers);
            plan_pair(bench, &row, "ns", case, ("ratio", SPAWN_TIMES));
        }
    }
    let count = bench.options.pick(100_000, 20_000);
    let row = format!("parked_{count}_own");
    if bench.options.wants_row(&row) {
        let case = Contender::ours().with("case", "parked").with("count", count);
        let samples = bench.interleave(vec![case]);
        bench.row(&row, "B", &samples, "own");
        let limit = ("limit", PARKED_BYTES);
        bench.row_beside_constant(&format!("{row}_vs_limit"), "B", &samples, "own", limit);
    }
}

/// Rows of both kinds and of what the limit is on, which is beside it.
fn plan_pair(
    bench: &mut Bench,
    row: &str,
    unit: &str,
    contender: Contender,
    (compared, limit): (&str, f64),
) {
    if !bench.options.wants_row(row) {
        return;
    }
    let repeats = bench.options.pick(9, 3);
    let samples = bench.interleave(vec![contender.with("repeats", repeats)]);
    for kind in ["pinned", "own"] {
        bench.row(&format!("{row}_{kind}"), unit, &samples, kind);
    }
    let unit = if compared == "ratio" { "x" } else { unit };
    let row = format!("{row}_{compared}_vs_limit");
    bench.row_beside_constant(&row, unit, &samples, compared, ("limit", limit));
}

fn measure(job: &Job) -> Measurement {
    let count = || job.number("count");
    match job.case() {
        "yield" => {
            let (crowd, each) = (job.number("crowd"), job.number("each"));
            let yields = (crowd * each) as f64;
            let repeats = job.number("repeats");
            Ours::run(1, move || {
                in_turn(repeats, || ring::<Ours>(crowd, each), || ring::<Own>(crowd, each), yields)
            })
        }
        "spawn" => {
            let (count, repeats) = (count(), job.number("repeats"));
            Ours::run(job.number("workers"), move || {
                let (pinned, own) = (one_after_another::<Ours>, one_after_another::<Own>);
                in_turn(repeats, || pinned(count), || own(count), count as f64)
            })
        }
        "batch" => {
            let (count, repeats) = (count(), job.number("repeats"));
            Ours::run(job.number("workers"), move || {
                in_turn(repeats, || batch::<Ours>(count), || batch::<Own>(count), count as f64)
            })
        }
        _ => {
            let count = count();
            Ours::run(1, move || parked(count))
        }
    }
}

/// Both kinds, one after the other, so often. The first repetition of each is not counted. Figures
/// are for one of `count`.
fn in_turn(
    repeats: usize,
    mut pinned: impl FnMut() -> f64,
    mut own: impl FnMut() -> f64,
    count: f64,
) -> Measurement {
    pinned();
    own();
    let pairs: Vec<(f64, f64)> = (0..repeats).map(|_| (pinned() / count, own() / count)).collect();
    let middle = |figure: fn(&(f64, f64)) -> f64| {
        median(pairs.iter().map(figure).collect()).expect("a bench repeats at least once")
    };
    Measurement::of("pinned", middle(|pair| pair.0))
        .and("own", middle(|pair| pair.1))
        .and("difference", middle(|pair| pair.1 - pair.0))
        .and("ratio", middle(|pair| pair.1 / pair.0))
}

fn ring<G: Green>(crowd: usize, each: usize) -> f64 {
    let lap = Arc::new(Lap::default());
    let spawn = |_| {
        let lap = Arc::clone(&lap);
        G::spawn(move || {
            (0..WARM_YIELDS).for_each(|_| G::yield_now());
            lap.enter();
            (0..each).for_each(|_| G::yield_now());
            lap.leave();
        })
    };
    let handles: Vec<_> = (0..crowd).map(spawn).collect();
    handles.into_iter().for_each(G::join);
    lap.nanos()
}

fn one_after_another<G: Green>(count: usize) -> f64 {
    let start = Instant::now();
    (0..count).for_each(|_| G::join(G::spawn(|| ())));
    start.elapsed().as_nanos() as f64
}

fn batch<G: Green>(count: usize) -> f64 {
    let start = Instant::now();
    let handles: Vec<_> = (0..count).map(|_| G::spawn(|| ())).collect();
    handles.into_iter().for_each(G::join);
    start.elapsed().as_nanos() as f64
}

fn parked(count: usize) -> Measurement {
    let resident = || proc::resident_bytes(std::process::id());
    let before = resident();
    let arrived = Arc::new(AtomicUsize::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let root = thread::current();
    let spawn = |_| {
        let (arrived, is_over, root) = (arrived.clone(), is_over.clone(), root.clone());
        Own::spawn(move || {
            if arrived.fetch_add(1, Ordering::Release) + 1 == count {
                root.unpark();
            }
            while !is_over.load(Ordering::Acquire) {
                thread::park();
            }
        })
    };
    let handles: Vec<_> = (0..count).map(spawn).collect();
    while arrived.load(Ordering::Acquire) < count {
        thread::park();
    }
    let each = resident().saturating_sub(before) as f64 / count as f64;
    is_over.store(true, Ordering::Release);
    handles.iter().for_each(|handle| handle.thread().unpark());
    handles.into_iter().for_each(Own::join);
    Measurement::of("own", each)
}

/// greenstd's green threads with their own thread-locals.
struct Own;

impl Green for Own {
    type Handle<T: Send + 'static> = thread::JoinHandle<T>;
    type Thread = thread::Thread;

    fn run<T: Send + 'static>(workers: usize, body: impl FnOnce() -> T + Send + 'static) -> T {
        Ours::run(workers, body)
    }

    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        let builder = Builder::new().thread_locals(ThreadLocals::Own);
        builder.spawn(body).expect("the platform has them")
    }

    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.join().expect(NO_PANIC)
    }

    fn thread<T: Send + 'static>(handle: &Self::Handle<T>) -> &Self::Thread {
        handle.thread()
    }

    fn current() -> Self::Thread {
        thread::current()
    }

    fn park() {
        thread::park();
    }

    fn unpark(thread: &Self::Thread) {
        thread.unpark();
    }

    fn yield_now() {
        thread::yield_now();
    }

    fn sleep(time: Duration) {
        thread::sleep(time);
    }
}

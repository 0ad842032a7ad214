//! `switch`: what a yield costs among 2, 100 and 10,000 green threads on one worker.
//!
//! Every green thread yields in a loop; the time from the first loop's start to the last one's end,
//! divided by all yields. The floor is a ring of bare coroutines that nobody schedules.

mod support;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use corosensei::Coroutine;
use corosensei::stack::DefaultStack;
use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::Green;
use support::lap::{Lap, median_of_repeats};
use support::on_may::May;
use support::on_tokio;
use support::ours::Ours;
use support::rounds::Bench;

/// Stack size of the bare coroutines; their default of 1 MiB does not fit 10,000 times.
const STACK_BYTES: usize = 64 * 1024;
/// Green threads that yield to each other.
const CROWDS: [usize; 3] = [2, 100, 10_000];
/// Yields before the clock starts, so that every green thread is in the ring when it does.
const WARM_YIELDS: usize = 5;
const FIGURE: &str = "ns_per_yield";

fn main() -> ExitCode {
    support::main("switch", plan, measure)
}

fn plan(bench: &mut Bench) {
    let total = bench.options.pick(5_000_000, 1_000_000);
    let repeats = bench.options.pick(5, 3);
    for crowd in CROWDS {
        let row = format!("yield_{crowd}");
        if !bench.options.wants_row(&row) {
            continue;
        }
        let contenders = [
            Contender::ours(),
            Contender::peer(System::TokioCurrent),
            Contender::peer(System::May),
            Contender::beside(System::Corosensei),
        ];
        let contenders = contenders.map(|contender| {
            let contender = contender.with("crowd", crowd).with("each", total / crowd);
            contender.with("repeats", repeats)
        });
        let samples = bench.interleave(contenders.into());
        bench.row(&row, "ns", &samples, FIGURE);
    }
}

fn measure(job: &Job) -> Measurement {
    let (crowd, each) = (job.number("crowd"), job.number("each"));
    let repeats = job.number("repeats");
    let nanos = match job.system() {
        System::Ours => green::<Ours>(crowd, each, repeats),
        System::May => green::<May>(crowd, each, repeats),
        System::Corosensei => median_of_repeats(repeats, || bare_ring(crowd, each)),
        tokio => {
            on_tokio::run(tokio, 1, async move { median_of_tasks(crowd, each, repeats).await })
        }
    };
    Measurement::of(FIGURE, nanos / (crowd * each) as f64)
}

fn green<G: Green>(crowd: usize, each: usize, repeats: usize) -> f64 {
    G::run(1, move || median_of_repeats(repeats, || green_ring::<G>(crowd, each)))
}

fn green_ring<G: Green>(crowd: usize, each: usize) -> f64 {
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

async fn median_of_tasks(crowd: usize, each: usize, repeats: usize) -> f64 {
    task_ring(crowd, each).await;
    let mut values = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        values.push(task_ring(crowd, each).await);
    }
    support::report::median(values).expect("a bench repeats at least once")
}

async fn task_ring(crowd: usize, each: usize) -> f64 {
    let lap = Arc::new(Lap::default());
    let spawn = |_| {
        let lap = Arc::clone(&lap);
        tokio::spawn(async move {
            for _ in 0..WARM_YIELDS {
                tokio::task::yield_now().await;
            }
            lap.enter();
            for _ in 0..each {
                tokio::task::yield_now().await;
            }
            lap.leave();
        })
    };
    let handles: Vec<_> = (0..crowd).map(spawn).collect();
    for handle in handles {
        handle.await.expect(support::green::NO_PANIC);
    }
    lap.nanos()
}

/// Coroutines resumed in turn from a vector.
#[allow(unsafe_code, reason = "suspended coroutines are given up without being unwound")]
fn bare_ring(crowd: usize, each: usize) -> f64 {
    let coroutine = |_| {
        let stack = DefaultStack::new(STACK_BYTES).expect("there is address space");
        Coroutine::<(), (), ()>::with_stack(stack, move |yielder, ()| {
            loop {
                yielder.suspend(());
            }
        })
    };
    let mut ring: Vec<_> = (0..crowd).map(coroutine).collect();
    let mut turn = || {
        for coroutine in &mut ring {
            black_box(coroutine.resume(()));
        }
    };
    (0..WARM_YIELDS).for_each(|_| turn());
    let start = Instant::now();
    (0..each).for_each(|_| turn());
    let elapsed = start.elapsed().as_nanos() as f64;
    for coroutine in &mut ring {
        // Without `unwind` a suspended coroutine cannot be dropped.
        // SAFETY: it is suspended in a loop that owns nothing.
        unsafe { coroutine.force_reset() };
    }
    elapsed
}

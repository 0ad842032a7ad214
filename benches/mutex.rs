//! `mutex`: what a lock and an unlock cost, alone and among 100 threads.
//!
//! `uncontended`: one thread locks, adds one and unlocks, in a loop. `crowd`: 100 threads do so on
//! one mutex; `yielding`: they also yield while they hold it. With one worker and with two.

mod support;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::lap::{Lap, median_of_repeats};
use support::on_may::May;
use support::ours::Ours;
use support::rounds::Bench;
use support::{on_tokio, sys};

/// Threads that want one mutex.
const CROWD: usize = 100;
/// Yields before the clock starts, so that every green thread runs when it does.
const WARM_YIELDS: usize = 5;
/// How much less OS threads do where each lock is a switch for them: it takes microseconds.
const SLOWER: usize = 20;
const FIGURE: &str = "ns_per_lock";

fn main() -> ExitCode {
    support::main("mutex", plan, measure)
}

fn plan(bench: &mut Bench) {
    let repeats = bench.options.pick(5, 3);
    if bench.options.wants_row("uncontended") {
        let contenders = [
            Contender::ours(),
            Contender::peer(System::Threads).labelled("parking_lot").with("lock", "parking_lot"),
            Contender::beside(System::Threads).labelled("std").with("lock", "std"),
            Contender::beside(System::May),
        ];
        let count = bench.options.pick(20_000_000, 4_000_000);
        let contenders = contenders.map(|contender| {
            let contender = contender.with("case", "uncontended").with("crowd", 1);
            contender.with("each", count).with("repeats", repeats).with("workers", 1)
        });
        let samples = bench.interleave(contenders.into());
        bench.row("uncontended", "ns", &samples, FIGURE);
    }
    for (case, count) in [("crowd", 5_000_000), ("yielding", 2_000_000)] {
        for workers in [1, 2] {
            let row = format!("{case}_{CROWD}_w{workers}");
            if !bench.options.wants_row(&row) {
                continue;
            }
            let each = bench.options.pick(count, count / 10) / CROWD;
            let contenders = contenders(workers).into_iter().map(|contender| {
                let is_slow = contender.system == System::Threads && case == "yielding";
                let each = if is_slow { each / SLOWER } else { each };
                let contender = contender.with("case", case).with("crowd", CROWD);
                contender.with("each", each).with("repeats", repeats).with("workers", workers)
            });
            let samples = bench.interleave(contenders.collect());
            bench.row(&row, "ns", &samples, FIGURE);
        }
    }
}

fn contenders(workers: usize) -> Vec<Contender> {
    let mut contenders = vec![Contender::ours(), Contender::peer(System::TokioMulti)];
    if workers == 1 {
        contenders.push(Contender::peer(System::TokioCurrent));
    }
    contenders.push(Contender::peer(System::May));
    for lock in ["parking_lot", "std"] {
        contenders.push(Contender::beside(System::Threads).labelled(lock).with("lock", lock));
    }
    contenders
}

fn measure(job: &Job) -> Measurement {
    let load = Load {
        crowd: job.number("crowd"),
        each: job.number("each"),
        yields: job.case() == "yielding",
    };
    let (workers, repeats) = (job.number("workers"), job.number("repeats"));
    let nanos = match job.system() {
        System::Ours => green::<Ours, greenstd::sync::Mutex<u64>>(workers, load, repeats),
        System::May => green::<May, may::sync::Mutex<u64>>(workers, load, repeats),
        System::Threads => {
            // As many CPUs as the others have workers.
            let cpus = sys::allowed_cpus();
            sys::pin_to(&cpus[..workers.min(cpus.len())]);
            match job.text("lock") {
                "std" => threads::<std::sync::Mutex<u64>>(load, repeats),
                _ => threads::<parking_lot::Mutex<u64>>(load, repeats),
            }
        }
        tokio => on_tokio::run(tokio, workers, async move {
            tasks(load).await;
            let mut values = Vec::with_capacity(repeats);
            for _ in 0..repeats {
                values.push(tasks(load).await);
            }
            support::report::median(values).expect("a bench repeats at least once")
        }),
    };
    Measurement::of(FIGURE, nanos / (load.crowd * load.each) as f64)
}

/// What the threads do.
#[derive(Clone, Copy)]
struct Load {
    crowd: usize,
    each: usize,
    yields: bool,
}

impl Load {
    /// Fails if a lock was lost or taken twice at once.
    fn check(self, count: u64) {
        assert_eq!(count, (self.crowd * self.each) as u64, "not every lock has counted");
    }
}

/// A mutex around a number.
trait Counter: Send + Sync + 'static {
    fn new() -> Self;
    /// Adds one under the lock, before `inside`.
    fn add(&self, inside: impl FnOnce());
    fn value(&self) -> u64;
}

macro_rules! counter {
    ($mutex:ty, $lock:ident => $guard:expr) => {
        impl Counter for $mutex {
            fn new() -> Self {
                Self::new(0)
            }

            #[inline]
            fn add(&self, inside: impl FnOnce()) {
                let $lock = self.lock();
                let mut guard = $guard;
                *guard = black_box(*guard + 1);
                inside();
            }

            fn value(&self) -> u64 {
                let $lock = self.lock();
                *$guard
            }
        }
    };
}

counter!(greenstd::sync::Mutex<u64>, lock => lock.expect(NO_PANIC));
counter!(may::sync::Mutex<u64>, lock => lock.expect(NO_PANIC));
counter!(std::sync::Mutex<u64>, lock => lock.expect(NO_PANIC));
counter!(parking_lot::Mutex<u64>, lock => lock);

fn green<G: Green, C: Counter>(workers: usize, load: Load, repeats: usize) -> f64 {
    G::run(workers, move || median_of_repeats(repeats, || crowd::<G, C>(load)))
}

fn crowd<G: Green, C: Counter>(load: Load) -> f64 {
    let shared = Arc::new((C::new(), Lap::default()));
    let spawn = |_| {
        let shared = Arc::clone(&shared);
        G::spawn(move || {
            let (counter, lap) = &*shared;
            (0..WARM_YIELDS).for_each(|_| G::yield_now());
            lap.enter();
            match load.yields {
                false => (0..load.each).for_each(|_| counter.add(|| ())),
                true => (0..load.each).for_each(|_| counter.add(G::yield_now)),
            }
            lap.leave();
        })
    };
    let handles: Vec<_> = (0..load.crowd).map(spawn).collect();
    handles.into_iter().for_each(G::join);
    load.check(shared.0.value());
    shared.1.nanos()
}

fn threads<C: Counter>(load: Load, repeats: usize) -> f64 {
    median_of_repeats(repeats, || {
        let (counter, lap) = (C::new(), Lap::default());
        let start = std::sync::Barrier::new(load.crowd);
        std::thread::scope(|scope| {
            for _ in 0..load.crowd {
                scope.spawn(|| {
                    start.wait();
                    lap.enter();
                    match load.yields {
                        false => (0..load.each).for_each(|_| counter.add(|| ())),
                        true => (0..load.each).for_each(|_| counter.add(std::thread::yield_now)),
                    }
                    lap.leave();
                });
            }
        });
        load.check(counter.value());
        lap.nanos()
    })
}

async fn tasks(load: Load) -> f64 {
    let shared = Arc::new((tokio::sync::Mutex::new(0_u64), Lap::default()));
    let spawn = |_| {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let (counter, lap) = &*shared;
            for _ in 0..WARM_YIELDS {
                tokio::task::yield_now().await;
            }
            lap.enter();
            for _ in 0..load.each {
                let mut guard = counter.lock().await;
                *guard = black_box(*guard + 1);
                if load.yields {
                    tokio::task::yield_now().await;
                }
            }
            lap.leave();
        })
    };
    let handles: Vec<_> = (0..load.crowd).map(spawn).collect();
    for handle in handles {
        handle.await.expect(NO_PANIC);
    }
    load.check(*shared.0.lock().await);
    shared.1.nanos()
}

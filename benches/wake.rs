//! `wake`: how soon the other worker gets going.
//!
//! `start_idle_sibling`: a green thread spins until a thread that it spawned has started, which
//! only the idle sibling can do. `ping_pong`: two green threads wake each other in turn; ours sit
//! on different workers, tokio's and may's wherever their schedulers move them.

mod support;

use std::hint::spin_loop;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::histogram::Histogram;
use support::on_may::May;
use support::on_tokio;
use support::ours::Ours;
use support::rounds::Bench;
use tokio::sync::Notify;

const WORKERS: usize = 2;
/// How long the sibling idles before each start: it has gone to sleep in the kernel by then.
const IDLE: Duration = Duration::from_millis(2);
/// A task that has not started by now starts when its spawner stops spinning.
const START_LIMIT: Duration = Duration::from_millis(50);
/// Attempts at placing two green threads on two workers.
const PLACEMENTS: usize = 100;

fn main() -> ExitCode {
    support::main("wake", plan, measure)
}

fn plan(bench: &mut Bench) {
    let starts = bench.options.pick(500, 100);
    let trips = bench.options.pick(200_000, 50_000);
    for (row, count) in [("start_idle_sibling", starts), ("ping_pong", trips)] {
        if !bench.options.wants_row(row) {
            continue;
        }
        let contenders =
            [Contender::ours(), Contender::peer(System::TokioMulti), Contender::peer(System::May)];
        let contenders =
            contenders.map(|contender| contender.with("case", row).with("count", count));
        let samples = bench.interleave(contenders.into());
        if row == "ping_pong" {
            bench.row(row, "ns", &samples, "ns_per_round_trip");
        } else {
            bench.row(row, "us", &samples, "p50_us");
            bench.row(&format!("{row}_p99"), "us", &samples, "p99_us");
            // Issue: an idle sibling starts a stolen task in under 100 us in the median.
            bench.row_beside_constant(
                &format!("{row}_vs_limit"),
                "us",
                &samples,
                "p50_us",
                ("limit", 100.0),
            );
        }
    }
}

fn measure(job: &Job) -> Measurement {
    let count = job.number("count");
    match (job.case(), job.system()) {
        ("start_idle_sibling", System::Ours) => starts::<Ours>(count),
        ("start_idle_sibling", System::May) => starts::<May>(count),
        ("start_idle_sibling", _) => task_starts(count),
        (_, System::Ours) => ping_pong::<Ours>(count, true),
        (_, System::May) => ping_pong::<May>(count, false),
        _ => task_ping_pong(count),
    }
}

/// When a spawned body started, in nanoseconds after its spawn; 0: not yet.
#[derive(Default)]
struct Started(AtomicU64);

impl Started {
    fn note(&self, spawned: Instant) {
        self.0.store(spawned.elapsed().as_nanos().max(1) as u64, Ordering::Release);
    }

    /// Spins until the body has started, or could not start while its spawner was spinning.
    fn spin(&self, spawned: Instant) {
        while self.0.load(Ordering::Acquire) == 0 && spawned.elapsed() < START_LIMIT {
            spin_loop();
        }
    }

    fn nanos(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

fn idle() {
    let start = Instant::now();
    while start.elapsed() < IDLE {
        spin_loop();
    }
}

fn quantiles(latencies: &Histogram) -> Measurement {
    Measurement::of("p50_us", latencies.quantile(0.50) as f64 / 1e3)
        .and("p99_us", latencies.quantile(0.99) as f64 / 1e3)
}

fn starts<G: Green>(count: usize) -> Measurement {
    G::run(WORKERS, move || {
        let mut latencies = Histogram::new();
        for _ in 0..count {
            idle();
            let started = Arc::new(Started::default());
            let (theirs, spawned) = (Arc::clone(&started), Instant::now());
            let handle = G::spawn(move || theirs.note(spawned));
            started.spin(spawned);
            G::join(handle);
            latencies.add(started.nanos());
        }
        quantiles(&latencies)
    })
}

/// tokio keeps the last spawned task in a slot that only its own worker looks into; a second, empty
/// task pushes the first one out to where the sibling can steal it.
fn task_starts(count: usize) -> Measurement {
    on_tokio::run(System::TokioMulti, WORKERS, async move {
        let mut latencies = Histogram::new();
        for _ in 0..count {
            idle();
            let started = Arc::new(Started::default());
            let (theirs, spawned) = (Arc::clone(&started), Instant::now());
            let handle = tokio::spawn(async move { theirs.note(spawned) });
            let second = tokio::spawn(async {});
            started.spin(spawned);
            handle.await.expect(NO_PANIC);
            second.await.expect(NO_PANIC);
            latencies.add(started.nanos());
        }
        quantiles(&latencies)
    })
}

/// Two parties that take turns; each waits until the count of turns is its own again.
#[derive(Default)]
struct Court<T> {
    turns: AtomicUsize,
    threads: [OnceLock<T>; 2],
}

impl<T> Court<T> {
    /// Plays `count` round trips as party 0 or 1.
    fn play(&self, party: usize, count: usize, park: impl Fn(), unpark: impl Fn(&T)) {
        let other = loop {
            match self.threads[1 - party].get() {
                Some(other) => break other,
                // Both sit on workers of their own, or a moment of spinning does no harm.
                None => spin_loop(),
            }
        };
        for trip in 0..count {
            while self.turns.load(Ordering::Acquire) != 2 * trip + party {
                park();
            }
            self.turns.store(2 * trip + party + 1, Ordering::Release);
            unpark(other);
        }
    }
}

/// Fails if `apart` is asked for and the two green threads never come to sit on two workers.
fn ping_pong<G: Green>(count: usize, apart: bool) -> Measurement {
    G::run(WORKERS, move || {
        for _ in 0..PLACEMENTS {
            if let Some(nanos) = G::join(G::spawn(move || try_ping_pong::<G>(count, apart))) {
                return Measurement::of("ns_per_round_trip", nanos / count as f64);
            }
        }
        panic!("no two green threads came to sit on two workers")
    })
}

/// The calling green thread is party 0; party 1 is started by the sibling while this one spins.
fn try_ping_pong<G: Green>(count: usize, apart: bool) -> Option<f64> {
    let court = Arc::new(Court { turns: AtomicUsize::new(0), threads: Default::default() });
    let is_off = Arc::new(AtomicBool::new(false));
    let place: Arc<OnceLock<ThreadId>> = Arc::default();
    let started = Arc::new(Started::default());
    let spawned = Instant::now();
    let other = {
        let (court, is_off) = (Arc::clone(&court), Arc::clone(&is_off));
        let (place, started) = (Arc::clone(&place), Arc::clone(&started));
        G::spawn(move || {
            court.threads[1].get_or_init(G::current);
            place.get_or_init(|| std::thread::current().id());
            started.note(spawned);
            // Party 0 unparks this one when it has decided.
            while court.turns.load(Ordering::Acquire) == 0 && !is_off.load(Ordering::Acquire) {
                G::park();
            }
            if !is_off.load(Ordering::Acquire) {
                court.play(1, count, G::park, G::unpark);
            }
        })
    };
    started.spin(spawned);
    let here = std::thread::current().id();
    let is_apart = place.get().is_some_and(|&there| there != here);
    if apart && !is_apart {
        is_off.store(true, Ordering::Release);
        G::unpark(G::thread(&other));
        G::join(other);
        return None;
    }
    while place.get().is_none() {
        // Not a yield: may runs the one that yields again before those that never ran.
        G::sleep(Duration::from_millis(1));
    }
    court.threads[0].get_or_init(G::current);
    let start = Instant::now();
    court.play(0, count, G::park, G::unpark);
    G::join(other);
    Some(start.elapsed().as_nanos() as f64)
}

fn task_ping_pong(count: usize) -> Measurement {
    on_tokio::run(System::TokioMulti, WORKERS, async move {
        let (ping, pong) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let other = {
            let (ping, pong) = (Arc::clone(&ping), Arc::clone(&pong));
            tokio::spawn(async move {
                for _ in 0..count {
                    ping.notified().await;
                    pong.notify_one();
                }
            })
        };
        let start = Instant::now();
        for _ in 0..count {
            ping.notify_one();
            pong.notified().await;
        }
        other.await.expect(NO_PANIC);
        Measurement::of("ns_per_round_trip", start.elapsed().as_nanos() as f64 / count as f64)
    })
}

//! `memory`: a million parked green threads, and the skynet tree.
//!
//! Parked: resident bytes of each (page tables apart), the time until all are parked, and the time
//! to wake and join them all. Skynet: ten children at each level down to 100,000 leaves, every
//! level joining its children and adding up; a wrong sum fails.

mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::lap::median_of_repeats;
use support::on_may::{self, May};
use support::ours::Ours;
use support::rounds::Bench;
use support::{on_tokio, proc};
use tokio::sync::Notify;

/// Go 1.27 with as many goroutines, on the kind of machine that README.md names: bytes each, ms to
/// spawn and park, ms to wake and join.
const GO_MILLION: [f64; 3] = [2_745.0, 3_129.0, 392.0];
/// The same with 100,000.
const GO_HUNDRED_THOUSAND: [f64; 3] = [2_742.0, 204.0, 43.0];
/// The limits with a million: 5 KiB each, no slower than Go, 0.6 s.
const LIMITS: [f64; 3] = [5_120.0, 3_129.0, 600.0];

const FIGURES: [(&str, &str); 3] =
    [("resident_bytes", "B"), ("spawn_ms", "ms"), ("wake_join_ms", "ms")];

const LEAVES: usize = 100_000;
const FAN_OUT: usize = 10;

fn main() -> ExitCode {
    support::main("memory", plan, measure)
}

fn plan(bench: &mut Bench) {
    let count = bench.options.pick(1_000_000, 100_000);
    for workers in [1, 2] {
        let row = format!("parked_{count}_w{workers}");
        if bench.options.wants_row(&row) {
            plan_parked(bench, &row, count, workers);
        }
    }
    for workers in [1, 2] {
        let row = format!("skynet_w{workers}");
        if bench.options.wants_row(&row) {
            plan_skynet(bench, &row, workers);
        }
    }
}

fn plan_parked(bench: &mut Bench, row: &str, count: usize, workers: usize) {
    let most = on_may::MOST_COROUTINES;
    let tokio = if workers == 1 { System::TokioCurrent } else { System::TokioMulti };
    let contenders = vec![
        Contender::ours(),
        Contender::peer(tokio),
        Contender::beside(System::May).labelled(most).with("count", most),
    ];
    let contenders = contenders.into_iter().map(|one| {
        one.with("case", "parked").with("workers", workers).or_with("count", count)
    });
    let samples = bench.interleave(contenders.collect());
    let is_million = count == 1_000_000;
    let go = if is_million { GO_MILLION } else { GO_HUNDRED_THOUSAND };
    for (index, (figure, unit)) in FIGURES.into_iter().enumerate() {
        bench.row(&format!("{row}_{figure}"), unit, &samples, figure);
        let versus_go = format!("{row}_{figure}_vs_go");
        bench.row_beside_constant(&versus_go, unit, &samples, figure, ("go_constant", go[index]));
        if is_million {
            let versus_limit = format!("{row}_{figure}_vs_limit");
            let limit = ("limit", LIMITS[index]);
            bench.row_beside_constant(&versus_limit, unit, &samples, figure, limit);
        }
    }
    bench.row(&format!("{row}_page_table_bytes"), "B", &samples, "page_table_bytes");
}

fn plan_skynet(bench: &mut Bench, row: &str, workers: usize) {
    let mut contenders = vec![Contender::ours(), Contender::peer(System::TokioMulti)];
    if workers == 1 {
        contenders.push(Contender::peer(System::TokioCurrent));
    }
    // A tenth of the leaves: all of the tree is alive at once on may, more than it can hold.
    let tenth = LEAVES / FAN_OUT;
    contenders.push(Contender::beside(System::May).labelled(tenth).with("count", tenth));
    let repeats = bench.options.pick(5, 2);
    let contenders = contenders.into_iter().map(|one| {
        let one = one.with("case", "skynet").or_with("count", LEAVES);
        one.with("workers", workers).with("repeats", repeats)
    });
    let samples = bench.interleave(contenders.collect());
    bench.row(row, "ms", &samples, "skynet_ms");
}

fn measure(job: &Job) -> Measurement {
    let count = job.number("count");
    let workers = job.number("workers");
    if job.case() == "parked" {
        return match job.system() {
            System::Ours => Ours::run(workers, move || parked::<Ours>(count)),
            System::May => May::run(workers, move || parked::<May>(count)),
            tokio => on_tokio::run(tokio, workers, parked_tasks(count)),
        };
    }
    let repeats = job.number("repeats");
    on_may::keep_all_stacks();
    let millis = match job.system() {
        System::Ours => skynet_millis::<Ours>(workers, repeats, count),
        System::May => skynet_millis::<May>(workers, repeats, count),
        tokio => {
            let runtime = on_tokio::runtime(tokio, workers);
            median_of_repeats(repeats, || {
                let start = Instant::now();
                let root = async { tokio::spawn(skynet_task(0, count)).await.expect(NO_PANIC) };
                check(runtime.block_on(root), count);
                start.elapsed().as_secs_f64() * 1e3
            })
        }
    };
    Measurement::of("skynet_ms", millis)
}

/// What the process held before the crowd came.
struct Before {
    resident: u64,
    page_tables: u64,
    count: usize,
    start: Instant,
}

impl Before {
    fn new(count: usize) -> Before {
        let own = std::process::id();
        let (resident, page_tables) = (proc::resident_bytes(own), proc::page_table_bytes(own));
        Before { resident, page_tables, count, start: Instant::now() }
    }

    /// All are parked now.
    fn parked(&self) -> Measurement {
        let spawn_ms = self.start.elapsed().as_secs_f64() * 1e3;
        let own = std::process::id();
        let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / self.count as f64;
        Measurement::of("spawn_ms", spawn_ms)
            .and("resident_bytes", each(proc::resident_bytes(own), self.resident))
            .and("page_table_bytes", each(proc::page_table_bytes(own), self.page_tables))
    }
}

fn parked<G: Green>(count: usize) -> Measurement {
    let before = Before::new(count);
    let arrived = Arc::new(AtomicUsize::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let root = G::current();
    let spawn = |_| {
        let (arrived, is_over) = (Arc::clone(&arrived), Arc::clone(&is_over));
        let root = root.clone();
        G::spawn(move || {
            // On one worker the root runs again after this last one has parked, with two at most
            // another one is on its way there.
            if arrived.fetch_add(1, Ordering::Release) + 1 == count {
                G::unpark(&root);
            }
            while !is_over.load(Ordering::Acquire) {
                G::park();
            }
        })
    };
    let handles: Vec<_> = (0..count).map(spawn).collect();
    while arrived.load(Ordering::Acquire) < count {
        G::park();
    }
    let measurement = before.parked();
    let start = Instant::now();
    is_over.store(true, Ordering::Release);
    handles.iter().for_each(|handle| G::unpark(G::thread(handle)));
    handles.into_iter().for_each(G::join);
    measurement.and("wake_join_ms", start.elapsed().as_secs_f64() * 1e3)
}

/// One `Notify` for all is tokio's leanest way to park a task.
async fn parked_tasks(count: usize) -> Measurement {
    let before = Before::new(count);
    let arrived = Arc::new(AtomicUsize::new(0));
    let (over, all) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let spawn = |_| {
        let (arrived, over, all) = (Arc::clone(&arrived), Arc::clone(&over), Arc::clone(&all));
        tokio::spawn(async move {
            if arrived.fetch_add(1, Ordering::Release) + 1 == count {
                all.notify_one();
            }
            drop(all);
            over.notified().await;
        })
    };
    let handles: Vec<_> = (0..count).map(spawn).collect();
    all.notified().await;
    let measurement = before.parked();
    let start = Instant::now();
    over.notify_waiters();
    for handle in handles {
        handle.await.expect(NO_PANIC);
    }
    measurement.and("wake_join_ms", start.elapsed().as_secs_f64() * 1e3)
}

fn skynet_millis<G: Green>(workers: usize, repeats: usize, leaves: usize) -> f64 {
    G::run(workers, move || {
        median_of_repeats(repeats, || {
            let start = Instant::now();
            check(G::join(G::spawn(move || skynet::<G>(0, leaves))), leaves);
            start.elapsed().as_secs_f64() * 1e3
        })
    })
}

fn skynet<G: Green>(first: usize, leaves: usize) -> usize {
    if leaves == 1 {
        return first;
    }
    let each = leaves / FAN_OUT;
    let spawn = |child| G::spawn(move || skynet::<G>(first + child * each, each));
    let children: Vec<_> = (0..FAN_OUT).map(spawn).collect();
    children.into_iter().map(G::join).sum()
}

async fn skynet_task(first: usize, leaves: usize) -> usize {
    if leaves == 1 {
        return first;
    }
    let each = leaves / FAN_OUT;
    // A future that spawns itself needs one box, or its type would be endless.
    let spawn = |child| tokio::spawn(boxed_skynet_task(first + child * each, each));
    let children: Vec<_> = (0..FAN_OUT).map(spawn).collect();
    let mut sum = 0;
    for child in children {
        sum += child.await.expect(NO_PANIC);
    }
    sum
}

fn boxed_skynet_task(
    first: usize,
    leaves: usize,
) -> std::pin::Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(skynet_task(first, leaves))
}

fn check(sum: usize, leaves: usize) {
    assert_eq!(sum, leaves * (leaves - 1) / 2, "skynet added up wrongly");
}

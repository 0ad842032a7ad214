//! `spawn`: what it costs to start a green thread with an empty body and to join it.
//!
//! One after another and in a batch from inside a green thread, and one after another from an OS
//! thread; with one worker and with two.

mod support;

use std::process::ExitCode;
use std::time::Instant;

use support::child::Job;
use support::contender::{Contender, Measurement, Role, System};
use support::green::{Green, NO_PANIC};
use support::lap::median_of_repeats;
use support::on_may::{self, May};
use support::ours::Ours;
use support::rounds::Bench;
use support::{on_tokio, ours};

/// Green threads alive at once in the batch rows.
const BATCH: usize = 100_000;
const FIGURE: &str = "ns_per_spawn";

fn main() -> ExitCode {
    support::main("spawn", plan, measure)
}

fn plan(bench: &mut Bench) {
    let repeats = bench.options.pick(5, 3);
    let sequence = bench.options.pick(50_000, 5_000);
    for workers in [1, 2] {
        for (case, count) in [("inside", sequence), ("batch", BATCH), ("outside", sequence)] {
            let row = format!("{case}_w{workers}");
            if !bench.options.wants_row(&row) {
                continue;
            }
            let contenders = contenders(case, workers).into_iter().map(|contender| {
                let contender = contender.with("case", case).with("workers", workers);
                contender.or_with("count", count).with("repeats", repeats).or_with("waits", "join")
            });
            let samples = bench.interleave(contenders.collect());
            bench.row(&row, "ns", &samples, FIGURE);
        }
    }
}

fn contenders(case: &str, workers: usize) -> Vec<Contender> {
    let mut contenders = vec![Contender::ours(), Contender::peer(System::TokioMulti)];
    if workers == 1 {
        contenders.push(Contender::peer(System::TokioCurrent));
    }
    if case == "outside" {
        // tokio offers two ways to wait on an OS thread; the better one counts.
        let oneshot = Contender::peer(System::TokioMulti).labelled("oneshot");
        contenders.push(oneshot.with("waits", "oneshot"));
    }
    let may = Contender::peer(System::May);
    contenders.push(match case {
        "batch" => {
            let most = on_may::MOST_COROUTINES;
            may.labelled(most).with("count", most)
        }
        _ => may,
    });
    debug_assert!(contenders.iter().filter(|one| one.role == Role::Ours).count() == 1);
    contenders
}

fn measure(job: &Job) -> Measurement {
    let (workers, repeats, count) =
        (job.number("workers"), job.number("repeats"), job.number("count"));
    on_may::keep_all_stacks();
    let nanos = match (job.case(), job.system()) {
        ("outside", System::Ours) => {
            let runtime = ours::runtime(workers);
            median_of_repeats(repeats, || {
                one_after_another(count, || runtime.spawn(|| ()).join().expect(NO_PANIC))
            })
        }
        ("outside", System::May) => {
            on_may::configure(workers);
            median_of_repeats(repeats, || one_after_another(count, || May::join(May::spawn(|| ()))))
        }
        ("outside", tokio) => tokio_outside(job, tokio, workers, repeats, count),
        (case, System::Ours) => green::<Ours>(case == "batch", workers, repeats, count),
        (case, System::May) => green::<May>(case == "batch", workers, repeats, count),
        (case, tokio) => {
            let is_batch = case == "batch";
            on_tokio::run(tokio, workers, async move {
                tasks(is_batch, count).await;
                let mut values = Vec::new();
                for _ in 0..repeats {
                    values.push(tasks(is_batch, count).await);
                }
                support::report::median(values).expect("a bench repeats at least once")
            })
        }
    };
    Measurement::of(FIGURE, nanos / count as f64)
}

fn one_after_another(count: usize, mut spawn_and_join: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..count).for_each(|_| spawn_and_join());
    start.elapsed().as_nanos() as f64
}

fn green<G: Green>(is_batch: bool, workers: usize, repeats: usize, count: usize) -> f64 {
    G::run(workers, move || {
        median_of_repeats(repeats, || {
            if !is_batch {
                return one_after_another(count, || G::join(G::spawn(|| ())));
            }
            let start = Instant::now();
            let handles: Vec<_> = (0..count).map(|_| G::spawn(|| ())).collect();
            handles.into_iter().for_each(G::join);
            start.elapsed().as_nanos() as f64
        })
    })
}

async fn tasks(is_batch: bool, count: usize) -> f64 {
    let start = Instant::now();
    if is_batch {
        let handles: Vec<_> = (0..count).map(|_| tokio::spawn(async {})).collect();
        for handle in handles {
            handle.await.expect(NO_PANIC);
        }
    } else {
        for _ in 0..count {
            tokio::spawn(async {}).await.expect(NO_PANIC);
        }
    }
    start.elapsed().as_nanos() as f64
}

fn tokio_outside(job: &Job, tokio: System, workers: usize, repeats: usize, count: usize) -> f64 {
    let runtime = on_tokio::runtime(tokio, workers);
    let handle = runtime.handle().clone();
    if tokio == System::TokioCurrent {
        // The loop needs a thread of its own: this one only spawns and waits.
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        return median_of_repeats(repeats, || one_after_another(count, || oneshot(&handle)));
    }
    median_of_repeats(repeats, || match job.text("waits") {
        "oneshot" => one_after_another(count, || oneshot(&handle)),
        _ => one_after_another(count, || handle.block_on(handle.spawn(async {})).expect(NO_PANIC)),
    })
}

fn oneshot(handle: &tokio::runtime::Handle) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    handle.spawn(async move { sender.send(()) });
    receiver.blocking_recv().expect("the task sends before it ends");
}

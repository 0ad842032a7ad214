//! `kill`: what it costs to kill a parked green thread and to join it.
//!
//! A crowd is spawned and parks; then the clock runs while one green thread kills and joins them,
//! one after another or all at once. With one worker and with two.

mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::Green;
use support::lap::median_of_repeats;
use support::on_may::May;
use support::on_tokio;
use support::ours::Ours;
use support::rounds::Bench;

/// Green threads that are parked when the clock starts.
const CROWD: usize = 1_000;
/// Long enough for every one of a crowd to come to its park, on another worker too.
const SETTLE: Duration = Duration::from_millis(20);
const FIGURE: &str = "ns_per_kill";

fn main() -> ExitCode {
    support::main("kill", plan, measure)
}

fn plan(bench: &mut Bench) {
    let repeats = bench.options.pick(25, 7);
    for workers in [1, 2] {
        for case in ["each", "all"] {
            let row = format!("{case}_w{workers}");
            if !bench.options.wants_row(&row) {
                continue;
            }
            let mut contenders = vec![
                Contender::ours(),
                Contender::peer(System::TokioMulti),
                Contender::peer(System::May),
            ];
            if workers == 1 {
                contenders.push(Contender::peer(System::TokioCurrent));
            }
            let contenders = contenders.into_iter().map(|contender| {
                contender.with("case", case).with("workers", workers).with("repeats", repeats)
            });
            let samples = bench.interleave(contenders.collect());
            bench.row(&row, "ns", &samples, FIGURE);
        }
    }
}

fn measure(job: &Job) -> Measurement {
    let (workers, repeats) = (job.number("workers"), job.number("repeats"));
    let at_once = job.text("case") == "all";
    let nanos = match job.system() {
        System::Ours => green::<Ours>(workers, repeats, at_once),
        System::May => green::<May>(workers, repeats, at_once),
        tokio => on_tokio::run(tokio, workers, median_of_tasks(repeats, at_once)),
    };
    Measurement::of(FIGURE, nanos / CROWD as f64)
}

/// A system whose green threads can be killed.
trait Kill: Green {
    /// Asks the green thread to end.
    fn kill(handle: &Self::Handle<()>);
    /// Waits for the end of one that was killed.
    fn join_killed(handle: Self::Handle<()>);
}

impl Kill for Ours {
    fn kill(handle: &Self::Handle<()>) {
        handle.kill().expect("green threads can be killed");
    }

    fn join_killed(handle: Self::Handle<()>) {
        let payload = handle.join().expect_err("it was killed");
        assert!(payload.is::<greenstd::thread::Killed>(), "it has panicked");
    }
}

#[allow(unsafe_code, reason = "may's cancel is an unsafe function")]
impl Kill for May {
    fn kill(handle: &Self::Handle<()>) {
        // SAFETY: may asks that what is unwound leaves no broken invariant behind: a park does not.
        unsafe { handle.coroutine().cancel() };
    }

    fn join_killed(handle: Self::Handle<()>) {
        handle.join().expect_err("it was cancelled");
    }
}

fn green<G: Kill>(workers: usize, repeats: usize, at_once: bool) -> f64 {
    G::run(workers, move || median_of_repeats(repeats, || green_crowd::<G>(at_once)))
}

fn green_crowd<G: Kill>(at_once: bool) -> f64 {
    let endless = || loop {
        G::park();
    };
    let handles: Vec<_> = (0..CROWD).map(|_| G::spawn::<()>(endless)).collect();
    G::sleep(SETTLE);
    let start = Instant::now();
    if at_once {
        handles.iter().for_each(G::kill);
        handles.into_iter().for_each(G::join_killed);
    } else {
        for handle in handles {
            G::kill(&handle);
            G::join_killed(handle);
        }
    }
    start.elapsed().as_nanos() as f64
}

async fn median_of_tasks(repeats: usize, at_once: bool) -> f64 {
    task_crowd(at_once).await;
    let mut values = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        values.push(task_crowd(at_once).await);
    }
    support::report::median(values).expect("a bench repeats at least once")
}

async fn task_crowd(at_once: bool) -> f64 {
    let spawn = |_| tokio::spawn(std::future::pending::<()>());
    let handles: Vec<_> = (0..CROWD).map(spawn).collect();
    tokio::time::sleep(SETTLE).await;
    let start = Instant::now();
    if at_once {
        handles.iter().for_each(|handle| handle.abort());
    }
    for handle in handles {
        if !at_once {
            handle.abort();
        }
        let error = handle.await.expect_err("it was aborted");
        assert!(error.is_cancelled(), "it has panicked");
    }
    start.elapsed().as_nanos() as f64
}

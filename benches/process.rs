//! `process`: what it costs to start `/bin/true` and to wait for it.
//!
//! `spawn_and_wait`: one green thread does so, again and again. `crowd_500`: five hundred do so at
//! once. `piped`: as the first, with the output collected. The time for each child. Every exit is
//! checked. Most of it is the kernel's: `fork`, `exec`, and the exit itself.

mod support;

use std::process::ExitCode;

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::lap::{Lap, median_of_repeats};
use support::on_tokio;
use support::ours::Ours;
use support::report::median;
use support::rounds::Bench;

const FIGURE: &str = "us";
const WRONG: &str = "a child that ends well has not";
const PROGRAM: &str = "/bin/true";
const CROWD: usize = 500;

fn main() -> ExitCode {
    support::main("process", plan, measure)
}

fn plan(bench: &mut Bench) {
    let calls = bench.options.pick(500, 100);
    let crowd = bench.options.pick(CROWD, CROWD / 5);
    for (case, parties, calls) in
        [("spawn_and_wait", 1, calls), ("piped", 1, calls), ("crowd_500", crowd, 1)]
    {
        for workers in [1, 2] {
            let row = format!("{case}_w{workers}");
            if !bench.options.wants_row(&row) {
                continue;
            }
            let tokio = if workers == 1 { System::TokioCurrent } else { System::TokioMulti };
            let contenders =
                [Contender::ours(), Contender::peer(tokio), Contender::beside(System::Threads)];
            let contenders = contenders.map(|contender| {
                let contender = contender.with("case", case).with("workers", workers);
                let contender = contender.with("parties", parties).with("calls", calls);
                contender.with("repeats", bench.options.pick(5, 3))
            });
            let samples = bench.interleave(contenders.into());
            bench.row(&row, "us", &samples, FIGURE);
        }
    }
}

fn measure(job: &Job) -> Measurement {
    let is_piped = job.text("case") == "piped";
    let (parties, calls): (usize, usize) = (job.number("parties"), job.number("calls"));
    let (workers, repeats) = (job.number("workers"), job.number("repeats"));
    let nanos = match job.system() {
        System::Ours => {
            let party = if is_piped { output_ours } else { status_ours };
            Ours::run(workers, move || median_of_repeats(repeats, || run(party, parties, calls)))
        }
        System::Threads => {
            let party = if is_piped { output_std } else { status_std };
            median_of_repeats(repeats, || run_threads(party, parties, calls))
        }
        tokio => on_tokio::run(tokio, workers, async move {
            let mut values = Vec::new();
            for _ in 0..=repeats {
                values.push(run_tasks(is_piped, parties, calls).await);
            }
            median(values.split_off(1)).expect("a bench repeats at least once")
        }),
    };
    Measurement::of(FIGURE, nanos / 1000.0 / (parties * calls) as f64)
}

fn status_ours() -> bool {
    greenstd::process::Command::new(PROGRAM).status().is_ok_and(|status| status.success())
}

fn output_ours() -> bool {
    greenstd::process::Command::new(PROGRAM).output().is_ok_and(|output| output.status.success())
}

fn status_std() -> bool {
    std::process::Command::new(PROGRAM).status().is_ok_and(|status| status.success())
}

fn output_std() -> bool {
    std::process::Command::new(PROGRAM).output().is_ok_and(|output| output.status.success())
}

fn run(party: fn() -> bool, parties: usize, calls: usize) -> f64 {
    let lap = Lap::default();
    lap.enter();
    let all = move || (0..calls).for_each(|_| assert!(party(), "{WRONG}"));
    let parties: Vec<_> = (0..parties).map(|_| Ours::spawn(all)).collect();
    parties.into_iter().for_each(Ours::join);
    lap.leave();
    lap.nanos()
}

fn run_threads(party: fn() -> bool, parties: usize, calls: usize) -> f64 {
    let lap = Lap::default();
    lap.enter();
    let all = move || (0..calls).for_each(|_| assert!(party(), "{WRONG}"));
    let parties: Vec<_> = (0..parties).map(|_| std::thread::spawn(all)).collect();
    parties.into_iter().for_each(|party| party.join().expect(NO_PANIC));
    lap.leave();
    lap.nanos()
}

async fn run_tasks(is_piped: bool, parties: usize, calls: usize) -> f64 {
    let lap = Lap::default();
    lap.enter();
    let party = move || async move {
        for _ in 0..calls {
            let mut command = tokio::process::Command::new(PROGRAM);
            let status = match is_piped {
                true => command.output().await.map(|output| output.status),
                false => command.status().await,
            };
            assert!(status.is_ok_and(|status| status.success()), "{WRONG}");
        }
    };
    let parties: Vec<_> = (0..parties).map(|_| tokio::spawn(party())).collect();
    for party in parties {
        party.await.expect(NO_PANIC);
    }
    lap.leave();
    lap.nanos()
}

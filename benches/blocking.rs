//! `blocking`: what it costs to have a closure run on an OS thread and to wait for it.
//!
//! `round_trip`: one green thread submits an empty closure and waits for it, again and again.
//! `hundred`: a hundred green threads do so at once; the time for each closure. Every result is
//! checked.

mod support;

use std::process::{Command, ExitCode};

use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::lap::{Lap, median_of_repeats};
use support::on_tokio;
use support::ours::Ours;
use support::report::median;
use support::rounds::Bench;

const FIGURE: &str = "ns";
const WRONG: &str = "a result was lost or changed";

/// gevent's form of both rows: parties and calls of each by the command line.
const GEVENT: &str = "
import sys, time
import gevent
parties, calls = int(sys.argv[1]), int(sys.argv[2])
pool = gevent.get_hub().threadpool
def party():
    for number in range(calls):
        assert pool.apply(lambda: number + 1) == number + 1
def run():
    start = time.perf_counter_ns()
    gevent.joinall([gevent.spawn(party) for _ in range(parties)], raise_error=True)
    return (time.perf_counter_ns() - start) / (parties * calls)
run()
print(sorted(run() for _ in range(3))[1])
";

fn main() -> ExitCode {
    support::main("blocking", plan, measure)
}

fn plan(bench: &mut Bench) {
    let has_gevent = python(&["-c", "import gevent"]).is_some();
    let calls = bench.options.pick(50_000, 10_000);
    for (case, parties) in [("round_trip", 1), ("hundred", 100)] {
        for workers in [1, 2] {
            let row = format!("{case}_w{workers}");
            if !bench.options.wants_row(&row) {
                continue;
            }
            let tokio = if workers == 1 { System::TokioCurrent } else { System::TokioMulti };
            let mut contenders = vec![Contender::ours(), Contender::peer(tokio)];
            if has_gevent && workers == 1 {
                contenders.push(Contender::beside(System::Gevent));
            } else if workers == 1 {
                println!("bench=blocking row={row} system=gevent skipped=\"it is not installed\"");
            }
            let contenders = contenders.into_iter().map(|contender| {
                let contender = contender.with("case", case).with("workers", workers);
                let contender = contender.with("parties", parties).with("calls", calls / parties);
                contender.with("repeats", bench.options.pick(5, 3))
            });
            let samples = bench.interleave(contenders.collect());
            bench.row(&row, "ns", &samples, FIGURE);
        }
    }
}

fn measure(job: &Job) -> Measurement {
    let (parties, calls): (usize, usize) = (job.number("parties"), job.number("calls"));
    let (workers, repeats) = (job.number("workers"), job.number("repeats"));
    let nanos = match job.system() {
        System::Ours => {
            Ours::run(workers, move || median_of_repeats(repeats, || run(parties, calls)))
        }
        System::Gevent => return Measurement::of(FIGURE, gevent(parties, calls)),
        tokio => on_tokio::run(tokio, workers, async move {
            let mut values = Vec::new();
            for _ in 0..=repeats {
                values.push(run_tasks(parties, calls).await);
            }
            median(values.split_off(1)).expect("a bench repeats at least once")
        }),
    };
    Measurement::of(FIGURE, nanos / (parties * calls) as f64)
}

fn run(parties: usize, calls: usize) -> f64 {
    let lap = Lap::default();
    lap.enter();
    let party = move || {
        for number in 0..calls {
            assert_eq!(greenstd::blocking(move || number + 1), number + 1, "{WRONG}");
        }
    };
    let parties: Vec<_> = (0..parties).map(|_| Ours::spawn(party)).collect();
    parties.into_iter().for_each(Ours::join);
    lap.leave();
    lap.nanos()
}

async fn run_tasks(parties: usize, calls: usize) -> f64 {
    let lap = Lap::default();
    lap.enter();
    let party = move || async move {
        for number in 0..calls {
            let result = tokio::task::spawn_blocking(move || number + 1).await.expect(NO_PANIC);
            assert_eq!(result, number + 1, "{WRONG}");
        }
    };
    let parties: Vec<_> = (0..parties).map(|_| tokio::spawn(party())).collect();
    for party in parties {
        party.await.expect(NO_PANIC);
    }
    lap.leave();
    lap.nanos()
}

fn gevent(parties: usize, calls: usize) -> f64 {
    let (parties, calls) = (parties.to_string(), calls.to_string());
    let output = python(&["-c", GEVENT, &parties, &calls]).expect("it was there a moment ago");
    output.trim().parse().expect("the script prints a number")
}

/// What Python prints, if it can be run and succeeds.
fn python(arguments: &[&str]) -> Option<String> {
    let output = Command::new("python3").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

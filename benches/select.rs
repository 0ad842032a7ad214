//! `select`: what a message costs a receiver that waits for two channels at once.
//!
//! Two senders, each with a channel of its own; one receiver takes what comes. Every sum is
//! checked. crossbeam's select on OS threads is the mark; may's loses messages, and is left out.

mod support;

use std::process::ExitCode;

use support::channels::{Channels, CrossbeamChannels, OPEN, OurChannels, UNBOUNDED};
use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::lap::{Lap, median_of_repeats};
use support::on_tokio;
use support::ours::Ours;
use support::report::median;
use support::rounds::Bench;
use tokio::sync::mpsc;

const FIGURE: &str = "ns";
/// Capacities: one that lets senders run ahead, one with which nearly every message is waited for.
const CAPACITIES: [(&str, usize); 3] = [("unbounded", UNBOUNDED), ("100", 100), ("1", 1)];
const WRONG: &str = "a message was lost or changed";

fn main() -> ExitCode {
    support::main("select", plan, measure)
}

fn plan(bench: &mut Bench) {
    let count = bench.options.pick(500_000, 100_000);
    let repeats = bench.options.pick(5, 3);
    for workers in [1, 2] {
        let tokio = if workers == 1 { System::TokioCurrent } else { System::TokioMulti };
        for (name, capacity) in CAPACITIES {
            let row = format!("recv_of_two_{name}_w{workers}");
            if !bench.options.wants_row(&row) {
                continue;
            }
            let contenders =
                [Contender::ours(), Contender::peer(System::Crossbeam), Contender::beside(tokio)];
            let contenders = contenders.map(|contender| {
                let contender = contender.with("workers", workers).with("capacity", capacity);
                contender.with("count", count).with("repeats", repeats)
            });
            let samples = bench.interleave(contenders.into());
            bench.row(&row, "ns", &samples, FIGURE);
        }
    }
}

fn measure(job: &Job) -> Measurement {
    let (count, capacity) = (job.number("count"), job.number("capacity"));
    let (workers, repeats) = (job.number("workers"), job.number("repeats"));
    let nanos = match job.system() {
        System::Ours => Ours::run(workers, move || {
            median_of_repeats(repeats, || recv_of_two::<OurChannels>(count, capacity, ours))
        }),
        System::Crossbeam => median_of_repeats(repeats, || {
            recv_of_two::<CrossbeamChannels>(count, capacity, crossbeam)
        }),
        tokio => on_tokio::run(tokio, workers, async move {
            let mut values = Vec::new();
            for _ in 0..=repeats {
                values.push(match capacity {
                    UNBOUNDED => unbounded_tasks(count).await,
                    capacity => bounded_tasks(count, capacity).await,
                });
            }
            median(values.split_off(1)).expect("a bench repeats at least once")
        }),
    };
    Measurement::of(FIGURE, nanos / count as f64)
}

/// What each of the two senders sends: the numbers below this one.
fn each(count: usize) -> u64 {
    count as u64 / 2
}

fn sum(count: usize) -> u64 {
    each(count) * (each(count) - 1)
}

fn recv_of_two<C: Channels>(
    count: usize,
    capacity: usize,
    select: fn(&C::Receiver, &C::Receiver) -> u64,
) -> f64 {
    let (one, first) = C::channel(capacity);
    let (other, second) = C::channel(capacity);
    let getter = C::spawn(move || {
        let lap = Lap::default();
        lap.enter();
        let received: u64 = (0..2 * each(count)).map(|_| select(&first, &second)).sum();
        lap.leave();
        assert_eq!(received, sum(count), "{WRONG}");
        lap.nanos()
    });
    // The senders here outlive all receives: no channel is disconnected meanwhile.
    let putters = [&one, &other].map(|sender| {
        let sender = sender.clone();
        C::spawn(move || (0..each(count)).for_each(|number| C::send(&sender, number)))
    });
    let nanos = C::join(getter);
    putters.into_iter().for_each(C::join);
    nanos
}

fn ours(
    first: &greenstd::channel::Receiver<u64>,
    second: &greenstd::channel::Receiver<u64>,
) -> u64 {
    greenstd::select! {
        recv(first) -> number => number.expect(OPEN),
        recv(second) -> number => number.expect(OPEN),
    }
}

fn crossbeam(
    first: &crossbeam_channel::Receiver<u64>,
    second: &crossbeam_channel::Receiver<u64>,
) -> u64 {
    crossbeam_channel::select! {
        recv(first) -> number => number.expect(OPEN),
        recv(second) -> number => number.expect(OPEN),
    }
}

async fn bounded_tasks(count: usize, capacity: usize) -> f64 {
    let (one, mut first) = mpsc::channel(capacity);
    let (other, mut second) = mpsc::channel(capacity);
    let getter = tokio::spawn(async move {
        let lap = Lap::default();
        lap.enter();
        let mut received: u64 = 0;
        for _ in 0..2 * each(count) {
            received += tokio::select! {
                number = first.recv() => number.expect(OPEN),
                number = second.recv() => number.expect(OPEN),
            };
        }
        lap.leave();
        assert_eq!(received, sum(count), "{WRONG}");
        lap.nanos()
    });
    for sender in [one.clone(), other.clone()] {
        tokio::spawn(async move {
            for number in 0..each(count) {
                sender.send(number).await.expect(OPEN);
            }
        });
    }
    let nanos = getter.await.expect(NO_PANIC);
    drop((one, other));
    nanos
}

async fn unbounded_tasks(count: usize) -> f64 {
    let (one, mut first) = mpsc::unbounded_channel();
    let (other, mut second) = mpsc::unbounded_channel();
    let getter = tokio::spawn(async move {
        let lap = Lap::default();
        lap.enter();
        let mut received: u64 = 0;
        for _ in 0..2 * each(count) {
            received += tokio::select! {
                number = first.recv() => number.expect(OPEN),
                number = second.recv() => number.expect(OPEN),
            };
        }
        lap.leave();
        assert_eq!(received, sum(count), "{WRONG}");
        lap.nanos()
    });
    for sender in [one.clone(), other.clone()] {
        tokio::spawn(async move {
            (0..each(count)).for_each(|number| sender.send(number).expect(OPEN));
        });
    }
    let nanos = getter.await.expect(NO_PANIC);
    drop((one, other));
    nanos
}

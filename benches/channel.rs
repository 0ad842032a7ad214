//! `channel`: what a message costs from one green thread to another.
//!
//! `ping_pong`: a message goes to and fro; the time of a round trip. `stream_*`: messages that
//! nobody answers, between one or several senders and receivers; the time for each. Every sum is
//! checked.

mod support;

use std::hint::spin_loop;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use support::channels::{Channels, CrossbeamChannels, MayChannels, MaySharedChannels};
use support::channels::{OPEN, OurChannels, UNBOUNDED};
use support::child::Job;
use support::contender::{Contender, Measurement, System};
use support::green::{Green, NO_PANIC};
use support::lap::{Lap, median_of_repeats};
use support::on_may::May;
use support::on_tokio;
use support::ours::Ours;
use support::report::median;
use support::rounds::Bench;
use tokio::sync::mpsc;

/// A sibling that has not started a thread by now will not.
const START_LIMIT: Duration = Duration::from_secs(5);
const FIGURE: &str = "ns";
/// The streams: senders, receivers, capacity. may has no bounded channels.
const STREAMS: [(usize, usize, usize); 6] = [
    (1, 1, UNBOUNDED),
    (4, 1, UNBOUNDED),
    (4, 4, UNBOUNDED),
    (1, 1, 100),
    (4, 1, 100),
    (4, 4, 100),
];
const WRONG: &str = "a message was lost or changed";

fn main() -> ExitCode {
    support::main("channel", plan, measure)
}

fn plan(bench: &mut Bench) {
    let trips = bench.options.pick(500_000, 100_000);
    let messages = bench.options.pick(1_000_000, 200_000);
    for stream in [(1, 1, UNBOUNDED), (1, 1, 100)] {
        let kind = if stream.2 == UNBOUNDED { "unbounded" } else { "bounded" };
        compare(bench, &format!("stream_1to1_{kind}_apart"), "stream", 2, messages, stream);
    }
    // Fewer: on a busy machine each of them is two wake-ups by the kernel.
    compare(bench, "ping_pong_apart", "ping_pong", 2, trips / 5, (1, 1, 1));
    for workers in [1, 2] {
        let row = format!("ping_pong_w{workers}");
        compare(bench, &row, "ping_pong", workers, trips, (1, 1, 1));
        for stream in STREAMS {
            let (senders, receivers, capacity) = stream;
            let kind = if capacity == UNBOUNDED { "unbounded" } else { "bounded" };
            let row = format!("stream_{senders}to{receivers}_{kind}_w{workers}");
            compare(bench, &row, "stream", workers, messages, stream);
        }
    }
}

fn compare(
    bench: &mut Bench,
    row: &str,
    case: &str,
    workers: usize,
    count: usize,
    (senders, receivers, capacity): (usize, usize, usize),
) {
    if !bench.options.wants_row(row) {
        return;
    }
    let tokio = if workers == 1 { System::TokioCurrent } else { System::TokioMulti };
    let mut contenders = vec![Contender::ours(), Contender::beside(System::Crossbeam)];
    // tokio's channels have one receiver.
    if receivers == 1 {
        contenders.push(Contender::peer(tokio));
    }
    if case == "ping_pong" || capacity == UNBOUNDED {
        contenders.push(Contender::peer(System::May));
    }
    let contenders = contenders.into_iter().map(|contender| {
        let is_apart = row.ends_with("_apart") && contender.system == System::Ours;
        let contender = contender.with("apart", usize::from(is_apart));
        let contender = contender.with("case", case).with("workers", workers).with("count", count);
        let contender = contender.with("senders", senders).with("receivers", receivers);
        contender.with("capacity", capacity).with("repeats", bench.options.pick(5, 3))
    });
    let samples = bench.interleave(contenders.collect());
    bench.row(row, "ns", &samples, FIGURE);
}

/// A measurement, as its child was told.
#[derive(Clone, Copy)]
struct Task {
    count: usize,
    senders: usize,
    receivers: usize,
    capacity: usize,
    /// Whether the two green threads are to be on two workers.
    is_apart: bool,
}

impl Task {
    /// What each sender sends: the numbers below this one.
    fn each(self) -> u64 {
        (self.count / self.senders) as u64
    }

    /// The sum of all numbers that are sent.
    fn sum(self) -> u64 {
        self.senders as u64 * (self.each() * (self.each() - 1) / 2)
    }
}

fn measure(job: &Job) -> Measurement {
    let task = Task {
        count: job.number("count"),
        senders: job.number("senders"),
        receivers: job.number("receivers"),
        capacity: job.number("capacity"),
        is_apart: job.number("apart") == 1,
    };
    let (workers, repeats) = (job.number("workers"), job.number("repeats"));
    let is_stream = job.case() == "stream";
    let nanos = match job.system() {
        System::Ours => Ours::run(workers, move || repeat::<OurChannels>(repeats, is_stream, task)),
        System::May if task.receivers == 1 => {
            May::run(workers, move || repeat::<MayChannels>(repeats, is_stream, task))
        }
        System::May => {
            May::run(workers, move || repeat::<MaySharedChannels>(repeats, is_stream, task))
        }
        System::Crossbeam => repeat::<CrossbeamChannels>(repeats, is_stream, task),
        tokio => on_tokio::run(tokio, workers, async move {
            let mut values = Vec::new();
            for _ in 0..=repeats {
                let lap = match (is_stream, task.capacity) {
                    (false, _) => ping_pong_of_tasks(task).await,
                    (true, UNBOUNDED) => unbounded_stream_of_tasks(task).await,
                    (true, _) => bounded_stream_of_tasks(task).await,
                };
                values.push(lap);
            }
            median(values.split_off(1)).expect("a bench repeats at least once")
        }),
    };
    Measurement::of(FIGURE, nanos / task.count as f64)
}

fn repeat<C: Channels>(repeats: usize, is_stream: bool, task: Task) -> f64 {
    median_of_repeats(repeats, || if is_stream { stream::<C>(task) } else { ping_pong::<C>(task) })
}

fn ping_pong<C: Channels>(task: Task) -> f64 {
    let (ping, pinged) = C::channel(task.capacity);
    let (pong, ponged) = C::channel(task.capacity);
    let other = spawn::<C, _>(task, move || {
        while let Some(number) = C::recv(&pinged) {
            C::send(&pong, number + 1);
        }
    });
    let here = move || {
        let lap = Lap::default();
        lap.enter();
        let mut number = 0;
        for _ in 0..task.count {
            C::send(&ping, number);
            number = C::recv(&ponged).expect(OPEN);
        }
        lap.leave();
        assert_eq!(number, task.count as u64, "{WRONG}");
        lap.nanos()
    };
    let nanos = if task.is_apart {
        let nanos = here();
        // With its ends of the channels: the other one ends when they are gone.
        drop(here);
        nanos
    } else {
        C::join(C::spawn(here))
    };
    C::join(other);
    nanos
}

/// Starts a thread; apart from the caller, if the task wants it, on another worker.
///
/// The caller spins meanwhile, so that only an idle sibling can start the thread.
fn spawn<C: Channels, T: Send + 'static>(
    task: Task,
    body: impl FnOnce() -> T + Send + 'static,
) -> C::Handle<T> {
    let place: Arc<OnceLock<ThreadId>> = Arc::default();
    let theirs = Arc::clone(&place);
    let handle = C::spawn(move || {
        theirs.get_or_init(|| std::thread::current().id());
        body()
    });
    if task.is_apart {
        let start = Instant::now();
        while place.get().is_none() {
            assert!(start.elapsed() < START_LIMIT, "no sibling has started the thread");
            spin_loop();
        }
        assert_ne!(place.get(), Some(&std::thread::current().id()), "not apart");
    }
    handle
}

fn stream<C: Channels>(task: Task) -> f64 {
    let lap = Arc::new(Lap::default());
    let (sender, receiver) = C::channel(task.capacity);
    let getters: Vec<_> = C::share(receiver, task.receivers)
        .into_iter()
        .map(|receiver| {
            let lap = Arc::clone(&lap);
            spawn::<C, _>(task, move || {
                let sum: u64 = std::iter::from_fn(|| C::recv(&receiver)).sum();
                lap.leave();
                sum
            })
        })
        .collect();
    let putters: Vec<_> = (0..task.senders)
        .map(|_| {
            let (lap, sender) = (Arc::clone(&lap), sender.clone());
            let put = move || {
                lap.enter();
                (0..task.each()).for_each(|number| C::send(&sender, number));
            };
            if task.is_apart {
                put();
                None
            } else {
                Some(C::spawn(put))
            }
        })
        .collect();
    drop(sender);
    putters.into_iter().flatten().for_each(C::join);
    let sum: u64 = getters.into_iter().map(C::join).sum();
    assert_eq!(sum, task.sum(), "{WRONG}");
    lap.nanos()
}

async fn ping_pong_of_tasks(task: Task) -> f64 {
    let (ping, mut pinged) = mpsc::channel(task.capacity);
    let (pong, mut ponged) = mpsc::channel(task.capacity);
    let other = tokio::spawn(async move {
        while let Some(number) = pinged.recv().await {
            pong.send(number + 1).await.expect(OPEN);
        }
    });
    let here = tokio::spawn(async move {
        let lap = Lap::default();
        lap.enter();
        let mut number: u64 = 0;
        for _ in 0..task.count {
            ping.send(number).await.expect(OPEN);
            number = ponged.recv().await.expect(OPEN);
        }
        lap.leave();
        assert_eq!(number, task.count as u64, "{WRONG}");
        lap.nanos()
    });
    let nanos = here.await.expect(NO_PANIC);
    other.await.expect(NO_PANIC);
    nanos
}

async fn bounded_stream_of_tasks(task: Task) -> f64 {
    let lap = Arc::new(Lap::default());
    let (sender, mut receiver) = mpsc::channel(task.capacity);
    let getter = {
        let lap = Arc::clone(&lap);
        tokio::spawn(async move {
            let mut sum: u64 = 0;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            lap.leave();
            sum
        })
    };
    for _ in 0..task.senders {
        let (lap, sender) = (Arc::clone(&lap), sender.clone());
        tokio::spawn(async move {
            lap.enter();
            for number in 0..task.each() {
                sender.send(number).await.expect(OPEN);
            }
        });
    }
    drop(sender);
    assert_eq!(getter.await.expect(NO_PANIC), task.sum(), "{WRONG}");
    lap.nanos()
}

async fn unbounded_stream_of_tasks(task: Task) -> f64 {
    let lap = Arc::new(Lap::default());
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let getter = {
        let lap = Arc::clone(&lap);
        tokio::spawn(async move {
            let mut sum: u64 = 0;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            lap.leave();
            sum
        })
    };
    for _ in 0..task.senders {
        let (lap, sender) = (Arc::clone(&lap), sender.clone());
        tokio::spawn(async move {
            lap.enter();
            (0..task.each()).for_each(|number| sender.send(number).expect(OPEN));
        });
    }
    drop(sender);
    assert_eq!(getter.await.expect(NO_PANIC), task.sum(), "{WRONG}");
    lap.nanos()
}

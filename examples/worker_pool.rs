//! Workers that take jobs from a bounded queue: `worker_pool [JOBS]`.
//!
//! A job is a number to be taken apart into primes. With an argument so many jobs are made up,
//! without one they are read from standard input, one a line. The queue is bounded, so whoever
//! reads is slowed down to what the workers can do. At the end of the input the queue is shut down:
//! the workers finish what is left and go, and the exit code says whether every job was done.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use greenstd::group::Pool;
use greenstd::queue::{Queue, Shutdown};

const WORKERS: usize = 8;
const JOBS_WAITING_MAX: usize = 64;
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Score {
    done: AtomicUsize,
    failed: AtomicUsize,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("worker_pool: {error}");
            ExitCode::from(2)
        }
    }
}

/// True if every job was done.
fn run() -> io::Result<bool> {
    let jobs = Arc::new(Queue::bounded(JOBS_WAITING_MAX));
    let score = Arc::new(Score::default());
    let pool = Pool::new(WORKERS);
    for _ in 0..WORKERS {
        let (jobs, score) = (jobs.clone(), score.clone());
        pool.spawn(move || work(&jobs, &score));
    }
    let read = read_jobs(&jobs);
    // Whatever has ended the input: what was read is still done.
    jobs.shutdown(Shutdown::Draining);
    while !jobs.join_timeout(PROGRESS_EVERY) {
        eprintln!("{} done, {} to do", score.done.load(Ordering::Relaxed), jobs.unfinished());
    }
    let has_panicked = pool.join_raising(None).inspect_err(|error| eprintln!("{error}")).is_err();
    let failed = score.failed.load(Ordering::Relaxed);
    let done = score.done.load(Ordering::Relaxed);
    // Whoever listens may have gone, as in `worker_pool | head`; the jobs are done all the same.
    let _ = writeln!(io::stdout(), "{done} jobs done, {failed} failed");
    read.map(|()| failed == 0 && !has_panicked)
}

/// The life of a worker: until the queue was shut down and is empty.
fn work(jobs: &Queue<String>, score: &Score) {
    for job in jobs {
        let counter = match job.trim().parse() {
            Ok(number @ 1..) => {
                report(number, &factors(number));
                &score.done
            }
            _ => {
                eprintln!("not a number from 1: {job:?}");
                &score.failed
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
        jobs.task_done().expect("each item is done once");
    }
}

fn read_jobs(jobs: &Queue<String>) -> io::Result<()> {
    let put = |job| jobs.put(job).map_err(io::Error::other);
    match std::env::args().nth(1) {
        Some(count) => {
            let count: u64 = count.parse().map_err(io::Error::other)?;
            (1..=count).try_for_each(|number| put(number.to_string()))
        }
        None => io::stdin().lock().lines().try_for_each(|line| put(line?)),
    }
}

fn report(number: u64, factors: &[u64]) {
    let factors: Vec<_> = factors.iter().map(u64::to_string).collect();
    let _ = writeln!(io::stdout(), "{number} = {}", factors.join(" x "));
}

/// The prime factors, in order. A number with large ones takes long: other workers go on meanwhile
/// if there is another core, and else whenever this one yields.
fn factors(mut number: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let mut candidate = 2;
    while candidate <= number / candidate {
        if number.is_multiple_of(candidate) {
            found.push(candidate);
            number /= candidate;
        } else {
            candidate += 1;
            if candidate.is_multiple_of(65_536) {
                greenstd::thread::yield_now();
            }
        }
    }
    found.push(number);
    found
}

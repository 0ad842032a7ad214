//! Much at once: callers that are killed or run out of time, a pool that is resized, jobs that
//! submit jobs and call back. No job is lost, none is run twice, nothing is left behind.

use crate::fixture::{SOON, until};
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::blocking::{BlockingPool, Builder, call_from_thread};
use greenstd::thread;
use greenstd::time::timeout;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CALLERS: usize = 60;
const ROUNDS: usize = 100;

/// What became of all jobs.
#[derive(Default)]
struct Audit {
    /// Closures that were made, and those that were dropped.
    made: AtomicUsize,
    dropped: AtomicUsize,
    /// Calls that were begun, those that returned, and those that were abandoned.
    begun: AtomicUsize,
    returned: AtomicUsize,
    ran: AtomicUsize,
}

/// The capture of a job: runs once at most.
struct Capture {
    audit: Arc<Audit>,
    runs: usize,
}

impl Capture {
    fn new(audit: &Arc<Audit>) -> Capture {
        audit.made.fetch_add(1, Ordering::SeqCst);
        Capture { audit: audit.clone(), runs: 0 }
    }

    fn run(&mut self) {
        self.runs += 1;
        assert_eq!(self.runs, 1, "a job runs once");
        self.audit.ran.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.audit.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn call(pool: &BlockingPool, audit: &Arc<Audit>, random: &mut Random) {
    let mut capture = Capture::new(audit);
    let (kind, pause) = (random.below(12), random.below(300));
    let nested = (pool.clone(), audit.clone());
    let job = move || {
        capture.run();
        match kind {
            0..4 => std::thread::sleep(Duration::from_micros(pause)),
            4 => {
                let mut inner = Capture::new(&nested.1);
                drop(nested.0.spawn(move || inner.run()));
            }
            5 => {
                let mut inner = Capture::new(&nested.1);
                let job = nested.0.spawn(move || inner.run());
                job.join().unwrap();
            }
            6 => call_from_thread(move || {
                thread::sleep(Duration::from_micros(pause));
                let mut inner = Capture::new(&nested.1);
                nested.0.run(move || inner.run());
            }),
            _ => {}
        }
        capture
    };
    audit.begun.fetch_add(1, Ordering::SeqCst);
    let count = || {
        audit.returned.fetch_add(1, Ordering::SeqCst);
    };
    match random.below(5) {
        0 => {
            if timeout(Duration::from_micros(random.below(400)), || drop(pool.run(job))).is_ok() {
                count();
            }
        }
        1 => {
            let job = pool.spawn(job);
            if random.below(2) == 0 && job.cancel() {
                return;
            }
            drop(job.join().unwrap());
            count();
        }
        2 => match pool.try_spawn(job) {
            Ok(job) => {
                drop(job.join().unwrap());
                count();
            }
            Err(refused) => drop(refused.into_inner()),
        },
        _ => {
            drop(pool.run(job));
            count();
        }
    }
}

fn storm(workers: usize) {
    let mut random = Random::from_environment();
    on_workers(workers, move || {
        let pool = Builder::new()
            .max_threads(4)
            .queue_limit(3)
            .idle_timeout(Duration::from_millis(1))
            .build();
        let audit = Arc::new(Audit::default());
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (pool, audit, mut random) = (pool.clone(), audit.clone(), random.fork());
                thread::spawn(move || {
                    (0..ROUNDS).for_each(|_| call(&pool, &audit, &mut random));
                })
            })
            .collect();
        let foreign: Vec<_> = (0..2)
            .map(|_| {
                let (pool, audit, mut random) = (pool.clone(), audit.clone(), random.fork());
                std::thread::spawn(move || {
                    (0..ROUNDS).for_each(|_| call(&pool, &audit, &mut random));
                })
            })
            .collect();
        for _ in 0..100 {
            thread::sleep(Duration::from_micros(random.below(2000)));
            let max = 1 + random.below(6) as usize;
            pool.resize(random.below(max as u64 + 1) as usize, max);
            let victim = random.below(CALLERS as u64 * 3) as usize;
            if let Some(victim) = callers.get(victim) {
                victim.kill().unwrap();
            }
        }
        let killed = callers.into_iter().filter_map(|caller| caller.join().err()).count();
        foreign.into_iter().for_each(|thread| thread.join().unwrap());
        // Jobs that were detached or abandoned may run yet, and submit others.
        until("all jobs are over", || {
            let now = pool.statistics();
            now.queued + now.running == 0
        });
        pool.shutdown(SOON).unwrap();
        let get = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        until("every closure is gone", || get(&audit.made) == get(&audit.dropped));
        assert!(get(&audit.ran) <= get(&audit.made));
        assert!(get(&audit.returned) <= get(&audit.begun));
        assert!(get(&audit.returned) <= get(&audit.ran));
        let now = pool.statistics();
        assert_eq!((now.queued, now.running, now.calling), (0, 0, 0), "{killed} were killed");
        assert_eq!(now.done as usize, get(&audit.ran), "each job that ran is counted once");
        until("all threads have left", || pool.statistics().threads == 0);
    });
}

#[test]
fn no_job_is_lost_while_callers_are_killed_and_the_pool_is_resized_on_one_worker() {
    storm(1);
}

#[test]
fn no_job_is_lost_while_callers_are_killed_and_the_pool_is_resized_on_two_workers() {
    storm(2);
}

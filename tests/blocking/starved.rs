//! A system that refuses threads: without any it is an error, with one at least jobs wait for that.

use crate::child;
use crate::fixture::{Gate, until};
use greenstd::blocking::{BlockingPool, Builder, NotRun, TrySpawnError};
use std::fs;
use std::io::ErrorKind;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

/// A pool whose threads nobody can have: no address space is that large.
fn impossible() -> BlockingPool {
    Builder::new().stack_size(1 << 47).build()
}

laws! {
    fn without_any_thread_a_job_is_refused() {
        let pool = impossible();
        let refused = pool.try_spawn(|| 42).unwrap_err();
        let TrySpawnError::NoThread(closure, kind) = refused else { panic!("{refused:?}") };
        assert_eq!(closure(), 42);
        assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::OutOfMemory), "{kind:?}");
        let run = || pool.run(|| ());
        let payload = panic::catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        let start = "failed to submit a job: the blocking pool has no thread and can start none";
        assert!(message.starts_with(start), "{message}");
        let now = pool.statistics();
        assert_eq!((now.threads, now.queued, now.running), (0, 0, 0));
        pool.shutdown(None).unwrap();
    }

    fn many_who_ask_at_once_are_all_told() {
        let pool = impossible();
        let askers: Vec<_> = (0..50).map(|_| {
            let pool = pool.clone();
            thread::spawn(move || match pool.try_spawn(|| ()) {
                Ok(job) => job.join().unwrap_err().is::<NotRun>(),
                Err(refused) => matches!(refused, TrySpawnError::NoThread(..)),
            })
        }).collect();
        assert!(askers.into_iter().all(|asker| asker.join().unwrap()));
        assert_eq!(pool.statistics().queued, 0);
    }
}

/// Leaves the process that much more address space than it has, in bytes.
fn limit_address_space(more: u64) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
    let bytes = pages * 4096 + more;
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: only a limit of this process.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

#[test]
fn with_one_thread_jobs_wait_for_it() {
    child::succeed(|| {
        let pool = Builder::new().max_threads(4).stack_size(256 << 20).build();
        let gate = Gate::new();
        let holds = gate.clone();
        let first = pool.spawn(move || holds.pass());
        until("it runs", || gate.arrived() == 1);
        limit_address_space(128 << 20);
        let jobs: Vec<_> = (0..20).map(|number| pool.spawn(move || number)).collect();
        std::thread::sleep(Duration::from_millis(5));
        let now = pool.statistics();
        assert_eq!((now.threads, now.queued, now.running), (1, 20, 1));
        gate.open();
        assert!(jobs.into_iter().map(|job| job.join().unwrap()).eq(0..20));
        first.join().unwrap();
        limit_address_space(8 << 30);
        // The system has threads again, so the pool has, too.
        let gate = Gate::new();
        let jobs: Vec<_> = (0..4)
            .map(|_| {
                let gate = gate.clone();
                pool.spawn(move || gate.pass())
            })
            .collect();
        until("all run", || gate.arrived() == 4);
        gate.open();
        jobs.into_iter().for_each(|job| job.join().unwrap());
    });
}

#[test]
fn the_limit_of_the_queue_holds_while_threads_are_refused() {
    child::succeed(|| {
        let pool = Builder::new().max_threads(4).queue_limit(3).stack_size(256 << 20).build();
        let gate = Gate::new();
        let holds = gate.clone();
        let first = pool.spawn(move || holds.pass());
        until("it runs", || gate.arrived() == 1);
        limit_address_space(128 << 20);
        let taken = (0..50).filter(|_| pool.try_spawn(|| ()).is_ok()).count();
        // Each thread that might have been started has made room for one.
        assert!((3..=7).contains(&taken), "{taken}");
        gate.open();
        first.join().unwrap();
        pool.shutdown(None).unwrap();
        assert_eq!(pool.statistics().done as usize, taken + 1);
    });
}

#[test]
fn a_pool_that_was_refused_works_once_the_system_relents() {
    child::succeed(|| {
        let pool = Builder::new().stack_size(256 << 20).build();
        limit_address_space(128 << 20);
        assert!(pool.try_spawn(|| ()).is_err());
        limit_address_space(8 << 30);
        assert_eq!(pool.run(|| 42), 42);
    });
}

//! The pools of the process.

use greenstd::blocking::{self, BlockingPool, Builder, PoolReport};
use std::time::Duration;

fn report(name: &str) -> Option<PoolReport> {
    blocking::pools().into_iter().find(|pool| pool.name == name)
}

#[test]
fn a_pool_is_listed_from_its_beginning_to_its_end() {
    assert!(report("listed").is_none());
    let pool: BlockingPool = Builder::new().name("listed").max_threads(3).build();
    let listed = report("listed").unwrap();
    assert_eq!((listed.max_threads, listed.statistics), (3, pool.statistics()));
    pool.run(|| ());
    let start = std::time::Instant::now();
    // Counted a moment after its caller goes on.
    while report("listed").unwrap().statistics.done != 1 {
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", report("listed"));
        std::thread::sleep(Duration::from_millis(1));
    }
    pool.shutdown(Duration::from_secs(10)).unwrap();
    drop(pool);
    let start = std::time::Instant::now();
    while report("listed").is_some() {
        assert!(start.elapsed() < Duration::from_secs(20), "its threads have kept it");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn jobs_that_wait_are_measured_and_those_that_need_not_are_not() {
    // A thread may be about to end its last job: there are others.
    let roomy = Builder::new().name("roomy").max_threads(8).build();
    for _ in 0..10 {
        roomy.run(|| ());
    }
    assert_eq!(report("roomy").unwrap().waits.count(), 0);
    let pool = Builder::new().name("measured").max_threads(1).build();
    let jobs: Vec<_> =
        (0..3).map(|_| pool.spawn(|| std::thread::sleep(Duration::from_millis(20)))).collect();
    jobs.into_iter().for_each(|job| job.join().unwrap());
    let waits = report("measured").unwrap().waits;
    assert!(waits.count() >= 1 && waits.longest() >= Duration::from_millis(10), "{waits:?}");
}

//! Deadlocks that are found.

use crate::{Case, cases};
use greenstd::blocking::{self, BlockingPool, blocking};
use greenstd::park::ServiceThread;
use greenstd::resource::ResourcePool;
use greenstd::runtime::{Builder, Deadlock, Runtime};
use greenstd::sync::Semaphore;
use greenstd::thread::{self, Killed, ThreadLocals};
use greenstd::time;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = cases![
    main_waits_for_a_permit_that_nobody_gives,
    main_waits_alone_with_one_worker,
    two_wait_for_each_other_with_one_worker,
    two_wait_for_each_other_with_two_workers,
    main_joins_one_that_waits,
    a_scope_waits_for_one_that_waits,
    main_waits_after_much_has_run,
    a_sleeper_is_waited_for_first,
    a_timeout_that_did_not_fire_hides_nothing,
    an_idle_resolver_hides_nothing,
    an_idle_pool_hides_nothing,
    those_with_their_own_thread_locals_are_found,
    spare_workers_that_were_needed_hide_nothing,
    idle_resources_hide_nothing,
    who_waits_for_a_resource_that_never_comes_back_is_found,
    a_pile_up_without_spare_threads_is_found,
    a_pile_up_beyond_the_spare_threads_is_found,
    a_service_thread_hides_nothing,
    a_thread_that_has_ended_hides_nothing,
    an_open_socket_that_nobody_waits_for_hides_nothing,
    what_is_left_is_unwound,
    every_run_of_the_runtime_ends,
    the_runtime_is_over_afterwards,
    a_second_runtime_finds_its_own,
];

pub(crate) fn runtime(workers: usize) -> Runtime {
    Builder::new().workers(workers).build().unwrap()
}

pub(crate) fn wait_for_ever() {
    Semaphore::new(0).acquire();
}

/// Names of those in the report, in its order.
fn names(deadlock: &Deadlock) -> Vec<&str> {
    deadlock.threads().iter().map(|thread| thread.name().unwrap_or("")).collect()
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.into())
}

/// C77
fn main_waits_for_a_permit_that_nobody_gives() {
    let error = runtime(2).try_run(wait_for_ever).unwrap_err();
    assert_eq!(names(&error), ["main"]);
    assert_eq!(error.threads()[0].waits_in(), Some("Semaphore::acquire"));
}

fn main_waits_alone_with_one_worker() {
    let error = runtime(1)
        .try_run(|| {
            loop {
                thread::park()
            }
        })
        .unwrap_err();
    assert_eq!(names(&error), ["main"]);
    assert_eq!(error.threads()[0].waits_in(), Some("thread::park"));
}

fn two_wait_for_each_other(workers: usize) {
    let error = runtime(workers).try_run(|| {
        let (one, two) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (first, second) = (one.clone(), two.clone());
        let first = named("first").spawn(move || {
            first.acquire();
            two.release();
        });
        let second = named("second").spawn(move || {
            second.acquire();
            one.release();
        });
        first.unwrap().join().unwrap();
        second.unwrap().join().unwrap();
    });
    let error = error.unwrap_err();
    assert_eq!(names(&error), ["main", "first", "second"]);
    let calls: Vec<_> = error.threads().iter().map(|thread| thread.waits_in().unwrap()).collect();
    assert_eq!(calls, ["JoinHandle::join", "Semaphore::acquire", "Semaphore::acquire"]);
}

fn two_wait_for_each_other_with_one_worker() {
    two_wait_for_each_other(1);
}

fn two_wait_for_each_other_with_two_workers() {
    two_wait_for_each_other(2);
}

fn main_joins_one_that_waits() {
    let error = runtime(2).try_run(|| thread::spawn(|| thread::sleep(Duration::MAX)).join());
    let error = error.unwrap_err();
    let [main, other] = error.threads() else { panic!("{error}") };
    assert_eq!((main.waits_in(), main.waits_for()), (Some("JoinHandle::join"), Some(other.id())));
    assert_eq!((other.waits_in(), other.waits_for()), (Some("thread::sleep"), None));
}

fn a_scope_waits_for_one_that_waits() {
    // The scope shields its owner, which is unwound when the other one has been.
    let error = runtime(2).try_run(|| {
        thread::scope(|scope| {
            scope.spawn(wait_for_ever);
        });
    });
    let error = error.unwrap_err();
    assert_eq!(error.threads()[0].waits_in(), Some("thread::scope"));
    assert_eq!(error.threads().len(), 2);
}

fn main_waits_after_much_has_run() {
    let error = runtime(2).try_run(|| {
        for _ in 0..20 {
            let others: Vec<_> = (0..50).map(|_| thread::spawn(thread::yield_now)).collect();
            others.into_iter().for_each(|other| other.join().unwrap());
            // Longer than it takes to look: each look finds a sleeper.
            thread::sleep(Duration::from_millis(15));
        }
        thread::sleep(Duration::from_millis(250));
        wait_for_ever();
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
}

fn a_sleeper_is_waited_for_first() {
    let start = Instant::now();
    let error = runtime(2).try_run(|| {
        thread::spawn(|| thread::sleep(Duration::from_millis(400)));
        wait_for_ever();
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
    assert!(start.elapsed() >= Duration::from_millis(400));
}

fn a_timeout_that_did_not_fire_hides_nothing() {
    let error = runtime(1).try_run(|| {
        let permit = Arc::new(Semaphore::new(0));
        let release = permit.clone();
        thread::spawn(move || release.release());
        // The timer has an entry in the queue for the next hour, which is dead.
        assert!(permit.acquire_timeout(Duration::from_secs(3600)));
        assert_eq!(time::timeout(Duration::from_secs(3600), || ()), Ok(()));
        permit.acquire();
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
}

fn an_idle_resolver_hides_nothing() {
    let error = runtime(2).try_run(|| {
        // Its thread idles for 5 s, and the look comes before.
        assert!(greenstd::net::TcpListener::bind(("nobody.invalid", 0)).is_err());
        wait_for_ever();
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
}

fn those_with_their_own_thread_locals_are_found() {
    for workers in [1, 2] {
        let own = Builder::new().workers(workers).thread_locals(ThreadLocals::Own);
        let waits = || {
            let _ = thread::spawn(wait_for_ever).join();
        };
        let error = own.build().unwrap().try_run(waits).unwrap_err();
        assert_eq!(names(&error), ["main", ""]);
    }
}

fn spare_workers_that_were_needed_hide_nothing() {
    let own = Builder::new().workers(1).thread_locals(ThreadLocals::Own).build().unwrap();
    let waits = || {
        let hog = || std::thread::sleep(Duration::from_millis(200));
        let hogs: Vec<_> = (0..3).map(|_| thread::spawn(hog)).collect();
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
        wait_for_ever();
    };
    assert_eq!(names(&own.try_run(waits).unwrap_err()), ["main"]);
    // Once more, while the spare workers that are left leave.
    let waits = || {
        thread::sleep(Duration::from_millis(900));
        wait_for_ever();
    };
    let own = Builder::new().workers(1).thread_locals(ThreadLocals::Own).build().unwrap();
    own.run(|| {
        let hog = || std::thread::sleep(Duration::from_millis(200));
        let hogs: Vec<_> = (0..3).map(|_| thread::spawn(hog)).collect();
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
    });
    assert_eq!(names(&own.try_run(waits).unwrap_err()), ["main"]);
}

fn an_idle_pool_hides_nothing() {
    let error = runtime(2).try_run(|| {
        // Their threads idle for 10 s, and the look comes before.
        assert_eq!(blocking(|| blocking::call_from_thread(|| 42)), 42);
        let pool = BlockingPool::new(4);
        assert_eq!(pool.map(0..20, |item| item).len(), 20);
        wait_for_ever();
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
}

/// The thread that would drop them in ten minutes wakes nobody.
fn idle_resources_hide_nothing() {
    let error = runtime(2).try_run(|| {
        let pool = ResourcePool::new(2, || Ok::<_, ()>(()));
        assert_eq!(pool.with(|()| 42), Ok(42));
        assert_eq!(pool.statistics().idle, 1);
        wait_for_ever();
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
}

fn who_waits_for_a_resource_that_never_comes_back_is_found() {
    let error = runtime(1).try_run(|| {
        let pool = ResourcePool::new(1, || Ok::<_, ()>(()));
        let _guard = pool.get().unwrap();
        drop(pool.get());
    });
    let error = error.unwrap_err();
    assert_eq!(names(&error), ["main"]);
    assert_eq!(error.threads()[0].waits_in(), Some("ResourcePool::get"));
}

fn pile_up(spare_threads: usize) {
    let pool = blocking::Builder::new().max_threads(1).spare_threads(spare_threads).build();
    let (outer, never) = (pool.clone(), Arc::new(Semaphore::new(0)));
    let error = runtime(1).try_run(move || {
        for _ in 0..spare_threads {
            let (pool, never) = (outer.clone(), never.clone());
            thread::spawn(move || pool.run(|| blocking::call_from_thread(move || never.acquire())));
        }
        let inner = outer.clone();
        outer.run(move || blocking::call_from_thread(move || inner.run(|| ())));
    });
    let error = error.unwrap_err();
    let waits = |what| error.threads().iter().filter(|it| it.waits_in() == Some(what)).count();
    // Main waits for its job, whose callee waits for another one, for which there is no thread.
    assert_eq!(waits("BlockingPool::run"), 2 + spare_threads);
    assert_eq!(waits("Semaphore::acquire"), spare_threads);
    // All of them were unwound, so the pool is free again.
    assert_eq!(pool.run(|| 42), 42);
}

fn a_pile_up_without_spare_threads_is_found() {
    pile_up(0);
}

fn a_pile_up_beyond_the_spare_threads_is_found() {
    pile_up(2);
}

fn a_service_thread_hides_nothing() {
    let (started, has_started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _service = ServiceThread::new();
        started.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    has_started.recv().unwrap();
    assert_eq!(names(&runtime(1).try_run(wait_for_ever).unwrap_err()), ["main"]);
}

fn a_thread_that_has_ended_hides_nothing() {
    let error = runtime(1).try_run(|| {
        std::thread::spawn(|| ()).join().unwrap();
        wait_for_ever();
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
}

fn an_open_socket_that_nobody_waits_for_hides_nothing() {
    let error = runtime(2).try_run(|| {
        let listener = greenstd::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = thread::spawn(move || greenstd::net::TcpStream::connect(address).unwrap());
        let server = listener.accept().unwrap();
        let client = client.join().unwrap();
        wait_for_ever();
        drop((server, client, listener));
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
}

fn what_is_left_is_unwound() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let counter = drops.clone();
    let runtime = runtime(2);
    let error = runtime.try_run(move || {
        let _main = Counted(counter.clone());
        for _ in 0..100 {
            let counted = Counted(counter.clone());
            thread::spawn(move || {
                let _counted = counted;
                wait_for_ever();
            });
        }
        wait_for_ever();
    });
    assert_eq!(error.unwrap_err().threads().len(), 101);
    drop(runtime);
    assert_eq!(drops.load(Ordering::SeqCst), 101);
}

fn every_run_of_the_runtime_ends() {
    let runtime = runtime(2);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| runtime.try_run(wait_for_ever).unwrap_err().threads().len()))
            .collect();
        // The OS thread that waits for those is one that might wake somebody; so it is one of them.
        assert_eq!(runtime.try_run(wait_for_ever).unwrap_err().threads().len(), 4);
        for run in runs {
            assert_eq!(run.join().unwrap(), 4);
        }
    });
}

fn the_runtime_is_over_afterwards() {
    let runtime = runtime(1);
    assert!(runtime.try_run(wait_for_ever).is_err());
    let never_starts = runtime.spawn(|| ());
    assert!(never_starts.join().unwrap_err().is::<Killed>());
}

fn a_second_runtime_finds_its_own() {
    assert!(runtime(2).try_run(wait_for_ever).is_err());
    let words = Arc::new(Mutex::new(String::new()));
    let heard = words.clone();
    let has_unwound = Arc::new(AtomicBool::new(false));
    runtime(2).run(move || heard.lock().unwrap().push_str("it runs"));
    assert_eq!(*words.lock().unwrap(), "it runs");
    let sets = has_unwound.clone();
    let error = runtime(2).try_run(move || {
        struct Sets(Arc<AtomicBool>);
        impl Drop for Sets {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let _sets = Sets(sets);
        wait_for_ever();
    });
    assert_eq!(names(&error.unwrap_err()), ["main"]);
    assert!(has_unwound.load(Ordering::SeqCst));
}

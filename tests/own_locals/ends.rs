//! The end of a green thread is the end of its thread-locals: on its own stack, before anybody sees
//! it finished.

use crate::child;
use crate::flavour::on_workers;
use crate::own;
use greenstd::sync::Semaphore;
use greenstd::thread::{ThreadLocals, sleep, yield_now};
use greenstd::{green_local, runtime};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Log = Arc<Mutex<Vec<&'static str>>>;

/// Writes into the log what it is when it is dropped.
struct Notes(Log, &'static str);

impl Drop for Notes {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(self.1);
    }
}

thread_local!(static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) });
green_local!(
    static GREEN: RefCell<Option<Notes>> = RefCell::new(None);
);

/// Waits when it is dropped, by calls of the runtime.
struct Waits(Log);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.lock().unwrap().push("waits");
        sleep(Duration::from_millis(20));
        yield_now();
        self.0.lock().unwrap().push("has waited");
    }
}

thread_local!(static WAITS: RefCell<Option<Waits>> = const { RefCell::new(None) });

laws! { green
    fn its_thread_locals_are_gone_when_it_is_joined() {
        let log = Log::default();
        let noted = log.clone();
        let end = own(move || {
            let body = Notes(noted.clone(), "body");
            NOTES.set(Some(Notes(noted.clone(), "thread-local")));
            GREEN.set(Some(Notes(noted, "green local")));
            drop(body);
        });
        end.join().unwrap();
        assert_eq!(*log.lock().unwrap(), ["body", "green local", "thread-local"]);
    }

    fn they_are_gone_after_a_panic() {
        let log = Log::default();
        let noted = log.clone();
        let end = own(move || {
            NOTES.set(Some(Notes(noted, "thread-local")));
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(end.join().is_err());
        assert_eq!(*log.lock().unwrap(), ["thread-local"]);
    }

    fn a_destructor_may_wait() {
        let log = Log::default();
        let noted = log.clone();
        let end = own(move || WAITS.set(Some(Waits(noted))));
        let other = log.clone();
        while log.lock().unwrap().is_empty() {
            yield_now();
        }
        // Others run meanwhile, on one worker as well.
        other.lock().unwrap().push("neighbour");
        end.join().unwrap();
        assert_eq!(*log.lock().unwrap(), ["waits", "neighbour", "has waited"]);
    }

    fn a_kill_cuts_no_destructor_short() {
        let log = Log::default();
        let noted = log.clone();
        let end = own(move || {
            noted.lock().unwrap().push("runs");
            WAITS.set(Some(Waits(noted)));
            Semaphore::new(0).acquire();
        });
        while log.lock().unwrap().is_empty() {
            yield_now();
        }
        end.thread().kill().unwrap();
        assert!(end.join().is_err());
        assert_eq!(*log.lock().unwrap(), ["runs", "waits", "has waited"]);
    }

    fn a_result_that_nobody_asks_for_is_dropped_by_its_own_thread() {
        struct Result;
        impl Drop for Result {
            fn drop(&mut self) {
                let log = MARK.take().expect("this thread has set it");
                log.lock().unwrap().push("own");
            }
        }
        thread_local!(static MARK: Cell<Option<Log>> = const { Cell::new(None) });
        let log = Log::default();
        let noted = log.clone();
        // If it ended before its handle goes, the result would be that one's to drop.
        let is_unasked = Arc::new(AtomicBool::new(false));
        let may_end = is_unasked.clone();
        let end = own(move || {
            MARK.set(Some(noted));
            while !may_end.load(Ordering::Acquire) {
                yield_now();
            }
            Result
        });
        drop(end);
        is_unasked.store(true, Ordering::Release);
        while log.lock().unwrap().is_empty() {
            yield_now();
        }
    }
}

#[test]
fn the_end_of_a_runtime_ends_their_thread_locals() {
    for workers in [1, 2] {
        let log = Log::default();
        let runtime = runtime::Builder::new().workers(workers).build().unwrap();
        let noted = log.clone();
        runtime.run(move || {
            for _ in 0..10 {
                let noted = noted.clone();
                drop(own(move || {
                    NOTES.set(Some(Notes(noted, "thread-local")));
                    Semaphore::new(0).acquire();
                }));
            }
            sleep(Duration::from_millis(20));
        });
        drop(runtime);
        let count = log.lock().unwrap().len();
        // One that had not started has none.
        assert!(count <= 10 && Arc::strong_count(&log) == 1, "{count}");
    }
}

#[test]
fn a_destructor_that_panics_ends_the_process_as_in_std() {
    let output = child::run(|| {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("in a destructor");
            }
        }
        thread_local!(static PANICS: RefCell<Option<Panics>> = const { RefCell::new(None) });
        on_workers(1, || own(|| PANICS.set(Some(Panics))).join().unwrap());
    });
    let stderr = child::text(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("thread local panicked on drop"), "{stderr}");
}

#[test]
fn those_of_a_worker_outlive_its_green_threads() {
    on_workers(1, || {
        let log = Log::default();
        let noted = log.clone();
        let end = crate::spawn(ThreadLocals::Worker, move || {
            NOTES.set(Some(Notes(noted, "thread-local")));
        });
        end.join().unwrap();
        assert!(log.lock().unwrap().is_empty());
        NOTES.take();
    });
}

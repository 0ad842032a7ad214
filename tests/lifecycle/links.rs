//! Links: what is called when a green thread has ended.

use crate::child;
use crate::fixture::{Count, LONG, fail, let_others_run, until};
use crate::flavour::{Watchdog, on_workers};
use greenstd::runtime::Builder;
use greenstd::thread::{End, LinkId};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

type Log = Arc<Mutex<Vec<usize>>>;

laws! {
    // C05
    fn they_are_called_in_linking_order() {
        let (log, release) = (Log::default(), Arc::new(greenstd::sync::Semaphore::new(0)));
        let released = release.clone();
        let handle = greenstd::thread::spawn(move || released.acquire());
        for number in 0..1000 {
            let log = log.clone();
            handle.link(move |_| {
                log.lock().unwrap().push(number);
                if number % 100 == 0 {
                    // One that waits delays nobody.
                    greenstd::thread::sleep(Duration::from_millis(1));
                }
            });
        }
        release.release();
        until(|| log.lock().unwrap().len() == 1000);
        assert!(log.lock().unwrap().is_sorted());
        handle.join().unwrap();
    }

    // C08
    fn linked_to_a_dead_one_it_is_called_at_once() {
        let handle = greenstd::thread::spawn(|| 42);
        assert!(handle.wait(None));
        let log = Log::default();
        for number in 0..3 {
            let log = log.clone();
            handle.link(move |ended| {
                assert_eq!(ended.end(), &End::Finished);
                log.lock().unwrap().push(number);
            });
        }
        until(|| log.lock().unwrap().len() == 3);
        assert!(log.lock().unwrap().is_sorted());
        assert_eq!(handle.join().unwrap(), 42);
    }

    // C09
    fn success_and_failure_are_told_apart_and_a_kill_is_success() {
        for (way, expected) in [("finish", "va"), ("fail", "fa"), ("kill", "va")] {
            let release = Arc::new(greenstd::sync::Semaphore::new(0));
            let (released, called) = (release.clone(), Arc::new(Mutex::new(String::new())));
            let handle = greenstd::thread::spawn(move || {
                released.acquire();
                if way == "fail" {
                    fail::<()>("on purpose");
                }
            });
            let push = |letter| {
                let called = called.clone();
                move |_: &greenstd::thread::Ended| called.lock().unwrap().push(letter)
            };
            handle.link_value(push('v'));
            handle.link_failure(push('f'));
            let (last, was_last) = mpsc::channel();
            handle.link(push('a'));
            handle.link(move |ended| last.send(ended.end().clone()).unwrap());
            match way {
                "kill" => handle.kill().unwrap(),
                _ => release.release(),
            }
            until(|| called.lock().unwrap().len() == 2);
            assert_eq!(*called.lock().unwrap(), expected, "{way}");
            assert_eq!(wait_for(&was_last), match way {
                "finish" => End::Finished,
                "fail" => End::Panicked("on purpose".into()),
                _ => End::Killed,
            });
            drop(handle);
        }
    }

    fn it_may_be_taken_back_before_the_end() {
        let (calls, release) = (Count::default(), Arc::new(greenstd::sync::Semaphore::new(0)));
        let released = release.clone();
        let handle = greenstd::thread::spawn(move || released.acquire());
        let link = |calls: &Count| {
            let calls = calls.clone();
            handle.link(move |_| calls.up())
        };
        let (first, _second, third) = (link(&calls), link(&calls), link(&calls));
        assert!(handle.unlink(first));
        assert!(!handle.unlink(first), "it is gone");
        let other = greenstd::thread::spawn(|| ());
        assert!(!other.unlink(third), "it is another's");
        release.release();
        assert!(handle.wait(None));
        until(|| calls.get() == 2);
        assert!(!handle.unlink(third), "it was called");
    }

    fn one_may_outlive_every_handle() {
        let (calls, inside) = (Count::default(), Count::default());
        let link = calls.clone();
        let count = inside.clone();
        greenstd::thread::spawn(move || count.up()).link(move |_| link.up());
        until(|| calls.get() == 1);
        assert_eq!(inside.get(), 1);
    }
}

/// Polls in a way that suits threads of either kind.
fn wait_for<T>(receiver: &mpsc::Receiver<T>) -> T {
    loop {
        match receiver.try_recv() {
            Ok(value) => return value,
            Err(_) => greenstd::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// C07
#[test]
fn one_that_takes_a_later_one_back_prevents_it() {
    on_workers(1, || {
        let (log, later) = (Log::default(), Arc::new(Mutex::new(None::<LinkId>)));
        let handle = greenstd::thread::spawn(|| ());
        let write = |number| {
            let log = log.clone();
            move |_: &greenstd::thread::Ended| log.lock().unwrap().push(number)
        };
        let inside = (log.clone(), later.clone());
        handle.link(move |ended| {
            inside.0.lock().unwrap().push(0);
            let later = inside.1.lock().unwrap().expect("it was made before the end");
            assert!(ended.unlink(later));
        });
        handle.link(write(1));
        *later.lock().unwrap() = Some(handle.link(write(2)));
        handle.link(write(3));
        until(|| log.lock().unwrap().len() == 3);
        let_others_run();
        assert_eq!(*log.lock().unwrap(), [0, 1, 3]);
    });
}

/// C06
#[test]
fn those_that_fail_are_reported_and_the_rest_are_called() {
    let output = child::succeed(|| {
        on_workers(2, || {
            let calls = Count::default();
            let handle = greenstd::thread::spawn(|| ());
            for message in ["the first", "the second"] {
                let calls = calls.clone();
                handle.link(move |_| {
                    calls.up();
                    fail(message)
                });
            }
            let third = calls.clone();
            handle.link(move |_| third.up());
            until(|| calls.get() == 3);
            let_others_run();
        });
    });
    let stderr = child::text(&output.stderr);
    for message in ["the first", "the second"] {
        let count = stderr.lines().filter(|line| line.ends_with(message)).count();
        assert_eq!(count, 1, "{message}: {stderr}");
    }
    assert!(stderr.contains(file!()), "the place of the link: {stderr}");
}

#[test]
fn each_has_a_green_thread_of_its_own() {
    on_workers(2, || {
        let ids = Arc::new(Mutex::new(Vec::new()));
        let handle = greenstd::thread::spawn(|| ());
        for _ in 0..10 {
            let ids = ids.clone();
            handle.link(move |ended| {
                assert_ne!(greenstd::thread::current().id(), ended.thread().id());
                ids.lock().unwrap().push(greenstd::thread::current().id());
            });
        }
        until(|| ids.lock().unwrap().len() == 10);
        let mut distinct = ids.lock().unwrap().clone();
        distinct.sort_by_key(|id| format!("{id:?}"));
        distinct.dedup();
        assert_eq!(distinct.len(), 10);
    });
}

#[test]
fn none_is_lost_at_the_limit_on_green_threads() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(1).live_limit(2).build().unwrap();
    let (log, inside) = (Log::default(), Log::default());
    let shared = log.clone();
    runtime.run(move || {
        let handle = greenstd::thread::spawn(|| ());
        for number in 0..100 {
            let log = shared.clone();
            handle.link(move |_| log.lock().unwrap().push(number));
        }
        assert!(handle.wait(None));
        // The only other place is taken again, before a link can have it.
        while let Ok(parked) = greenstd::thread::Builder::new().spawn(greenstd::thread::park) {
            inside.lock().unwrap().push(0);
            std::mem::forget(parked);
        }
        until(|| shared.lock().unwrap().len() == 100);
    });
    assert!(log.lock().unwrap().is_sorted());
}

#[test]
fn none_is_lost_at_the_end_of_a_runtime() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        for round in 0..20 {
            let runtime = Builder::new().workers(workers).build().unwrap();
            let calls = Count::default();
            for number in 0..20 {
                // Parked, ended, or never started when the end comes.
                let handle = match number % 3 {
                    0 => runtime.spawn(greenstd::thread::park),
                    1 => runtime.spawn(|| ()),
                    _ => runtime.spawn(|| greenstd::thread::sleep(LONG)),
                };
                for _ in 0..5 {
                    let calls = calls.clone();
                    handle.link(move |_| calls.up());
                }
            }
            if round % 2 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            runtime.shutdown();
            until(|| calls.get() == 100);
        }
    }
}

#[test]
fn closures_that_are_not_called_are_dropped_where_they_harm_nobody() {
    struct Bomb(Count);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.up();
            fail("in the destructor")
        }
    }
    on_workers(1, || {
        let (drops, calls) = (Count::default(), Count::default());
        let handle = greenstd::thread::spawn(|| ());
        let (bomb, called) = (Bomb(drops.clone()), calls.clone());
        handle.link_failure(move |_| drop(bomb));
        handle.link(move |_| called.up());
        until(|| calls.get() == 1);
        assert_eq!(drops.get(), 1);
    });
}

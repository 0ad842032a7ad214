//! The way back: OS threads that run something on a green thread.

use crate::fixture::pool;
use crate::flavour::on_workers;
use greenstd::blocking::call_from_thread;
use greenstd::runtime::Builder;
use greenstd::thread::Killed;
use greenstd::{channel, spawn_local, thread};
use std::panic;
use std::sync::mpsc;
use std::time::Duration;

/// Whether the calling thread is green.
fn is_green() -> bool {
    std::panic::catch_unwind(|| drop(spawn_local(|| ()))).is_ok()
}

laws! { green
    fn a_job_calls_back_into_green_code() {
        let pool = pool(2, 8);
        let green = pool.run(|| (is_green(), call_from_thread(is_green)));
        assert_eq!(green, (false, true));
    }

    fn both_directions_nest() {
        let pool = pool(4, 8);
        let (first, second) = (pool.clone(), pool.clone());
        let answer = pool.run(move || call_from_thread(move || {
            first.run(move || call_from_thread(move || second.run(|| 42)))
        }));
        assert_eq!(answer, 42);
    }

    fn green_primitives_serve_the_callee() {
        let pool = pool(1, 8);
        let (sender, receiver) = channel::rendezvous();
        let sends = thread::spawn(move || {
            thread::sleep(Duration::from_millis(2));
            sender.send(42).unwrap();
        });
        let received = pool.run(move || call_from_thread(move || receiver.recv().unwrap()));
        assert_eq!(received, 42);
        sends.join().unwrap();
    }

    fn on_a_green_thread_it_is_called_in_place() {
        let here = thread::current().id();
        assert_eq!(call_from_thread(|| thread::current().id()), here);
    }

    fn a_panic_of_the_callee_goes_through_both() {
        let pool = pool(1, 8);
        let run = panic::AssertUnwindSafe(|| pool.run(|| {
            call_from_thread(|| -> () { panic::resume_unwind(Box::new(17)) });
        }));
        let payload = panic::catch_unwind(run).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&17));
        assert_eq!(pool.statistics().calling, 0);
    }
}

/// The name of a worker of the runtime that the calling green thread is in.
fn worker() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

#[test]
fn the_callee_lives_in_the_runtime_of_the_caller_and_not_in_the_global_one() {
    let pool = pool(1, 8);
    for name in ["one", "two"] {
        let runtime = Builder::new().workers(1).name(name).build().unwrap();
        let (direct, nested) = (pool.clone(), pool.clone());
        let workers = runtime.run(move || {
            let inner = crate::fixture::pool(1, 8);
            let first = direct.run(|| call_from_thread(worker));
            let second = nested.run(move || inner.run(|| call_from_thread(worker)));
            [first, second]
        });
        assert_eq!(workers, [format!("{name}-0"), format!("{name}-0")]);
    }
    let global = pool.run(|| call_from_thread(worker));
    assert!(global.starts_with("greenstd-"), "{global}: a job of an OS thread");
}

#[test]
fn an_os_thread_calls_into_the_global_runtime() {
    assert!(!is_green());
    assert!(call_from_thread(is_green));
    let called = panic::catch_unwind(|| {
        call_from_thread(|| -> () { panic::resume_unwind(Box::new("on purpose")) });
    });
    assert_eq!(called.unwrap_err().downcast_ref(), Some(&"on purpose"));
}

#[test]
fn the_end_of_the_runtime_unwinds_the_job_that_waits_for_it() {
    let pool = pool(1, 8);
    let runtime = Builder::new().workers(1).build().unwrap();
    let (entered, has_entered) = mpsc::channel();
    let spawns = pool.clone();
    let job = runtime.run(move || {
        spawns.spawn(move || {
            call_from_thread(move || {
                entered.send(()).unwrap();
                thread::park();
            });
        })
    });
    has_entered.recv().unwrap();
    runtime.shutdown();
    assert!(job.join().unwrap_err().is::<Killed>());
    assert_eq!(pool.run(|| 42), 42, "the thread lives on");
}

#[test]
fn a_job_that_calls_back_after_the_end_of_the_runtime_is_unwound() {
    let pool = pool(1, 8);
    let (go, goes) = mpsc::channel::<()>();
    let spawns = pool.clone();
    let job = on_workers(1, move || {
        spawns.spawn(move || {
            goes.recv().unwrap();
            call_from_thread(|| unreachable!("there is no worker for it"));
        })
    });
    go.send(()).unwrap();
    assert!(job.join().unwrap_err().is::<Killed>());
}

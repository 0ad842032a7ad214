//! The error hook hears of each panic once. It belongs to the process, so each test has its own.

use crate::child;
use crate::fixture::{Count, fail, let_others_run, until};
use crate::flavour::on_workers;
use greenstd::thread::{self, End};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Has the messages of all panics written down.
fn listen() -> Arc<Mutex<Vec<String>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let inside = heard.clone();
    thread::set_error_hook(move |ended| {
        let End::Panicked(message) = ended.end() else { panic!("{ended:?}") };
        let name = ended.thread().name().unwrap_or("nobody").to_owned();
        inside.lock().unwrap().push(format!("{name}: {message}"));
    });
    heard
}

/// C04
#[test]
fn it_hears_of_each_panic_once_joined_or_not() {
    child::succeed(|| {
        let heard = listen();
        let shared = heard.clone();
        on_workers(2, move || {
            let heard = || std::mem::take(&mut *shared.lock().unwrap());
            assert!(thread::spawn(|| fail::<()>("joined")).join().is_err());
            assert_eq!(heard(), ["nobody: joined"]);
            let got = thread::spawn(|| fail::<()>("got twice")).share();
            assert_eq!(got.get().unwrap_err().message(), "got twice");
            assert_eq!(got.get().unwrap_err().message(), "got twice");
            assert_eq!(heard(), ["nobody: got twice"]);
            let builder = thread::Builder::new().name("careless".into());
            drop(builder.spawn(|| fail::<()>("detached")).unwrap());
            until(|| !shared.lock().unwrap().is_empty());
            assert_eq!(heard(), ["careless: detached"]);
            thread::scope(|scope| {
                assert!(scope.spawn(|| fail::<()>("scoped")).join().is_err());
            });
            assert_eq!(heard(), ["nobody: scoped"]);
            let nursed = std::panic::catch_unwind(|| {
                thread::nursery(|nursery| {
                    nursery.spawn(|| fail::<Result<(), ()>>("nursed"));
                    Ok(())
                })
            });
            assert!(nursed.is_err());
            assert_eq!(heard(), ["nobody: nursed"]);
        });
    });
}

#[test]
fn it_does_not_hear_of_kills() {
    child::succeed(|| {
        let heard = listen();
        on_workers(2, || {
            let parked = thread::spawn(thread::park);
            let_others_run();
            let unstarted = thread::spawn(|| ());
            assert!(thread::kill_all(&[parked, unstarted], None).unwrap());
            thread::spawn(thread::park);
            let_others_run();
        });
        assert_eq!(heard.lock().unwrap().len(), 0);
    });
}

#[test]
fn it_has_heard_before_anybody_is_woken() {
    child::succeed(|| {
        on_workers(2, || {
            let calls = Count::default();
            let slow = calls.clone();
            thread::set_error_hook(move |_| {
                thread::sleep(Duration::from_millis(20));
                slow.up();
            });
            let failing = thread::spawn(|| fail::<()>("on purpose")).share();
            let (linked, seen) = (Count::default(), calls.clone());
            let link = linked.clone();
            failing.link(move |_| {
                assert_eq!(seen.get(), 1);
                link.up();
            });
            assert!(failing.get().is_err());
            assert_eq!(calls.get(), 1);
            until(|| linked.get() == 1);
        });
    });
}

/// C76
#[test]
fn one_that_fails_harms_nobody() {
    let output = child::succeed(|| {
        thread::set_error_hook(|_| fail("the hook's own"));
        on_workers(2, || {
            let handles = [(); 10].map(|()| thread::spawn(|| fail::<()>("the original")).share());
            for handle in &handles {
                assert_eq!(handle.get().unwrap_err().message(), "the original");
            }
            assert_eq!(thread::spawn(|| 42).join().unwrap(), 42);
        });
    });
    let stderr = child::text(&output.stderr);
    let reports = stderr.lines().filter(|line| line.ends_with("the hook's own")).count();
    assert_eq!(reports, 10, "{stderr}");
}

#[test]
fn it_can_be_taken_back() {
    child::succeed(|| {
        let heard = listen();
        on_workers(1, move || {
            assert!(thread::spawn(|| fail::<()>("heard")).join().is_err());
            assert!(thread::take_error_hook().is_some());
            assert!(thread::take_error_hook().is_none());
            assert!(thread::spawn(|| fail::<()>("not heard")).join().is_err());
            assert_eq!(*heard.lock().unwrap(), ["nobody: heard"]);
        });
    });
}

#[test]
fn it_can_wait_in_one_that_was_killed_and_panics_as_it_cleans_up() {
    child::succeed(|| {
        on_workers(1, || {
            let calls = Count::default();
            let heard = calls.clone();
            thread::set_error_hook(move |_| {
                thread::sleep(Duration::from_millis(2));
                heard.up();
            });
            let handle = thread::spawn(|| {
                let killed = std::panic::catch_unwind(thread::park);
                assert!(killed.is_err());
                fail::<()>("while cleaning up")
            });
            let_others_run();
            assert!(handle.kill_and_wait(None).unwrap());
            assert_eq!(calls.get(), 1);
        });
    });
}

//! What a green thread's span is, and when.

use crate::flavour::on_workers;
use crate::recorder::{REFUSED, Recorder};
use greenstd::thread::{self, Builder};
use greenstd::{runtime, sync};
use std::panic;
use std::sync::Arc;
use std::time::Duration;

fn named(name: &str) -> Builder {
    Builder::new().name(name.into())
}

#[test]
fn a_green_thread_is_in_its_span_from_its_begin_to_its_end() {
    let recorder = Recorder::everywhere();
    on_workers(2, || {
        let body = || {
            tracing::info!("whole: begin");
            thread::sleep(Duration::from_millis(2));
            tracing::info!("whole: middle");
            thread::yield_now();
            tracing::info!("whole: end");
        };
        named("the whole").span(true).spawn(body).unwrap().join().unwrap();
    });
    let said = recorder.said("whole:");
    assert_eq!(said.len(), 3);
    assert!(said.iter().all(|said| said.spans == ["the whole"]), "{said:?}");
    assert!(recorder.has_closed("the whole"));
}

#[test]
fn a_span_is_inside_of_that_in_which_its_thread_is_spawned() {
    let recorder = Recorder::everywhere();
    on_workers(1, || {
        let outer = tracing::info_span!("outer of two");
        let spawn = || named("inner of two").span(true).spawn(|| tracing::info!("nested")).unwrap();
        outer.in_scope(spawn).join().unwrap();
    });
    assert_eq!(recorder.said("nested")[0].spans, ["outer of two", "inner of two"]);
}

#[test]
fn a_given_span_is_taken_and_given_up_at_the_end() {
    let recorder = Recorder::everywhere();
    on_workers(2, || {
        let span = tracing::info_span!("given to it");
        let handle = Builder::new().in_span(span).spawn(|| tracing::info!("given: said")).unwrap();
        // While the handle lives.
        while !handle.is_finished() {
            thread::yield_now();
        }
        assert!(Recorder::everywhere().has_closed("given to it"));
        handle.join().unwrap();
    });
    assert_eq!(recorder.said("given: said")[0].spans, ["given to it"]);
}

#[test]
fn a_runtime_may_give_spans_to_all_but_those_who_want_none() {
    let recorder = Recorder::everywhere();
    let runtime = runtime::Builder::new().workers(1).spans(true).build().unwrap();
    runtime.run(|| {
        named("by default").spawn(|| tracing::info!("default: in")).unwrap().join().unwrap();
        let none = named("by choice").span(false);
        none.spawn(|| tracing::info!("default: out")).unwrap().join().unwrap();
    });
    assert_eq!(recorder.said("default: in")[0].spans, ["main", "by default"]);
    assert!(recorder.said("default: out")[0].spans.is_empty());
}

#[test]
fn a_subscriber_that_panics_at_a_spawn_takes_no_place() {
    let _recorder = Recorder::everywhere();
    let runtime = runtime::Builder::new().workers(1).live_limit(2).build().unwrap();
    runtime.run(|| {
        for _ in 0..3 {
            let spawn = || named(REFUSED).span(true).spawn(|| ());
            assert!(panic::catch_unwind(spawn).is_err());
        }
        thread::spawn(|| ()).join().expect("there is room for one beside the main thread");
    });
    let refused = named(REFUSED).span(true);
    let spawn = || refused.spawn_on(&runtime, || ());
    assert!(panic::catch_unwind(panic::AssertUnwindSafe(spawn)).is_err());
    runtime.spawn(|| ()).join().unwrap();
    assert_eq!(runtime.shutdown_listing().len(), 0);
}

#[test]
fn a_task_that_is_killed_before_its_start_closes_its_span() {
    let recorder = Recorder::everywhere();
    on_workers(1, || {
        let later = named("never starts").span(true);
        let handle = later.spawn_later(Duration::from_secs(1000), || ()).unwrap();
        handle.thread().kill().unwrap();
        assert!(handle.join().is_err());
    });
    assert!(recorder.has_closed("never starts"));
}

#[test]
fn one_that_panics_or_is_killed_closes_its_span() {
    let recorder = Recorder::everywhere();
    on_workers(2, || {
        let panics = || -> () { std::panic::resume_unwind(Box::new("on purpose")) };
        assert!(named("panics").span(true).spawn(panics).unwrap().join().is_err());
        let killed = named("killed").span(true).spawn(thread::park).unwrap();
        thread::yield_now();
        killed.thread().kill().unwrap();
        assert!(killed.join().is_err());
    });
    assert!(recorder.has_closed("panics") && recorder.has_closed("killed"));
}

#[test]
fn waits_with_a_deadline_and_of_primitives_work_in_a_span() {
    Recorder::everywhere();
    on_workers(2, || {
        let lock = Arc::new(sync::Mutex::new(0));
        let add = |lock: Arc<sync::Mutex<u32>>| {
            move || {
                for _ in 0..100 {
                    let mut guard = lock.lock().unwrap();
                    *guard += 1;
                    thread::yield_now();
                }
                thread::park_timeout(Duration::from_millis(1));
            }
        };
        let spawn = |_| Builder::new().span(true).spawn(add(lock.clone())).unwrap();
        let handles: Vec<_> = (0..8).map(spawn).collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        assert_eq!(*lock.lock().unwrap(), 800);
    });
}

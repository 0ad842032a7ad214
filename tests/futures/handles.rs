//! Laws of handles that are awaited.

use crate::polls::{Calls, poll_with, until};
use crate::{A_MOMENT, flavour};
use greenstd::blocking::default_pool;
use greenstd::thread::Killed;
use greenstd::{block_on, channel};
use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// A handle, its panic, its kill: whatever polls it.
#[test]
fn a_handle_gives_what_a_join_gives() {
    for workers in [1, 2] {
        flavour::on_workers(workers, || {
            let value = greenstd::thread::spawn(|| 40 + 2);
            assert_eq!(block_on(value).unwrap(), 42);
            let late = greenstd::thread::spawn(|| greenstd::thread::sleep(A_MOMENT));
            block_on(late).unwrap();
            let panicking = greenstd::thread::spawn(|| std::panic::panic_any("on purpose"));
            assert_eq!(block_on(panicking).unwrap_err().downcast_ref(), Some(&"on purpose"));
            let parked = greenstd::thread::spawn(greenstd::thread::park);
            parked.kill().unwrap();
            assert!(block_on(parked).unwrap_err().is::<Killed>());
            let local = greenstd::spawn_local(|| std::rc::Rc::new(7));
            assert_eq!(*block_on(local).unwrap(), 7);
        });
    }
}

laws! {
    fn every_kind_of_handle_is_a_future() {
        assert_eq!(block_on(greenstd::spawn(|| 1)).unwrap(), 1);
        let text = String::from("borrowed");
        let length = greenstd::thread::scope(|scope| {
            let first = scope.spawn(|| { greenstd::thread::sleep(A_MOMENT); text.len() });
            let second = scope.spawn(|| -> () { std::panic::panic_any(3) });
            block_on(async {
                assert_eq!(second.await.unwrap_err().downcast_ref(), Some(&3));
                first.await.unwrap()
            })
        });
        assert_eq!(length, text.len());
        let shared = greenstd::spawn(|| { greenstd::thread::sleep(A_MOMENT); 5 }).share();
        let (one, other) = (shared.clone(), shared.clone());
        block_on(async {
            assert_eq!((&one).await.unwrap(), &5);
            assert_eq!((&other).await.unwrap(), &5);
        });
        let job = default_pool().spawn(|| std::thread::sleep(A_MOMENT));
        block_on(job.into_future()).unwrap();
        let job = default_pool().spawn(|| -> () { std::panic::panic_any(4) });
        assert_eq!(block_on(job.into_future()).unwrap_err().downcast_ref(), Some(&4));
    }

    fn a_handle_wakes_whoever_polled_it_last_and_nobody_after_a_drop() {
        let (calls, others) = (Arc::new(Calls::default()), Arc::new(Calls::default()));
        let (end, is_over) = channel::bounded::<()>(1);
        let mut handle = greenstd::spawn(move || is_over.recv().unwrap());
        assert!(poll_with(Pin::new(&mut handle), &others).is_pending());
        assert!(poll_with(Pin::new(&mut handle), &calls).is_pending());
        assert!(others.is_alone());
        end.send(()).unwrap();
        until(|| calls.count() == 1);
        assert!(matches!(poll_with(Pin::new(&mut handle), &calls), Poll::Ready(Ok(()))));
        assert_eq!(others.count(), 0);
        drop(handle);

        let (end, is_over) = channel::bounded::<()>(1);
        let mut handle = greenstd::spawn(move || is_over.recv());
        assert!(poll_with(Pin::new(&mut handle), &others).is_pending());
        let thread = handle.thread().clone();
        drop(handle);
        assert!(others.is_alone());
        end.send(()).unwrap();
        greenstd::select::wait_any([&thread]);
        assert_eq!(others.count(), 0);
    }

    fn a_handle_that_was_polled_can_be_joined() {
        let calls = Arc::new(Calls::default());
        for time in [Duration::ZERO, A_MOMENT] {
            let mut handle = greenstd::spawn(move || { greenstd::thread::sleep(time); 8 });
            if let Poll::Ready(outcome) = poll_with(Pin::new(&mut handle), &calls) {
                assert_eq!(outcome.unwrap(), 8);
                continue;
            }
            assert_eq!(handle.join().unwrap(), 8);
        }
        until(|| calls.is_alone());
    }
}

#[test]
fn one_that_has_given_its_outcome_has_no_other() {
    let mut handle = greenstd::spawn(|| 1);
    assert_eq!(block_on(&mut handle).unwrap(), 1);
    assert!(handle.is_finished());
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(&mut handle))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| handle.join())).is_err());
}

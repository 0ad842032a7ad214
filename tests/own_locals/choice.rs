//! Who has its own thread-locals: what the spawn says, else what the runtime says.

use crate::flavour::{Watchdog, on_workers};
use crate::{own, spawn};
use greenstd::thread::{self, Builder, ThreadLocals};
use greenstd::{runtime, spawn_local};
use std::io::ErrorKind;

#[test]
fn a_plain_os_thread_has_its_own() {
    assert_eq!(ThreadLocals::current(), ThreadLocals::Own);
}

#[test]
fn green_threads_share_those_of_the_worker_unless_they_ask() {
    on_workers(2, || {
        assert_eq!(ThreadLocals::current(), ThreadLocals::Worker);
        assert_eq!(own(ThreadLocals::current).join().unwrap(), ThreadLocals::Own);
        // A choice is not inherited.
        let grandchild = own(|| thread::spawn(ThreadLocals::current).join().unwrap());
        assert_eq!(grandchild.join().unwrap(), ThreadLocals::Worker);
    });
}

#[test]
fn a_runtime_may_choose_for_all() {
    let _watchdog = Watchdog::new();
    let builder = runtime::Builder::new().workers(2).thread_locals(ThreadLocals::Own);
    let runtime = builder.build().unwrap();
    let kind = ThreadLocals::current;
    let kinds = runtime.run(move || {
        let spawned = thread::spawn(kind).join().unwrap();
        let scoped = thread::scope(|scope| scope.spawn(kind).join().unwrap());
        let nursed = thread::nursery(|nursery| {
            Ok::<_, ()>(nursery.spawn(move || Ok(kind())).join().unwrap())
        });
        let later =
            Builder::new().spawn_later(std::time::Duration::from_millis(1), kind).unwrap().join();
        [kind(), spawned, scoped, nursed.unwrap(), later.unwrap()]
    });
    assert_eq!(kinds, [ThreadLocals::Own; 5]);
    assert_eq!(runtime.spawn(kind).join().unwrap(), ThreadLocals::Own);
    let shared = runtime.run(move || spawn(ThreadLocals::Worker, kind).join().unwrap());
    assert_eq!(shared, ThreadLocals::Worker);
}

#[test]
fn a_scope_spawns_as_its_builder_says() {
    on_workers(1, || {
        let mut borrowed = 1;
        let kind = thread::scope(|scope| {
            let builder = Builder::new().thread_locals(ThreadLocals::Own);
            let grow = || {
                borrowed += 1;
                thread::yield_now();
                ThreadLocals::current()
            };
            builder.spawn_scoped(scope, grow).unwrap().join().unwrap()
        });
        assert_eq!((kind, borrowed), (ThreadLocals::Own, 2));
    });
}

/// What it would share with its spawner may be bound to one thread, and would be on two.
#[test]
fn one_that_may_move_spawns_no_local_ones() {
    on_workers(2, || {
        let kind = own(|| Builder::new().spawn_local(|| ()).unwrap_err().kind());
        assert_eq!(kind.join().unwrap(), ErrorKind::Unsupported);
        let panic = own(|| drop(spawn_local(|| ()))).join().unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("its own thread-locals"), "{text}");
    });
}

#[test]
fn a_local_one_cannot_have_its_own() {
    on_workers(1, || {
        let builder = Builder::new().thread_locals(ThreadLocals::Own);
        let error = builder.spawn_local(|| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let shares = Builder::new().thread_locals(ThreadLocals::Worker);
        let kind = shares.spawn_local(ThreadLocals::current).unwrap().join().unwrap();
        assert_eq!(kind, ThreadLocals::Worker);
    });
}

/// The engine draws lots per worker: green threads that each begin their thread-locals anew would
/// all draw the same first.
#[test]
fn selects_of_new_green_threads_choose_fairly() {
    on_workers(1, || {
        let choose = || {
            let (one, first) = greenstd::channel::bounded(1);
            let (other, second) = greenstd::channel::bounded(1);
            one.send(1).unwrap();
            other.send(2).unwrap();
            greenstd::select! {
                recv(first) -> number => number.unwrap(),
                recv(second) -> number => number.unwrap(),
            }
        };
        let chosen: Vec<i32> = (0..200).map(|_| own(choose).join().unwrap()).collect();
        let ones = chosen.iter().filter(|&&number| number == 1).count();
        assert!((20..=180).contains(&ones), "{ones} of 200");
    });
}

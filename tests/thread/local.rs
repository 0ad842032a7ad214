//! `spawn_local`: nothing needs to be `Send`, and nothing leaves its OS thread.

use crate::flavour::on_workers;
use greenstd::{spawn_local, thread};
use std::cell::{Cell, RefCell};
use std::io;
use std::panic;
use std::rc::Rc;
use std::time::Duration;

/// Both numbers of workers; with two there is load that would move whatever can be moved.
fn both(body: fn()) {
    on_workers(1, body);
    on_workers(2, move || {
        let others: Vec<_> =
            (0..20).map(|_| thread::spawn(|| (0..50).for_each(|_| thread::yield_now()))).collect();
        body();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn an_rc_goes_in_and_comes_out() {
    both(|| {
        let shared = Rc::new(Cell::new(1));
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let shared = shared.clone();
                spawn_local(move || {
                    thread::yield_now();
                    shared.set(shared.get() + 1);
                    thread::sleep(Duration::from_micros(50));
                    Rc::new(shared.get())
                })
            })
            .collect();
        let largest = handles.into_iter().map(|handle| *handle.join().unwrap()).max();
        assert_eq!(largest, Some(101));
        assert_eq!(shared.get(), 101);
        assert_eq!(Rc::strong_count(&shared), 1);
    });
}

#[test]
fn it_runs_on_the_os_thread_of_its_spawner() {
    both(|| {
        let here = std::thread::current().id();
        let handles: Vec<_> = (0..100)
            .map(|_| {
                spawn_local(move || {
                    for _ in 0..10 {
                        assert_eq!(std::thread::current().id(), here);
                        thread::sleep(Duration::from_micros(20));
                        // So do its own children.
                        let child = spawn_local(|| std::thread::current().id());
                        assert_eq!(child.join().unwrap(), here);
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}

#[test]
fn its_panic_comes_back_from_join() {
    both(|| {
        let handle = spawn_local(|| panic::resume_unwind(Box::new("local")));
        assert!(!handle.is_finished());
        assert_eq!(handle.join().unwrap_err().downcast_ref(), Some(&"local"));
    });
}

#[test]
fn what_nobody_takes_is_dropped_on_its_own_os_thread() {
    struct OnItsThread(std::thread::ThreadId, Rc<Cell<u32>>);
    impl Drop for OnItsThread {
        fn drop(&mut self) {
            assert_eq!(std::thread::current().id(), self.0);
            self.1.set(self.1.get() + 1);
        }
    }
    both(|| {
        let drops = Rc::new(Cell::new(0));
        let make = |drops: &Rc<Cell<u32>>| OnItsThread(std::thread::current().id(), drops.clone());
        let (one, other) = (drops.clone(), drops.clone());
        drop(spawn_local(move || make(&one)));
        let late = spawn_local(move || make(&other));
        while !late.is_finished() {
            thread::yield_now();
        }
        drop(late);
        while drops.get() < 2 {
            thread::yield_now();
        }
    });
}

#[test]
fn it_has_a_builder_and_an_identity() {
    both(|| {
        let builder = thread::Builder::new().name("local".into()).stack_size(64 << 10);
        let handle = builder.spawn_local(thread::current).unwrap();
        assert_eq!(handle.thread().name(), Some("local"));
        let id = handle.thread().id();
        assert_eq!(handle.join().unwrap().id(), id);
    });
}

#[test]
fn it_is_refused_outside_of_green_threads() {
    let error = thread::Builder::new().spawn_local(|| ()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "spawn_local was called outside of a green thread");
    let payload = panic::catch_unwind(|| spawn_local(|| ())).unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("spawn_local was called outside of a green thread"), "{message}");
}

#[test]
fn a_ref_cell_borrow_may_span_a_wait() {
    both(|| {
        let cell = Rc::new(RefCell::new(Vec::new()));
        let held = cell.borrow_mut();
        let other = cell.clone();
        let handle = spawn_local(move || other.try_borrow_mut().is_err());
        thread::sleep(Duration::from_millis(1));
        assert!(handle.join().unwrap(), "the borrow is seen by the neighbour, as it must");
        drop(held);
        cell.borrow_mut().push(1);
    });
}

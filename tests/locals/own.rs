//! A value for each green thread, whatever runs beside it.

use crate::flavour::on_workers;
use greenstd::{green_local, local, spawn_local, thread};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

green_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
    static SHARED: RefCell<Rc<Vec<usize>>> = RefCell::new(Rc::new(Vec::new()));
}

laws! {
    fn a_value_outlasts_every_wait() {
        let others: Vec<_> = (1..200)
            .map(|number| {
                thread::spawn(move || {
                    NUMBER.set(number);
                    for _ in 0..10 {
                        thread::yield_now();
                        assert_eq!(NUMBER.get(), number);
                        thread::sleep(Duration::from_micros(10));
                        assert_eq!(NUMBER.get(), number);
                    }
                })
            })
            .collect();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(NUMBER.get(), 0);
    }

    fn a_borrow_may_span_a_wait() {
        // Of a value that is neither `Send` nor `Sync`.
        let others: Vec<_> = (0..50)
            .map(|number| {
                thread::spawn(move || {
                    SHARED.with_borrow_mut(|shared| {
                        Rc::get_mut(shared).unwrap().push(number);
                        thread::sleep(Duration::from_micros(50));
                        Rc::get_mut(shared).unwrap().push(number);
                    });
                    SHARED.with_borrow(|shared| shared.to_vec())
                })
            })
            .collect();
        for (number, other) in others.into_iter().enumerate() {
            assert_eq!(other.join().unwrap(), [number, number]);
        }
    }

    fn a_scoped_thread_has_its_own() {
        NUMBER.set(5);
        thread::scope(|scope| {
            assert_eq!(scope.spawn(|| NUMBER.replace(6)).join().unwrap(), 0);
        });
        assert_eq!(NUMBER.take(), 5);
    }
}

laws! {
    green
    fn a_local_thread_has_its_own_and_shares_what_it_is_given() {
        let shared = Rc::new(vec![7]);
        SHARED.set(shared.clone());
        let other = shared.clone();
        let seen = spawn_local(move || {
            assert!(SHARED.with_borrow(|mine| mine.is_empty()));
            SHARED.set(other);
            SHARED.with_borrow(Rc::strong_count)
        });
        assert_eq!(seen.join().unwrap(), 3);
        assert_eq!(Rc::strong_count(&shared), 2);
    }

    fn a_worker_and_its_green_threads_have_nothing_in_common() {
        thread_local!(static OF_THE_WORKER: Cell<usize> = const { Cell::new(0) });
        NUMBER.set(1);
        OF_THE_WORKER.set(1);
        let other = spawn_local(|| (NUMBER.get(), OF_THE_WORKER.get()));
        assert_eq!(other.join().unwrap(), (0, 1));
    }
}

#[test]
fn a_key_may_be_used_by_many_threads_at_once_for_the_first_time() {
    // The race for the key's number: whoever loses it goes by the winner's.
    fn race<const KEY: usize>() {
        green_local!(static VALUE: Cell<usize> = const { Cell::new(0) });
        let start = Arc::new(std::sync::Barrier::new(4));
        let racers: Vec<_> = (0..4)
            .map(|racer| {
                let start = start.clone();
                std::thread::spawn(move || {
                    start.wait();
                    VALUE.set(racer);
                    VALUE.get()
                })
            })
            .collect();
        let seen: Vec<_> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
        assert_eq!(seen, [0, 1, 2, 3]);
    }
    race::<0>();
    // A static inside of a generic function is one for all of its instances: no race any more.
    race::<1>();
}

#[test]
fn a_fresh_green_thread_in_a_used_slot_starts_anew() {
    on_workers(1, || {
        for round in 0..1000 {
            let seen = thread::spawn(move || NUMBER.replace(round + 1)).join().unwrap();
            assert_eq!(seen, 0);
        }
    });
}

#[test]
fn its_words_are_those_of_std() {
    let error = thread::spawn(|| {
        struct Looks(std::sync::mpsc::Sender<local::AccessError>);
        impl Drop for Looks {
            fn drop(&mut self) {
                self.0.send(LOOKS.try_with(|_| ()).unwrap_err()).unwrap();
            }
        }
        green_local!(static LOOKS: RefCell<Option<Looks>> = const { RefCell::new(None) });
        let (told, hears) = std::sync::mpsc::channel();
        LOOKS.set(Some(Looks(told)));
        hears
    });
    let error = error.join().unwrap().recv().unwrap();
    assert_eq!(
        (error.to_string(), format!("{error:?}")),
        ("already destroyed".into(), "AccessError".into())
    );
    assert_eq!(format!("{NUMBER:?}"), "LocalKey { .. }");
}

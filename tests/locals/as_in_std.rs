//! What `thread_local!` promises, `green_local!` keeps: one body over both.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};

/// Runs each law with std's macro on std's threads, and with ours on threads of either kind.
macro_rules! over_both {
    ($(fn $law:ident() $body:block)*) => {
        mod std_threads {
            #![allow(clippy::missing_const_for_thread_local, reason = "one body for all")]
            use super::*;
            #[allow(unused_imports)]
            use std::{thread, thread_local as local};
            $(#[test] fn $law() $body)*
        }
        mod os_threads {
            use super::*;
            use greenstd::green_local as local;
            use std::thread;
            $(#[test] fn $law() $body)*
        }
        mod green_threads_of_one_worker {
            use super::*;
            use greenstd::{green_local as local, thread};
            $(#[test] fn $law() { crate::flavour::on_workers(1, || $body) })*
        }
        mod green_threads_of_two_workers {
            use super::*;
            use greenstd::{green_local as local, thread};
            $(#[test] fn $law() { crate::flavour::on_workers(2, || $body) })*
        }
    };
}

/// Tells when it is dropped.
struct Tells(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

over_both! {
    fn each_thread_has_a_value_of_its_own() {
        local! { static NUMBER: Cell<u32> = Cell::new(1) }
        NUMBER.set(2);
        let others: Vec<_> = (0..4)
            .map(|other| {
                thread::spawn(move || {
                    assert_eq!(NUMBER.get(), 1);
                    NUMBER.set(other);
                    thread::yield_now();
                    NUMBER.get()
                })
            })
            .collect();
        let seen: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).collect();
        assert_eq!(seen, [0, 1, 2, 3]);
        assert_eq!(NUMBER.get(), 2);
    }

    fn every_form_of_the_macro_declares() {
        local! {
            /// With a comment, a visibility, a type that is not `Sync`.
            #[allow(dead_code)]
            pub static ONE: RefCell<Vec<u8>> = RefCell::new(vec![1]);
            pub(crate) static TWO: Cell<u8> = const { Cell::new(2) };
            static THREE: std::rc::Rc<u8> = std::rc::Rc::new(3);
        }
        local!(static FOUR: u8 = const { 2 + 2 });
        local!();
        let seen = thread::spawn(|| {
            [ONE.with_borrow(|one| one[0]), TWO.get(), THREE.with(|three| **three)]
        });
        assert_eq!(seen.join().unwrap(), [1, 2, 3]);
        assert_eq!(FOUR.with(|four| *four), 4);
    }

    fn a_cell_is_set_got_taken_and_replaced() {
        local!(static CELL: Cell<u32> = panic!("`set` makes no initial value"));
        let other = thread::spawn(|| {
            CELL.set(1);
            assert_eq!(CELL.get(), 1);
            assert_eq!(CELL.replace(2), 1);
            assert_eq!(CELL.take(), 2);
            CELL.set(3);
            CELL.get()
        });
        assert_eq!(other.join().unwrap(), 3);
    }

    fn a_ref_cell_is_set_borrowed_taken_and_replaced() {
        local!(static LIST: RefCell<Vec<u32>> = panic!("`set` makes no initial value"));
        let other = thread::spawn(|| {
            LIST.set(vec![1]);
            LIST.with_borrow_mut(|list| list.push(2));
            assert_eq!(LIST.replace(vec![3]), [1, 2]);
            assert_eq!(LIST.take(), [3]);
            LIST.with_borrow(Vec::len)
        });
        assert_eq!(other.join().unwrap(), 0);
    }

    fn a_borrow_across_another_is_the_users_mistake() {
        local!(static LIST: RefCell<u8> = const { RefCell::new(0) });
        let other = thread::spawn(|| LIST.with_borrow(|_| LIST.with_borrow_mut(|_| ())));
        assert!(other.join().is_err());
    }

    fn an_initial_value_that_panics_is_tried_again() {
        local! {
            static TRIES: Cell<u32> = const { Cell::new(0) };
            static FUSSY: u32 = {
                TRIES.set(TRIES.get() + 1);
                assert!(TRIES.get() > 1, "not at the first time");
                TRIES.get()
            };
        }
        let other = thread::spawn(|| {
            assert!(std::panic::catch_unwind(|| FUSSY.with(|_| ())).is_err());
            FUSSY.with(|tries| *tries)
        });
        assert_eq!(other.join().unwrap(), 2);
    }

    fn an_initial_value_that_makes_itself_replaces_what_it_made() {
        local! {
            static DEPTH: Cell<u32> = const { Cell::new(0) };
            static NESTED: u32 = {
                DEPTH.set(DEPTH.get() + 1);
                let depth = DEPTH.get();
                if depth < 3 { NESTED.with(|inner| assert_eq!(*inner, 3 - depth + depth)) }
                depth.max(3)
            };
        }
        assert_eq!(thread::spawn(|| NESTED.with(|depth| *depth)).join().unwrap(), 3);
    }

    fn the_newest_is_destroyed_first() {
        type Told = Arc<Mutex<Vec<&'static str>>>;
        local! {
            static ONE: RefCell<Option<Tells>> = const { RefCell::new(None) };
            static TWO: RefCell<Option<Tells>> = const { RefCell::new(None) };
            static THREE: RefCell<Option<Tells>> = const { RefCell::new(None) };
        }
        let told = Told::default();
        let other = told.clone();
        thread::spawn(move || {
            TWO.set(Some(Tells("two", other.clone())));
            ONE.set(Some(Tells("one", other.clone())));
            THREE.set(Some(Tells("three", other)));
        })
        .join()
        .unwrap();
        assert_eq!(*told.lock().unwrap(), ["three", "one", "two"]);
    }

    fn a_destructor_sees_others_but_not_its_own_value() {
        struct Looks(Arc<Mutex<Vec<(&'static str, bool)>>>);
        impl Drop for Looks {
            fn drop(&mut self) {
                let mut seen = self.0.lock().unwrap();
                seen.push(("older", OLDER.try_with(|_| ()).is_ok()));
                seen.push(("itself", LOOKS.try_with(|_| ()).is_ok()));
                seen.push(("newer", NEWER.try_with(|_| ()).is_ok()));
                seen.push(("plain", PLAIN.try_with(|_| ()).is_ok()));
            }
        }
        local! {
            static OLDER: Box<u8> = Box::new(1);
            static LOOKS: RefCell<Option<Looks>> = const { RefCell::new(None) };
            static NEWER: Box<u8> = Box::new(2);
            // Without a destructor, so it is there to the end.
            static PLAIN: Cell<u8> = Cell::new(3);
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let other = seen.clone();
        thread::spawn(move || {
            OLDER.with(|_| ());
            LOOKS.set(Some(Looks(other)));
            NEWER.with(|_| ());
            PLAIN.set(4);
        })
        .join()
        .unwrap();
        let expected = [("older", true), ("itself", false), ("newer", false), ("plain", true)];
        assert_eq!(*seen.lock().unwrap(), expected);
    }

    fn what_a_destructor_makes_is_destroyed_too() {
        struct Makes(Tells, u32);
        impl Drop for Makes {
            fn drop(&mut self) {
                let told = self.0.1.clone();
                match self.1 {
                    0 => SECOND.set(Some(Makes(Tells("second", told), 1))),
                    1 => THIRD.set(Some(Makes(Tells("third", told), 2))),
                    // The circle does not close: the first one is given up for good.
                    _ => assert!(FIRST.try_with(|_| ()).is_err()),
                }
            }
        }
        local! {
            static FIRST: RefCell<Option<Makes>> = const { RefCell::new(None) };
            static SECOND: RefCell<Option<Makes>> = const { RefCell::new(None) };
            static THIRD: RefCell<Option<Makes>> = const { RefCell::new(None) };
        }
        let told = Arc::new(Mutex::new(Vec::new()));
        let other = told.clone();
        thread::spawn(move || FIRST.set(Some(Makes(Tells("first", other), 0)))).join().unwrap();
        let mut told = told.lock().unwrap().clone();
        told.sort_unstable();
        assert_eq!(told, ["first", "second", "third"]);
    }

    fn a_reference_holds_while_other_values_are_made() {
        macro_rules! many {
            ($($name:ident)*) => {
                local! { $(static $name: Cell<usize> = Cell::new(0);)* }
                const ALL: &[fn()] = &[$(|| $name.set(1)),*];
            };
        }
        many! { A B C D E F G H I J K L M N O P Q R S T U V W X Y Z }
        local!(static KEPT: String = String::from("kept"));
        thread::spawn(|| {
            KEPT.with(|kept| {
                ALL.iter().for_each(|make| make());
                thread::yield_now();
                assert_eq!(kept, "kept");
            });
        })
        .join()
        .unwrap();
    }
}

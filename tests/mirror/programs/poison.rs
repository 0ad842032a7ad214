//! Panics: what they poison, what survives them, and who hears of them.

use super::std::{self, println};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, Once, OnceLock, PoisonError, RwLock, TryLockError};
use std::thread;

pub fn main() {
    mutexes();
    rwlocks();
    made_once();
    drops();
    neighbours();
}

fn mutexes() {
    let shared = Arc::new((Mutex::new(vec![1, 2]), Condvar::new()));
    let other = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        let mut values = other.0.lock().unwrap();
        values.push(3);
        panic!("with the lock held");
    });
    let payload = thread.join().unwrap_err();
    println!("{:?}", payload.downcast_ref::<&str>());
    println!("poisoned: {}", shared.0.is_poisoned());
    match shared.0.lock() {
        Ok(_) => println!("it is not poisoned"),
        Err(poisoned) => println!("{poisoned}: {:?}", *poisoned.get_ref()),
    }
    println!("{}", matches!(shared.0.try_lock(), Err(TryLockError::Poisoned(_))));
    shared.0.clear_poison();
    println!("cleared: {:?}", shared.0.lock().map(|values| values.len()).ok());

    // A guard that is dropped by a panic that began before it was taken poisons nothing.
    struct Late<'a>(&'a Mutex<Vec<i32>>);
    impl Drop for Late<'_> {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(4);
        }
    }
    let outcome = panic::catch_unwind(|| {
        let _late = Late(&shared.0);
        panic!("before the lock is taken");
    });
    println!("{} {:?}", outcome.is_err(), shared.0.lock().ok().as_deref());
    let waited = shared.1.wait_while(shared.0.lock().unwrap(), |values| values.len() < 4);
    println!("{}", waited.is_ok());
}

fn rwlocks() {
    let lock = Arc::new(RwLock::new(5));
    let reader = Arc::clone(&lock);
    let read = thread::spawn(move || {
        let _guard = reader.read().unwrap();
        panic!("a reader");
    });
    println!("{}, poisoned: {}", read.join().is_err(), lock.is_poisoned());
    let writer = Arc::clone(&lock);
    let written = thread::spawn(move || {
        *writer.write().unwrap() = 6;
        let mut guard = writer.write().unwrap();
        *guard = 7;
        panic!("a writer");
    });
    println!("{}, poisoned: {}", written.join().is_err(), lock.is_poisoned());
    let value = lock.read().unwrap_or_else(PoisonError::into_inner);
    println!("{value}");
    drop(value);
    println!("{:?}", Arc::into_inner(lock).unwrap().into_inner().map_err(PoisonError::into_inner));
}

fn made_once() {
    static ONCE: Once = Once::new();
    let first = thread::spawn(|| ONCE.call_once(|| panic!("the first"))).join();
    let second = thread::spawn(|| ONCE.call_once(|| ())).join();
    ONCE.call_once_force(|state| println!("the third knows: {}", state.is_poisoned()));
    println!("{} {} {}", first.is_err(), second.is_err(), ONCE.is_completed());

    static CELL: OnceLock<u8> = OnceLock::new();
    let failed = thread::spawn(|| *CELL.get_or_init(|| panic!("no value"))).join();
    println!("{} {:?} {}", failed.is_err(), CELL.get(), CELL.get_or_init(|| 9));

    static LAZY: LazyLock<u8> = LazyLock::new(|| panic!("never"));
    println!("{}", (0..2).all(|_| thread::spawn(|| *LAZY).join().is_err()));
}

/// Destructors run while a thread unwinds, and know that it does.
fn drops() {
    static SEEN: Mutex<Vec<(u8, bool)>> = Mutex::new(Vec::new());
    struct Witness(u8);
    impl Drop for Witness {
        fn drop(&mut self) {
            SEEN.lock().unwrap().push((self.0, thread::panicking()));
        }
    }
    let thread = thread::spawn(|| {
        let _outer = Witness(1);
        let caught = panic::catch_unwind(|| {
            let _inner = Witness(2);
            panic::panic_any(17_u8);
        });
        drop(Witness(3));
        *caught.unwrap_err().downcast::<u8>().unwrap()
    });
    println!("{:?}, {:?}", thread.join().ok(), SEEN.lock().unwrap());
}

/// A panic of one thread is none of the others'.
fn neighbours() {
    let counted = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..30)
        .map(|number| {
            let counted = Arc::clone(&counted);
            thread::spawn(move || {
                for _ in 0..5 {
                    thread::yield_now();
                    assert!(!thread::panicking());
                }
                if number % 3 == 0 {
                    panic!("number {number}");
                }
                counted.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    crate::crowd::is_here(0);
    let messages: Vec<String> = threads
        .into_iter()
        .filter_map(|thread| thread.join().err())
        .filter_map(|payload| payload.downcast::<String>().ok())
        .map(|message| *message)
        .collect();
    println!("{messages:?}, and {counted:?} in peace");
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| panic::resume_unwind(Box::new("quiet"))));
    println!("{:?}", outcome.unwrap_err().downcast_ref::<&str>());
}

//! The values of pthread keys end with their green thread, as POSIX wants it.

use crate::own;
use greenstd::thread::yield_now;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More than fit into the first level of glibc's table.
const MANY: usize = 40;

fn key(destructor: unsafe extern "C" fn(*mut c_void)) -> libc::pthread_key_t {
    let mut key = 0;
    // SAFETY: makes a key.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) }, 0);
    key
}

fn set(key: libc::pthread_key_t, value: *const c_void) {
    // SAFETY: the key is there.
    assert_eq!(unsafe { libc::pthread_setspecific(key, value) }, 0);
}

fn delete(key: libc::pthread_key_t) {
    // SAFETY: no thread uses it any more.
    assert_eq!(unsafe { libc::pthread_key_delete(key) }, 0);
}

/// Adds one to the count that is the value.
unsafe extern "C" fn count(value: *mut c_void) {
    // SAFETY: the tests give it nothing else.
    unsafe { &*value.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

/// Counts, and sets the value once more.
unsafe extern "C" fn count_again(value: *mut c_void) {
    // SAFETY: as in `count`.
    let counter = unsafe { &*value.cast::<Again>() };
    counter.rounds.fetch_add(1, Ordering::Relaxed);
    set(counter.key.load(Ordering::Relaxed) as libc::pthread_key_t, value);
}

#[derive(Default)]
struct Again {
    rounds: AtomicUsize,
    key: AtomicUsize,
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

laws! { green
    fn each_value_is_destroyed_once_by_the_end() {
        let destroyed = leak(AtomicUsize::new(0));
        let keys: Vec<_> = (0..MANY).map(|_| key(count)).collect();
        let of_thread = keys.clone();
        own(move || {
            for key in of_thread {
                set(key, ptr::from_ref(destroyed).cast());
                yield_now();
            }
            assert_eq!(destroyed.load(Ordering::Relaxed), 0);
        })
        .join()
        .unwrap();
        assert_eq!(destroyed.load(Ordering::Relaxed), MANY);
        // Whoever gets its thread-locals next finds no value.
        let of_next = keys.clone();
        let next = own(move || {
            // SAFETY: the keys are there.
            of_next.into_iter().all(|key| unsafe { libc::pthread_getspecific(key) }.is_null())
        });
        assert!(next.join().unwrap());
        assert_eq!(destroyed.load(Ordering::Relaxed), MANY);
        keys.into_iter().for_each(delete);
    }

    fn a_destructor_that_sets_its_value_again_is_called_four_times() {
        let again = leak(Again::default());
        let key = key(count_again);
        again.key.store(key as usize, Ordering::Relaxed);
        own(move || set(key, ptr::from_ref(again).cast())).join().unwrap();
        assert_eq!(again.rounds.load(Ordering::Relaxed), 4);
        own(|| ()).join().unwrap();
        assert_eq!(again.rounds.load(Ordering::Relaxed), 4);
        delete(key);
    }

    fn the_value_of_a_deleted_key_is_nobodys() {
        let destroyed = leak(AtomicUsize::new(0));
        own(move || {
            let gone = key(count);
            set(gone, ptr::from_ref(destroyed).cast());
            delete(gone);
            // Most likely at the same place: its values are others.
            let next = key(count);
            yield_now();
            delete(next);
        })
        .join()
        .unwrap();
        assert_eq!(destroyed.load(Ordering::Relaxed), 0);
    }
}

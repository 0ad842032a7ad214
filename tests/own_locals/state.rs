//! What a green thread keeps in thread-locals across a wait is its own.

use crate::flavour::on_workers;
use crate::mutex::Recursive;
use crate::spawn;
use greenstd::thread::{ThreadLocals, yield_now};
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Yields to let others come by: more than there are green threads in a test.
const A_WHILE: usize = 20;

/// How long something is waited for that may never come.
const PATIENCE: Duration = Duration::from_millis(300);

/// See the head of the program.
macro_rules! laws_of_threads {
    ($($(#[$about:meta])* fn $law:ident($kind:ident) $body:block)*) => { $(
        $(#[$about])*
        mod $law {
            use super::*;

            fn holds($kind: ThreadLocals) -> bool $body

            #[test]
            fn on_one_worker() {
                assert!(on_workers(1, || holds(ThreadLocals::Own)));
            }

            #[test]
            fn on_two_workers() {
                assert!(on_workers(2, || holds(ThreadLocals::Own)));
            }

            #[test]
            fn is_broken_by_shared_ones() {
                assert!(!on_workers(1, || holds(ThreadLocals::Worker)));
            }
        }
    )* };
}

/// Runs `first` and, while it waits in the closure that it is given, `second`.
fn side_by_side<T: Send + 'static, U: Send + 'static>(
    kind: ThreadLocals,
    first: impl FnOnce(&dyn Fn()) -> T + Send + 'static,
    second: impl FnOnce() -> U + Send + 'static,
) -> (T, U) {
    let has_begun = Arc::new(AtomicBool::new(false));
    let has_ended = Arc::new(AtomicBool::new(false));
    let (begun, ended) = (has_begun.clone(), has_ended.clone());
    let first = spawn(kind, move || {
        first(&|| {
            begun.store(true, Ordering::Release);
            while !ended.load(Ordering::Acquire) {
                yield_now();
            }
        })
    });
    let second = spawn(kind, move || {
        while !has_begun.load(Ordering::Acquire) {
            yield_now();
        }
        // Also where `second` panics.
        let result = catch_unwind(AssertUnwindSafe(second));
        has_ended.store(true, Ordering::Release);
        result.unwrap()
    });
    (first.join().unwrap(), second.join().unwrap())
}

fn errno() -> *mut i32 {
    // SAFETY: no preconditions.
    unsafe { libc::__errno_location() }
}

laws_of_threads! {
    fn a_value_begins_anew_for_each(kind) {
        thread_local!(static VALUE: Cell<u32> = const { Cell::new(7) });
        let (first, second) = side_by_side(
            kind,
            |wait| {
                VALUE.set(8);
                wait();
                VALUE.get()
            },
            || VALUE.replace(9),
        );
        (first, second) == (8, 7)
    }

    fn a_borrow_may_last_across_a_wait(kind) {
        thread_local!(static VALUE: RefCell<u32> = const { RefCell::new(0) });
        let ((), is_free) = side_by_side(
            kind,
            |wait| VALUE.with_borrow_mut(|_| wait()),
            || VALUE.with(|value| value.try_borrow_mut().is_ok()),
        );
        is_free
    }

    fn errno_stays(kind) {
        let (first, ()) = side_by_side(
            kind,
            |wait| {
                // SAFETY: the green thread's own.
                unsafe { *errno() = libc::EXDEV };
                wait();
                // SAFETY: as above.
                unsafe { *errno() }
            },
            // SAFETY: as above.
            || unsafe { *errno() = libc::EDOM },
        );
        first == libc::EXDEV
    }

    fn each_has_an_id_of_its_own(kind) {
        let id = || std::thread::current().id();
        let (first, second) = side_by_side(
            kind,
            move |wait| {
                let before = id();
                wait();
                (before, id())
            },
            id,
        );
        first.0 == first.1 && first.0 != second
    }

    fn a_recursive_mutex_knows_its_owner(kind) {
        let mutex: Arc<Recursive> = Recursive::new().into();
        let other = mutex.clone();
        let (is_recursive, is_taken) = side_by_side(
            kind,
            move |wait| {
                assert!(mutex.try_lock());
                wait();
                let is_recursive = mutex.try_lock();
                mutex.unlock();
                mutex.unlock();
                is_recursive
            },
            move || !other.try_lock() || { other.unlock(); false },
        );
        is_recursive && is_taken
    }

    fn a_recursive_mutex_of_rust_knows_its_owner(kind) {
        let mutex = Arc::new(parking_lot::ReentrantMutex::new(()));
        let other = mutex.clone();
        let (is_recursive, is_taken) = side_by_side(
            kind,
            move |wait| {
                let _guard = mutex.lock();
                wait();
                mutex.try_lock().is_some()
            },
            move || other.try_lock().is_none(),
        );
        is_recursive && is_taken
    }

    fn a_neighbour_runs_and_is_innocent_while_a_panic_waits(kind) {
        /// Waits while it unwinds, until it was seen or for a while.
        struct Waits(Arc<AtomicBool>);
        impl Drop for Waits {
            fn drop(&mut self) {
                let start = Instant::now();
                while !self.0.load(Ordering::Acquire) && start.elapsed() < PATIENCE {
                    yield_now();
                }
            }
        }
        let is_seen = Arc::new(AtomicBool::new(false));
        let (waits, seen) = (Waits(is_seen.clone()), is_seen.clone());
        let guilty = spawn(kind, move || {
            let unwind = AssertUnwindSafe(|| {
                let _waits = waits;
                resume_unwind(Box::new(()));
            });
            catch_unwind(unwind).is_err() && seen.load(Ordering::Acquire)
        });
        let innocent = spawn(kind, move || {
            let is_innocent = !std::thread::panicking();
            is_seen.store(true, Ordering::Release);
            is_innocent
        });
        let (was_seen, is_innocent) = (guilty.join().unwrap(), innocent.join().unwrap());
        was_seen && is_innocent
    }

    fn an_async_runtime_may_hide_in_each(kind) {
        let block_on = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for _ in 0..A_WHILE {
                    yield_now();
                    tokio::task::yield_now().await;
                }
            });
        };
        let all: Vec<_> = (0..5).map(|_| spawn(kind, block_on)).collect();
        all.into_iter().map(|one| one.join()).filter(Result::is_ok).count() == 5
    }

    fn a_pthread_key_has_a_value_for_each(kind) {
        let mut key = 0;
        // SAFETY: makes a key without a destructor.
        assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, None) }, 0);
        let value: *mut c_void = ptr::without_provenance_mut(5);
        let (first, second) = side_by_side(
            kind,
            move |wait| {
                let value: *mut c_void = ptr::without_provenance_mut(5);
                // SAFETY: the key is there.
                assert_eq!(unsafe { libc::pthread_setspecific(key, value) }, 0);
                wait();
                // SAFETY: as above.
                unsafe { libc::pthread_getspecific(key) }.addr()
            },
            // SAFETY: as above.
            move || unsafe { libc::pthread_getspecific(key) }.addr(),
        );
        // SAFETY: nobody uses it any more.
        assert_eq!(unsafe { libc::pthread_key_delete(key) }, 0);
        (first, second) == (value.addr(), 0)
    }

    fn each_has_a_locale_of_its_own(kind) {
        // SAFETY: makes a locale, and asks for the thread's.
        let current = || unsafe { libc::uselocale(ptr::null_mut()) }.addr();
        let (first, second) = side_by_side(
            kind,
            move |wait| {
                // SAFETY: the locale is there until it is freed, after its last use.
                unsafe {
                    let none = ptr::null_mut();
                    let locale = libc::newlocale(libc::LC_ALL_MASK, c"C".as_ptr(), none);
                    let former = libc::uselocale(locale);
                    wait();
                    let seen = current();
                    libc::uselocale(former);
                    libc::freelocale(locale);
                    (locale.addr(), former.addr(), seen)
                }
            },
            current,
        );
        let (locale, former, seen) = first;
        seen == locale && second == former
    }
}

//! What a green thread has from its spawner.

use crate::flavour::{Watchdog, on_workers};
use greenstd::local::{Inherited, Unbound};
use greenstd::runtime::Builder;
use greenstd::sync::Semaphore;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

static NAME: Inherited<&'static str> = Inherited::new();
static LIST: Inherited<Mutex<Vec<u32>>> = Inherited::new();
static COUNTED: Inherited<Counted> = Inherited::new();

/// Counts its drops.
#[derive(Clone)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

laws! {
    fn the_innermost_binding_counts_and_ends_with_its_call() {
        assert_eq!(NAME.get(), None);
        let result = NAME.scope("outer", || {
            NAME.scope("inner", || assert_eq!(NAME.get(), Some("inner")));
            assert!(!LIST.is_bound());
            NAME.with(|name| name.len())
        });
        assert_eq!(result, 5);
        assert_eq!(NAME.try_with(|_| ()), Err(Unbound));
    }

    fn a_panic_ends_a_binding_too() {
        let body = || NAME.scope("lost", || panic::resume_unwind(Box::new(())));
        assert!(panic::catch_unwind(body).is_err());
        assert!(!NAME.is_bound());
    }

    fn children_inherit_the_bindings_of_their_spawn() {
        let go_on = Arc::new(Semaphore::new(0));
        let wait = go_on.clone();
        let (early, late) = NAME.scope("then", || {
            let early = thread::spawn(move || {
                wait.acquire();
                (NAME.get(), thread::spawn(|| NAME.get()).join().unwrap())
            });
            NAME.set("now");
            (early, thread::spawn(|| NAME.get()))
        });
        go_on.release();
        assert_eq!(late.join().unwrap(), Some("now"));
        assert_eq!(early.join().unwrap(), (Some("then"), Some("then")));
        assert_eq!(thread::spawn(|| NAME.get()).join().unwrap(), None);
    }

    // C23
    fn grandchildren_share_what_a_task_has_set_and_its_siblings_do_not() {
        let tasks: Vec<_> = [1, 2]
            .into_iter()
            .map(|task| {
                thread::spawn(move || {
                    assert!(!LIST.is_bound());
                    LIST.set(Mutex::new(vec![task]));
                    thread::spawn(move || {
                        thread::spawn(move || {
                            LIST.with(|list| list.lock().unwrap().push(10 * task));
                        })
                            .join()
                            .unwrap();
                        LIST.with(|list| list.lock().unwrap().push(100 * task));
                    })
                    .join()
                    .unwrap();
                    LIST.with(|list| list.lock().unwrap().clone())
                })
            })
            .collect();
        let seen: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        assert_eq!(seen, [[1, 10, 100], [2, 20, 200]]);
        assert!(!LIST.is_bound());
    }

    fn what_was_set_ends_with_the_scope_around_it() {
        NAME.scope("outer", || {
            LIST.scope(Mutex::new(Vec::new()), || {
                NAME.set("set");
                assert_eq!(NAME.get(), Some("set"));
            });
            assert_eq!(NAME.get(), Some("outer"));
        });
    }

    fn a_value_in_use_outlasts_its_binding() {
        let drops = Arc::new(AtomicUsize::new(0));
        COUNTED.scope(Counted(drops.clone()), || {
            COUNTED.with(|counted| {
                COUNTED.set(Counted(Arc::default()));
                thread::yield_now();
                assert_eq!(counted.0.load(Ordering::SeqCst), 0);
            });
        });
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    // C79
    fn inherited_values_are_released_when_the_thread_ends_though_its_handle_lives() {
        let drops = Arc::new(AtomicUsize::new(0));
        let handle = COUNTED.scope(Counted(drops.clone()), || thread::spawn(|| ()));
        while !handle.is_finished() {
            thread::yield_now();
        }
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        handle.join().unwrap();
    }

    fn setting_again_and_again_holds_one_value() {
        let drops = Arc::new(AtomicUsize::new(0));
        let other = drops.clone();
        thread::spawn(move || {
            (0..100).for_each(|_| COUNTED.set(Counted(other.clone())));
            assert_eq!(other.load(Ordering::SeqCst), 99);
        })
        .join()
        .unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 100);
    }

    fn scoped_and_named_threads_inherit_as_well() {
        NAME.scope("family", || {
            thread::scope(|scope| {
                assert_eq!(scope.spawn(|| NAME.get()).join().unwrap(), Some("family"));
            });
            let named = thread::Builder::new().name("named".into()).spawn(|| NAME.get());
            assert_eq!(named.unwrap().join().unwrap(), Some("family"));
        });
    }
}

#[test]
fn what_never_starts_releases_what_it_inherited() {
    let _watchdog = Watchdog::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let runtime = Builder::new().workers(1).build().unwrap();
    let handle = COUNTED.scope(Counted(drops.clone()), || {
        // The one worker is busy until the runtime has begun to end.
        let (started, has_started) = std::sync::mpsc::channel();
        let end = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let ends = end.clone();
        drop(runtime.spawn(move || {
            started.send(()).unwrap();
            while !ends.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        }));
        has_started.recv().unwrap();
        let handle = runtime.spawn(|| unreachable!("it never starts"));
        assert!(!runtime.shutdown_timeout(std::time::Duration::ZERO));
        end.store(true, Ordering::SeqCst);
        handle
    });
    assert!(handle.join().is_err());
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_runtime_of_its_own_inherits_from_who_starts_it() {
    NAME.scope("main", || assert_eq!(on_workers(2, || NAME.get()), Some("main")));
}

#[test]
fn threads_of_std_inherit_nothing() {
    NAME.scope("here", || {
        assert_eq!(std::thread::spawn(|| NAME.get()).join().unwrap(), None);
    });
}

#[test]
fn reading_what_is_not_bound_is_the_callers_mistake() {
    let payload = panic::catch_unwind(|| NAME.with(|_| ())).unwrap_err();
    let words = payload.downcast_ref::<String>().unwrap();
    assert!(words.contains("the inherited value is not bound"), "{words}");
    assert_eq!(Unbound.to_string(), "the inherited value is not bound");
    assert_eq!(format!("{NAME:?}"), "Inherited { .. }");
}

//! Calls on a stack that the worker lends.

use crate::flavour::{Watchdog, on_workers};
use greenstd::runtime::{Builder, Runtime};
use greenstd::{thread, time};
use std::hint::black_box;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The default size of a stack.
const STACK_BYTES: usize = 256 << 10;

/// An address on the stack of who calls.
#[inline(never)]
fn here() -> usize {
    let here = 0_u8;
    black_box(&raw const here).addr()
}

/// Whether the two lie on one stack: in these tests no frame is large.
fn is_same_stack(one: usize, other: usize) -> bool {
    one.abs_diff(other) < STACK_BYTES / 4
}

/// Counts how often one is dropped.
struct Counted<'c>(&'c AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

laws! { green
    fn the_body_runs_on_another_stack_and_its_value_comes_back() {
        let outside = here();
        let (inside, value) = thread::on_lent_stack(|| (here(), vec![1, 2, 3]));
        assert!(!is_same_stack(outside, inside));
        assert_eq!(value, [1, 2, 3]);
        assert!(is_same_stack(outside, here()));
    }

    fn the_next_one_of_the_worker_is_lent_the_same() {
        let borrow = || thread::on_lent_stack(here);
        assert_eq!(borrow(), borrow());
    }

    fn it_is_lent_once_at_a_time() {
        thread::on_lent_stack(|| {
            let outer = here();
            thread::on_lent_stack(|| assert!(is_same_stack(outer, here())));
            assert!(is_same_stack(outer, here()));
        });
    }

    fn those_who_wait_keep_what_they_were_lent() {
        let threads: Vec<_> = (0..200_u64)
            .map(|number| {
                thread::spawn(move || {
                    (0..5).map(|round| thread::on_lent_stack(|| {
                        let block = black_box([number + round; 200]);
                        match number % 3 {
                            0 => thread::yield_now(),
                            1 => thread::sleep(Duration::from_micros(10 * number)),
                            _ => thread::spawn(thread::yield_now).join().unwrap(),
                        }
                        assert_eq!(black_box(block), [number + round; 200]);
                        block[0]
                    })).sum::<u64>()
                })
            })
            .collect();
        let sum: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(sum, (0..200).map(|number| 5 * number + 10).sum());
    }

    fn a_panic_passes_through() {
        let drops = AtomicUsize::new(0);
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            thread::on_lent_stack(|| {
                let _counted = Counted(&drops);
                panic::resume_unwind(Box::new("thrown"));
            });
        }));
        assert_eq!(*outcome.unwrap_err().downcast::<&str>().unwrap(), "thrown");
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        assert!(!thread::panicking());
        let outside = here();
        assert!(!is_same_stack(outside, thread::on_lent_stack(here)), "it can be lent again");
    }

    fn a_kill_and_a_timeout_end_a_wait_there() {
        let drops = Arc::new(AtomicUsize::new(0));
        let counted = drops.clone();
        let waiter = thread::spawn(move || {
            thread::on_lent_stack(|| {
                let _counted = Counted(&counted);
                thread::park();
                unreachable!("it is killed");
            });
        });
        thread::sleep(Duration::from_millis(5));
        assert!(waiter.kill_and_wait(Duration::from_secs(60)).unwrap());
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        let limited = time::timeout(Duration::from_millis(1), || {
            thread::on_lent_stack(|| {
                let _counted = Counted(&drops);
                thread::sleep(Duration::from_secs(60));
            });
        });
        assert!(limited.is_err());
        assert_eq!(drops.load(Ordering::Relaxed), 2);
    }

    fn one_with_a_size_of_its_own_stays_where_it_is() {
        let builder = thread::Builder::new().stack_size(1 << 20);
        let large = builder.spawn(|| is_same_stack(here(), thread::on_lent_stack(here)));
        assert!(large.unwrap().join().unwrap());
    }
}

#[test]
fn an_os_thread_stays_where_it_is() {
    assert!(is_same_stack(here(), thread::on_lent_stack(here)));
}

#[test]
fn one_with_thread_locals_of_its_own_stays_where_it_is() {
    let own = thread::Builder::new().thread_locals(thread::ThreadLocals::Own);
    match own.spawn(|| is_same_stack(here(), thread::on_lent_stack(here))) {
        Ok(own) => assert!(own.join().unwrap()),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::Unsupported),
    }
}

/// One for each worker stays, for the next loan.
fn reserved(runtime: &Runtime) -> usize {
    runtime.stack_statistics().reserved
}

#[test]
fn the_stacks_go_back() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(1).build().unwrap();
    runtime.run(|| thread::on_lent_stack(here));
    let before = reserved(&runtime);
    runtime.run(|| {
        let wait = || thread::on_lent_stack(|| thread::sleep(Duration::from_millis(2)));
        let threads: Vec<_> = (0..100).map(|_| thread::spawn(wait)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    // What was reserved for the green threads themselves may be kept for others.
    assert!(reserved(&runtime) < before + 100, "{before}, {}", reserved(&runtime));
    runtime.shutdown();
}

#[test]
fn a_runtime_that_ends_meanwhile_unwinds_those_on_a_lent_stack() {
    let _watchdog = Watchdog::new();
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    for workers in [1, 2] {
        DROPS.store(0, Ordering::Relaxed);
        let runtime = Builder::new().workers(workers).build().unwrap();
        let wait = || {
            thread::on_lent_stack(|| {
                let _counted = Counted(&DROPS);
                thread::park();
            });
        };
        for _ in 0..20 {
            drop(runtime.spawn(wait));
        }
        std::thread::sleep(Duration::from_millis(20));
        runtime.shutdown();
        assert_eq!(DROPS.load(Ordering::Relaxed), 20);
    }
    on_workers(1, || ());
}

//! Laws of futures on threads that block.

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;

#[path = "../common/random.rs"]
mod random;

mod channels;
mod executors;
mod first_polls;
mod handles;
mod leaves;
mod polls;
mod primitives;

use greenstd::block_on;
use greenstd::sync::Event;
use std::cell::Cell;
use std::future::{Future, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const A_MOMENT: Duration = Duration::from_millis(10);

/// Pending until somebody opens it.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<(bool, Option<Waker>)>>);

impl Gate {
    fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }
}

impl Future for Gate {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        match state.0 {
            true => Poll::Ready(()),
            false => {
                state.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Counts how often it is dropped.
struct Counted<'c>(&'c AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

laws! {
    fn a_future_that_is_ready_is_polled_once() {
        let polls = Cell::new(0);
        let future = poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::Ready("value")
        });
        assert_eq!(block_on(future), "value");
        assert_eq!(polls.get(), 1);
    }

    fn a_future_need_not_be_send_and_may_borrow() {
        let shared = Rc::new(Cell::new(1));
        let borrowed = &shared;
        block_on(async move { borrowed.set(ready(2).await) });
        assert_eq!(shared.get(), 2);
    }

    fn whoever_wakes_it_from_another_thread_lets_it_go_on() {
        for _ in 0..100 {
            let gate = Gate::default();
            let opener = gate.clone();
            let other = std::thread::spawn(move || opener.open());
            block_on(gate);
            other.join().unwrap();
        }
    }

    fn green_threads_wake_one_another() {
        let gates: Vec<Gate> = (0..100).map(|_| Gate::default()).collect();
        let waiting = gates.clone();
        let waiters: Vec<_> =
            waiting.into_iter().map(|gate| thread::spawn(move || block_on(gate))).collect();
        thread::sleep(A_MOMENT);
        gates.iter().rev().for_each(Gate::open);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    }

    // The wait inside of the poll takes the same wake-ups as that for the future.
    fn a_wake_up_during_a_poll_that_blocks_is_not_lost() {
        for _ in 0..20 {
            let gate = Gate::default();
            let mut inner = Box::pin(gate.clone());
            let mut polls = 0;
            block_on(poll_fn(move |context| {
                let outcome = inner.as_mut().poll(context);
                polls += 1;
                if polls == 1 {
                    gate.open();
                    thread::sleep(Duration::from_millis(1));
                }
                outcome
            }));
        }
    }

    fn calls_may_be_nested() {
        let gate = Gate::default();
        let opener = gate.clone();
        let other = thread::spawn(move || {
            thread::sleep(A_MOMENT);
            opener.open();
        });
        assert_eq!(block_on(async { block_on(async { gate.await; 1 }) + 1 }), 2);
        other.join().unwrap();
    }

    fn a_panic_of_the_future_is_the_callers_and_drops_it() {
        let drops = AtomicUsize::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let counted = Counted(&drops);
            block_on(async move {
                let _counted = counted;
                ready(()).await;
                std::panic::panic_any("on purpose")
            })
        }));
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"on purpose"));
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    }

    fn a_waker_that_outlives_the_call_wakes_nobody() {
        let gate = Gate::default();
        let waker = Arc::new(Mutex::new(None));
        let kept = waker.clone();
        block_on(poll_fn(move |context| {
            *kept.lock().unwrap() = Some(context.waker().clone());
            Poll::Ready(())
        }));
        waker.lock().unwrap().take().unwrap().wake();
        gate.open();
        block_on(gate);
    }

    fn a_timeout_scope_that_expires_drops_the_future() {
        let drops = AtomicUsize::new(0);
        let outcome = greenstd::time::timeout(A_MOMENT, || {
            let counted = Counted(&drops);
            block_on(async move {
                let _counted = counted;
                Gate::default().await;
            });
        });
        assert!(outcome.is_err());
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    }

    fn channels_of_tokio_work_without_its_runtime() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let other = thread::spawn(move || {
            for number in 0..1000 {
                block_on(sender.send(number)).unwrap();
            }
        });
        for number in 0..1000 {
            assert_eq!(block_on(receiver.recv()), Some(number));
        }
        assert_eq!(block_on(receiver.recv()), None);
        other.join().unwrap();
    }
}

/// A kill drops the future.
#[test]
fn a_kill_drops_the_future() {
    for workers in [1, 2] {
        flavour::on_workers(workers, || {
            static DROPS: AtomicUsize = AtomicUsize::new(0);
            DROPS.store(0, Ordering::Relaxed);
            let waiter = greenstd::thread::spawn(|| {
                let counted = Counted(&DROPS);
                block_on(async move {
                    let _counted = counted;
                    Gate::default().await;
                });
            });
            greenstd::thread::sleep(A_MOMENT);
            waiter.thread().kill().unwrap();
            assert!(waiter.join().unwrap_err().is::<greenstd::thread::Killed>());
            assert_eq!(DROPS.load(Ordering::Relaxed), 1);
        });
    }
}

/// Who is always ready to go on lets its neighbours run.
#[test]
fn a_future_that_wakes_itself_for_ever_starves_nobody() {
    flavour::on_workers(1, || {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let busy = greenstd::thread::spawn(move || {
            block_on(poll_fn(move |context| {
                if seen.load(Ordering::Relaxed) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            }));
        });
        greenstd::thread::sleep(A_MOMENT);
        stop.store(true, Ordering::Relaxed);
        busy.join().unwrap();
    });
}

/// A pending future leaves the worker to others, and costs it nothing.
#[test]
fn others_run_while_a_future_is_pending() {
    flavour::on_workers(1, || {
        let gate = Gate::default();
        let (opener, event) = (gate.clone(), Arc::new(Event::new()));
        let ready = event.clone();
        let neighbour = greenstd::thread::spawn(move || {
            ready.wait();
            opener.open();
        });
        let (done, is_done) = mpsc::channel();
        let waiter = greenstd::thread::spawn(move || {
            block_on(gate);
            done.send(()).unwrap();
        });
        greenstd::thread::yield_now();
        assert!(is_done.try_recv().is_err());
        event.set();
        waiter.join().unwrap();
        neighbour.join().unwrap();
        is_done.try_recv().unwrap();
    });
}

//! Locks that a destructor takes while its green thread unwinds, and so keeps its worker. What
//! neighbours were granted, who cannot run meanwhile, must not be waited for.

use crate::fixture::settle;
use crate::flavour::on_workers;
use greenstd::sync::{Mutex, RwLock};
use greenstd::thread;
use std::panic;
use std::sync::{Arc, mpsc};

/// Runs what it holds when it is dropped.
struct AtEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        assert!(thread::panicking());
        (self.0)();
    }
}

/// Unwinds a green thread that calls `before` first and `in_destructor` as it unwinds.
fn unwinds_with(
    before: impl FnOnce() + Send + 'static,
    in_destructor: impl FnMut() + Send + 'static,
) {
    let unwinder = thread::spawn(move || {
        before();
        let _at_end = AtEnd(in_destructor);
        panic::resume_unwind(Box::new(()));
    });
    assert!(unwinder.join().is_err());
}

/// An OS thread that holds a mutex, and gives it up and perhaps takes it again as it is told.
struct Holder {
    orders: mpsc::Sender<Order>,
    done: mpsc::Receiver<()>,
}

enum Order {
    /// Gives it up, and takes it again before anybody else can.
    TakeAgain,
    GiveUp,
}

impl Holder {
    /// One who holds the mutex already.
    fn of(mutex: &Arc<Mutex<u32>>) -> Holder {
        let mutex = mutex.clone();
        let (orders, ordered) = mpsc::channel();
        let (tell, done) = mpsc::channel();
        std::thread::spawn(move || {
            let mut guard = mutex.lock().unwrap();
            tell.send(()).unwrap();
            while let Order::TakeAgain = ordered.recv().unwrap() {
                drop(guard);
                guard = mutex.lock().unwrap();
                tell.send(()).unwrap();
            }
            drop(guard);
            tell.send(()).unwrap();
        });
        done.recv().unwrap();
        Holder { orders, done }
    }

    /// Blocks the OS thread until it was done: no green thread of its worker runs meanwhile.
    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
        self.done.recv().unwrap();
    }
}

fn increment(mutex: &Arc<Mutex<u32>>) -> impl FnMut() + Send + 'static {
    let mutex = mutex.clone();
    move || *mutex.lock().unwrap() += 1
}

#[test]
fn a_mutex_that_a_neighbour_was_woken_for_is_not_waited_for_in_vain() {
    on_workers(1, || {
        let mutex = Arc::new(Mutex::new(0));
        let holder = Holder::of(&mutex);
        let neighbour = thread::spawn(increment(&mutex));
        settle();
        let (gives_up, is_locked) = mpsc::channel();
        let before = move || {
            // The neighbour is woken, and it is its duty to see to those behind it.
            holder.order(Order::TakeAgain);
            std::thread::spawn(move || {
                is_locked.recv().unwrap();
                holder.order(Order::GiveUp);
            });
        };
        let mut increment = increment(&mutex);
        unwinds_with(before, move || {
            gives_up.send(()).unwrap();
            increment();
        });
        neighbour.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 2);
    });
}

#[test]
fn a_mutex_that_a_neighbour_was_handed_is_taken_over() {
    on_workers(1, || {
        let mutex = Arc::new(Mutex::new(0));
        let holder = Holder::of(&mutex);
        let neighbour = thread::spawn(increment(&mutex));
        settle();
        holder.order(Order::TakeAgain);
        // The neighbour tries in vain by now, until it asks to be handed the mutex.
        settle();
        unwinds_with(move || holder.order(Order::GiveUp), increment(&mutex));
        neighbour.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 2);
    });
}

/// How somebody takes a read-write lock.
type Take = fn(&RwLock<()>);

const WAYS: [Take; 2] = [|lock| drop(lock.read().unwrap()), |lock| drop(lock.write().unwrap())];

#[test]
fn a_read_write_lock_that_neighbours_were_granted_is_taken_over() {
    for (of_neighbours, of_unwinder) in WAYS.iter().flat_map(|one| WAYS.map(|other| (*one, other)))
    {
        on_workers(1, move || {
            let lock = Arc::new(RwLock::new(()));
            let held = lock.clone();
            let (release, is_released) = mpsc::channel::<()>();
            let (tell, told) = mpsc::channel();
            std::thread::spawn(move || {
                let guard = held.write().unwrap();
                tell.send(()).unwrap();
                is_released.recv().unwrap();
                drop(guard);
                tell.send(()).unwrap();
            });
            told.recv().unwrap();
            let neighbours: Vec<_> = (0..3)
                .map(|_| {
                    let lock = lock.clone();
                    thread::spawn(move || of_neighbours(&lock))
                })
                .collect();
            settle();
            let before = move || {
                release.send(()).unwrap();
                told.recv().unwrap();
            };
            unwinds_with(before, {
                let lock = lock.clone();
                move || of_unwinder(&lock)
            });
            neighbours.into_iter().for_each(|neighbour| neighbour.join().unwrap());
            assert!(lock.try_write().is_ok());
        });
    }
}

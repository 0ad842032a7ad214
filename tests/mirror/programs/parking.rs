//! Parking: permits that are kept, a baton that goes around, a lock made of nothing else.

use super::std::{self, println};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

const RUNNERS: usize = 28;
const LAPS: usize = 12;

pub fn main() {
    permits();
    baton();
    lock();
    clocks();
}

fn permits() {
    let me = thread::current();
    me.unpark();
    me.unpark();
    // One permit is kept, however many were given.
    thread::park();
    let start = Instant::now();
    thread::park_timeout(Duration::from_millis(20));
    println!("the second park waited: {}", start.elapsed() >= Duration::from_millis(19));

    let flag = Arc::new(AtomicBool::new(false));
    let sleeper = {
        let flag = Arc::clone(&flag);
        thread::spawn(move || {
            while !flag.load(Ordering::Acquire) {
                thread::park();
            }
            "awake"
        })
    };
    thread::sleep(Duration::from_millis(2));
    flag.store(true, Ordering::Release);
    sleeper.thread().unpark();
    println!("{}", sleeper.join().unwrap());
}

/// Each runner waits for the baton, and passes it on.
fn baton() {
    let holder = Arc::new(AtomicUsize::new(usize::MAX));
    let team: Arc<Mutex<Vec<Thread>>> = Arc::default();
    let runners: Vec<_> = (0..RUNNERS)
        .map(|number| {
            let (holder, team) = (Arc::clone(&holder), Arc::clone(&team));
            thread::spawn(move || {
                for lap in 0..LAPS {
                    while holder.load(Ordering::Acquire) != lap * RUNNERS + number {
                        thread::park();
                    }
                    let next = team.lock().unwrap()[(number + 1) % RUNNERS].clone();
                    holder.fetch_add(1, Ordering::Release);
                    next.unpark();
                }
            })
        })
        .collect();
    *team.lock().unwrap() = runners.iter().map(|runner| runner.thread().clone()).collect();
    crate::crowd::is_here(RUNNERS);
    holder.store(0, Ordering::Release);
    runners[0].thread().unpark();
    runners.into_iter().for_each(|runner| runner.join().unwrap());
    println!("the baton was passed on {} times", holder.load(Ordering::Relaxed));
}

/// A fair lock of parked threads.
#[derive(Default)]
struct Lock {
    is_locked: AtomicBool,
    line: Mutex<VecDeque<Thread>>,
}

impl Lock {
    fn lock(&self) {
        self.line.lock().unwrap().push_back(thread::current());
        let me = thread::current().id();
        loop {
            let is_first = self.line.lock().unwrap().front().map(Thread::id) == Some(me);
            if is_first && !self.is_locked.swap(true, Ordering::Acquire) {
                self.line.lock().unwrap().pop_front();
                return;
            }
            thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn unlock(&self) {
        self.is_locked.store(false, Ordering::Release);
        if let Some(first) = self.line.lock().unwrap().front() {
            first.unpark();
        }
    }
}

fn lock() {
    let lock = Arc::new((Lock::default(), AtomicUsize::new(0)));
    let threads: Vec<_> = (0..10)
        .map(|_| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                let mut entered = Cell::new(0);
                for _ in 0..20 {
                    lock.0.lock();
                    // Not atomic as a whole: only the lock makes it right.
                    let seen = lock.1.load(Ordering::Relaxed);
                    thread::yield_now();
                    lock.1.store(seen + 1, Ordering::Relaxed);
                    lock.0.unlock();
                    entered.set(entered.get() + 1);
                }
                *entered.get_mut()
            })
        })
        .collect();
    let entered: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("entered {entered} times, counted {}", lock.1.load(Ordering::Relaxed));
}

fn clocks() {
    let start = Instant::now();
    let sleepers: Vec<_> = [30, 10, 20]
        .map(|milliseconds| {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(milliseconds));
                start.elapsed() >= Duration::from_millis(milliseconds)
            })
        })
        .into_iter()
        .map(|sleeper| sleeper.join().unwrap())
        .collect();
    println!("nobody woke early: {sleepers:?}");
    thread::sleep(Duration::ZERO);
}

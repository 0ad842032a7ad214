//! Locks and counts, which are as if nobody had ever been killed.

use crate::random::Random;
use crate::stations::{free, locked};
use greenstd::sync::{Event, Mutex, ReentrantMutex, RwLock, Semaphore, WaitGroup};
use greenstd::{select, thread};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PERMITS: usize = 3;

/// More than there are readers.
const WRITER: usize = 1 << 20;

pub struct Locks {
    semaphore: Semaphore,
    /// How many permits are in use.
    used: AtomicUsize,
    mutex: Mutex<usize>,
    /// How often the number under the mutex was counted up.
    counted: AtomicUsize,
    rwlock: RwLock<()>,
    /// Readers inside, a writer counting as `WRITER`.
    inside: AtomicUsize,
    reentrant: ReentrantMutex<()>,
    alone: AtomicUsize,
    event: Event,
    group: WaitGroup,
}

/// Permits of the semaphore, given back in any case.
pub struct Permit<'l> {
    locks: &'l Locks,
    count: usize,
}

/// A share of a count, given back in any case.
struct Inside<'l>(&'l AtomicUsize, usize);

impl Inside<'_> {
    /// Adds to a count that has to be less than `limit` before.
    fn new(count: &AtomicUsize, share: usize, limit: usize) -> Inside<'_> {
        let before = count.fetch_add(share, Ordering::SeqCst);
        assert!(before < limit, "{before} are inside, which is not to be {limit}");
        Inside(count, share)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.locks.used.fetch_sub(self.count, Ordering::SeqCst);
        self.locks.semaphore.release_many(self.count);
    }
}

impl Locks {
    pub fn new() -> Locks {
        Locks {
            semaphore: Semaphore::new(PERMITS),
            used: AtomicUsize::new(0),
            mutex: Mutex::new(0),
            counted: AtomicUsize::new(0),
            rwlock: RwLock::new(()),
            inside: AtomicUsize::new(0),
            reentrant: ReentrantMutex::new(()),
            alone: AtomicUsize::new(0),
            event: Event::new(),
            group: WaitGroup::new(),
        }
    }

    /// Gets permits in one of the ways to get them; none if they are not there in time.
    pub fn permit(&self, random: &mut Random) -> Option<Permit<'_>> {
        let (semaphore, short) = (&self.semaphore, Duration::from_micros(random.below(500)));
        let count = match random.below(5) {
            0 => {
                semaphore.acquire();
                1
            }
            1 => {
                semaphore.acquire_many(2);
                2
            }
            2 => usize::from(semaphore.acquire_timeout(short)),
            3 => select! { wait(semaphore) => 1, default(short) => 0 },
            _ => usize::from(semaphore.try_acquire()),
        };
        let used = self.used.fetch_add(count, Ordering::SeqCst) + count;
        assert!(used <= PERMITS, "{used} of {PERMITS} permits are in use");
        (count > 0).then_some(Permit { locks: self, count })
    }

    /// Holds one of the locks for a while, or waits for something that comes again and again.
    /// Nothing else is needed for that to end, so it is safe without a limit.
    pub fn hold(&self, random: &mut Random) {
        let _token = (random.below(2) == 0).then(|| self.group.token());
        match random.below(8) {
            0 => {
                let _permit = self.permit(random);
                pause(random);
            }
            1 | 2 => {
                let mut number = locked(&self.mutex);
                let before = *number;
                pause(random);
                *number = before + 1;
                self.counted.fetch_add(1, Ordering::SeqCst);
            }
            3 => {
                let _reader = self.rwlock.read();
                let _inside = Inside::new(&self.inside, 1, WRITER);
                pause(random);
            }
            4 => {
                let writer = self.rwlock.write().unwrap_or_else(PoisonError::into_inner);
                let inside = Inside::new(&self.inside, WRITER, 1);
                pause(random);
                drop(inside);
                if random.below(2) == 0 {
                    let _reader = greenstd::sync::RwLockWriteGuard::downgrade(writer);
                    let _inside = Inside::new(&self.inside, 1, WRITER);
                    pause(random);
                }
            }
            5 => {
                let _outer = self.reentrant.lock();
                let _inside = Inside::new(&self.alone, 1, 1);
                let _inner = self.reentrant.lock();
                pause(random);
            }
            6 => {
                self.event.set();
                pause(random);
                self.event.clear();
            }
            _ => {
                let short = Duration::from_micros(random.below(500));
                let _ = self.event.wait_timeout(short);
                let _ = self.group.wait_timeout(short);
            }
        }
    }

    /// Looks whether all is free, and adds up; nobody is there any more.
    pub fn audit(&self) {
        for _ in 0..PERMITS {
            assert!(self.semaphore.try_acquire(), "a permit was lost");
        }
        assert!(!self.semaphore.try_acquire(), "a permit was made");
        let counts = [&self.used, &self.inside, &self.alone];
        assert_eq!(counts.map(|count| count.load(Ordering::SeqCst)), [0; 3]);
        assert_eq!(*free(self.mutex.try_lock()), self.counted.load(Ordering::SeqCst));
        drop(free(self.rwlock.try_write()));
        assert!(self.reentrant.try_lock().is_some());
        assert_eq!(self.group.count(), 0);
        self.group.wait();
    }
}

/// Spends some time, by a wait or without one.
fn pause(random: &mut Random) {
    match random.below(3) {
        0 => thread::sleep(Duration::from_micros(random.below(200))),
        1 => thread::yield_now(),
        _ => {}
    }
}

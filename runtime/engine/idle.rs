//! Who sleeps and who searches: wakes idle workers for stealable work, one at a time.
//!
//! Work that any worker may take lies in deques and in the injector. Whoever adds some wakes one
//! sleeping worker, unless a worker is searching already: that one will find it, and the last
//! searcher that finds something wakes the next. So a burst wakes workers one after another
//! instead of all at once, and a steady stream wakes nobody.
//!
//! # State
//!
//! One word packs how many workers search (low half) and sleep (high half). The list of sleepers
//! has a lock, taken only by a worker that falls asleep or gets up and by a notifier that saw a
//! sleeper and no searcher.
//!
//! # Invariants
//!
//! 1. A worker is in the list if and only if it counts as sleeping; both change under the lock.
//! 2. A worker taken out of the list by a notifier counts as searching from that moment.
//! 3. Work is never stranded: if there is stealable work, then a worker is awake.
//!
//! # Orderings
//!
//! Invariant 3 is Dekker's argument. A producer publishes work, then reads the word; a worker
//! writes the word (in `sleep`), then looks at all queues once more. The two `SeqCst` fences order
//! each pair, so at least one of them sees the other. A worker that falls asleep while another one
//! searches may skip the second look: the last searcher takes it when he stops, by `sleep` or by
//! `end_search`. A worker that leaves for good takes the second look as well, on behalf of those
//! who sleep: work that was published before, when it may have been the only one awake, is seen by
//! it; the publisher of later work sees who sleeps.

use super::atomic::{AtomicU64, Mutex, Ordering, fence};

const SEARCHING: u64 = 1;
const SLEEPING: u64 = 1 << 32;

fn searching(word: u64) -> u64 {
    word & (SLEEPING - 1)
}

fn sleeping(word: u64) -> u64 {
    word >> 32
}

/// The workers of a runtime that have nothing to do.
#[derive(Debug)]
pub(crate) struct Idle {
    /// Those that there are, asleep or not; changes under the lock.
    workers: AtomicU64,
    word: AtomicU64,
    sleepers: Mutex<Vec<usize>>,
}

impl Idle {
    pub(crate) fn new(workers: usize) -> Idle {
        Idle {
            workers: AtomicU64::new(workers as u64),
            word: AtomicU64::new(0),
            sleepers: Mutex::new(Vec::with_capacity(workers)),
        }
    }

    /// To be called after stealable work was published: the worker to ring, if one is needed, the
    /// one with the least `load` of those that sleep. It counts as searching already.
    #[inline]
    #[must_use]
    pub(crate) fn notify<L: Ord>(&self, load: impl Fn(usize) -> L) -> Option<usize> {
        // Pairs with the fence in `sleep` and in `end_search`.
        fence(Ordering::SeqCst);
        let word = self.word.load(Ordering::Relaxed);
        if searching(word) > 0 || sleeping(word) == 0 {
            return None;
        }
        self.take_sleeper(load)
    }

    #[cold]
    fn take_sleeper<L: Ord>(&self, load: impl Fn(usize) -> L) -> Option<usize> {
        let mut sleepers = self.sleepers.lock();
        if searching(self.word.load(Ordering::SeqCst)) > 0 {
            return None;
        }
        let position = (0..sleepers.len()).min_by_key(|&at| load(sleepers[at]))?;
        let worker = sleepers.swap_remove(position);
        self.word.fetch_add(SEARCHING.wrapping_sub(SLEEPING), Ordering::SeqCst);
        Some(worker)
    }

    /// Whether a worker looks for stealable work, and will look once more before it sleeps.
    pub(crate) fn is_somebody_searching(&self) -> bool {
        searching(self.word.load(Ordering::Relaxed)) > 0
    }

    /// Whether a worker has nothing to run. An estimate, for who asks again and again.
    #[inline]
    pub(crate) fn is_somebody_idle(&self) -> bool {
        self.word.load(Ordering::Relaxed) != 0
    }

    /// Starts to search, unless half of the workers do; one that `expects` something to come to it
    /// may search besides.
    #[must_use]
    pub(crate) fn start_search(&self, expects: bool) -> bool {
        // An estimate is enough: the limit only saves contention.
        let workers = self.workers.load(Ordering::Relaxed);
        let half = 2 * searching(self.word.load(Ordering::Relaxed)) >= workers;
        if half && !expects {
            return false;
        }
        self.word.fetch_add(SEARCHING, Ordering::SeqCst);
        true
    }

    /// Ends a search. True if it was the last one: the caller, having found work, notifies.
    #[must_use]
    pub(crate) fn end_search(&self) -> bool {
        searching(self.word.fetch_sub(SEARCHING, Ordering::SeqCst)) == 1
    }

    /// Counts the worker as sleeping. True if nobody searches: then the caller looks at all queues
    /// once more before it really sleeps.
    #[must_use]
    pub(crate) fn sleep(&self, worker: usize, was_searching: bool) -> bool {
        let mut sleepers = self.sleepers.lock();
        sleepers.push(worker);
        let change = if was_searching { SLEEPING.wrapping_sub(SEARCHING) } else { SLEEPING };
        let before = self.word.fetch_add(change, Ordering::SeqCst);
        drop(sleepers);
        // Pairs with the fence in `notify`.
        fence(Ordering::SeqCst);
        searching(before) == u64::from(was_searching)
    }

    /// Whether all workers count as sleeping.
    #[inline]
    pub(crate) fn is_everybody_asleep(&self) -> bool {
        // Relaxed: `while_everybody_sleeps` looks again, under the lock.
        sleeping(self.word.load(Ordering::Relaxed)) == self.workers.load(Ordering::Relaxed)
    }

    /// Calls `body` if all workers are in the list; none gets up meanwhile, nor is sent for.
    pub(crate) fn while_everybody_sleeps<R>(&self, body: impl FnOnce() -> R) -> Option<R> {
        let sleepers = self.sleepers.lock();
        (sleepers.len() as u64 == self.workers.load(Ordering::Relaxed)).then(body)
    }

    /// Counts one worker more, which is awake.
    pub(crate) fn join(&self) {
        let _sleepers = self.sleepers.lock();
        self.workers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one worker less, which is awake and does not search. Its caller looks at all queues
    /// once more afterwards, and notifies if there is something: as who falls asleep, but for
    /// somebody else.
    pub(crate) fn leave(&self) {
        let sleepers = self.sleepers.lock();
        self.workers.fetch_sub(1, Ordering::Relaxed);
        drop(sleepers);
        // Pairs with the fence in `notify`.
        fence(Ordering::SeqCst);
    }

    /// Counts the worker as awake again. True if a notifier took it out of the list, so that it
    /// counts as searching (invariant 2).
    #[must_use]
    pub(crate) fn get_up(&self, worker: usize) -> bool {
        let mut sleepers = self.sleepers.lock();
        match sleepers.iter().position(|&sleeper| sleeper == worker) {
            Some(position) => {
                sleepers.swap_remove(position);
                self.word.fetch_sub(SLEEPING, Ordering::SeqCst);
                false
            }
            None => true,
        }
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::Idle;
    use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    struct Model {
        idle: Idle,
        work: Mutex<usize>,
        rung: [AtomicUsize; 2],
    }

    impl Model {
        fn new() -> Arc<Model> {
            let rung = [AtomicUsize::new(0), AtomicUsize::new(0)];
            Arc::new(Model { idle: Idle::new(2), work: Mutex::new(0), rung })
        }

        fn publish(&self) {
            *self.work.lock().expect("no panic under the lock") += 1;
            self.notify();
        }

        fn notify(&self) {
            if let Some(worker) = self.idle.notify(|_| 0) {
                self.rung[worker].store(1, Relaxed);
            }
        }

        fn take(&self) -> bool {
            let mut work = self.work.lock().expect("no panic under the lock");
            *work > 0 && {
                *work -= 1;
                true
            }
        }

        /// A worker's life until it would sleep with nobody having rung it. Returns what it did.
        fn work(&self, worker: usize) -> usize {
            let mut done = 0;
            let mut searches = false;
            loop {
                if !searches {
                    searches = self.idle.start_search(false);
                }
                if self.take() {
                    if searches && self.idle.end_search() {
                        self.notify();
                    }
                    searches = false;
                    done += 1;
                    continue;
                }
                let must_look = self.idle.sleep(worker, searches);
                if must_look && self.work_is_left() || self.rung[worker].load(Relaxed) == 1 {
                    self.rung[worker].store(0, Relaxed);
                    searches = self.idle.get_up(worker);
                    continue;
                }
                return done;
            }
        }

        fn work_is_left(&self) -> bool {
            *self.work.lock().expect("no panic under the lock") > 0
        }
    }

    #[test]
    fn loom_no_work_is_stranded_while_a_worker_sleeps() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let model = Model::new();
            let other = model.clone();
            let producer = thread::spawn(move || {
                other.publish();
                other.publish();
            });
            let mut done = model.work(0);
            producer.join().expect("the producer does not panic");
            // The worker slept for good. Whatever is left must have rung it.
            if model.work_is_left() {
                assert_eq!(model.rung[0].load(Relaxed), 1);
                model.rung[0].store(0, Relaxed);
                assert!(model.idle.get_up(0));
                let _ = model.idle.end_search();
                while model.take() {
                    done += 1;
                }
            }
            assert_eq!(done, 2);
        });
    }

    #[test]
    fn loom_who_looks_at_the_sleepers_has_them_to_himself() {
        loom::model(|| {
            let model = Model::new();
            let own = Arc::new(loom::cell::UnsafeCell::new(0));
            let (other, its_own) = (model.clone(), own.clone());
            let worker = thread::spawn(move || {
                // SAFETY: awake, so nobody else looks at it; the model reports a race.
                its_own.with_mut(|own| unsafe { *own = 1 });
                let _ = other.idle.sleep(0, false);
                let _ = other.idle.get_up(0);
                // SAFETY: as above.
                its_own.with_mut(|own| unsafe { *own = 2 });
            });
            let _ = model.idle.sleep(1, false);
            // SAFETY: both sleep, or the model reports a race.
            let seen = model.idle.while_everybody_sleeps(|| own.with(|own| unsafe { *own }));
            assert!(matches!(seen, None | Some(1)));
            worker.join().expect("the worker does not panic");
        });
    }

    #[test]
    fn loom_two_workers_strand_nothing() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(|| {
            let model = Model::new();
            let other = model.clone();
            let sibling = thread::spawn(move || other.work(1));
            model.publish();
            model.publish();
            let done = model.work(0);
            let by_sibling = sibling.join().expect("the sibling does not panic");
            let rung = model.rung.iter().any(|rung| rung.load(Relaxed) == 1);
            assert!(done + by_sibling == 2 || rung, "work is left and nobody is rung");
        });
    }

    /// A spare worker leaves while work comes and the other one falls asleep.
    #[test]
    fn loom_no_work_is_stranded_by_a_worker_that_leaves() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let model = Model::new();
            let (producing, leaving) = (model.clone(), model.clone());
            let producer = thread::spawn(move || producing.publish());
            let spare = thread::spawn(move || {
                let took = leaving.take();
                if !took {
                    leaving.idle.leave();
                    if leaving.work_is_left() {
                        leaving.notify();
                    }
                }
                usize::from(took)
            });
            let mut done = model.work(0);
            producer.join().expect("the producer does not panic");
            done += spare.join().expect("the spare worker does not panic");
            let is_rung = model.rung[0].load(Relaxed) == 1;
            assert!(done == 1 || is_rung, "work is left and nobody is rung");
        });
    }

    #[test]
    fn loom_a_sleeper_is_taken_once() {
        loom::model(|| {
            let idle = Arc::new(Idle::new(2));
            assert!(idle.sleep(0, false));
            let other = idle.clone();
            let notifier = thread::spawn(move || other.notify(|_| 0));
            let woken_by_notifier = idle.get_up(0);
            let taken = notifier.join().expect("the notifier does not panic").is_some();
            assert_eq!(woken_by_notifier, taken);
        });
    }
}

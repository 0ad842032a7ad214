//! The tasks that wait for a worker, for who wants to see them.
//!
//! They lie in queues that only their worker can read, and as a rule not for longer than one turn
//! of its loop. So a worker is asked, and answers at its next look at timers and reactor. One that
//! does not, because it is stuck, has what others could run taken out of its queues and handed to
//! the injector, as the sentry does, too; whoever takes it out sees what it is. A worker that
//! sleeps is not asked, for it has none.
//!
//! # Invariants
//!
//! 1. What was taken out of a queue is put into one again, whatever becomes of the runtime
//!    meanwhile: by `Shared::put_back`.

use super::atomic::{AtomicBool, Mutex, Ordering};
use super::fiber::{FiberRef, Header};
use super::remote::Remote;
use super::shared::{Runnable, Shared};
use super::worker::Worker;
use std::ptr::NonNull;
use std::thread;
use std::time::{Duration, Instant};

/// Tasks of one queue that are looked at: some milliseconds.
const LOOKED_AT_AT_MOST: usize = 16 * 1024;

/// How often an answer is looked for.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// What one worker is asked, and answers.
#[derive(Debug)]
pub(super) struct Muster {
    is_called: AtomicBool,
    answer: Mutex<Option<Vec<FiberRef>>>,
}

impl Muster {
    pub(super) fn new() -> Muster {
        Muster { is_called: AtomicBool::new(false), answer: Mutex::new(None) }
    }

    /// Whether the worker is asked. Relaxed: the answer goes through a lock.
    #[inline]
    pub(super) fn is_called(&self) -> bool {
        self.is_called.load(Ordering::Relaxed)
    }

    fn call(&self) {
        *self.answer.lock() = None;
        self.is_called.store(true, Ordering::Relaxed);
    }

    /// The answer, if it is there. No other is given from then on.
    fn take(&self) -> Option<Vec<FiberRef>> {
        let answer = self.answer.lock().take();
        if answer.is_some() {
            self.is_called.store(false, Ordering::Relaxed);
        }
        answer
    }

    fn withdraw(&self) {
        self.is_called.store(false, Ordering::Relaxed);
    }
}

impl Worker {
    /// Tells of the tasks that wait here.
    #[cold]
    pub(super) fn answer_muster(&self) {
        let mut tasks = Vec::new();
        let mut see = |work: Runnable| {
            if !work.is_started() {
                // SAFETY: queued, with the queue's reference.
                tasks.push(unsafe { FiberRef::share(work.0) });
            }
        };
        // Each goes to the end, behind those that come after it: the order stays.
        for _ in 0..self.deque.len().min(LOOKED_AT_AT_MOST) {
            let Some(work) = self.deque.pop() else { break };
            see(work);
            self.deque.push(work);
        }
        if let Some(work) = self.exchange_next(std::ptr::null_mut()) {
            see(work);
            if let Some(newer) = self.exchange_next(work.0.as_ptr()) {
                self.deque.push(newer);
            }
        }
        self.ready.for_each(|fiber: NonNull<Header>| see(Runnable(fiber)));
        let muster = &self.remote().muster;
        let mut answer = muster.answer.lock();
        if muster.is_called() {
            *answer = Some(tasks);
        }
    }
}

/// The tasks of a runtime, and the workers that did not answer in time.
pub(super) fn muster(shared: &Shared, patience: Duration) -> (Vec<FiberRef>, Vec<usize>) {
    let is_away = |remote: &Remote| remote.inbox.is_away() || !remote.post.is_manned();
    let mut asked: Vec<&Remote> = shared.remotes().iter().filter(|it| !is_away(it)).collect();
    asked.iter().for_each(|remote| remote.muster.call());
    let mut tasks = Vec::new();
    let deadline = Instant::now() + patience;
    loop {
        asked.retain(|remote| match remote.muster.take() {
            Some(answer) => {
                tasks.extend(answer);
                false
            }
            None if is_away(remote) => {
                remote.muster.withdraw();
                false
            }
            None => true,
        });
        if asked.is_empty() || Instant::now() >= deadline {
            break;
        }
        thread::sleep(LOOK_EVERY);
    }
    for remote in &asked {
        remote.muster.withdraw();
        tasks.extend(see_all(shared, || remote.take_stealable()));
    }
    tasks.extend(see_all(shared, || shared.take_injected()));
    (tasks, asked.iter().map(|remote| remote.index).collect())
}

/// Takes work out of a queue, and puts it into the injector. The tasks among it.
fn see_all(shared: &Shared, mut take: impl FnMut() -> Option<Runnable>) -> Vec<FiberRef> {
    let taken: Vec<Runnable> = std::iter::from_fn(&mut take).take(LOOKED_AT_AT_MOST).collect();
    let tasks = taken.iter().filter(|work| !work.is_started());
    // SAFETY: taken out of a queue, with that one's reference.
    let tasks = tasks.map(|work| unsafe { FiberRef::share(work.0) }).collect();
    shared.put_back(taken);
    tasks
}

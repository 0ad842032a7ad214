//! The raw mutex under `sync::Mutex` and `sync::ReentrantMutex`: how long to try, and when to wait.
//!
//! The protocol is in `mutex_word`; this file adds the threads. One that finds the mutex locked
//! spins for a moment if its holder may be running, then waits in line. Woken, it tries
//! [`TRIES`] times between which it lets others run, and then asks to be handed the mutex. So
//! whoever is first in line gets it after that many turns of others at the latest, and there are
//! two switches for so many turns instead of two for each.
//!
//! A green thread that unwinds keeps its worker while it waits. It goes before all others, and
//! takes over what neighbours were granted, who cannot run: the mutex, or the duty to try.
//!
//! A wait is ended by a kill, and by a timeout scope: the mutex is not held then, and who was woken
//! in the same moment passes that on. One who finds himself holding it after a wait, and told to
//! end, gives it up and ends, rather than poison it at his next wait.

use super::atomic::{AtomicU32, Mutex, MutexGuard};
use super::limits;
use super::line::{self, Ask, Holder, Line, Reason, Waited};
use super::lock_checks::LockId;
use super::mutex_word::{MutexWord, Turn};
use super::park;
use super::wait_list::List;
use super::waiter::{OsThread, Waiter};
use super::worker::Worker;
use lock_api::GuardNoSend;
use std::hint;
use std::mem;
use std::num::NonZeroUsize;
use std::thread;

static LOCK: Reason = Reason("Mutex::lock");

const TRY_LOCK: &str = "Mutex::try_lock";

/// Looks at a mutex before one waits in line: shorter than a wait costs.
const SPINS: u32 = 30;

/// Tries of one who was woken, until he asks to be handed the mutex.
const TRIES: u32 = 64;

/// Pauses between two tries if there is nobody else to run: each look at the word takes it away
/// from a holder on another CPU.
const PAUSES: u32 = 16;

/// The raw mutex.
#[derive(Debug)]
pub(crate) struct RawMutex(MutexWord<Waiter>, LockId, Holder);

// SAFETY: `mutex_word` lets one at most hold the mutex, and `lock` unwinds only without it: in
// `wait`, which was not granted then, or after `unlock`. Guards stay on their thread.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: RawMutex = {
        let word = MutexWord::new(AtomicU32::new(0), Mutex::new(List::new()));
        RawMutex(word, LockId::new(), Holder::new())
    };

    type Guard = GuardNoSend;

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn lock(&self) -> GuardNoSend {
        let attempt = self.1.attempt(LOCK.0, false);
        if !self.0.try_lock_uncontended() {
            self.lock_contended();
        }
        attempt.succeed();
        self.2.note();
        GuardNoSend::new()
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn try_lock(&self) -> Option<GuardNoSend> {
        let is_locked = self.0.try_lock();
        if is_locked {
            self.1.taken(TRY_LOCK, false);
            self.2.note();
        }
        is_locked.then(GuardNoSend::new)
    }

    #[inline]
    unsafe fn unlock(&self, _: GuardNoSend) {
        self.1.given_up();
        self.0.unlock();
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

impl RawMutex {
    #[cold]
    fn lock_contended(&self) {
        if self.spin() {
            return;
        }
        if line::keeps_its_worker() {
            return self.lock_in_place();
        }
        let Some(queue) = self.0.queue_up() else { return };
        let mut turn = self.wait(queue, false);
        while turn == Turn::Try && !self.compete() {
            let Some(queue) = self.0.queue_up_hungry() else { break };
            turn = self.wait(queue, true);
        }
        if limits::is_to_end() && !thread::panicking() {
            self.0.unlock();
            limits::unwind();
        }
    }

    /// [`lock_contended`](RawMutex::lock_contended) for one who keeps its worker meanwhile.
    fn lock_in_place(&self) {
        // SAFETY: whoever waits for this mutex does so in its list, and is granted a turn.
        let take_back = |queue: &mut _, take: &mut dyn FnMut(&Turn)| unsafe {
            line::take_back(queue, &raw const self.2, take);
        };
        while let Some(queue) = self.0.queue_up_first(take_back) {
            if self.wait(queue, true) == Turn::Own {
                break;
            }
        }
    }

    /// Tries for a moment. Not where others wait, nor where the holder cannot be running.
    fn spin(&self) -> bool {
        let is_alone = Worker::on_fiber().is_some_and(|(worker, _)| worker.is_alone());
        for _ in 0..if is_alone { 0 } else { SPINS } {
            if self.0.is_queued() {
                break;
            }
            if self.0.try_lock() {
                return true;
            }
            hint::spin_loop();
        }
        self.0.try_lock()
    }

    fn wait(&self, queue: MutexGuard<'_, Line<Turn>>, at_front: bool) -> Turn {
        let ask = Ask { at_front, lock: Some(&raw const self.2), ..Ask::new(&LOCK, None) };
        match line::wait(self.0.queue(), queue, |queue| queue, Turn::Try, ask) {
            Waited::Granted(turn) => turn,
            Waited::TimedOut(_) => unreachable!("there is no deadline"),
        }
    }

    /// Tries for a while, as the one who was woken. What ends him passes the duty on.
    fn compete(&self) -> bool {
        struct Forgo<'m>(&'m RawMutex);
        impl Drop for Forgo<'_> {
            fn drop(&mut self) {
                self.0.0.forgo();
            }
        }
        let duty = Forgo(self);
        let has_lock = (0..TRIES).any(|_| {
            self.0.try_lock_woken() || {
                make_room();
                false
            }
        });
        mem::forget(duty);
        has_lock
    }
}

/// Lets others run, the holder perhaps among them.
fn make_room() {
    if Worker::on_fiber().is_none_or(|(worker, _)| worker.ready.is_empty()) {
        (0..PAUSES).for_each(|_| hint::spin_loop());
    }
    park::yield_now();
}

/// Tells threads of either kind apart, for who may lock a `ReentrantMutex` again.
#[derive(Debug)]
pub(crate) struct CallerId;

// SAFETY: ids count up and are never given again, to threads of either kind. An OS thread whose
// thread-locals are gone gets a new one, under which it does not own what it owned before.
unsafe impl lock_api::GetThreadId for CallerId {
    const INIT: CallerId = CallerId;

    #[inline]
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        let id = match Worker::on_fiber() {
            // SAFETY: the calling fiber runs.
            Some((_, fiber)) => unsafe { fiber.as_ref() }.id,
            None => OsThread::current().id,
        };
        let id = usize::try_from(id).expect("there are fewer threads than addresses");
        NonZeroUsize::new(id).expect("ids count from 1")
    }
}

//! Who may wake green threads from outside of their runtime: what a look for a deadlock has to
//! know of the rest of the process.
//!
//! A wake comes from a thread that runs. So any OS thread of the process that is not known to wait
//! for green threads itself may wake one; the kernel lists them. Known are the workers, the threads
//! that wait inside of `run`, and those that say so here: *service threads*, which do nothing but
//! what they are asked for. What they are asked for is counted while it lasts.

use super::atomic::{AtomicUsize, Mutex, Ordering};
use std::fs;
use std::marker::PhantomData;

/// Pieces of work that are under way.
static WORK: AtomicUsize = AtomicUsize::new(0);

/// The service threads of the process.
static SERVICE_THREADS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Something outside of the green threads that is going to wake one.
///
/// While there is one of these no runtime takes its green threads for deadlocked. To be made by
/// whoever is about to wait, or before, and dropped by whoever did the work, after the wake. OS
/// threads need none, for they count by themselves unless they are [`ServiceThread`]s; what needs
/// one is work that a service thread does, and wakers that are not of this process's threads.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::park::ExternalWork;
///
/// let work = ExternalWork::new();
/// // Whoever does the work unparks the green thread, then:
/// drop(work);
/// ```
#[derive(Debug)]
#[must_use = "it counts until it is dropped"]
pub struct ExternalWork(());

impl ExternalWork {
    /// Counts a piece of work. Never blocks.
    #[expect(clippy::new_without_default, reason = "it is made for its effect")]
    pub fn new() -> ExternalWork {
        // Relaxed: it precedes the wait, and who looks has seen the waiter's worker fall asleep.
        WORK.fetch_add(1, Ordering::Relaxed);
        ExternalWork(())
    }
}

impl Drop for ExternalWork {
    fn drop(&mut self) {
        // Release pairs with the load in `is_work_under_way`: the wake came before.
        WORK.fetch_sub(1, Ordering::Release);
    }
}

/// Says that the calling OS thread wakes green threads only for an [`ExternalWork`] that it was
/// given: it may wait for such work for ever without keeping a deadlock from being found.
///
/// Holds until it is dropped, on the same thread.
#[derive(Debug)]
#[must_use = "it holds until it is dropped"]
pub struct ServiceThread {
    id: u32,
    stays_here: PhantomData<*const ()>,
}

impl ServiceThread {
    /// Makes the calling OS thread a service thread.
    #[expect(clippy::new_without_default, reason = "it is made for its effect")]
    pub fn new() -> ServiceThread {
        let id = current_thread();
        SERVICE_THREADS.lock().push(id);
        ServiceThread { id, stays_here: PhantomData }
    }
}

impl Drop for ServiceThread {
    fn drop(&mut self) {
        let mut threads = SERVICE_THREADS.lock();
        if let Some(position) = threads.iter().position(|&id| id == self.id) {
            threads.swap_remove(position);
        }
    }
}

/// The number that the kernel gives the calling OS thread; it is not 0.
pub(super) fn current_thread() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    let id = unsafe { libc::gettid() };
    u32::try_from(id).expect("the ids of threads are positive")
}

pub(super) fn is_work_under_way() -> bool {
    WORK.load(Ordering::Acquire) > 0
}

/// Whether every OS thread of the process is `known` or a service thread. False if the kernel does
/// not tell.
pub(super) fn are_all_known(known: &[u32]) -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    let services = SERVICE_THREADS.lock();
    let is_known = |name: &str| {
        name.parse().is_ok_and(|id: u32| known.contains(&id) || services.contains(&id))
    };
    let mut count = 0;
    for thread in threads {
        let Ok(thread) = thread else { return false };
        if !thread.file_name().to_str().is_some_and(is_known) {
            return false;
        }
        count += 1;
    }
    // An empty list would be no list.
    count > 0
}

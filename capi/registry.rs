//! Who has which id: the threads that C can name.
//!
//! C names a thread by its id, a number that is never used again. So a name that is stale, or was
//! made up, names nobody, and to join twice is an error instead of a misuse of memory. A green
//! thread that C has spawned stands here until it has ended *and* was joined or detached; any other
//! thread from when it asks for its own id until it ends.
//!
//! Lock order: a record's state, then a shelf of the table. No user code runs under either.

use crate::call::Value;
use crate::guard::Errno;
use greenstd_runtime::green_local;
use greenstd_runtime::thread::{self, JoinHandle, Thread};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Parts of the table with a lock each, for workers that spawn at once.
const SHELVES: usize = 16;

static TABLE: [Mutex<Shelf>; SHELVES] = [const { Mutex::new(Shelf(None)) }; SHELVES];

/// A part of the table; none until it is first used, for a map has no const `new`.
#[derive(Debug)]
struct Shelf(Option<HashMap<u64, Arc<Record>>>);

/// A thread that C can name.
#[derive(Debug)]
pub(crate) struct Record {
    thread: OnceLock<Thread>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    claim: Claim,
    has_ended: bool,
    is_listed: bool,
}

/// What is to become of a thread's result.
#[derive(Debug)]
enum Claim {
    /// It is being spawned.
    Unborn,
    /// Somebody may join it.
    Open(JoinHandle<Value>),
    /// Somebody joins it.
    Taken,
    /// Nobody will.
    None,
}

green_local! {
    static CURRENT: OnceCell<Present> = const { OnceCell::new() };
}

/// What a thread knows of its own record.
enum Present {
    /// The record ends when its closure does.
    Spawned(Arc<Record>),
    /// The record ends with the thread.
    Visiting(Ending),
}

/// Tells a record of the end of its thread, when dropped.
#[derive(Debug)]
pub(crate) struct Ending(Arc<Record>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.has_ended = true;
        self.0.unlist_if_over(&mut state);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shelf(id: u64) -> MutexGuard<'static, Shelf> {
    lock(&TABLE[id as usize % SHELVES])
}

/// The thread that has this id.
///
/// # Errors
///
/// `ESRCH` if there is none.
pub(crate) fn find(id: u64) -> Result<Arc<Record>, Errno> {
    let record = shelf(id).0.as_ref().and_then(|shelf| shelf.get(&id).cloned());
    record.ok_or(libc::ESRCH)
}

/// All that have one, in the order of their ids.
pub(crate) fn all() -> Vec<Arc<Record>> {
    let mut records: Vec<_> = TABLE
        .iter()
        .flat_map(|shelf| {
            lock(shelf).0.iter().flat_map(HashMap::values).cloned().collect::<Vec<_>>()
        })
        .collect();
    records.sort_unstable_by_key(|record| record.id());
    records
}

/// The number of the calling thread.
pub(crate) fn own_number() -> u64 {
    thread::current().id().as_u64().get()
}

/// The id of the calling thread, by which others find it from now on.
pub(crate) fn current_id() -> u64 {
    let listed = CURRENT.try_with(|current| {
        let present = current.get_or_init(|| {
            let record = Record::new(Claim::None);
            Present::Visiting(Ending(record))
        });
        match present {
            Present::Spawned(record) | Present::Visiting(Ending(record)) => record.list(),
        }
    });
    // In the last destructors of a thread: nobody finds it any more, but it is still the same one.
    listed.unwrap_or_else(|_| own_number())
}

impl Record {
    fn new(claim: Claim) -> Arc<Record> {
        let state = State { claim, has_ended: false, is_listed: false };
        Arc::new(Record { thread: OnceLock::new(), state: Mutex::new(state) })
    }

    /// The record of a green thread that is about to be spawned, and what that has to keep until
    /// its end.
    pub(crate) fn unborn() -> (Arc<Record>, Ending) {
        let record = Record::new(Claim::Unborn);
        (record.clone(), Ending(record))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn thread(&self) -> &Thread {
        self.thread.get().expect("it is set before anybody finds the record")
    }

    pub(crate) fn id(&self) -> u64 {
        self.thread().id().as_u64().get()
    }

    /// Whether it has ended, and whether its result waits for somebody.
    pub(crate) fn describe(&self) -> (bool, bool) {
        let state = self.state();
        (state.has_ended, matches!(state.claim, Claim::Open(_) | Claim::Unborn))
    }

    /// Has the thread found, which is the calling one. Its id.
    fn list(self: &Arc<Record>) -> u64 {
        self.thread.get_or_init(thread::current);
        self.enter_into_table(&mut self.state());
        self.id()
    }

    fn enter_into_table(self: &Arc<Record>, state: &mut State) {
        if !state.is_listed {
            state.is_listed = true;
            let id = self.id();
            shelf(id).0.get_or_insert_default().insert(id, self.clone());
        }
    }

    fn unlist_if_over(&self, state: &mut State) {
        if state.is_listed && state.has_ended && matches!(state.claim, Claim::None) {
            state.is_listed = false;
            let id = self.id();
            let removed = shelf(id).0.as_mut().and_then(|shelf| shelf.remove(&id));
            drop(removed);
        }
    }

    /// The green thread was spawned; its id.
    pub(crate) fn born(self: &Arc<Record>, handle: JoinHandle<Value>, is_joinable: bool) -> u64 {
        self.thread.get_or_init(|| handle.thread().clone());
        let mut state = self.state();
        let unclaimed = if is_joinable {
            state.claim = Claim::Open(handle);
            None
        } else {
            state.claim = Claim::None;
            Some(handle)
        };
        if is_joinable || !state.has_ended {
            self.enter_into_table(&mut state);
        }
        self.unlist_if_over(&mut state);
        drop(state);
        drop(unclaimed);
        self.id()
    }

    /// The calling green thread is the one of this record.
    pub(crate) fn begin(self: Arc<Record>) {
        CURRENT.with(|current| {
            let first = current.set(Present::Spawned(self));
            assert!(first.is_ok(), "nothing of the thread has run before");
        });
    }

    /// The right to join the thread, if nobody has it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if somebody joins it, or it was detached.
    pub(crate) fn claim(&self) -> Result<JoinHandle<Value>, Errno> {
        let mut state = self.state();
        match std::mem::replace(&mut state.claim, Claim::Taken) {
            Claim::Open(handle) => Ok(handle),
            other => {
                state.claim = other;
                Err(libc::EINVAL)
            }
        }
    }

    /// Gives the right back: the join was given up.
    pub(crate) fn unclaim(&self, handle: JoinHandle<Value>) {
        self.state().claim = Claim::Open(handle);
    }

    /// Nobody will join the thread any more, who has had the right.
    pub(crate) fn settle(&self) {
        let mut state = self.state();
        state.claim = Claim::None;
        self.unlist_if_over(&mut state);
    }
}

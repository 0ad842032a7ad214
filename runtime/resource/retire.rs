//! Drops in time what has been idle for too long, for all pools of the process.
//!
//! One OS thread sleeps until the next resource of any pool comes of age, and looks at that pool.
//! It is there only while some pool has more idle resources than it is to keep: then it wakes once
//! for each of them at most. A green thread would need a runtime, which OS threads that use a pool
//! need not have, and which may end before the pool does.

use crate::park::{ExternalWork, ServiceThread};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Instant;

static CALENDAR: Mutex<Calendar> = Mutex::new(Calendar { looks: Vec::new(), is_served: false });
static CHANGED: Condvar = Condvar::new();

/// A pool that may have idle resources.
pub(super) trait Retires: Send + Sync {
    /// Drops what has been idle for too long, and says when to look again, if at all.
    fn retire(self: Arc<Self>, now: Instant) -> Option<Instant>;

    /// Whether nothing will ever be idle again. Called with the calendar locked.
    fn is_closed(&self) -> bool;
}

/// When to look at which pool. There are few pools, so a list will do.
struct Calendar {
    looks: Vec<(Instant, Weak<dyn Retires>)>,
    /// Whether the thread is there.
    is_served: bool,
}

/// Has a pool looked at in time. Never blocks. False if the system refuses to start the thread:
/// nothing is looked at then, but what is too old is not lent all the same.
#[must_use]
pub(super) fn arrange(at: Instant, pool: &Arc<dyn Retires>) -> bool {
    let mut calendar = CALENDAR.lock();
    if !calendar.is_served {
        let spawned = thread::Builder::new().name("resource-retire".into()).spawn(serve);
        calendar.is_served = spawned.is_ok();
    }
    if calendar.is_served {
        calendar.enter(at, pool);
    }
    calendar.is_served
}

/// Has a pool looked at no more, which was closed before.
pub(super) fn cancel(pool: &Weak<dyn Retires>) {
    let mut calendar = CALENDAR.lock();
    calendar.looks.retain(|(_, other)| !Weak::ptr_eq(other, pool));
    CHANGED.notify_one();
}

fn serve() {
    // It wakes somebody only if a pool has something to drop, and counts that.
    let _service = ServiceThread::new();
    let mut calendar = CALENDAR.lock();
    while let Some((at, place)) = calendar.first() {
        if Instant::now() < at {
            let _ = CHANGED.wait_until(&mut calendar, at);
            continue;
        }
        let (_, pool) = calendar.looks.swap_remove(place);
        let work = ExternalWork::new();
        MutexGuard::unlocked(&mut calendar, || look(&pool));
        drop(work);
    }
    calendar.is_served = false;
}

/// User code runs here, the destructors of resources and managers: its panics end here, told by
/// the panic hook.
fn look(pool: &Weak<dyn Retires>) {
    let look = || {
        let Some(pool) = pool.upgrade() else { return };
        if let Some(next) = pool.clone().retire(Instant::now()) {
            CALENDAR.lock().enter(next, &pool);
        }
    };
    let _ = panic::catch_unwind(AssertUnwindSafe(look));
}

impl Calendar {
    /// Notes a look, unless the pool is closed: then its `cancel` may have been here before.
    fn enter(&mut self, at: Instant, pool: &Arc<dyn Retires>) {
        if !pool.is_closed() {
            self.looks.push((at, Arc::downgrade(pool)));
            CHANGED.notify_one();
        }
    }

    /// The next look, and its place in the list.
    fn first(&self) -> Option<(Instant, usize)> {
        let looks = self.looks.iter().enumerate();
        looks.map(|(place, (at, _))| (*at, place)).min()
    }
}

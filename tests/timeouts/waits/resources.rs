//! Resources of pools: that are lent out, that are being made or used, that are to go.

use super::{Wait, plain, wait};
use greenstd::resource::{GetError, ResourceGuard, ResourcePool};
use std::sync::{Mutex, mpsc};

pub const WAITS: &[Wait] = &[
    wait(
        "ResourcePool::get",
        || {
            let (pool, _guard) = lent();
            pool.get().map(drop).unwrap();
        },
        |time| {
            let (pool, _guard) = lent();
            pool.get_timeout(time).err() == Some(GetError::TimedOut)
        },
    ),
    plain("ResourcePool::with", || {
        let (pool, _guard) = lent();
        pool.with(|_| ()).unwrap();
    }),
    wait(
        "ResourcePool::get, while it is made",
        || {
            let (_end, pool) = endless();
            pool.get().map(drop).unwrap();
        },
        |time| {
            let (_end, pool) = endless();
            pool.get_timeout(time).is_err_and(|error| matches!(error, GetError::TimedOut))
        },
    ),
    plain("ResourceGuard::run", || {
        let (_pool, mut guard) = lent();
        let (_end, is_over) = mpsc::channel::<()>();
        guard.run(move |()| is_over.recv().unwrap_or_default());
    }),
    wait(
        "ResourcePool::join",
        || {
            let (pool, _guard) = lent();
            assert!(pool.join(None));
        },
        |time| {
            let (pool, _guard) = lent();
            !pool.join(time)
        },
    ),
];

type Make = fn() -> Result<(), ()>;

fn lent() -> (ResourcePool<Make>, ResourceGuard<Make>) {
    let pool = ResourcePool::new(1, (|| Ok(())) as Make);
    let guard = pool.get().unwrap();
    (pool, guard)
}

/// A pool that makes nothing until the sender is dropped.
fn endless() -> (mpsc::Sender<()>, ResourcePool<impl Fn() -> Result<(), ()> + Send + Sync>) {
    let (end, is_over) = mpsc::channel();
    let is_over = Mutex::new(is_over);
    let make = move || is_over.lock().unwrap().recv().map_err(|_| ());
    (end, ResourcePool::new(1, make))
}

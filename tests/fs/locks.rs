//! Waits for locks: they occupy no thread of the pool, and whoever is ended in one does not hold
//! it.

use crate::directory::Directory;
use crate::fixture::{SOON, let_wait, was_killed};
use greenstd::fs::{self, File, TryLockError};
use greenstd::time;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// More than the pool for files has threads.
const WAITERS: u32 = 60;

laws! {
    green
    fn each_waiter_has_the_lock_alone() {
        let dir = Directory::new();
        let path = dir.file("lock", "contents");
        let holder = File::open(&path).unwrap();
        holder.lock().unwrap();
        let (holders, rounds) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let waiters: Vec<_> = (0..WAITERS)
            .map(|_| {
                let (path, holders, rounds) = (path.clone(), holders.clone(), rounds.clone());
                thread::spawn(move || {
                    let file = File::open(path).unwrap();
                    file.lock().unwrap();
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                    thread::yield_now();
                    assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                    rounds.fetch_add(1, Ordering::SeqCst);
                    file.unlock().unwrap();
                })
            })
            .collect();
        let_wait();
        assert_eq!(rounds.load(Ordering::SeqCst), 0);
        assert_eq!(fs::read(&path).unwrap(), b"contents", "the pool is free");
        holder.unlock().unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(rounds.load(Ordering::SeqCst), WAITERS);
    }

    fn a_killed_waiter_leaves_no_lock_behind() {
        let dir = Directory::new();
        let path = dir.file("lock", "");
        let file = Arc::new(File::open(&path).unwrap());
        for pause_ms in [0, 1, 3, 30] {
            let holder = File::open(&path).unwrap();
            holder.lock().unwrap();
            let waiter = {
                let file = file.clone();
                thread::spawn(move || file.lock().unwrap())
            };
            thread::sleep(Duration::from_millis(pause_ms));
            assert!(waiter.kill_and_wait(SOON).unwrap());
            assert!(was_killed(waiter));
            holder.unlock().unwrap();
            holder.try_lock().unwrap();
            assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        }
    }
}

laws! {
    fn a_waiter_whose_scope_expires_does_not_hold_it() {
        let dir = Directory::new();
        let path = dir.file("lock", "");
        let [holder, waiter] = [(); 2].map(|()| File::open(&path).unwrap());
        holder.lock_shared().unwrap();
        for time in [Duration::ZERO, Duration::from_millis(2), Duration::from_millis(20)] {
            assert!(time::timeout(time, || waiter.lock()).is_err());
        }
        holder.try_lock().unwrap();
        assert!(time::timeout(Duration::from_millis(2), || waiter.lock_shared()).is_err());
        holder.unlock().unwrap();
        waiter.lock().unwrap();
    }
}

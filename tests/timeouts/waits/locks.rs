//! std's locks, each held by an OS thread.

use super::{Wait, plain, wait};
use greenstd::sync::{Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, ReentrantMutex, RwLock};
use std::sync::{Arc, mpsc};

pub const WAITS: &[Wait] = &[
    plain("Mutex::lock", || {
        let (mutex, _held) = held(Mutex::new(()), |mutex, stay| {
            let _guard = mutex.lock();
            stay.here();
        });
        drop(mutex.lock());
    }),
    plain("RwLock::read", || {
        let (lock, _held) = held(RwLock::new(()), |lock, stay| {
            let _guard = lock.write();
            stay.here();
        });
        drop(lock.read());
    }),
    plain("RwLock::write", || {
        let (lock, _held) = held(RwLock::new(()), |lock, stay| {
            let _guard = lock.read();
            stay.here();
        });
        drop(lock.write());
    }),
    plain("ReentrantMutex::lock", || {
        let (mutex, _held) = held(ReentrantMutex::new(()), |mutex, stay| {
            let _guard = mutex.lock();
            stay.here();
        });
        drop(mutex.lock());
    }),
    wait(
        "Condvar::wait",
        || {
            let (mutex, condvar) = (Mutex::new(()), Condvar::new());
            let mut guard = mutex.lock().unwrap();
            loop {
                guard = condvar.wait(guard).unwrap();
            }
        },
        |time| {
            let mutex = Mutex::new(());
            Condvar::new().wait_timeout(mutex.lock().unwrap(), time).unwrap().1.timed_out()
        },
    ),
    wait(
        "Condvar::wait_while",
        || {
            let mutex = Mutex::new(());
            drop(Condvar::new().wait_while(mutex.lock().unwrap(), |()| true));
        },
        |time| {
            let mutex = Mutex::new(());
            let guard = mutex.lock().unwrap();
            Condvar::new().wait_timeout_while(guard, time, |()| true).unwrap().1.timed_out()
        },
    ),
    plain("Barrier::wait", || assert!(Barrier::new(2).wait().is_leader())),
    plain("Once::wait", || Once::new().wait()),
    plain("Once::wait_force", || Once::new().wait_force()),
    plain("Once::call_once", || {
        let (once, _held) = held(Once::new(), |once, stay| once.call_once(|| stay.here()));
        once.call_once(|| unreachable!("it is being called"));
    }),
    plain("Once::call_once_force", || {
        let (once, _held) = held(Once::new(), |once, stay| once.call_once_force(|_| stay.here()));
        once.call_once_force(|_| unreachable!("it is being called"));
    }),
    plain("OnceLock::wait", || *OnceLock::new().wait()),
    plain("OnceLock::get_or_init", || {
        let (once, _held) = held(OnceLock::new(), |once, stay| *once.get_or_init(|| stay.here()));
        once.get_or_init(|| unreachable!("it is being made"));
    }),
    plain("OnceLock::set", || {
        let (once, _held) = held(OnceLock::new(), |once, stay| *once.get_or_init(|| stay.here()));
        let _ = once.set(());
    }),
    plain("LazyLock::force", || {
        let (places, stays) = mpsc::channel::<Stay>();
        let stays = std::sync::Mutex::new(stays);
        let lazy = LazyLock::new(move || stays.lock().unwrap().recv().unwrap().here());
        let (lazy, _held) = held(lazy, move |lazy, stay| {
            places.send(stay).unwrap();
            LazyLock::force(lazy);
        });
        LazyLock::force(&lazy);
    }),
];

/// Where the holder of a lock stays while the test waits for it.
struct Stay {
    entered: mpsc::Sender<()>,
    is_over: mpsc::Receiver<()>,
}

impl Stay {
    fn here(self) {
        self.entered.send(()).unwrap();
        let _ = self.is_over.recv();
    }
}

/// Lets the holder go when it is dropped.
struct Held {
    _stay: mpsc::Sender<()>,
}

/// A lock that an OS thread holds, as `hold` says. To wait for that takes no wait of ours: nothing
/// but the call in question can be ended.
fn held<L>(lock: L, hold: impl FnOnce(&L, Stay) + Send + 'static) -> (Arc<L>, Held)
where
    L: Send + Sync + 'static,
{
    let (entered, has_entered) = mpsc::channel();
    let (stay, is_over) = mpsc::channel();
    let lock = Arc::new(lock);
    let other = lock.clone();
    std::thread::spawn(move || hold(&other, Stay { entered, is_over }));
    has_entered.recv().unwrap();
    (lock, Held { _stay: stay })
}

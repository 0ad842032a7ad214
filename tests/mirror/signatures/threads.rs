//! The signatures of std's threads and locks, and the traits that they implement.

use super::std;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::io;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::mpsc::{
    self, Receiver, RecvError, RecvTimeoutError, SendError, Sender, SyncSender, TryRecvError,
    TrySendError,
};
use std::sync::{
    Barrier, BarrierWaitResult, Condvar, LazyLock, LockResult, Mutex, MutexGuard, Once, OnceLock,
    OnceState, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockResult,
    WaitTimeoutResult,
};
use std::thread::{
    self, AccessError, Builder, JoinHandle, LocalKey, Scope, ScopedJoinHandle, Thread, ThreadId,
};
use std::time::Duration;

type Guard<'a> = MutexGuard<'a, u8>;
type Make = fn() -> u8;

signatures! {
    thread::spawn::<Make, u8> => fn(Make) -> JoinHandle<u8>;
    thread::current => fn() -> Thread;
    thread::yield_now => fn();
    thread::sleep => fn(Duration);
    thread::park => fn();
    thread::park_timeout => fn(Duration);
    thread::panicking => fn() -> bool;
    Builder::new => fn() -> Builder;
    Builder::name => fn(Builder, String) -> Builder;
    Builder::stack_size => fn(Builder, usize) -> Builder;
    Builder::spawn::<Make, u8> => fn(Builder, Make) -> io::Result<JoinHandle<u8>>;
    Builder::spawn_unchecked::<Make, u8> =>
        unsafe fn(Builder, Make) -> io::Result<JoinHandle<u8>>;
    JoinHandle::<u8>::join => fn(JoinHandle<u8>) -> thread::Result<u8>;
    JoinHandle::<u8>::thread => fn(&JoinHandle<u8>) -> &Thread;
    JoinHandle::<u8>::is_finished => fn(&JoinHandle<u8>) -> bool;
    ScopedJoinHandle::<u8>::join => fn(ScopedJoinHandle<'static, u8>) -> thread::Result<u8>;
    ScopedJoinHandle::<u8>::thread => for<'a> fn(&'a ScopedJoinHandle<'static, u8>) -> &'a Thread;
    ScopedJoinHandle::<u8>::is_finished => fn(&ScopedJoinHandle<'static, u8>) -> bool;
    Thread::unpark => fn(&Thread);
    Thread::id => fn(&Thread) -> ThreadId;
    Thread::name => fn(&Thread) -> Option<&str>;
    LocalKey::<u8>::with::<fn(&u8) -> u8, u8> => fn(&'static LocalKey<u8>, fn(&u8) -> u8) -> u8;
    LocalKey::<u8>::try_with::<fn(&u8) -> u8, u8> =>
        fn(&'static LocalKey<u8>, fn(&u8) -> u8) -> Result<u8, AccessError>;

    Mutex::<u8>::lock => for<'a> fn(&'a Mutex<u8>) -> LockResult<Guard<'a>>;
    Mutex::<u8>::try_lock => for<'a> fn(&'a Mutex<u8>) -> TryLockResult<Guard<'a>>;
    Mutex::<u8>::is_poisoned => fn(&Mutex<u8>) -> bool;
    Mutex::<u8>::clear_poison => fn(&Mutex<u8>);
    Mutex::<u8>::into_inner => fn(Mutex<u8>) -> LockResult<u8>;
    Mutex::<u8>::get_mut => fn(&mut Mutex<u8>) -> LockResult<&mut u8>;
    RwLock::<u8>::read => for<'a> fn(&'a RwLock<u8>) -> LockResult<RwLockReadGuard<'a, u8>>;
    RwLock::<u8>::try_read => for<'a> fn(&'a RwLock<u8>) -> TryLockResult<RwLockReadGuard<'a, u8>>;
    RwLock::<u8>::write => for<'a> fn(&'a RwLock<u8>) -> LockResult<RwLockWriteGuard<'a, u8>>;
    RwLock::<u8>::try_write =>
        for<'a> fn(&'a RwLock<u8>) -> TryLockResult<RwLockWriteGuard<'a, u8>>;
    RwLock::<u8>::is_poisoned => fn(&RwLock<u8>) -> bool;
    RwLock::<u8>::clear_poison => fn(&RwLock<u8>);
    RwLock::<u8>::into_inner => fn(RwLock<u8>) -> LockResult<u8>;
    RwLock::<u8>::get_mut => fn(&mut RwLock<u8>) -> LockResult<&mut u8>;
    RwLockWriteGuard::<u8>::downgrade =>
        fn(RwLockWriteGuard<'static, u8>) -> RwLockReadGuard<'static, u8>;
    Condvar::wait::<u8> => for<'a> fn(&Condvar, Guard<'a>) -> LockResult<Guard<'a>>;
    Condvar::wait_while::<u8, fn(&mut u8) -> bool> =>
        for<'a> fn(&Condvar, Guard<'a>, fn(&mut u8) -> bool) -> LockResult<Guard<'a>>;
    Condvar::wait_timeout::<u8> =>
        for<'a> fn(&Condvar, Guard<'a>, Duration) -> LockResult<(Guard<'a>, WaitTimeoutResult)>;
    Condvar::wait_timeout_ms::<u8> =>
        for<'a> fn(&Condvar, Guard<'a>, u32) -> LockResult<(Guard<'a>, bool)>;
    Condvar::wait_timeout_while::<u8, fn(&mut u8) -> bool> => for<'a> fn(
        &Condvar,
        Guard<'a>,
        Duration,
        fn(&mut u8) -> bool,
    ) -> LockResult<(Guard<'a>, WaitTimeoutResult)>;
    Condvar::notify_one => fn(&Condvar);
    Condvar::notify_all => fn(&Condvar);
    WaitTimeoutResult::timed_out => fn(&WaitTimeoutResult) -> bool;
    Barrier::wait => fn(&Barrier) -> BarrierWaitResult;
    BarrierWaitResult::is_leader => fn(&BarrierWaitResult) -> bool;
    Once::call_once::<fn()> => fn(&Once, fn());
    Once::call_once_force::<fn(&OnceState)> => fn(&Once, fn(&OnceState));
    Once::is_completed => fn(&Once) -> bool;
    Once::wait => fn(&Once);
    Once::wait_force => fn(&Once);
    OnceState::is_poisoned => fn(&OnceState) -> bool;
    OnceLock::<u8>::get => fn(&OnceLock<u8>) -> Option<&u8>;
    OnceLock::<u8>::get_mut => fn(&mut OnceLock<u8>) -> Option<&mut u8>;
    OnceLock::<u8>::wait => fn(&OnceLock<u8>) -> &u8;
    OnceLock::<u8>::set => fn(&OnceLock<u8>, u8) -> Result<(), u8>;
    OnceLock::<u8>::get_or_init::<Make> => fn(&OnceLock<u8>, Make) -> &u8;
    OnceLock::<u8>::into_inner => fn(OnceLock<u8>) -> Option<u8>;
    OnceLock::<u8>::take => fn(&mut OnceLock<u8>) -> Option<u8>;
    LazyLock::<u8>::force => fn(&LazyLock<u8>) -> &u8;
    LazyLock::<u8>::force_mut => fn(&mut LazyLock<u8>) -> &mut u8;
    LazyLock::<u8>::get => fn(&LazyLock<u8>) -> Option<&u8>;
    LazyLock::<u8>::get_mut => fn(&mut LazyLock<u8>) -> Option<&mut u8>;

    mpsc::channel::<u8> => fn() -> (Sender<u8>, Receiver<u8>);
    mpsc::sync_channel::<u8> => fn(usize) -> (SyncSender<u8>, Receiver<u8>);
    Sender::<u8>::send => fn(&Sender<u8>, u8) -> Result<(), SendError<u8>>;
    SyncSender::<u8>::send => fn(&SyncSender<u8>, u8) -> Result<(), SendError<u8>>;
    SyncSender::<u8>::try_send => fn(&SyncSender<u8>, u8) -> Result<(), TrySendError<u8>>;
    Receiver::<u8>::recv => fn(&Receiver<u8>) -> Result<u8, RecvError>;
    Receiver::<u8>::try_recv => fn(&Receiver<u8>) -> Result<u8, TryRecvError>;
    Receiver::<u8>::recv_timeout => fn(&Receiver<u8>, Duration) -> Result<u8, RecvTimeoutError>;
    Receiver::<u8>::iter => fn(&Receiver<u8>) -> mpsc::Iter<'_, u8>;
    Receiver::<u8>::try_iter => fn(&Receiver<u8>) -> mpsc::TryIter<'_, u8>;
}

traits! {
    Builder => [Debug + Send + Sync + UnwindSafe];
    JoinHandle<u8> => [Debug + Send + Sync + Unpin];
    ScopedJoinHandle<'static, u8> => [Debug + Send + Sync];
    Scope<'static, 'static> => [Debug + Send + Sync + RefUnwindSafe];
    Thread => [Clone + Debug + Send + Sync + UnwindSafe + RefUnwindSafe];
    ThreadId => [Clone + Copy + Debug + Eq + Hash + Send + Sync];
    AccessError => [Clone + Copy + Debug + Display + Eq + Error + Send + Sync];
    LocalKey<u8> => [Debug + Send + Sync + UnwindSafe + RefUnwindSafe];
    Mutex<u8> => [Debug + Default + From<u8> + Send + Sync + UnwindSafe + RefUnwindSafe];
    Mutex<[u8]> => [Debug + Send + Sync];
    Guard<'static> => [Debug + Display + Deref<Target = u8> + DerefMut + Sync];
    RwLock<u8> => [Debug + Default + From<u8> + Send + Sync + UnwindSafe + RefUnwindSafe];
    RwLock<dyn Debug + Send + Sync> => [Send + Sync];
    RwLockReadGuard<'static, u8> => [Debug + Display + Deref<Target = u8> + Sync + UnwindSafe];
    RwLockWriteGuard<'static, u8> => [Debug + Display + Deref<Target = u8> + DerefMut + Sync
        + UnwindSafe];
    Condvar => [Debug + Default + Send + Sync + UnwindSafe + RefUnwindSafe];
    WaitTimeoutResult => [Clone + Copy + Debug + Eq];
    Barrier => [Debug + Send + Sync + UnwindSafe + RefUnwindSafe];
    BarrierWaitResult => [Debug];
    Once => [Debug + Send + Sync + UnwindSafe + RefUnwindSafe];
    OnceState => [Debug + Send];
    OnceLock<u8> => [Clone + Debug + Default + Eq + From<u8> + Send + Sync + UnwindSafe
        + RefUnwindSafe];
    LazyLock<u8> => [Debug + Default + Deref<Target = u8> + DerefMut + Send + Sync + UnwindSafe
        + RefUnwindSafe];
    Sender<u8> => [Clone + Debug + Send + Sync + UnwindSafe + RefUnwindSafe];
    SyncSender<u8> => [Clone + Debug + Send + Sync + UnwindSafe + RefUnwindSafe];
    Receiver<u8> => [Debug + IntoIterator<Item = u8> + Send + UnwindSafe + RefUnwindSafe];
    &'static Receiver<u8> => [IntoIterator<Item = u8>];
    mpsc::IntoIter<u8> => [Debug + Iterator<Item = u8>];
    mpsc::Iter<'static, u8> => [Debug + Iterator<Item = u8>];
    mpsc::TryIter<'static, u8> => [Debug + Iterator<Item = u8>];
    PoisonError<Guard<'static>> => [Debug + Display + Error];
}

/// Uses values that are made where a program is compiled.
pub fn statics() -> bool {
    static MUTEX: Mutex<u8> = Mutex::new(1);
    static RWLOCK: RwLock<u8> = RwLock::new(2);
    static CONDVAR: Condvar = Condvar::new();
    static BARRIER: Barrier = Barrier::new(1);
    static ONCE: Once = Once::new();
    static ONCE_LOCK: OnceLock<u8> = OnceLock::new();
    static LAZY_LOCK: LazyLock<u8> = LazyLock::new(|| 3);
    CONDVAR.notify_all();
    ONCE.call_once(|| {
        BARRIER.wait();
    });
    let made = *ONCE_LOCK.get_or_init(|| *MUTEX.lock().unwrap() + *RWLOCK.read().unwrap());
    ONCE.is_completed() && made == *LAZY_LOCK
}

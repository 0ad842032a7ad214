//! The table of everything in which a green thread can be blocked when it is killed: a new
//! primitive is a line here.

use crate::files::{LockFile, Pipe};
use crate::held::Held;
use crate::lent::Lent;
use greenstd::group::{Group, Pool};
use greenstd::queue::{LifoQueue, PriorityQueue, Queue};
use greenstd::sync::{
    AsyncResult, Barrier, BoundedSemaphore, Condvar, Event, LazyLock, Mutex, MutexGuard, Once,
    OnceLock, ReentrantMutex, RwLock, Semaphore, WaitGroup, mpsc,
};
use greenstd::time::Ticker;
use greenstd::{channel, select, thread};
use std::cell::Cell;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any test lasts.
const LONG: Duration = Duration::from_secs(3600);

/// What a grant is good for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Grants {
    /// One wait, sooner or later: an item, room for an item.
    One,
    /// One wait, whose permit goes to the next if the waiter is to end.
    Permit,
    /// All waits, for good.
    All,
    /// There are none: the wait ends by itself, after the test.
    None,
}

impl Grants {
    pub fn are_for_one(self) -> bool {
        matches!(self, Grants::One | Grants::Permit)
    }
}

/// A primitive in which threads wait.
pub struct Scene<'s> {
    /// Blocks until granted, and keeps what is granted to one.
    pub wait: Arc<dyn Fn() + Send + Sync>,
    /// Lets a wait go on. Only the thread that was given the scene calls it.
    pub grant: &'s dyn Fn(),
    /// Takes what would let a wait go on at once, if it is there. For `One` and `Permit` only.
    pub take: &'s dyn Fn() -> bool,
}

/// What is done in a scene.
pub type Test<'t> = &'t dyn Fn(Scene);

/// A line of the table: sets a scene and calls the test with it.
pub struct Row {
    pub name: &'static str,
    pub grants: Grants,
    pub set: fn(Test),
}

/// A line whose state is made by `$make`, and shared by what comes after it.
macro_rules! row {
    ($name:literal, $make:expr, $wait:expr, $grant:expr, $take:expr) => {
        Row {
            name: $name,
            grants: Grants::One,
            set: |test| {
                let made = Arc::new($make);
                let waits = made.clone();
                let wait = Arc::new(move || apply(&*waits, $wait));
                let (grant, take) = (|| apply(&*made, $grant), || apply(&*made, $take));
                test(Scene { wait, grant: &grant, take: &take });
            },
        }
    };
    ($name:literal, $make:expr, $wait:expr, $grant:expr) => {
        Row { grants: Grants::All, ..row!($name, $make, $wait, $grant, |_| false) }
    };
    ($name:literal, $wait:expr) => {
        Row { grants: Grants::None, ..row!($name, (), $wait, |_| (), |_| false) }
    };
}

/// A line whose grants are permits.
macro_rules! permit {
    ($($row:tt)*) => { Row { grants: Grants::Permit, ..row!($($row)*) } };
}

/// A line whose lock is held, by the thread that grants, until it does.
macro_rules! held {
    ($name:literal, $make:expr, $hold:expr, $wait:expr) => {
        Row {
            name: $name,
            grants: Grants::All,
            set: |test| {
                let made = Arc::new($make);
                let waits = made.clone();
                let wait = Arc::new(move || apply(&*waits, $wait));
                let guard = Cell::new(Some(bind(&*made, $hold)));
                test(Scene { wait, grant: &|| drop(guard.take()), take: &|| false });
            },
        }
    };
}

/// The table. In braces, so that a line stays a line.
macro_rules! lines {
    { $($kind:ident($($line:tt)*),)* } => { &[$($kind!($($line)*)),*] };
}

// After the macros, which it uses.
mod futures;
mod net;
mod process;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "ws")]
mod ws;
#[cfg(feature = "zmq")]
mod zmq;

/// Everything in which a green thread can be blocked, but for sockets, scopes and nurseries, which
/// `scenes` has.
pub fn waiting() -> impl Iterator<Item = &'static Row> {
    let parts = [WAITING, futures::WAITING, net::WAITING, process::WAITING];
    parts.into_iter().chain(WITH_FEATURES.iter().copied()).flatten()
}

/// What blocks in parts that are not always built.
const WITH_FEATURES: &[&[Row]] = &[
    #[cfg(feature = "tls")]
    tls::WAITING,
    #[cfg(feature = "ws")]
    ws::WAITING,
    #[cfg(feature = "zmq")]
    zmq::WAITING,
];

const WAITING: &[Row] = lines! {
    row("thread::sleep", |_| thread::sleep(LONG)),
    row("Ticker::tick", |_| ignore(Ticker::new(LONG).tick())),
    row("channel::never", |_| ignore(channel::never::<()>().recv())),
    row("channel::after", |_| ignore(channel::after(LONG).recv())),
    row("select! of nothing", |_| select! { recv(channel::never::<()>()) => {} }),
    row("channel::recv", channel::bounded(9), |c| c.1.recv().unwrap(), |c| c.0.send(()).unwrap(),
        |c| c.1.try_recv().is_ok()),
    row("unbounded::recv", channel::unbounded(), |c| c.1.recv().unwrap(),
        |c| c.0.send(()).unwrap(), |c| c.1.try_recv().is_ok()),
    row("channel::send", full(), |c| c.0.send(()).unwrap(), |c| c.1.recv().unwrap(),
        |c| c.0.try_send(()).is_ok()),
    row("rendezvous::recv", channel::rendezvous(), |c| c.1.recv().unwrap(), meet_receiver,
        |c| c.1.try_recv().is_ok()),
    row("rendezvous::send", channel::rendezvous(), |c| c.0.send(()).unwrap(), meet_sender,
        |c| c.0.try_send(()).is_ok()),
    row("mpsc::recv", receiver_of(mpsc::channel()), |c| locked(&c.1).recv().unwrap(),
        |c| c.0.send(()).unwrap(), |c| locked(&c.1).try_recv().is_ok()),
    row("mpsc::sync_channel, recv", receiver_of(mpsc::sync_channel(9)),
        |c| locked(&c.1).recv().unwrap(), |c| c.0.send(()).unwrap(),
        |c| locked(&c.1).try_recv().is_ok()),
    row("mpsc::sync_channel, send", full_of_std(), |c| c.0.send(()).unwrap(),
        |c| locked(&c.1).recv().unwrap(), |c| c.0.try_send(()).is_ok()),
    row("select! recv", [channel::bounded(9), channel::bounded(9)],
        |[a, b]| select! { recv(a.1) -> got => got.unwrap(), recv(b.1) -> got => got.unwrap() },
        |[_, b]| b.0.send(()).unwrap(), |[_, b]| b.1.try_recv().is_ok()),
    row("select! send", [full(), full()],
        |[a, b]| select! { send(a.0, ()) -> sent => sent.unwrap(), send(b.0, ()) => {} },
        |[a, _]| a.1.recv().unwrap(), |[a, _]| a.0.try_send(()).is_ok()),
    row("select! of a rendezvous", channel::rendezvous(),
        |c| select! { recv(c.1) => {}, recv(channel::never::<()>()) => {} }, meet_receiver,
        |c| c.1.try_recv().is_ok()),
    permit("select! wait", [Semaphore::new(0), Semaphore::new(0)],
        |[a, b]| select! { wait(a) => {}, wait(b) => {}, default(LONG) => {} },
        |[a, _]| a.release(), |[a, _]| a.try_acquire()),
    permit("select::wait_any", [Semaphore::new(0), Semaphore::new(0)],
        |both| ignore(select::wait_any(both)), |[_, b]| b.release(), |[_, b]| b.try_acquire()),
    row("select::wait_all", |_| ignore(select::wait_all([select::at(Instant::now() + LONG)]))),
    row("Queue::get", Queue::new(), |q| q.get().unwrap(), |q| q.put(()).unwrap(),
        |q| q.try_get().is_ok()),
    row("LifoQueue::get", LifoQueue::new(), |q| q.get().unwrap(), |q| q.put(()).unwrap(),
        |q| q.try_get().is_ok()),
    row("PriorityQueue::get", PriorityQueue::new(), |q| q.get().unwrap(), |q| q.put(()).unwrap(),
        |q| q.try_get().is_ok()),
    row("Queue::put", full_queue(), |q| q.put(()).unwrap(), |q| q.get().unwrap(),
        |q| q.try_put(()).is_ok()),
    row("Queue::peek", Queue::new(), |q| q.peek().unwrap(), |q| q.put(()).unwrap()),
    row("Queue::join", full_queue(), |q| q.join(), |q| ignore(q.task_done())),
    row("Pool::spawn", Places::new(), |p| drop(p.pool.spawn(|| ())), Places::end),
    row("Pool::apply", Places::new(), |p| p.pool.apply(|| ()), Places::end),
    row("Pool::wait_available", Places::new(), |p| assert!(p.pool.wait_available(None)),
        Places::end),
    row("Pool::join", Places::new(), |p| assert!(p.pool.join(None)), Places::end),
    row("BlockingPool::run", Held::new(), |h| h.pool.run(|| ()), Held::let_go),
    row("BlockingPool::run, for room", Held::full(), |h| h.pool.run(|| ()), Held::let_go),
    row("BlockingPool::spawn", Held::full(), |h| drop(h.pool.spawn(|| ())), Held::let_go),
    row("BlockingPool::shutdown", Held::new(), |h| h.pool.shutdown(None).unwrap(), Held::let_go),
    row("JobHandle::join", Held::new(), |h| h.pool.spawn(|| ()).join().unwrap(), Held::let_go),
    permit("ResourcePool::get", Lent::new(), Lent::get, Lent::give_back, Lent::try_get),
    row("ResourcePool::join", Lent::new(), Lent::join, Lent::discard),
    row("File::read of a pipe", Pipe::new(), Pipe::read, Pipe::write, Pipe::take),
    held("File::lock", LockFile::new(), LockFile::lock, |l| drop(l.lock())),
    row("Group::join", Places::new(), |p| assert!(p.group.join(None)), Places::end),
    held("Mutex::lock", Mutex::new(()), locked, |m| drop(locked(m))),
    held("ReentrantMutex::lock", ReentrantMutex::new(()), |m| m.lock(), |m| drop(m.lock())),
    held("RwLock::read", RwLock::new(()), |l| l.write().unwrap(), |l| drop(l.read().unwrap())),
    held("RwLock::write", RwLock::new(()), |l| l.write().unwrap(), |l| drop(l.write().unwrap())),
    held("RwLock::write, past readers", RwLock::new(()), |l| l.read().unwrap(),
        |l| drop(l.write().unwrap())),
    permit("Condvar::wait", (Mutex::new(0), Condvar::new()), wait_for_one, notify_one,
        |(count, _)| take_one(&mut locked(count))),
    row("Condvar::wait, by notify_all", (Mutex::new(false), Condvar::new()),
        |(flag, condvar)| drop(condvar.wait_while(locked(flag), |is_set| !*is_set)),
        |(flag, condvar)| { *locked(flag) = true; condvar.notify_all(); }),
    row("Barrier::wait", Arc::new(Barrier::new(3)), |b| ignore(b.wait()), |b| (0..2).for_each(|_| {
        let barrier = b.clone();
        thread::spawn(move || barrier.wait());
    })),
    row("Once::call_once", Begun::new(|once| once.call_once(|| ())), Begun::wait, Begun::end),
    row("Once::wait", Begun::new(Once::wait), Begun::wait, Begun::end),
    row("OnceLock::wait", OnceLock::new(), |cell| *cell.wait(), |cell| ignore(cell.set(()))),
    row("OnceLock::get_or_init", Begun::new(|_| ()), |b| *b.cell.get_or_init(|| ()), Begun::end),
    row("LazyLock::force", Begun::new(|_| ()), |b| **b.lazy, Begun::end),
    permit("Semaphore::acquire", Semaphore::new(0), |s| s.acquire(), |s| s.release(),
        |s| s.try_acquire()),
    permit("Semaphore::acquire_many", Semaphore::new(1), |s| s.acquire_many(2),
        |s| s.release_many(2),
        |s| s.available_permits() == 3 && s.try_acquire_many(2)),
    permit("BoundedSemaphore::acquire", taken(), |s| s.acquire(), |s| s.release().unwrap(),
        |s| s.try_acquire()),
    row("Event::wait", Event::new(), |e| e.wait(), |e| e.set()),
    row("AsyncResult::get", AsyncResult::<_>::new(), |r| *r.get().unwrap(), |r| ignore(r.set(()))),
    row("WaitGroup::wait", one_to_be_done(), |g| g.wait(),
        |g| (0..g.count()).for_each(|_| g.done())),
    row("JoinHandle::join", Arc::new(Event::new()), |e| until_set(e).join().unwrap(), |e| e.set()),
    row("JoinHandle::wait", Arc::new(Event::new()), |e| assert!(until_set(e).wait(None)),
        |e| e.set()),
    row("SharedJoinHandle::get", shared(), |s| *s.1.get().unwrap(), |s| s.0.set()),
    row("join_all", Arc::new(Event::new()),
        |e| drop(thread::join_all([until_set(e), until_set(e)]).wait()), |e| e.set()),
};

/// Tells the compiler what a closure of the table is about.
fn apply<M, R>(made: &M, closure: impl FnOnce(&M) -> R) -> R {
    closure(made)
}

/// As `apply`, for what borrows from it.
fn bind<'m, M, R>(made: &'m M, closure: impl FnOnce(&'m M) -> R) -> R {
    closure(made)
}

/// Drops what may be too plain for `drop`.
fn ignore<T>(_: T) {}

type Both<S, R> = (S, R);

fn full() -> Both<channel::Sender<()>, channel::Receiver<()>> {
    let (sender, receiver) = channel::bounded(1);
    sender.send(()).unwrap();
    (sender, receiver)
}

/// std's receiver is not `Sync`.
fn receiver_of<S>(ends: Both<S, mpsc::Receiver<()>>) -> Both<S, Mutex<mpsc::Receiver<()>>> {
    (ends.0, Mutex::new(ends.1))
}

fn full_of_std() -> Both<mpsc::SyncSender<()>, Mutex<mpsc::Receiver<()>>> {
    let ends = receiver_of(mpsc::sync_channel(1));
    ends.0.send(()).unwrap();
    ends
}

/// Locks past the poison that a kill leaves.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends to whoever waits, else to the next who comes.
fn meet_receiver(ends: &Both<channel::Sender<()>, channel::Receiver<()>>) {
    let sender = ends.0.clone();
    if sender.try_send(()).is_err() {
        thread::spawn(move || sender.send(()));
    }
}

/// Receives from whoever waits, else from the next who comes.
fn meet_sender(ends: &Both<channel::Sender<()>, channel::Receiver<()>>) {
    let receiver = ends.1.clone();
    if receiver.try_recv().is_err() {
        thread::spawn(move || receiver.recv());
    }
}

fn full_queue() -> Queue<()> {
    let queue = Queue::bounded(1);
    queue.put(()).unwrap();
    queue
}

fn wait_for_one((count, condvar): &(Mutex<u32>, Condvar)) {
    let guard = condvar.wait_while(locked(count), |count| *count == 0);
    assert!(take_one(&mut guard.unwrap_or_else(PoisonError::into_inner)));
}

fn notify_one((count, condvar): &(Mutex<u32>, Condvar)) {
    *locked(count) += 1;
    condvar.notify_one();
}

fn take_one(count: &mut u32) -> bool {
    let is_there = *count > 0;
    *count -= u32::from(is_there);
    is_there
}

fn taken() -> BoundedSemaphore {
    let semaphore = BoundedSemaphore::new(1);
    semaphore.acquire();
    semaphore
}

fn one_to_be_done() -> WaitGroup {
    let group = WaitGroup::new();
    group.add(1);
    group
}

fn until_set(event: &Arc<Event>) -> thread::JoinHandle<()> {
    let event = event.clone();
    thread::spawn(move || event.wait())
}

fn shared() -> (Arc<Event>, thread::SharedJoinHandle<()>) {
    let event = Arc::new(Event::new());
    let handle = until_set(&event).share();
    (event, handle)
}

/// A pool without a free place, and a group that has a member.
struct Places {
    pool: Pool,
    group: Group,
    end: Arc<Event>,
}

impl Places {
    fn new() -> Places {
        let (pool, group, end) = (Pool::new(1), Group::new(), Arc::new(Event::new()));
        let [first, second] = [end.clone(), end.clone()];
        pool.spawn(move || first.wait());
        group.spawn(move || second.wait());
        Places { pool, group, end }
    }

    fn end(&self) {
        self.end.set();
    }
}

/// Values of each kind whose making has begun, and ends when it is told to.
struct Begun {
    once: Arc<Once>,
    cell: Arc<OnceLock<()>>,
    lazy: Arc<Lazy>,
    end: Arc<Event>,
    wait: fn(&Once),
}

type Lazy = LazyLock<(), Box<dyn FnOnce() + Send>>;

impl Begun {
    fn new(wait: fn(&Once)) -> Begun {
        let (end, begun) = (Arc::new(Event::new()), Arc::new(Semaphore::new(0)));
        let making = || {
            let (begun, end) = (begun.clone(), end.clone());
            move || {
                begun.release();
                end.wait();
            }
        };
        let (once, cell) = (Arc::new(Once::new()), Arc::new(OnceLock::new()));
        let lazy = Arc::new(Lazy::new(Box::new(making())));
        let (its_once, its_cell, its_lazy) = (once.clone(), cell.clone(), lazy.clone());
        let (of_once, of_cell) = (making(), making());
        thread::spawn(move || its_once.call_once(of_once));
        thread::spawn(move || *its_cell.get_or_init(of_cell));
        thread::spawn(move || **its_lazy);
        begun.acquire_many(3);
        Begun { once, cell, lazy, end, wait }
    }

    fn wait(&self) {
        (self.wait)(&self.once);
    }

    fn end(&self) {
        self.end.set();
    }
}

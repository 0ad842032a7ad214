//! A worker's reactor: one epoll set, its waker, and the descriptors that are registered with it.
//!
//! The worker alone waits; any thread may register, deregister and ring. A descriptor is
//! registered once, edge-triggered, and costs no further system call until it is closed. But for
//! one: room is told only from the first time that somebody waits for some. Datagram and Unix
//! sockets tell of it whenever a peer has read, so a server would be woken twice for each request.
//! While the worker is stuck, the sentry takes its events and hands them out in its place
//! (`stand_in`).
//!
//! # Invariants
//!
//! 1. A token names a place in the table and the generation of its tenant: an event that was on
//!    its way when the tenant left finds nobody.
//! 2. A source is in the table of at most one reactor.
//! 3. A descriptor is deregistered before its number goes back to the kernel; a copy of it (`dup`)
//!    would otherwise keep the registration alive.
//! 4. Events are handed out, to the last wake-up, under the lock of the table: whoever holds it
//!    finds each waiter in its slot or made runnable (`deadlock`). By whomever: those that were
//!    taken from the kernel and not yet handed out concern nobody but waiters in their slots.
//! 5. A ring is told once, to the worker or to the sentry; the sentry passes it on (`sentry`).

use super::atomic::{AtomicBool, AtomicPtr, AtomicU32, Mutex, MutexGuard, Ordering};
use super::fork;
use super::poll::duplicate;
use super::slot::{self, READ_CLOSED, READABLE, Slot, URGENT, WRITABLE, WRITE_CLOSED};
use super::tenants::{Table, Tenant};
use super::waiter::Waiter;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// Events taken from the kernel at once: enough that a thousand ready sockets are one system call.
pub(super) const EVENT_BATCH: usize = 1024;

pub(super) const WAKER: Token = Token(usize::MAX);

/// What a descriptor is registered for until somebody waits to write.
const READING: Interest = Interest::READABLE.add(Interest::PRIORITY);

/// What it is registered for from then on.
const EVERYTHING: Interest = READING.add(Interest::WRITABLE);

/// What is known of a registered descriptor: the slot, and where it is registered.
///
/// A wait touches the first cache line only.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Source {
    slot: Slot<Waiter>,
    /// The reactor of `place`, for comparison alone; null for none.
    pub(crate) home: AtomicPtr<ReactorHandle>,
    /// Waits on other workers since the last one there. Relaxed: it is an estimate.
    pub(crate) foreign_waits: AtomicU32,
    /// Whether room is told; until then there is presumed to be some. Changed under the lock of
    /// `place`.
    tells_room: AtomicBool,
    pub(crate) place: Mutex<Option<Place>>,
}

impl Source {
    pub(crate) fn new() -> Source {
        Source {
            slot: Slot::new(),
            home: AtomicPtr::new(ptr::null_mut()),
            foreign_waits: AtomicU32::new(0),
            tells_room: AtomicBool::new(false),
            place: Mutex::new(None),
        }
    }

    /// Whether events tell what a wait for `interest` waits for.
    #[inline]
    pub(crate) fn tells(&self, interest: slot::Interest) -> bool {
        // Relaxed: whoever does not see it yet looks again under the lock.
        interest == slot::Interest::Read || self.tells_room.load(Ordering::Relaxed)
    }

    /// To be called before the descriptor is registered by somebody who waits for `interest`.
    pub(crate) fn prepare(&self, interest: slot::Interest) {
        match interest {
            slot::Interest::Write => self.tells_room.store(true, Ordering::Relaxed),
            slot::Interest::Read if self.tells(slot::Interest::Write) => {}
            slot::Interest::Read => self.slot.presume_ready(slot::Interest::Write),
        }
    }

    /// Room is not told after all: to have it told has failed.
    pub(crate) fn give_up_room(&self) {
        self.tells_room.store(false, Ordering::Relaxed);
    }

    fn interest(&self) -> Interest {
        if self.tells_room.load(Ordering::Relaxed) { EVERYTHING } else { READING }
    }
}

impl Deref for Source {
    type Target = Slot<Waiter>;

    #[inline]
    fn deref(&self) -> &Slot<Waiter> {
        &self.slot
    }
}

/// Where a source is registered.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) reactor: Arc<ReactorHandle>,
    key: usize,
    /// In place of the descriptor, if somebody else was registered here with that very number.
    copy: Option<OwnedFd>,
}

/// What other threads see of a reactor.
#[derive(Debug)]
pub(crate) struct ReactorHandle {
    registry: Registry,
    waker: mio::Waker,
    table: Mutex<Table>,
}

/// A worker's reactor.
#[derive(Debug)]
pub(crate) struct Reactor {
    poll: RefCell<Poll>,
    events: RefCell<Events>,
    /// Events that were told since `take_told`.
    told: Cell<usize>,
    /// Events that were told since `take_uncounted`.
    uncounted: Cell<u64>,
    handle: Arc<ReactorHandle>,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = mio::Waker::new(poll.registry(), WAKER)?;
        let table = Table::new();
        let handle = Arc::new(ReactorHandle { registry, waker, table: Mutex::new(table) });
        Ok(Reactor {
            poll: RefCell::new(poll),
            events: RefCell::new(Events::with_capacity(EVENT_BATCH)),
            told: Cell::new(0),
            uncounted: Cell::new(0),
            handle,
        })
    }

    pub(crate) fn handle(&self) -> &Arc<ReactorHandle> {
        &self.handle
    }

    /// Waits for events until `timeout` has passed (`None`: without end) and wakes whom they
    /// concern. May return early.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        if fork::is_child() {
            // The set is the parent's, too: nothing may take its events.
            fork::abort();
        }
        let mut poll = self.poll.borrow_mut();
        let mut events = self.events.borrow_mut();
        // epoll_wait counts in milliseconds and mio rounds up. So whole milliseconds are waited
        // for there and the rest, by the next call, in ppoll on the epoll descriptor itself.
        let timeout = match timeout {
            Some(timeout) if !timeout.is_zero() && timeout < Duration::from_millis(1) => {
                if !wait_below_millisecond(poll.as_raw_fd(), timeout) {
                    return;
                }
                Some(Duration::ZERO)
            }
            Some(timeout) => {
                Some(Duration::from_millis(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)))
            }
            None => None,
        };
        if let Err(error) = poll.poll(&mut events, timeout) {
            assert_eq!(error.kind(), io::ErrorKind::Interrupted, "epoll_wait failed: {error}");
            return;
        }
        drop(poll);
        if events.is_empty() {
            return;
        }
        let table = self.handle.table.lock();
        for event in events.iter() {
            if let Some(source) = table.find(event.token()) {
                self.told.set(self.told.get() + 1);
                self.uncounted.set(self.uncounted.get() + 1);
                // Waking pushes to a queue: no user code runs under the lock.
                source.post(bits(event), |waiter| waiter.unpark());
            }
        }
    }

    /// How many events there were since the last call.
    pub(crate) fn take_told(&self) -> usize {
        self.told.replace(0)
    }

    /// How many events there were since the last call of this.
    pub(super) fn take_uncounted(&self) -> u64 {
        self.uncounted.replace(0)
    }

    /// Whether the kernel may have had more to tell at the last wait than was taken.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.events.borrow().iter().count() == EVENT_BATCH
    }

    /// Tells everybody that nobody will wait here any more.
    pub(crate) fn close(&self) {
        let mut table = self.handle.table.lock();
        table.is_closed = true;
        let tenants = std::mem::take(&mut table.tenants);
        drop(table);
        for (_, tenant) in tenants {
            // Whoever waits from elsewhere tries again, and registers with its own worker.
            tenant.source.nudge(|waiter| waiter.unpark());
        }
    }
}

/// True if the epoll set has events, false if the time is up.
fn wait_below_millisecond(epoll: RawFd, timeout: Duration) -> bool {
    let mut poll = libc::pollfd { fd: epoll, events: libc::POLLIN, revents: 0 };
    let time = libc::timespec { tv_sec: 0, tv_nsec: libc::c_long::from(timeout.subsec_nanos()) };
    // SAFETY: one pollfd and a timespec that outlive the call; no signal mask.
    let ready = unsafe { libc::ppoll(&raw mut poll, 1, &raw const time, std::ptr::null()) };
    ready > 0
}

/// Invariant 1.
fn token(generation: u32, key: usize) -> Token {
    Token(((generation as usize) << 32) | key)
}

fn bits(event: &Event) -> u32 {
    let mut bits = 0;
    if event.is_readable() {
        bits |= READABLE;
    }
    if event.is_writable() {
        bits |= WRITABLE;
    }
    if event.is_read_closed() {
        bits |= READABLE | READ_CLOSED;
    }
    if event.is_write_closed() {
        bits |= WRITABLE | WRITE_CLOSED;
    }
    if event.is_error() {
        bits |= READABLE | WRITABLE | READ_CLOSED | WRITE_CLOSED;
    }
    if event.is_priority() {
        bits |= READABLE | URGENT;
    }
    bits
}

impl ReactorHandle {
    /// Keeps the table as it is: while it is locked no event is handed out here.
    pub(super) fn lock_table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }

    /// The epoll set, for who stands in for the worker.
    pub(super) fn epoll(&self) -> RawFd {
        self.registry.as_raw_fd()
    }

    /// Makes the worker return from `wait`.
    pub(crate) fn ring(&self) {
        if fork::is_child() {
            // There is no such worker here, and the eventfd is the parent's.
            return;
        }
        self.waker.wake().expect("writing to an eventfd that is reset on overflow cannot fail");
    }

    /// Registers a descriptor. The kernel tells its present readiness as the first event.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl`: `AlreadyExists` if this very number is registered here, `EPERM` for
    /// regular files, `ENOSPC` at the system's limit of watches. Those of `fork::check`.
    pub(crate) fn register(self: &Arc<Self>, fd: RawFd, source: &Arc<Source>) -> io::Result<Place> {
        fork::check()?;
        let mut table = self.table.lock();
        // 31 bits, so that no token is the waker's.
        table.generation = table.generation.wrapping_add(1) & (u32::MAX >> 1);
        let generation = table.generation;
        let key = table.tenants.insert(Tenant { generation, fd, source: source.clone() });
        let token = token(generation, key);
        let interest = source.interest();
        let register = |fd: RawFd| self.registry.register(&mut SourceFd(&fd), token, interest);
        let registered = match register(fd) {
            // A duplicate is another number, which hears of the same.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                duplicate(fd).and_then(|copy| register(copy.as_raw_fd()).map(|()| Some(copy)))
            }
            outcome => outcome.map(|()| None),
        };
        match registered {
            Ok(copy) => Ok(Place { reactor: self.clone(), key, copy }),
            Err(error) => {
                table.tenants.remove(key);
                Err(error)
            }
        }
    }
}

impl Place {
    /// Whether the worker has ended, so that no event will come.
    pub(crate) fn is_closed(&self) -> bool {
        self.reactor.table.lock().is_closed
    }

    /// Has the kernel tell the present readiness once more.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl`.
    pub(crate) fn rearm(&self, fd: RawFd) -> io::Result<()> {
        let table = self.reactor.table.lock();
        // Whose worker has ended registers with another one before the next wait.
        let Some(tenant) = table.tenants.get(self.key) else { return Ok(()) };
        let (token, interest) = (token(tenant.generation, self.key), tenant.source.interest());
        self.reactor.registry.reregister(&mut SourceFd(&self.number(fd)), token, interest)
    }

    /// Takes the descriptor out of the epoll set, and the source out of the table.
    pub(crate) fn deregister(self, fd: RawFd) {
        if fork::is_child() {
            // The set is the parent's, too, where the descriptor stays registered.
            return;
        }
        let mut table = self.reactor.table.lock();
        if table.tenants.try_remove(self.key).is_some() {
            // Fails if somebody has closed the number behind our back: then it is gone already.
            let _ = self.reactor.registry.deregister(&mut SourceFd(&self.number(fd)));
        }
    }

    /// What the epoll set knows the descriptor by.
    fn number(&self, fd: RawFd) -> RawFd {
        self.copy.as_ref().map_or(fd, AsRawFd::as_raw_fd)
    }
}

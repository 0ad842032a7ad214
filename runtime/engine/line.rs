//! Waiting in a [`List`] as a thread of either kind: what every primitive blocks with.
//!
//! A primitive is a `Mutex<State>` whose state holds one or more [`Line`]s. To wait is [`wait`]: it
//! links, unlocks, parks, and comes back with the payload, granted or not. To let somebody go on is
//! [`List::grant`], under the same lock.
//!
//! A grant to a green thread of the granter's own worker queues it at once, under the lock: it
//! cannot run before the granter has switched away, so it neither meets the lock nor ends while
//! the granter is at it. Others are woken by the `Wakeup`, after the lock was given up.

use super::atomic::{AtomicPtr, AtomicU64, Mutex, MutexGuard, Ordering};
use super::fiber::Header;
use super::limits;
use super::park::{self, Outcome};
use super::wait_list::{self, List, Node, Ticket, Wake};
use super::waiter::{OsThread, Waiter};
use super::worker::Worker;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, offset_of};
use std::ptr;
use std::thread;
use std::time::Instant;

/// Those who wait for something of a primitive; `P` is what passes between them and who grants.
pub(crate) type Line<P> = List<P, Waiter>;

/// The duty to wake somebody of a line, once the lock was given up.
pub(crate) type Wakeup = wait_list::Wakeup<Waiter>;

/// Waiters that [`grant_each`] grants under one hold of the lock: a few microseconds, and what it
/// has on its stack.
const GRANTS_AT_ONCE: usize = 16;

/// Arms of a wait that are named in a report.
pub(crate) const ARMS_AT_MOST: usize = 8;

/// Says what somebody waits for, in a report of a deadlock.
#[derive(Debug)]
pub(crate) struct Reason(pub(crate) &'static str);

/// The reason of a green thread's wait; none while it waits for something that has no name.
#[derive(Debug)]
pub(crate) struct WaitsFor {
    reason: AtomicPtr<Reason>,
    /// What else there is to say; an odd number is twice that of the thread for whose end it waits,
    /// and one.
    detail: AtomicPtr<Detail>,
}

/// What there is to say of a wait besides its reason; lies on the stack of who waits.
#[derive(Debug)]
pub(crate) enum Detail {
    /// For a lock: who holds it, and the `Node` of the wait.
    Lock(*const Holder, *const ()),
    /// For the first of several arms: what they are, as far as there is room, and how many.
    Arms([&'static str; ARMS_AT_MOST], usize),
}

/// Who holds a lock, by his number: noted for reports, after the lock was taken.
#[derive(Debug)]
pub(crate) struct Holder(AtomicU64);

/// How a wait in a line ended, with the payload.
#[derive(Debug)]
#[must_use]
pub(crate) enum Waited<P> {
    /// Somebody granted it, perhaps in the very moment in which the deadline passed.
    Granted(P),
    /// The deadline has passed, and nobody has touched the payload.
    TimedOut(P),
}

/// The particulars of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) what: &'static Reason,
    pub(crate) deadline: Option<Instant>,
    /// For the granter to see: [`List::first_tag`].
    pub(crate) tag: usize,
    /// Before all others: for one who has waited before, and woke up in vain.
    pub(crate) at_front: bool,
    /// Of the lock that is waited for: a report names who holds it, and [`take_back`] finds those
    /// who wait.
    pub(crate) lock: Option<*const Holder>,
}

impl Ask {
    pub(crate) fn new(what: &'static Reason, deadline: Option<Instant>) -> Ask {
        Ask { what, deadline, tag: 0, at_front: false, lock: None }
    }
}

impl Wake for Waiter {
    #[inline]
    fn rouse(&self) -> Option<Waiter> {
        if self.unpark_neighbour() { None } else { Some(self.clone()) }
    }

    #[inline]
    fn wake(self) {
        self.unpark();
    }
}

impl WaitsFor {
    /// Where the reason is, for debuggers.
    pub(super) const REASON_OFFSET: usize = offset_of!(WaitsFor, reason);

    pub(crate) fn new() -> WaitsFor {
        WaitsFor { reason: AtomicPtr::default(), detail: AtomicPtr::default() }
    }

    /// For reports only: it may have changed meanwhile.
    pub(crate) fn get(&self) -> Option<&'static Reason> {
        // SAFETY: only `'static` reasons are stored.
        unsafe { self.reason.load(Ordering::Relaxed).as_ref() }
    }

    /// The number of the thread for whose end it waits. For reports only.
    pub(crate) fn thread(&self) -> Option<u64> {
        let word = self.detail.load(Ordering::Relaxed).addr();
        (word & 1 == 1).then_some((word >> 1) as u64)
    }

    /// What else there is to say.
    ///
    /// # Safety
    ///
    /// The green thread is held (`life` invariant 5) for as long as what is returned is used.
    pub(super) unsafe fn detail(&self) -> Option<&Detail> {
        let detail = self.detail.load(Ordering::Relaxed);
        if detail.addr() & 1 == 1 {
            return None;
        }
        // SAFETY: it is cleared before it goes, by the green thread, which is held.
        unsafe { detail.as_ref() }
    }

    #[inline]
    fn set(&self, reason: Option<&'static Reason>) {
        let reason = reason.map_or(ptr::null(), ptr::from_ref);
        self.reason.store(reason.cast_mut(), Ordering::Relaxed);
    }
}

/// Notes for reports what the calling green thread waits for, until this is dropped.
pub(crate) struct WaitingFor(());

impl WaitingFor {
    #[inline]
    pub(crate) fn new(reason: &'static Reason) -> WaitingFor {
        note(Some(reason));
        WaitingFor(())
    }

    /// [`new`](WaitingFor::new) for the wait for the end of a thread, by its number.
    pub(crate) fn end_of(thread: u64, reason: &'static Reason) -> EndOf {
        // Numbers count up from 1, and end before they have no room here.
        set_detail(ptr::without_provenance((thread as usize) << 1 | 1));
        EndOf(WaitingFor::new(reason))
    }
}

impl Drop for WaitingFor {
    #[inline]
    fn drop(&mut self) {
        note(None);
    }
}

/// A [`WaitingFor`] that names a thread.
pub(crate) struct EndOf(WaitingFor);

impl Drop for EndOf {
    fn drop(&mut self) {
        // The reason goes right after, with the field.
        set_detail(ptr::null());
    }
}

/// Has the calling green thread's next wait say more for reports, until this is dropped.
pub(crate) struct Detailed<'d>(PhantomData<&'d Detail>);

impl<'d> Detailed<'d> {
    pub(crate) fn new(detail: &'d Detail) -> Detailed<'d> {
        set_detail(detail);
        Detailed(PhantomData)
    }
}

impl Drop for Detailed<'_> {
    fn drop(&mut self) {
        set_detail(ptr::null());
    }
}

fn set_detail(detail: *const Detail) {
    if let Some((_, fiber)) = Worker::on_fiber() {
        // SAFETY: the calling fiber runs.
        unsafe { fiber.as_ref() }.waits_for.detail.store(detail.cast_mut(), Ordering::Relaxed);
    }
}

impl Holder {
    pub(crate) const fn new() -> Holder {
        Holder(AtomicU64::new(0))
    }

    /// Notes the calling thread; none if it is an OS thread that has no number yet.
    #[inline]
    pub(crate) fn note(&self) {
        let number = match Worker::on_fiber() {
            // SAFETY: the calling fiber runs.
            Some((_, fiber)) => unsafe { fiber.as_ref() }.id,
            None => OsThread::known_number(),
        };
        self.0.store(number, Ordering::Relaxed);
    }

    /// For a lock that may be taken in a way that nobody notes: before it is given up.
    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The number of who took the lock last, while it is taken.
    pub(super) fn number(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&number| number != 0)
    }
}

#[inline]
fn note(reason: Option<&'static Reason>) {
    if let Some((_, fiber)) = Worker::on_fiber() {
        // SAFETY: the calling fiber runs.
        unsafe { fiber.as_ref() }.waits_for.set(reason);
    }
}

/// Calls `grant` on what is behind `lock`, which the caller has locked by `guard`, until it grants
/// nothing more; wakes those who were granted something, outside of the lock. Between two handfuls
/// of them others get at the lock.
pub(crate) fn grant_each<'l, S>(
    lock: &'l Mutex<S>,
    mut guard: MutexGuard<'l, S>,
    mut grant: impl FnMut(&mut S) -> Option<Wakeup>,
) {
    loop {
        let mut wakeups = [const { None }; GRANTS_AT_ONCE];
        for place in &mut wakeups {
            *place = grant(&mut guard);
            if place.is_none() {
                drop(guard);
                return;
            }
        }
        drop(guard);
        drop(wakeups);
        guard = lock.lock();
    }
}

/// Whether the calling green thread keeps its worker while it waits (`wait` invariant 2), so that
/// its neighbours cannot run.
pub(crate) fn keeps_its_worker() -> bool {
    // SAFETY: the calling fiber runs.
    Worker::on_fiber().is_some_and(|(_, fiber)| !unsafe { fiber.as_ref() }.may_switch())
}

/// Takes back what `lock` was granted to neighbours of the calling green thread, whose list the
/// caller has locked: none of them has run since, nor will while the caller
/// [keeps the worker](keeps_its_worker), so he would wait for ever for what they will never use.
/// They wait again, before all others. Calls `take` with what each was granted.
///
/// # Safety
///
/// All who wait with this `lock` in their [`Ask`] do so in this list.
pub(crate) unsafe fn take_back<P>(
    list: &mut Line<P>,
    lock: *const Holder,
    mut take: impl FnMut(&P),
) {
    let Some((worker, _)) = Worker::on_fiber() else { return };
    let mut take_from = |fiber: &Header| {
        // SAFETY: fibers that live here do not run now, as if they were held.
        if let Some(&Detail::Lock(holder, node)) = unsafe { fiber.waits_for.detail() }
            && ptr::eq(holder, lock)
        {
            // SAFETY: as for the detail, which lies beside the node; it is of this list.
            unsafe { list.relink_granted(&*node.cast(), &mut take) };
        }
    };
    worker.with_fibers(|fibers| fibers.iter().for_each(|fiber| take_from(fiber.header())));
}

/// Blocks the calling thread, of either kind, in a line of the primitive behind `lock`, which it
/// has locked by `guard` and found without what it needs.
///
/// `line` names the same line each time that it is called, and neither panics nor locks.
///
/// A kill, and a timeout scope that expires, end the wait by unwinding; the payload is dropped
/// then. They do not if the caller unwinds already: whoever waits in a destructor waits as on a
/// plain thread. A grant wins over both, and over the deadline. A primitive that hands out permits
/// which nobody would give back has to look at [`limits::is_to_end`] after a grant.
#[inline]
pub(crate) fn wait<S, P>(
    lock: &Mutex<S>,
    mut guard: MutexGuard<'_, S>,
    line: impl Fn(&mut S) -> &mut Line<P>,
    payload: P,
    ask: Ask,
) -> Waited<P> {
    // SAFETY: the calling thread outlives this call, and the ticket, which is not dropped either,
    // does not give a reference back. Granters make their own (`wait_list` invariant 3).
    let waiter = ManuallyDrop::into_inner(unsafe { Waiter::borrow_current() });
    let ticket = ManuallyDrop::new(Ticket::unshared(waiter));
    // SAFETY: the ticket is declared first, so it outlives the node.
    let node = unsafe { Node::new(&ticket, 0, ask.tag, payload) };
    let detail = ask.lock.map(|holder| Detail::Lock(holder, (&raw const node).cast()));
    let _detailed = detail.as_ref().map(Detailed::new);
    // SAFETY: this function does not end, nor unwind, before the node was granted or is unlinked.
    unsafe { line(&mut guard).link(&node, ask.at_front) };
    drop(guard);
    let outcome = {
        let _waiting = WaitingFor::new(ask.what);
        loop {
            let outcome = if thread::panicking() {
                park::park_shielded(ask.deadline)
            } else {
                park::park_until(ask.deadline)
            };
            if ticket.granted().is_some() {
                return Waited::Granted(node.into_payload());
            }
            if outcome != Outcome::Woken {
                break outcome;
            }
        }
    };
    // SAFETY: it was linked there, as `line` promises.
    let is_in_vain = unsafe { line(&mut lock.lock()).withdraw(&node) };
    let payload = node.into_payload();
    match outcome {
        _ if !is_in_vain => Waited::Granted(payload),
        Outcome::Killed => {
            drop(payload);
            limits::unwind()
        }
        Outcome::TimedOut | Outcome::Woken => Waited::TimedOut(payload),
    }
}

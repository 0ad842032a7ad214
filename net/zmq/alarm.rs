//! Who waits for a socket, and how he is told that another thread has seen what he waits for.
//!
//! libzmq's descriptor tells of news once, to whoever looks first. A call that somebody else makes
//! on the socket meanwhile takes the news in, and the waiter's reactor, or `poll(2)`, never sees
//! them. So each waiter leaves a way to be called, and each call ends by a look at who is
//! concerned.

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenstd_runtime::fd::Fd;
use greenstd_runtime::park::Unparker;
use greenstd_runtime::poller::PollFlags;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

/// A way to have somebody look again.
pub(super) enum Alarm {
    /// A green thread that is parked, or about to be.
    Parked(Unparker),
    /// A thread of either kind whose wait is for several things: it asks why it was woken.
    Arm(Unparker, Arc<AtomicBool>),
    /// A thread of either kind that waits for descriptors, this one among them.
    Bell(Arc<Fd>),
}

/// Somebody who waits, with the number by which he is found again.
pub(super) struct Waiter {
    pub(super) number: u64,
    pub(super) interest: PollFlags,
    pub(super) alarm: Alarm,
}

impl Alarm {
    pub(super) fn ring(self) {
        match self {
            Alarm::Parked(unparker) => unparker.unpark(),
            Alarm::Arm(unparker, is_called) => {
                // Release pairs with `Acquire` in the arm: what was seen before the call is seen.
                is_called.store(true, Ordering::Release);
                unparker.unpark();
            }
            Alarm::Bell(bell) => {
                // It cannot be full: one ring for each time that its owner has silenced it, or few.
                let _ = rustix::io::write(&*bell, &1_u64.to_ne_bytes());
            }
        }
    }
}

/// Makes a descriptor that is readable once it was rung.
pub(super) fn bell() -> io::Result<Arc<Fd>> {
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    Ok(Arc::new(Fd::new(bell)))
}

/// The bell of the calling OS thread, which waits for one thing at a time.
pub(super) fn own_bell() -> io::Result<Arc<Fd>> {
    thread_local! {
        static OWN: OnceCell<Arc<Fd>> = const { OnceCell::new() };
    }
    let own = OWN.try_with(|own| match own.get() {
        Some(bell) => Ok(Arc::clone(bell)),
        None => bell().map(|bell| Arc::clone(own.get_or_init(|| bell))),
    });
    // While the thread's values are dropped, it makes another.
    own.unwrap_or_else(|_| bell())
}

/// Forgets that the bell was rung.
pub(super) fn silence(bell: &Fd) {
    let mut count = [0; 8];
    while rustix::io::read(bell, &mut count) == Err(Errno::INTR) {}
}

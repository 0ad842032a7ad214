//! What a `Signals` shares with its handles.
//!
//! # Invariants
//!
//! 1. Who has silenced the bell and leaves something behind, be it signals or the end, rings it
//!    again: the bell may have been for another thread, which sleeps until it rings.
//! 2. What was heard before the end is given away first, as by a channel without senders.

use super::signals::{Process, SignalInfo};
use crate::engine::{Caught, Heard, Sender};
use crate::fd::{Fd, Interest};
use crate::park::Mutex;
use crate::thread::Killed;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Shared {
    heard: Arc<Heard>,
    bell: Fd,
    is_closed: AtomicBool,
    /// By signal. `None` once closed.
    caught: Mutex<Option<BTreeMap<c_int, Caught>>>,
}

/// What there is to be given away: `Err` for the end.
pub(super) type Found = Result<SignalInfo, Closed>;

/// Nothing will be heard any more, and all that was heard is given away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed;

impl Shared {
    pub(super) fn new() -> io::Result<Shared> {
        let heard = Arc::new(Heard::new()?);
        let bell = Fd::new(heard.as_fd().try_clone_to_owned()?);
        let caught = Mutex::new(Some(BTreeMap::new()));
        Ok(Shared { heard, bell, is_closed: AtomicBool::new(false), caught })
    }

    pub(super) fn add_signal(&self, signal: c_int) -> io::Result<()> {
        let mut caught = self.caught.lock();
        let Some(caught) = &mut *caught else {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the signals are closed"));
        };
        if let Entry::Vacant(vacant) = caught.entry(signal) {
            vacant.insert(Caught::tell(signal, &self.heard)?);
        }
        Ok(())
    }

    pub(super) fn close(&self) {
        // First, so that all is heard that ever will be when the end is seen.
        drop(self.caught.lock().take());
        // Release pairs with the load in `look`.
        self.is_closed.store(true, Ordering::Release);
        self.heard.ring();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn signals(&self) -> Vec<c_int> {
        self.caught.lock().iter().flat_map(BTreeMap::keys).copied().collect()
    }

    /// Readable when there may be something. Not the number on which `wait` waits: a reactor takes
    /// each but once.
    pub(super) fn bell_for_selects(&self) -> &impl AsFd {
        &*self.heard
    }

    /// Takes what is there. Makes no system call.
    pub(super) fn look(&self) -> Option<Found> {
        // Before the signals are looked at: then none can come after them.
        let is_closed = self.is_closed();
        match self.heard.take() {
            Some((signal, sender)) => {
                let process = sender.map(|Sender { pid, uid }| Process { pid, uid });
                Some(Ok(SignalInfo { signal, process }))
            }
            None => is_closed.then_some(Err(Closed)),
        }
    }

    /// [`look`](Shared::look), and if there is nothing the bell is silent until something comes.
    pub(super) fn look_before_sleep(&self) -> Option<Found> {
        self.look().or_else(|| self.look_in_silence())
    }

    fn look_in_silence(&self) -> Option<Found> {
        self.heard.silence();
        let found = self.look();
        // Invariant 1.
        if found.is_some() && (self.heard.has_pending() || self.is_closed()) {
            self.heard.ring();
        }
        found
    }

    /// Blocks the calling thread until there is something. `None` once `deadline` has passed, or if
    /// the caller was killed and unwinds already.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Option<Found> {
        let call = || self.look_before_sleep().ok_or_else(|| io::ErrorKind::WouldBlock.into());
        match self.bell.retry(Interest::Read, deadline, call) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) if error.get_ref().is_some_and(|inner| inner.is::<Killed>()) => None,
            Err(error) => refused(&error),
        }
    }
}

/// Waits promise to panic then: it is the limit of a system that is at its end.
#[cold]
pub(super) fn refused(error: &io::Error) -> ! {
    panic!("the system does not let us wait for signals: {error}")
}

#[cfg(test)]
mod tests {
    use super::Shared;
    use crate::readiness::wait_readable;
    use signal_hook::consts::{SIGURG, SIGWINCH};
    use signal_hook::low_level::raise;
    use std::time::Instant;

    fn is_ringing(shared: &Shared) -> bool {
        wait_readable(shared.bell_for_selects(), Some(Instant::now())).is_ok()
    }

    /// Both are harmless to the other tests of this process: they are ignored by default.
    #[test]
    fn who_silences_the_bell_rings_for_what_is_left() {
        let shared = Shared::new().expect("there are descriptors");
        for signal in [SIGURG, SIGWINCH] {
            shared.add_signal(signal).expect("it can be caught");
            raise(signal).expect("it is a signal");
        }
        // As if both had come after the first look.
        assert!(matches!(shared.look_in_silence(), Some(Ok(_))));
        assert!(is_ringing(&shared));
        assert!(matches!(shared.look_in_silence(), Some(Ok(_))));
        assert!(!is_ringing(&shared));
        assert!(shared.look_in_silence().is_none());
        shared.close();
        for _ in 0..2 {
            assert!(matches!(shared.look_in_silence(), Some(Err(_))));
            assert!(is_ringing(&shared));
        }
    }
}

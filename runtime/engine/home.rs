//! The runtime of a green thread, for whoever acts on its behalf elsewhere: an OS thread that runs
//! a job for it, and may have to call back.

use super::fiber::Lane;
use super::handles::JoinHandle;
use super::killed::Killed;
use super::shared::Shared;
use super::spawn::{self, Options, Target};
use super::worker::Worker;
use std::io;
use std::panic::Location;
use std::sync::{Arc, Weak};

/// The runtime of a green thread. Does not keep it from ending.
#[derive(Clone, Debug)]
pub(crate) struct Home(Weak<Shared>);

impl Home {
    /// That of the calling green thread; none of an OS thread.
    #[inline]
    pub(crate) fn current() -> Option<Home> {
        Worker::on_fiber().map(|(worker, _)| Home(Arc::downgrade(worker.shared())))
    }

    /// Spawns a green thread there, from a thread of either kind.
    ///
    /// # Errors
    ///
    /// As `spawn::spawn`, and one that holds [`Killed`] if the runtime has ended.
    pub(crate) fn spawn<F, T>(
        &self,
        site: &'static Location<'static>,
        closure: F,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = self.0.upgrade().ok_or_else(|| io::Error::other(Killed::new()))?;
        let target = Target::Runtime(&shared);
        // SAFETY: everything is `Send` and borrows nothing.
        let join =
            unsafe { spawn::spawn(target, Lane::Pinned, Options::default(), site, closure)? };
        Ok(JoinHandle::new(join))
    }
}

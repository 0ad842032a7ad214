//! What a holder has of a resource.

use super::lease::{Fate, Lease};
use super::manage::Manage;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::thread;

/// What a guard says whose resource is gone.
const GONE: &str = "the resource of this guard was lost to a panic or a kill in `run`";

/// A resource that is lent out: gives it back when it is dropped.
///
/// It is not given back but dropped, and its place is free for a new one, by
/// [`discard`](ResourceGuard::discard), if the holder unwinds because it panics or was killed, and
/// if the [manager](Manage::condition) says that it is broken.
///
/// To call a method that blocks, use [`run`](ResourceGuard::run): through the guard itself it would
/// block the worker of a green thread.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::resource::ResourcePool;
/// use std::fs::File;
/// use std::io::{self, Read, Seek, SeekFrom};
///
/// let pool = ResourcePool::new(2, || File::open("/proc/uptime"));
/// let mut file = pool.get()?;
/// let start = file.run(|file| file.stream_position())?;
/// assert_eq!(start, 0);
/// let uptime = file.run(|file| -> io::Result<String> {
///     file.seek(SeekFrom::Start(0))?;
///     let mut text = String::new();
///     file.read_to_string(&mut text)?;
///     Ok(text)
/// })?;
/// assert!(uptime.contains('.'));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the resource goes back at once if this is not kept"]
pub struct ResourceGuard<M: Manage> {
    /// None after a call that has not come back.
    lease: Option<Lease<M>>,
    began_panicking: bool,
}

impl<M: Manage> ResourceGuard<M> {
    /// Of a lease that has a resource.
    pub(super) fn new(lease: Lease<M>) -> ResourceGuard<M> {
        ResourceGuard { lease: Some(lease), began_panicking: thread::panicking() }
    }

    /// Calls `f` with the resource on a thread of the pool's
    /// [`BlockingPool`](crate::blocking::BlockingPool), and parks the calling green thread, or
    /// blocks the calling OS thread, until it has returned. In a pool that works
    /// [`in_place`](super::Builder::in_place), `f` is simply called.
    ///
    /// If the caller is killed, or its timeout scope expires, it unwinds here. An `f` that runs
    /// goes on to its end, holding the resource; that is dropped then.
    ///
    /// # Panics
    ///
    /// With the panic of `f`; the resource is dropped then. As
    /// [`BlockingPool::run`](crate::blocking::BlockingPool::run), and if an earlier call has
    /// panicked.
    #[track_caller]
    pub fn run<F, T>(&mut self, f: F) -> T
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (lease, value) = self.take().run(Fate::Discard, f);
        self.lease = Some(lease);
        value
    }

    /// Has the resource dropped, instead of giving it back: for who knows that it is not good any
    /// more. Its place is free for another one afterwards. Does not wait for that.
    pub fn discard(mut self) {
        if let Some(lease) = self.lease.take() {
            lease.discard();
        }
    }

    /// The lease, for a use that the guard does not survive unless it puts one back.
    #[track_caller]
    fn take(&mut self) -> Lease<M> {
        self.lease.take().expect(GONE)
    }
}

/// # Panics
///
/// If a [`run`](ResourceGuard::run) has panicked.
impl<M: Manage> Deref for ResourceGuard<M> {
    type Target = M::Resource;

    fn deref(&self) -> &M::Resource {
        self.lease.as_ref().and_then(Lease::resource).expect(GONE)
    }
}

/// # Panics
///
/// If a [`run`](ResourceGuard::run) has panicked.
impl<M: Manage> DerefMut for ResourceGuard<M> {
    fn deref_mut(&mut self) -> &mut M::Resource {
        self.lease.as_mut().and_then(Lease::resource_mut).expect(GONE)
    }
}

impl<M: Manage> Drop for ResourceGuard<M> {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        // As for poison: an unwinding that began before the loan does not count.
        if thread::panicking() && !self.began_panicking {
            lease.discard();
        }
    }
}

impl<M: Manage> fmt::Debug for ResourceGuard<M>
where
    M::Resource: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.lease.as_ref().and_then(Lease::resource);
        f.debug_struct("ResourceGuard").field("resource", &resource).finish()
    }
}

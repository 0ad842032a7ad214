//! The one way in which green threads come into being.

use super::bindings::Bindings;
use super::coarse;
use super::fiber::{Birth, FiberRef, Header, Lane};
use super::fork;
use super::handle::Join;
use super::killed::Killed;
use super::own::ThreadLocals;
use super::runtime;
use super::shared::{self, Runnable, Shared};
use super::spans::{Choice as SpanChoice, Spanned};
use super::stack::SizeClass;
use super::worker::Worker;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

/// What a spawner may choose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    /// In bytes; the runtime's default if absent.
    pub(crate) stack_size: Option<usize>,
    /// At once if absent.
    pub(crate) starts_at: Option<Instant>,
    /// As the runtime says if absent.
    pub(crate) thread_locals: Option<ThreadLocals>,
    pub(crate) span: SpanChoice,
}

/// Where a green thread is to live.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// In the caller's runtime; from a plain OS thread, in the global one.
    Here,
    /// In that one.
    Runtime(&'a Arc<Shared>),
}

/// Spawns a green thread that shares nothing with its spawner.
///
/// # Errors
///
/// As [`spawn`].
pub(crate) fn spawn_static<F, T>(
    options: Options,
    site: &'static Location<'static>,
    closure: F,
) -> io::Result<Join<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: everything is `Send` and borrows nothing.
    unsafe { spawn(Target::Here, Lane::Pinned, options, site, closure) }
}

/// Spawns a green thread on the calling worker, which it never leaves. The caller keeps the handle
/// on its own thread.
///
/// # Errors
///
/// `Unsupported` on a thread that is not green, and on one with its own thread-locals; else
/// `InvalidInput` if it is to have its own itself; else as [`spawn`].
///
/// # Safety
///
/// The handle stays on the calling thread if `T` is not `Send`.
pub(crate) unsafe fn spawn_local<F, T>(
    options: Options,
    site: &'static Location<'static>,
    closure: F,
) -> io::Result<Join<T>>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    let refuse = |kind, text| Err(io::Error::new(kind, text));
    // SAFETY: the calling fiber runs.
    match Worker::on_fiber().map(|(_, fiber)| unsafe { fiber.as_ref() }.lane) {
        Some(Lane::Pinned | Lane::Local) => {}
        Some(Lane::Free) => {
            // What the two share may be bound to one thread, and they would be on two.
            let text = "spawn_local was called on a green thread with its own thread-locals, \
                        which may go on on another worker";
            return refuse(io::ErrorKind::Unsupported, text);
        }
        None => {
            let text = "spawn_local was called outside of a green thread";
            return refuse(io::ErrorKind::Unsupported, text);
        }
    }
    if options.thread_locals == Some(ThreadLocals::Own) {
        let text = "a local green thread shares its spawner's thread-locals";
        return refuse(io::ErrorKind::InvalidInput, text);
    }
    // SAFETY: nothing is borrowed, and the lane is `Local`.
    unsafe { spawn(Target::Here, Lane::Local, options, site, closure) }
}

/// Spawns a green thread. On the `Pinned` lane it goes to the free one if it is to have its own
/// thread-locals.
///
/// # Errors
///
/// `WouldBlock` at the limit on live green threads, `InvalidInput` for a stack above 1 GiB,
/// the error of `mmap` or `mprotect` if there is no stack to be had, and, for the global runtime,
/// whatever kept it from starting. Those of `fork::check`, and, if it is to have its own
/// thread-locals, of `ThreadLocals::check`.
///
/// # Safety
///
/// As `FiberRef::new`; a `Local` lane needs `Target::Here` on a worker.
pub(crate) unsafe fn spawn<F, T>(
    target: Target<'_>,
    lane: Lane,
    options: Options,
    site: &'static Location<'static>,
    closure: F,
) -> io::Result<Join<T>>
where
    F: FnOnce() -> T,
{
    fork::check()?;
    let worker = Worker::current().filter(|worker| match target {
        Target::Here => true,
        Target::Runtime(shared) => Arc::ptr_eq(worker.shared(), shared),
    });
    let shared = match (worker, target) {
        (Some(worker), _) => worker.shared(),
        (None, Target::Runtime(shared)) => shared,
        (None, Target::Here) => runtime::global()?,
    };
    let stack_class = match options.stack_size {
        Some(bytes) => SizeClass::for_bytes(bytes)?,
        None => shared.default_class,
    };
    let lane = match (lane, options.thread_locals) {
        (Lane::Pinned, None) => {
            shared.thread_locals.unwrap_or_else(ThreadLocals::default_of_process).lane()
        }
        (Lane::Pinned, Some(chosen)) => {
            chosen.check()?;
            chosen.lane()
        }
        (lane, _) => lane,
    };
    let Options { name, starts_at, span, .. } = options;
    let name = name.map(String::into_boxed_str);
    let (parent, since) = match Worker::current() {
        Some(worker) => {
            // SAFETY: it runs, so its home's list holds a reference.
            let parent = worker.pulse.fiber().map_or(0, |fiber| unsafe { fiber.as_ref() }.id);
            (parent, worker.pulse.time())
        }
        None => (0, coarse::now()),
    };
    let id = worker.map_or_else(shared::next_id, Worker::next_id);
    let spanned = Spanned::new(span, shared.in_spans, id, name.as_deref(), site);
    let bindings = Bindings::inherit();
    // Once there is nothing left to panic, as a subscriber may that makes the span.
    match worker {
        Some(worker) => worker.take_place(stack_class)?,
        None => shared.take_place_outside(stack_class)?,
    }
    // Put together where it is needed, after the last error: it is not copied then.
    let birth = Birth { lane, stack_class, id, parent, since, site, name, bindings, spanned };
    // SAFETY: passed on.
    let (task, fiber) = unsafe { FiberRef::new(birth, starts_at, closure) };
    match worker {
        Some(worker) => worker.take_in(task, lane),
        None => shared.inject(Runnable(task)),
    }
    // SAFETY: the only handle, of the type that the green thread was made with.
    Ok(unsafe { Join::new(fiber) })
}

/// A green thread that has no runtime to live in, because that has ended: it ends unstarted.
pub(super) fn spawn_discarded<F, T>(site: &'static Location<'static>, closure: F) -> Join<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let birth = Birth {
        spanned: Spanned::default(),
        lane: Lane::Pinned,
        stack_class: SizeClass::DEFAULT,
        id: shared::next_id(),
        parent: 0,
        since: coarse::now(),
        site,
        name: None,
        bindings: Bindings::inherit(),
    };
    // SAFETY: everything is `Send` and borrows nothing; unstarted, and in no queue, so its stage
    // and the queue's reference are ours; the only handle, of the type that it was made with.
    unsafe {
        let (task, handle) = FiberRef::new(birth, None, closure);
        Header::discard(task, Box::new(Killed::new()));
        shared::finish(FiberRef::from_raw(task));
        Join::new(handle)
    }
}

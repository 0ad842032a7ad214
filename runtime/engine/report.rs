//! The news of panics: the error hook, which hears of each, and the report of those that nobody
//! will see, each exactly once, with the green thread's name.

use super::atomic::Mutex;
use super::ending::Ended;
use super::fiber::FiberRef;
use super::killed::Killed;
use super::limits;
use std::any::Any;
use std::io::{self, Write as _};
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

/// What is called for each green thread that ends by a panic: see
/// [`set_error_hook`](crate::thread::set_error_hook).
pub type ErrorHook = Arc<dyn Fn(&Ended) + Send + Sync>;

static ERROR_HOOK: Mutex<Option<ErrorHook>> = Mutex::new(None);

/// Has `hook` called for each green thread of this process that ends by a panic, in place of the
/// hook before.
///
/// It is called once for each, joined or not, on the green thread that ends, before anybody who
/// waits for it is woken; on the worker itself for one that could not be given a stack. A kill is
/// no panic. The hook may block, which delays that end alone; neither a kill nor a timeout ends its
/// waits. If it panics itself, that is reported, and changes nothing for anybody else.
///
/// The panic hook of std is called first, where the panic happens; this one when it has reached
/// the first frame. As the hub's `handle_error` of gevent.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// static PANICS: AtomicUsize = AtomicUsize::new(0);
///
/// thread::set_error_hook(|_ended| {
///     PANICS.fetch_add(1, Ordering::Relaxed);
/// });
/// assert!(thread::spawn(|| panic!("on purpose")).join().is_err());
/// assert_eq!(PANICS.load(Ordering::Relaxed), 1);
/// ```
pub fn set_error_hook(hook: impl Fn(&Ended) + Send + Sync + 'static) {
    let before = ERROR_HOOK.lock().replace(Arc::new(hook));
    // The user's closure is dropped outside of the lock.
    drop(before);
}

/// Takes the error hook back; there is none then, as in the beginning.
pub fn take_error_hook() -> Option<ErrorHook> {
    ERROR_HOOK.lock().take()
}

/// Tells the error hook. It runs shielded: a green thread that was killed, and then panicked while
/// it cleaned up, is to be heard as well.
#[cold]
pub(super) fn call_error_hook(ended: &Ended) {
    let hook = ERROR_HOOK.lock().clone();
    let Some(hook) = hook else { return };
    let called = panic::catch_unwind(AssertUnwindSafe(|| limits::shield(|| hook(ended))));
    let dropped = panic::catch_unwind(AssertUnwindSafe(move || drop(hook)));
    for payload in [called.err(), dropped.err()].into_iter().flatten() {
        report_and_drop(payload, "error hook", ended.site());
    }
}

/// Drops the outcome of a green thread that nobody joins, and reports it if it was a panic.
///
/// The caller owns the outcome (`life` invariant 4).
pub(crate) fn drop_unclaimed(fiber: &FiberRef) {
    // SAFETY: passed on from the caller, who learnt from the life state that it is the owner.
    let Some(payload) = (unsafe { fiber.drop_outcome() }) else { return };
    let header = fiber.header();
    report_and_drop(payload, header.name().unwrap_or("<unnamed>"), header.site);
}

/// Reports a panic, unless it is a kill, and drops its payload.
pub(super) fn report_and_drop(
    payload: Box<dyn Any + Send>,
    name: &str,
    site: &'static Location<'static>,
) {
    report_with(payload, |message| report(name, site, message));
}

/// Reports the panic of a job that a pool of OS threads has run and nobody waits for, unless it is
/// a kill that was passed on, and drops its payload.
#[cold]
pub(crate) fn report_job(
    payload: Box<dyn Any + Send>,
    pool: &str,
    site: &'static Location<'static>,
) {
    report_with(payload, |message| {
        if has_no_subscriber() {
            let _ = writeln!(
                io::stderr(),
                "a job of the pool '{pool}' (submitted at {site}) panicked and nobody waited for \
                 it: {message}"
            );
        } else {
            tracing::error!(
                pool,
                submitted_at = %site,
                "job panicked and nobody waited for it: {message}"
            );
        }
    });
}

/// Reports the panic of a waker that the runtime has called, and drops its payload.
#[cold]
pub(super) fn report_waker(payload: Box<dyn Any + Send>) {
    report_with(payload, |message| {
        if has_no_subscriber() {
            let _ = writeln!(io::stderr(), "the waker of a future panicked: {message}");
        } else {
            tracing::error!("the waker of a future panicked: {message}");
        }
    });
}

fn report_with(payload: Box<dyn Any + Send>, report: impl FnOnce(&str)) {
    if payload.is::<Killed>() {
        return;
    }
    // Neither a subscriber that panics nor the destructor of a payload that does may take the
    // worker down on which this runs.
    let reported = panic::catch_unwind(AssertUnwindSafe(|| report(message(&*payload))));
    mem::forget(reported);
    let dropped = panic::catch_unwind(AssertUnwindSafe(move || drop(payload)));
    mem::forget(dropped);
}

fn report(name: &str, site: &Location<'_>, message: &str) {
    if has_no_subscriber() {
        // Unlike `eprintln`, this does not panic if nobody can be told.
        let _ = writeln!(
            io::stderr(),
            "green thread '{name}' (spawned at {site}) panicked and nobody joined it: {message}"
        );
    } else {
        tracing::error!(
            name,
            spawned_at = %site,
            "green thread panicked and nobody joined it: {message}"
        );
    }
}

/// Whether a report has to go to stderr, or nobody would see it.
pub(crate) fn has_no_subscriber() -> bool {
    // Asked of this thread: `has_been_set` is also true if another one has a subscriber.
    dispatcher::get_default(|subscriber| subscriber.is::<NoSubscriber>())
}

/// The text of a panic, if it has one.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "Box<dyn Any>"
    }
}

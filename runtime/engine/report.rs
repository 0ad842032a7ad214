//! The report of a panic that nobody will see: each exactly once, with the green thread's name.

use super::fiber::{FiberRef, Header};
use super::killed::Killed;
use std::any::Any;
use std::io::{self, Write as _};
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

/// Drops the outcome of a green thread that nobody joins, and reports it if it was a panic.
///
/// The caller owns the outcome (`life` invariant 4).
pub(crate) fn drop_unclaimed(fiber: &FiberRef) {
    // SAFETY: passed on from the caller, who learnt from the life state that it is the owner.
    let Some(payload) = (unsafe { fiber.drop_outcome() }) else { return };
    if payload.is::<Killed>() {
        return;
    }
    // Neither a subscriber that panics nor the destructor of a payload that does may take the
    // worker down on which this runs.
    let reported = panic::catch_unwind(AssertUnwindSafe(|| report(fiber.header(), &*payload)));
    mem::forget(reported);
    let dropped = panic::catch_unwind(AssertUnwindSafe(move || drop(payload)));
    mem::forget(dropped);
}

fn report(header: &Header, payload: &(dyn Any + Send)) {
    let (name, site) = (header.name().unwrap_or("<unnamed>"), header.site);
    let message = message(payload);
    // Asked of this thread: `has_been_set` is also true if another one has a subscriber.
    if dispatcher::get_default(|subscriber| subscriber.is::<NoSubscriber>()) {
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

/// The text of a panic, if it has one.
fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "Box<dyn Any>"
    }
}

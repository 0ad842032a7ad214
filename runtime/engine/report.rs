//! The report of a panic that nobody will see: each exactly once, with the green thread's name.

use super::fiber::FiberRef;
use super::killed::Killed;
use std::any::Any;

/// Drops the outcome of a green thread that nobody joins, and reports it if it was a panic.
///
/// The caller owns the outcome (`life` invariant 4).
pub(crate) fn drop_unclaimed(fiber: &FiberRef) {
    // SAFETY: passed on from the caller, who learnt from the life state that it is the owner.
    let Some(payload) = (unsafe { fiber.drop_outcome() }) else { return };
    if payload.is::<Killed>() {
        return;
    }
    let header = fiber.header();
    let (name, site) = (header.name().unwrap_or("<unnamed>"), header.site);
    let message = message(&*payload);
    if tracing::dispatcher::has_been_set() {
        tracing::error!(
            name,
            spawned_at = %site,
            "green thread panicked and nobody joined it: {message}"
        );
    } else {
        eprintln!(
            "green thread '{name}' (spawned at {site}) panicked and nobody joined it: {message}"
        );
    }
    // A payload may have a destructor that panics, and this runs on a worker.
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(payload)));
    std::mem::forget(dropped);
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

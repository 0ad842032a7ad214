//! The OS thread of a worker: what is around its loop, and what is said of it when it dies.

use super::reactor::Reactor;
use super::shared::{Runnable, Shared};
use super::stack::LocalCache;
use super::stack::alternate::AlternateStack;
use super::stack::message::Message;
use super::worker::Worker;
use crossbeam_deque::Worker as Deque;
use std::process;
use std::sync::Arc;
use std::thread;

/// The life of a worker, on its OS thread.
pub(super) fn serve(
    shared: Arc<Shared>,
    index: usize,
    deque: Deque<Runnable>,
    reactor: Reactor,
    stacks: LocalCache,
) {
    let _abort = AbortOnPanic;
    // Without it an overflow still ends the process, only without a message.
    let _alternate_stack = AlternateStack::ensure();
    Worker::new(shared, index, deque, reactor, stacks).run();
}

/// A panic in the loop itself is a bug that leaves fibers on a stack that nobody can resume.
pub(super) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("greenstd: a worker has panicked outside of any green thread");
            process::abort();
        }
    }
}

/// Names the running green thread. In a signal handler: no allocation, no lock.
pub(super) fn describe_current(message: &mut Message) {
    let Some((_, fiber)) = Worker::on_fiber() else {
        return message.push_str("a worker's own code");
    };
    // SAFETY: it runs, so it is alive.
    let header = unsafe { fiber.as_ref() };
    message.push_str("green thread '");
    message.push_str(header.name().unwrap_or("<unnamed>"));
    message.push_str("' (spawned at ");
    message.push_str(header.site.file());
    message.push_str(":");
    message.push_number(header.site.line() as usize);
    message.push_str(")");
}

//! The news that all threads of a pool wait for green code while jobs wait for them.

use super::crew::Crew;
use crate::engine::has_no_subscriber;
use std::io::{self, Write as _};
use std::mem;
use std::panic::{self, AssertUnwindSafe};

/// Says that all threads wait, and that spare ones are being started.
#[cold]
pub(super) fn report(crew: &Crew) {
    say(
        crew,
        "every thread of the pool waits in call_from_thread while other jobs are queued: those \
         green threads may be waiting for this very pool. Starting spare threads",
    );
}

/// Says that the spare threads wait, too.
#[cold]
pub(super) fn report_stuck(crew: &Crew) {
    say(
        crew,
        "every thread of the pool waits in call_from_thread, the spare ones too, while other jobs \
         are queued: no more are started, so these jobs wait until a call returns",
    );
}

fn say(crew: &Crew, news: &str) {
    let (threads, queued) = {
        let state = crew.state.lock();
        (state.threads, state.queue.len())
    };
    let pool = &*crew.name;
    let tell = || {
        if has_no_subscriber() {
            // Unlike `eprintln`, this does not panic if nobody can be told.
            let _ = writeln!(
                io::stderr(),
                "pile-up in the blocking pool '{pool}' ({threads} threads, {queued} jobs queued): \
                 {news}"
            );
        } else {
            tracing::error!(pool, threads, queued, "pile-up in a blocking pool: {news}");
        }
    };
    // A subscriber that panics may not keep a thread from being started that was counted.
    mem::forget(panic::catch_unwind(AssertUnwindSafe(tell)));
}

//! Unix sockets as std has them, and what only we have.
//!
//! The laws in `laws/` are one body of code over std on OS threads, which shows that they are
//! std's, over greenstd on OS threads, and over greenstd on green threads with one worker and two.

mod boundaries;
mod handover;
mod killed;
mod own;
mod stress;

use crate::flavour::Watchdog;

/// Instantiates the laws over the Unix sockets and the threads of a crate.
macro_rules! flavour {
    ($name:ident, $net:path, $thread:path, $run:expr) => {
        #[path = "unix/laws"]
        #[allow(clippy::duplicate_mod, reason = "the same laws, over another crate")]
        mod $name {
            use $net as net;
            use $thread as thread;

            mod addresses;
            mod clones;
            mod datagrams;
            mod ends;
            mod fixture;
            mod listeners;
            mod options;
            mod queues;
            mod streams;
            mod waiting;

            /// Runs a law on the kind of thread that this flavour is about.
            fn run(law: impl FnOnce() + Send + 'static) {
                $run(law);
            }
        }
    };
}

flavour!(std_on_os_threads, std::os::unix::net, std::thread, crate::unix::run_os);
flavour!(ours_on_os_threads, greenstd::os::unix::net, std::thread, crate::unix::run_os);
flavour!(ours_on_one_worker, greenstd::os::unix::net, greenstd::thread, |law| {
    crate::flavour::on_workers(1, law)
});
flavour!(ours_on_two_workers, greenstd::os::unix::net, greenstd::thread, |law| {
    crate::flavour::on_workers(2, law)
});

/// Runs `law` on this OS thread.
fn run_os(law: impl FnOnce()) {
    let _watchdog = Watchdog::new();
    law();
}

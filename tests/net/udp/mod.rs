//! UDP as std has it.
//!
//! The laws in `laws/` are one body of code, instantiated over std on OS threads (which shows that
//! they are std's), over greenstd on OS threads, and over greenstd on green threads with one worker
//! and with two. They synchronise by sockets and joins only, which suits all of these. What std
//! does not have, or hides, is tested in the other modules.

mod descriptors;
mod ended;
mod sharing;

use crate::flavour::{Watchdog, on_workers};

/// Instantiates the laws over the `net` and `thread` of a crate.
macro_rules! flavour {
    ($name:ident, $net:path, $thread:path, $run:expr) => {
        #[path = "laws"]
        #[allow(clippy::duplicate_mod, reason = "the same laws, over another crate")]
        mod $name {
            use $net as net;
            use $thread as thread;

            mod addresses;
            mod datagrams;
            mod fixture;
            mod limits;
            mod multicast;
            mod options;
            mod refused;
            mod waiting;

            /// Runs a law on the kind of thread that this flavour is about.
            fn run(law: impl FnOnce() + Send + 'static) {
                $run(law);
            }
        }
    };
}

flavour!(std_on_os_threads, std::net, std::thread, super::run_os);
flavour!(ours_on_os_threads, greenstd::net, std::thread, super::run_os);
flavour!(ours_on_one_worker, greenstd::net, greenstd::thread, |law| super::run_green(1, law));
flavour!(ours_on_two_workers, greenstd::net, greenstd::thread, |law| super::run_green(2, law));

/// Runs `law` on this OS thread.
fn run_os(law: impl FnOnce()) {
    let _watchdog = Watchdog::new();
    law();
}

/// Runs `law` on a green thread of a runtime with so many workers.
fn run_green(workers: usize, law: impl FnOnce() + Send + 'static) {
    on_workers(workers, law);
}

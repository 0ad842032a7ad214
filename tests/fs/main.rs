//! Files as std has them.
//!
//! The laws in `laws/` are one body of code, instantiated over std on OS threads (which shows that
//! they are std's), over greenstd on OS threads, outside of timeout scopes and inside of one, and
//! on green threads with one worker and with two; each on a disk and on a file system in memory.
//! What std does not have, or hides, is tested in the other modules.

#[path = "../common/child.rs"]
#[allow(unsafe_code, reason = "it sets a limit")]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod busy;
mod descriptors;
mod directory;
mod fifo;
mod fixture;
mod killed;
mod locks;
mod stress;
mod terminal;
mod traits;

/// Instantiates the laws over the `fs`, the `os::unix::fs` and the `thread` of a crate.
macro_rules! flavour {
    ($name:ident, $fs:path, $unix:path, $thread:path, $run:expr) => {
        #[path = "laws"]
        #[allow(clippy::duplicate_mod, reason = "the same laws, over another crate")]
        mod $name {
            use $fs as fs;
            use $thread as thread;
            use $unix as unix;

            mod attributes;
            #[allow(unsafe_code, reason = "a raw descriptor is taken over")]
            mod clones;
            mod devices;
            mod directories;
            mod fixture;
            mod opening;
            mod paths;
            mod positions;
            mod reading;
            mod writing;

            /// Runs a law on the kind of thread that this flavour is about.
            fn run(law: impl FnOnce() + Send + 'static) {
                $run(law);
            }
        }
    };
}

flavour!(std_on_os_threads, std::fs, std::os::unix::fs, std::thread, crate::run_os);
flavour!(ours_on_os_threads, greenstd::fs, greenstd::os::unix::fs, std::thread, crate::run_os);
flavour!(ours_in_a_scope, greenstd::fs, greenstd::os::unix::fs, std::thread, crate::run_in_a_scope);
flavour!(ours_on_one_worker, greenstd::fs, greenstd::os::unix::fs, greenstd::thread, |law| {
    crate::flavour::on_workers(1, law)
});
flavour!(ours_on_two_workers, greenstd::fs, greenstd::os::unix::fs, greenstd::thread, |law| {
    crate::flavour::on_workers(2, law)
});

/// Runs `law` on this OS thread.
fn run_os(law: impl FnOnce()) {
    let _watchdog = flavour::Watchdog::new();
    law();
}

/// Runs `law` on this OS thread, where every call can be ended by a scope, though none is.
fn run_in_a_scope(law: impl FnOnce()) {
    let _watchdog = flavour::Watchdog::new();
    greenstd::time::timeout(std::time::Duration::from_secs(1000), law).unwrap();
}

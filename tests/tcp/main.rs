//! TCP as std has it.
//!
//! The laws in `laws/` are one body of code, instantiated over std on OS threads (which shows that
//! they are std's), over greenstd on OS threads, and over greenstd on green threads with one worker
//! and with two. They synchronise by sockets and joins only, which suits all of these. What std
//! does not have, or hides, is tested in the other modules.

#[path = "../common/child.rs"]
#[allow(unsafe_code, reason = "it sets a limit")]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;
#[path = "../common/scenes.rs"]
mod scenes;
#[path = "../common/unfaulted.rs"]
mod unfaulted;

mod auto_traits;
mod descriptors;
mod echo_example;
mod extensions;
mod fairness;
mod faults;
mod fixture;
mod killed;
mod sharing;

/// Instantiates the laws over the `net` and `thread` of a crate.
macro_rules! flavour {
    ($name:ident, $net:path, $thread:path, $run:expr) => {
        #[path = "laws"]
        #[allow(clippy::duplicate_mod, reason = "the same laws, over another crate")]
        mod $name {
            use $net as net;
            use $thread as thread;

            mod addresses;
            mod clones;
            mod connections;
            mod fixture;
            mod nonblocking;
            mod options;
            mod timeouts;
            mod transfer;

            /// Runs a law on the kind of thread that this flavour is about.
            fn run(law: impl FnOnce() + Send + 'static) {
                $run(law);
            }

            /// [`run`] for a law about the outcome of a single call, which an injected fault
            /// would rightly change: a short count, or a wait for what was told once more.
            fn run_without_faults(law: impl FnOnce() + Send + 'static) {
                $run(|| crate::unfaulted::without_faults(law));
            }
        }
    };
}

flavour!(std_on_os_threads, std::net, std::thread, crate::run_os);
flavour!(ours_on_os_threads, greenstd::net, std::thread, crate::run_os);
flavour!(ours_on_one_worker, greenstd::net, greenstd::thread, |law| crate::run_green(1, law));
flavour!(ours_on_two_workers, greenstd::net, greenstd::thread, |law| crate::run_green(2, law));

/// Runs `law` on this OS thread.
fn run_os(law: impl FnOnce()) {
    law();
}

/// Runs `law` on a green thread of a runtime with so many workers.
fn run_green(workers: usize, law: impl FnOnce() + Send + 'static) {
    let runtime = greenstd::runtime::Builder::new().workers(workers).build().expect("it starts");
    runtime.run(law);
}

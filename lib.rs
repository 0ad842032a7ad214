//! Green threads with the API of std: straight-line, blocking-style code that parks instead of
//! blocking.
//!
//! ```no_run
//! use greenstd::{net::TcpListener, thread};
//! use std::io::{self, Read, Write};
//!
//! fn main() -> io::Result<()> {
//!     for stream in TcpListener::bind("127.0.0.1:7777")?.incoming() {
//!         let mut stream = stream?;
//!         thread::spawn(move || {
//!             let mut buffer = [0; 4096];
//!             while let Ok(count @ 1..) = stream.read(&mut buffer) {
//!                 if stream.write_all(&buffer[..count]).is_err() {
//!                     break;
//!                 }
//!             }
//!         });
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A program is ported by replacing `std::` with `greenstd::`. What std has, stands here under its
//! names; what it has not, beside them:
//!
//! | here | what |
//! |---|---|
//! | [`thread`] | std's threads, as green threads; kills, links, nurseries, joins of many |
//! | [`net`], [`os`] | std's sockets, which park; those of Unix; names, dialing, servers |
//! | [`sync`] | std's locks and `mpsc`; semaphores, events, results to come |
//! | [`process`] | std's child processes, which park; deadlines, [`process::Communication`] |
//! | [`fs`] | std's files, which wait on threads of a pool, or park |
//! | [`io`], [`print!`], … | std's streams and pipes, which park; copies, pipelines, throttles |
//! | [`time`] | std's clocks; timeout scopes, tickers |
//! | [`channel`], [`select!`] | channels with many ends; waits for the first of several things |
//! | [`queue`], [`group`] | queues with an end; groups and pools of green threads |
//! | [`blocking()`], [`mod@blocking`] | calls that can only block, on OS threads of a pool |
//! | [`block_on`] | futures, to their end |
//! | [`resource`] | pools of what is dear to make and may be used by one at a time: connections |
//! | [`diag`] | what a running system tells of itself: figures |
//! | [`signal`] | signals of the system, to be waited for |
//! | [`run`], [`runtime`] | runtimes of one's own: workers, stack sizes, limits, shutdown |
//! | [`spawn_local`] | green threads whose closure need not be `Send` |
//! | [`green_local!`], [`local`] | values of each green thread, and values that children inherit |
//! | [`wait_readable`], [`wait_writable`] | waits on any descriptor |
//! | [`poller`] | waits on many descriptors: `poll(2)`, and a set that stays |
//! | [`patch`] | a mirror of std, so that a file is ported by one line |
//! | [`diag`] | what every green thread does, for who wants to know |
//! | [`test`](mod@test) | tests with a virtual clock, an order by seed, and nothing left behind |
//! | [`park`] | what primitives are built from |
//!
//! Every call works on plain OS threads too, which then block as in std.

pub use greenstd_net as net;
pub use greenstd_runtime::readiness::{wait_readable, wait_writable};
pub use greenstd_runtime::{
    block_on, blocking, channel, dbg, diag, eprint, eprintln, fs, future, green_local, group,
    local, park, poller, print, println, process, queue, resource, run, runtime, select, signal,
    spawn, spawn_local, sync, test, thread, time,
};

/// What makes code green that names std, or that nobody can edit.
pub mod patch {
    #[cfg(feature = "interpose")]
    pub use greenstd_interpose::{
        BlockedCalls, blocked_calls, install, install_for_all, limits, rescued_waits, symbols,
    };
    pub use greenstd_patch::*;
}

/// `std::io`: its traits and types, the standard streams and pipes, which park; and what moves
/// bytes from one stream to another.
pub mod io {
    // In both: this one copies with the larger buffer.
    pub use greenstd_net::io::copy;
    pub use greenstd_net::io::*;
    pub use greenstd_runtime::io::*;
}

/// What only some platforms can do, under the paths that it has in std.
pub mod os {
    /// Linux: the counterpart of `std::os::linux`.
    pub mod linux {
        pub use greenstd_net::os::linux::net;
        pub use greenstd_runtime::os::linux::fs;
    }

    /// Unix: the counterpart of `std::os::unix`.
    pub mod unix {
        pub use greenstd_net::os::unix::net;
        pub use greenstd_runtime::os::unix::fs;
        pub use greenstd_runtime::process::unix as process;
    }
}

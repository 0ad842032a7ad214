//! Streams and listeners inside of one process.
//!
//! The laws in `laws/` are one body of code over a pair of std's Unix sockets, which shows that
//! they are the kernel's, and over ours on threads of each kind. Those of `tests/tcp` about the
//! moving of bytes hold here, too, word by word.

mod ended;
mod faults;
mod listener;
mod stress;
mod traits;

use crate::flavour::{Watchdog, on_workers};
use greenstd::net::duplex;

/// Instantiates the laws over a type of streams and the `thread` of a crate.
macro_rules! flavour {
    ($name:ident, $stream:path, $pair:expr, $thread:path, $run:expr) => {
        #[path = "laws"]
        #[allow(clippy::duplicate_mod, reason = "the same laws, over another type")]
        mod $name {
            pub use $stream as Stream;
            use $thread as thread;

            mod model;
            mod shutdown;
            mod waits;

            pub fn pair() -> (Stream, Stream) {
                $pair
            }

            /// Runs a law on the kind of thread that this flavour is about.
            fn run(law: impl FnOnce() + Send + 'static) {
                $run(law);
            }
        }
    };
}

/// Instantiates TCP's laws of moving bytes over the `thread` of a crate.
macro_rules! transfer {
    ($laws_of_tcp:ident, $thread:path, $run:expr) => {
        #[path = "../../tcp/laws"]
        #[allow(clippy::duplicate_mod, reason = "the same laws, over another type")]
        mod $laws_of_tcp {
            use $thread as thread;

            mod transfer;

            mod net {
                pub use greenstd::net::{DuplexStream as TcpStream, Shutdown};
            }

            mod fixture {
                pub fn pair() -> (super::net::TcpStream, super::net::TcpStream) {
                    greenstd::net::duplex(crate::duplex::CAPACITY)
                }

                pub fn let_others_wait() {
                    super::thread::sleep(std::time::Duration::from_millis(20));
                }
            }

            fn run(law: impl FnOnce() + Send + 'static) {
                $run(law);
            }

            fn run_without_faults(law: impl FnOnce() + Send + 'static) {
                $run(|| crate::unfaulted::without_faults(law));
            }
        }
    };
}

/// As large as a socket's buffer, so that the same laws see the same waits.
const CAPACITY: usize = 200_000;

flavour!(
    std_sockets,
    std::os::unix::net::UnixStream,
    Stream::pair().unwrap(),
    std::thread,
    super::on_os_thread
);
flavour!(
    ours_on_os_threads,
    greenstd::net::DuplexStream,
    super::duplex(super::CAPACITY),
    std::thread,
    super::on_os_thread
);
flavour!(
    ours_on_one_worker,
    greenstd::net::DuplexStream,
    super::duplex(super::CAPACITY),
    greenstd::thread,
    |law| super::on_workers(1, law)
);
flavour!(
    ours_on_two_workers,
    greenstd::net::DuplexStream,
    super::duplex(super::CAPACITY),
    greenstd::thread,
    |law| super::on_workers(2, law)
);

transfer!(bytes_on_os_threads, std::thread, super::on_os_thread);
transfer!(bytes_on_one_worker, greenstd::thread, |law| super::on_workers(1, law));
transfer!(bytes_on_two_workers, greenstd::thread, |law| super::on_workers(2, law));

fn on_os_thread(law: impl FnOnce()) {
    let _watchdog = Watchdog::new();
    law();
}

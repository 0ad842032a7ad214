//! Signals as something to wait for.
//!
//! [`Signals`] hears of the signals that it was made for, from the moment on in which it was made,
//! and gives them to whoever waits: by its own calls, in a loop, or as an arm of a
//! [`select!`](crate::select!). [`wait`] and [`ctrl_c`] wait for one, once. [`exit_on_second`] ends
//! a process at once that is told to end a second time.
//!
//! Nothing is installed until somebody listens. While somebody does, the default action of the
//! signal is off; when the last listener of a signal is gone the process does again what it did
//! before. Handlers that were there before are still called. Everything works on green threads,
//! which park, and on plain OS threads, which block.
//!
//! # What a signal tells
//!
//! That it came, once at least: signals that come while one of their kind waits to be taken are one
//! with it, as in the kernel. None is lost between two waits, and none comes twice. Several
//! [`Signals`] each hear of every signal; several threads that wait for one `Signals` share what it
//! hears.
//!
//! # Limits
//!
//! signal-hook is underneath, whose handlers chain with those of others. But what a program
//! registers with signal-hook itself, while we listen for the same signal, is heard only as long as
//! we listen: dropping the last listener takes the common handler away. System calls are restarted
//! after a signal (`SA_RESTART`), as far as the kernel does that.

mod arm;
mod exit;
mod handle;
mod iter;
mod once;
mod shared;
mod signals;

pub use self::exit::{ExitOnSecond, exit_on_second};
pub use self::handle::Handle;
pub use self::iter::{Forever, IntoIter, Pending};
pub use self::once::{ctrl_c, wait};
pub use self::signals::{Process, SignalInfo, Signals};
pub use signal_hook::consts::signal::{
    SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPIPE, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP,
    SIGTTIN, SIGTTOU, SIGURG, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH,
};
/// The name of a signal, such as `SIGTERM`; `None` for those that have none, as real-time signals.
#[doc(inline)]
pub use signal_hook::low_level::signal_name as name;

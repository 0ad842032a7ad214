//! A console: a Unix socket that answers what a running process does, line by line.
//!
//! A client sends a command on a line (`help` lists them), and gets lines back, the last of which
//! is a single dot; a line of an answer that begins with a dot has one more in front. What goes
//! wrong is told by a line that begins with `error: `. So `socat - UNIX:/run/my.sock` and
//! `nc -U /run/my.sock` are clients, and `echo ps | nc -UN /run/my.sock` is one for scripts.
//!
//! The console is served by an OS thread of its own, with nothing but system calls: it answers when
//! every worker is held by somebody. It listens only while a [`Console`] lives.
//!
//! Reading order inside: `command` (what can be asked), `answer` and `figures` (what is said),
//! `socket` (who may come), `server` and `client` (the line protocol).
//!
//! # Limits
//!
//! A line has [`LINE_MAX_BYTES`] at most, and there are [`CLIENTS_MAX`] clients: what is beyond is
//! told so, and closed. A client that does not read gets no further answer computed.

mod answer;
mod client;
mod command;
mod figures;
mod server;
mod socket;

pub use self::command::CommandError;

use self::command::Command;
use self::socket::Socket;
use crate::park::ServiceThread;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::write;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

/// Bytes of the longest command, its line end not counted: far more than any has.
pub const LINE_MAX_BYTES: usize = 256;

/// Clients at once: one for each who looks at the same process, and some that were forgotten.
pub const CLIENTS_MAX: usize = 16;

/// A console that is open: see [`console`].
///
/// It is closed, and its socket removed, when this is dropped.
#[must_use = "the console is closed when this is dropped"]
pub struct Console {
    path: PathBuf,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

/// Opens a console at a Unix socket that only the user of this process may use (mode 0600; peers
/// are asked for their user as well): see the commands of [`ask`].
///
/// Blocks the calling OS thread for some system calls. Nothing is shown to anybody who has not the
/// same user, or is root; who has may end green threads here.
///
/// # Errors
///
/// `AddrInUse` if somebody listens there, `AlreadyExists` if there is something that is no socket;
/// a socket that nobody listens to any more is replaced. `InvalidInput` for a path of more than
/// some 90 bytes, which no socket can have. Else the system's.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::diag;
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let path = std::env::temp_dir().join(format!("console-{}.sock", std::process::id()));
/// let console = diag::console(&path)?;
/// let mut client = UnixStream::connect(&path)?;
/// client.write_all(b"ps\nquit\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.contains("green threads") && answer.ends_with("\n.\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn console(path: impl AsRef<Path>) -> io::Result<Console> {
    let socket = Socket::bind(path.as_ref())?;
    let path = socket.path().to_owned();
    let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let told = Arc::clone(&stop);
    let (started, is_started) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("greenstd-console".into()).spawn(move || {
        // It wakes a green thread only to kill it, for which no deadlock waits.
        let _service = ServiceThread::new();
        let _ = started.send(());
        server::serve(&socket, &told);
    })?;
    // Sent in any case, unless it has panicked, which is no reason to wait.
    let _ = is_started.recv();
    Ok(Console { path, stop, thread: Some(thread) })
}

impl Console {
    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the console, as dropping it does.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // The counter of a new eventfd has room for one.
        let _ = write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // Its panic was told by the panic hook; the socket is removed all the same.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Answers a command as the console does, on the calling thread, of either kind. Lines end by `\n`,
/// the last one too.
///
/// | command | answer |
/// |---|---|
/// | `help` | the commands |
/// | `ps` | every green thread on a line: [`dump`](super::dump) |
/// | `bt ID` | the native stack of one, and the values of its green locals |
/// | `dump` | all, with stacks, equal ones together |
/// | `top` | who holds the workers, and what most green threads do |
/// | `locks` | who waits for a lock, and who holds it |
/// | `fds` | who waits for which descriptor |
/// | `pool` | the blocking pools |
/// | `metrics` | [`metrics`](super::metrics), [`parked`](super::parked), the memory of stacks |
/// | `trace ID on`, `trace ID off`, `trace ID` | note down the waits of one; no longer; show them |
/// | `kill ID` | ask one to end |
///
/// `json` behind any of them has the answer as JSON, on one line.
///
/// # Errors
///
/// [`CommandError`], which says what is wrong with the command.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::diag;
///
/// assert!(diag::ask("ps")?.contains("green threads"));
/// assert!(diag::ask("ps json")?.starts_with('{'));
/// assert!(diag::ask("bt 12x").is_err());
/// # Ok::<(), diag::CommandError>(())
/// ```
pub fn ask(command: &str) -> Result<String, CommandError> {
    answer::answer(command.parse::<Command>()?)
}

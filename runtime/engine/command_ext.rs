//! `CommandExt`: what Unix adds to a command. Here because `pre_exec` is unsafe by its nature.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What Unix adds to [`Command`](crate::process::Command): `std::os::unix::process::CommandExt`.
///
/// Implemented for whatever gives access to a command of std's.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::process::{Command, unix::CommandExt};
///
/// let output = Command::new("sh").arg0("renamed").args(["-c", "echo $0"]).output()?;
/// assert_eq!(output.stdout, b"renamed\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait CommandExt: AsMut<Command> {
    /// Sets the user of the child; its groups are dropped, too, if the caller is root.
    fn uid(&mut self, id: u32) -> &mut Self {
        self.as_mut().uid(id);
        self
    }

    /// Sets the group of the child.
    fn gid(&mut self, id: u32) -> &mut Self {
        self.as_mut().gid(id);
        self
    }

    /// Has `f` called in the child between `fork` and `exec`. An error that it returns is the
    /// error of the spawn.
    ///
    /// In there the parent's green threads do not exist: a call of this library that would wait,
    /// spawn or register fails with an error that says so, or panics, which aborts the child.
    ///
    /// # Safety
    ///
    /// As `std::os::unix::process::CommandExt::pre_exec`: the child has one thread, and a copy of
    /// whatever state all others had; `f` is to do what is async-signal-safe only.
    unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Self
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.as_mut().pre_exec(f) };
        self
    }

    /// As [`pre_exec`](CommandExt::pre_exec), which was made unsafe later under a new name.
    ///
    /// # Safety
    ///
    /// As [`pre_exec`](CommandExt::pre_exec).
    #[deprecated(note = "should be unsafe, use `pre_exec` instead")]
    unsafe fn before_exec<F>(&mut self, f: F) -> &mut Self
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.pre_exec(f) }
    }

    /// Replaces this very process by the program, and returns only if that fails.
    ///
    /// Nothing is unwound or flushed. As in std, signal masks and the like may be changed even if
    /// it fails.
    fn exec(&mut self) -> io::Error {
        self.as_mut().exec()
    }

    /// Sets what the program is told to be its own name.
    fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Self {
        self.as_mut().arg0(arg);
        self
    }

    /// Puts the child into a process group; 0 makes one of its own.
    fn process_group(&mut self, pgroup: i32) -> &mut Self {
        self.as_mut().process_group(pgroup);
        self
    }
}

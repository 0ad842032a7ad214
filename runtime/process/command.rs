//! What child to start, and how.

use super::Child;
use super::unix::CommandExt;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::{self, CommandArgs, CommandEnvs, ExitStatus, Output, Stdio};

/// A child process to be started: `std::process::Command`, whose waits park.
///
/// A child is started in place, on the calling thread: the kernel ties what a child may ask for
/// (`PR_SET_PDEATHSIG`) to the *thread* that started it, and one of a pool would be gone too soon.
/// On a green thread that is its worker, which is blocked for as long as `fork` and `exec` take:
/// about a millisecond. The child inherits no descriptor but the three that it is given.
///
/// Unix adds methods by [`CommandExt`].
///
/// # Examples
///
/// ```
/// use greenstd_runtime::process::Command;
///
/// let output = Command::new("sh").args(["-c", "echo $GREETING"]).env("GREETING", "hi").output()?;
/// assert!(output.status.success());
/// assert_eq!(output.stdout, b"hi\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Command {
    inner: process::Command,
    /// Whether standard input, output and error were chosen.
    chosen: [bool; 3],
}

impl Command {
    /// Starts `program`, which is looked for in `PATH`, without arguments, in the parent's
    /// environment and directory.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        Command { inner: process::Command::new(program), chosen: [false; 3] }
    }

    /// Adds an argument.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.inner.args(args);
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env<K, V>(&mut self, key: K, val: V) -> &mut Command
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.inner.env(key, val);
        self
    }

    /// Sets variables of the child's environment.
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.inner.envs(vars);
        self
    }

    /// Keeps a variable of the parent's environment from the child.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Command {
        self.inner.env_remove(key);
        self
    }

    /// Keeps the parent's whole environment from the child.
    pub fn env_clear(&mut self) -> &mut Command {
        self.inner.env_clear();
        self
    }

    /// Sets the directory in which the child starts.
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Command {
        self.inner.current_dir(dir);
        self
    }

    /// Sets its standard input. The default is the parent's, and none for
    /// [`output`](Command::output).
    pub fn stdin<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.inner.stdin(cfg);
        self.chosen[0] = true;
        self
    }

    /// Sets its standard output. The default is the parent's, and a pipe for
    /// [`output`](Command::output).
    pub fn stdout<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.inner.stdout(cfg);
        self.chosen[1] = true;
        self
    }

    /// Sets its standard error. The default is the parent's, and a pipe for
    /// [`output`](Command::output).
    pub fn stderr<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.inner.stderr(cfg);
        self.chosen[2] = true;
        self
    }

    /// Starts the child, in place.
    ///
    /// # Errors
    ///
    /// Those of `pipe2(2)`, `fork(2)` and `execve(2)`: `NotFound` if there is no such program.
    pub fn spawn(&mut self) -> io::Result<Child> {
        self.inner.spawn().map(Child::from)
    }

    /// Starts the child, waits for it, and collects its outputs: [`spawn`](Command::spawn), then
    /// [`wait_with_output`](Child::wait_with_output).
    ///
    /// # Errors
    ///
    /// Those of both. If the wait is ended by a kill or a timeout scope the child lives on.
    pub fn output(&mut self) -> io::Result<Output> {
        self.choose_unchosen(Stdio::null, Stdio::piped);
        let child = self.spawn();
        self.choose_unchosen(Stdio::inherit, Stdio::inherit);
        child?.wait_with_output()
    }

    /// Starts the child and waits for it: [`spawn`](Command::spawn), then [`wait`](Child::wait).
    ///
    /// # Errors
    ///
    /// Those of both. If the wait is ended by a kill or a timeout scope the child lives on.
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// The program.
    #[must_use]
    pub fn get_program(&self) -> &OsStr {
        self.inner.get_program()
    }

    /// Its arguments.
    pub fn get_args(&self) -> CommandArgs<'_> {
        self.inner.get_args()
    }

    /// The variables that were set, and, without a value, those that were removed.
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        self.inner.get_envs()
    }

    /// The directory that was set.
    #[must_use]
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.inner.get_current_dir()
    }

    /// std's own type. What was not chosen of its streams is what it is in std, but after
    /// [`output`](Command::output), which leaves the parent's.
    #[must_use]
    pub fn into_std(self) -> process::Command {
        self.inner
    }

    fn choose_unchosen(&mut self, input: fn() -> Stdio, outputs: fn() -> Stdio) {
        if !self.chosen[0] {
            self.inner.stdin(input());
        }
        if !self.chosen[1] {
            self.inner.stdout(outputs());
        }
        if !self.chosen[2] {
            self.inner.stderr(outputs());
        }
    }
}

impl CommandExt for Command {}

/// std's own command, for what this type does not know. Streams that are chosen there are not
/// known to be chosen here, so that [`output`](Command::output) replaces them.
impl AsMut<process::Command> for Command {
    fn as_mut(&mut self) -> &mut process::Command {
        &mut self.inner
    }
}

impl From<process::Command> for Command {
    /// Takes a command over from std. Its streams count as chosen, and so are the parent's for
    /// [`output`](Command::output) if they were not.
    fn from(inner: process::Command) -> Command {
        Command { inner, chosen: [true; 3] }
    }
}

impl From<Command> for process::Command {
    fn from(command: Command) -> process::Command {
        command.into_std()
    }
}

impl fmt::Debug for Command {
    /// As std's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

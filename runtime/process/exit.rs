//! The wait for the exit of a child, which reaps nobody.
//!
//! A pidfd becomes readable once the process has exited. It is opened when somebody first waits,
//! and looked at only after another `try_wait` has found the child unreaped: so its number has not
//! gone to a stranger in between. Where the kernel has no pidfds (before Linux 5.3, or behind a
//! filter of system calls), a thread of a pool waits by `waitid(WNOWAIT)`.

use crate::blocking::{BlockingPool, Builder, JobHandle};
use crate::fd::{Fd, Interest};
use crate::time;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions};
use std::io;
use std::process::{Child, ExitStatus};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Children that are waited for at once where there are no pidfds; others wait for a thread.
const WAITING_THREADS: usize = 512;

static WAITERS: LazyLock<BlockingPool> =
    LazyLock::new(|| Builder::new().name("child-wait").max_threads(WAITING_THREADS).build());

/// How the exit of a child is waited for, once somebody has.
#[derive(Debug)]
pub(super) enum Exit {
    Pidfd(Fd),
    Job(JobHandle<io::Result<()>>),
}

impl Exit {
    pub(super) fn of(child: &Child) -> io::Result<Exit> {
        let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = number.expect("the ids of processes are positive");
        if let Ok(fd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            return Ok(Exit::Pidfd(Fd::new(fd)));
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let wait = move || loop {
            match rustix::process::waitid(WaitId::Pid(pid), options) {
                Err(rustix::io::Errno::INTR) => {}
                outcome => return Ok(outcome.map(drop)?),
            }
        };
        let job = WAITERS.spawn_timeout(Duration::MAX, wait);
        Ok(Exit::Job(job.map_err(|refused| io::Error::other(refused.to_string()))?))
    }

    /// Blocks the calling thread until the child has exited, and reaps it. None once `deadline` has
    /// passed.
    pub(super) fn wait(
        &self,
        child: &mut Child,
        deadline: Option<Instant>,
    ) -> io::Result<Option<ExitStatus>> {
        let mut reap = || match child.try_wait() {
            Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
            outcome => outcome,
        };
        let outcome = match self {
            Exit::Pidfd(fd) => fd.retry(Interest::Read, deadline, reap),
            Exit::Job(job) => {
                let left = deadline.map(|at| at.saturating_duration_since(time::now()));
                // Whatever has become of the job, the child is asked.
                job.wait(left);
                match reap() {
                    // The job was refused or cancelled by nobody: it has seen the exit.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock && left.is_none() => {
                        child.wait().map(Some)
                    }
                    outcome => outcome,
                }
            }
        };
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            outcome => outcome,
        }
    }
}

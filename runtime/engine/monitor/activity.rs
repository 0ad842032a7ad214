//! What an OS thread of this process does: runs, waits for a processor, or is blocked in a system
//! call. Asked of the kernel by another thread.

use std::fmt;
use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;
use std::time::Duration;
use syscalls::Sysno;

/// An OS thread of this process, to be asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct OsThread {
    pub(super) id: u32,
    clock: libc::clockid_t,
}

/// What the kernel's scheduler says of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It runs or waits for a processor; how long it ran tells which.
    Runnable,
    /// It waits for something: for an event, or in the kernel for a disk.
    Blocked,
    /// By a signal or a debugger: its time does not go on.
    Stopped,
}

/// What a thread that has held its worker for too long is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    Spinning,
    /// In a system call, and that call's first argument.
    BlockedIn(Sysno, u64),
    /// Outside of any call that has a name: by a page fault, say.
    Blocked,
}

/// System calls whose first argument is a descriptor, as far as they may block for long.
const ON_DESCRIPTOR: &[Sysno] = &[
    Sysno::read,
    Sysno::write,
    Sysno::readv,
    Sysno::writev,
    Sysno::pread64,
    Sysno::pwrite64,
    Sysno::preadv,
    Sysno::pwritev,
    Sysno::preadv2,
    Sysno::pwritev2,
    Sysno::recvfrom,
    Sysno::recvmsg,
    Sysno::recvmmsg,
    Sysno::sendto,
    Sysno::sendmsg,
    Sysno::sendmmsg,
    Sysno::sendfile,
    Sysno::splice,
    Sysno::accept,
    Sysno::accept4,
    Sysno::connect,
    Sysno::epoll_pwait,
    Sysno::epoll_pwait2,
    #[cfg(target_arch = "x86_64")]
    Sysno::epoll_wait,
    Sysno::fsync,
    Sysno::fdatasync,
    Sysno::fallocate,
    Sysno::ftruncate,
    Sysno::flock,
    Sysno::fcntl,
    Sysno::ioctl,
    Sysno::getdents64,
];

impl OsThread {
    /// The calling thread.
    pub(super) fn current() -> OsThread {
        let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
        // SAFETY: the thread is alive, and `clock` writable. It does not fail on Linux.
        unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
        OsThread { id: crate::engine::outside::current_thread(), clock }
    }

    /// How long the thread has run on a processor. Zero once it has ended.
    pub(super) fn processor_time(self) -> Duration {
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: `time` is writable, and zeros are a valid value. A clock of a thread that has
        // ended is an error.
        let time = unsafe {
            libc::clock_gettime(self.clock, time.as_mut_ptr());
            time.assume_init()
        };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// What the scheduler says. None if the kernel does not tell.
    pub(super) fn state(self) -> Option<State> {
        let stat = fs::read(format!("/proc/self/task/{}/stat", self.id)).ok()?;
        state_of(&stat)
    }

    /// What the thread does, being in such a state.
    pub(super) fn activity(self, state: Option<State>) -> Activity {
        let line = || fs::read_to_string(format!("/proc/self/task/{}/syscall", self.id)).ok();
        match state {
            Some(State::Blocked) => line().map_or(Activity::Blocked, |line| activity_of(&line)),
            _ => Activity::Spinning,
        }
    }
}

/// The state in a line of `/proc/PID/stat`: the letter after the name, which may hold anything.
fn state_of(stat: &[u8]) -> Option<State> {
    let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
    match stat[after_name..].trim_ascii_start().first()? {
        b'R' => Some(State::Runnable),
        b'S' | b'D' => Some(State::Blocked),
        b'T' | b't' => Some(State::Stopped),
        _ => None,
    }
}

/// What a line of `/proc/PID/syscall` says of a thread that was blocked a moment ago: the number of
/// the call and its arguments; or -1; or that it runs.
fn activity_of(line: &str) -> Activity {
    let mut words = line.split_ascii_whitespace();
    let Some(first) = words.next() else { return Activity::Blocked };
    if first == "running" {
        return Activity::Spinning;
    }
    let call = first.parse().ok().and_then(Sysno::new);
    let argument = words.next().and_then(|word| word.strip_prefix("0x"));
    let argument = argument.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    call.map_or(Activity::Blocked, |call| Activity::BlockedIn(call, argument.unwrap_or(0)))
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activity::Spinning => f.write_str("spinning"),
            Activity::BlockedIn(call, descriptor) if ON_DESCRIPTOR.contains(call) => {
                // The kernel takes the low half, too, of what is an int.
                write!(f, "blocked in {} on descriptor {}", call.name(), *descriptor as u32)
            }
            Activity::BlockedIn(call, _) => write!(f, "blocked in {}", call.name()),
            Activity::Blocked => f.write_str("blocked in the kernel, outside of a system call"),
        }
    }
}

/// How long the calling thread was ready to run and did not get a processor.
#[derive(Debug)]
pub(super) struct RunDelay {
    file: Option<File>,
    last: Duration,
}

impl RunDelay {
    /// Begins to count, for the calling thread.
    pub(super) fn new() -> RunDelay {
        let file = File::open("/proc/thread-self/schedstat").ok();
        let mut delay = RunDelay { file, last: Duration::ZERO };
        delay.since_last();
        delay
    }

    /// The delay since the last call; zero if the kernel does not tell.
    pub(super) fn since_last(&mut self) -> Duration {
        let total = self.total().unwrap_or(self.last);
        total.saturating_sub(std::mem::replace(&mut self.last, total))
    }

    fn total(&self) -> Option<Duration> {
        // Three numbers of up to 20 digits: time run, delay, slices.
        let mut line = [0; 64];
        let count = self.file.as_ref()?.read_at(&mut line, 0).ok()?;
        let text = str::from_utf8(&line[..count]).ok()?;
        let delay = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(Duration::from_nanos(delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_state_stands_after_a_name_that_holds_anything() {
        assert_eq!(state_of(b"12 (a) R 1) R 3 4"), Some(State::Runnable));
        assert_eq!(state_of(b"12 (S) S 3 4"), Some(State::Blocked));
        assert_eq!(state_of(b"12 (x) D 3 4"), Some(State::Blocked));
        assert_eq!(state_of(b"12 (x) T 3 4"), Some(State::Stopped));
        assert_eq!(state_of(b"12 (x) Z 3 4"), None);
        assert_eq!(state_of(b"12 (x)"), None);
        assert_eq!(state_of(b""), None);
    }

    #[test]
    fn a_call_is_named_with_its_descriptor() {
        let number = Sysno::read as i32;
        let read = activity_of(&format!("{number} 0x5 0x7ffd 0x1 0x0 0x0 0x0 0x7ffc 0x7fb9\n"));
        assert_eq!(read.to_string(), "blocked in read on descriptor 5");
        let sleep = activity_of(&format!("{} 0x1 0x0", Sysno::clock_nanosleep as i32));
        assert_eq!(sleep.to_string(), "blocked in clock_nanosleep");
        assert_eq!(activity_of("running\n"), Activity::Spinning);
        assert_eq!(activity_of("-1 0x7ffc 0x7fb9\n"), Activity::Blocked);
        assert_eq!(activity_of("999999 0x1\n"), Activity::Blocked);
    }

    #[test]
    fn the_time_of_a_thread_is_that_which_it_ran() {
        let thread = OsThread::current();
        let before = thread.processor_time();
        let start = Instant::now();
        while thread.processor_time() - before < Duration::from_millis(5) {}
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert_eq!(thread.state(), Some(State::Runnable));
    }

    #[test]
    fn a_thread_that_sleeps_is_seen_in_its_call() {
        let (send, receive) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let sleeper = std::thread::spawn(move || {
            send.send(OsThread::current()).unwrap();
            let _ = ended.recv();
        });
        let thread = receive.recv().unwrap();
        let start = Instant::now();
        while thread.state() != Some(State::Blocked) {
            assert!(start.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
        assert_eq!(thread.activity(thread.state()).to_string(), "blocked in futex");
        drop(end);
        sleeper.join().unwrap();
        assert_eq!(thread.processor_time(), Duration::ZERO);
    }
}

//! What a program says of the watchdog it wants, and what it may ask of it.

use std::time::Duration;

/// Go's figure for what no single event should take is a tenth of that; what a person notices is
/// about this.
const THRESHOLD: Duration = Duration::from_millis(100);

/// Below, the watchdog would be woken more often than it is worth.
const THRESHOLD_AT_LEAST: Duration = Duration::from_millis(4);

/// Long enough that a log can be read while it grows.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// The signal that Go takes for the same purpose: nobody minds one that comes for no reason.
const SIGNAL: libc::c_int = libc::SIGURG;

/// The settings of a watchdog that notices a green thread which holds its worker for too long.
///
/// A worker runs its green threads one after another, and goes on to the next only when one waits,
/// yields or ends. One that computes for long, or blocks in a call that this library does not know,
/// stops all others of its worker. The watchdog, an OS thread of the runtime, notices that, and
/// says which green thread it was, what it is doing, and where. As gevent's `monitor_thread`.
///
/// # Reports
///
/// A report is an event of level `WARN` of `tracing`, with the fields `green_thread` (its number),
/// `name`, `spawned_at`, `worker`, `held_ms`, `activity` and `backtrace`; or text on standard error
/// if there is no subscriber:
///
/// ```text
/// green thread 2 'log' (spawned at src/main.rs:9:9) has held worker 0 for 102 ms: blocked in futex
///    0: syscall
///              at ./misc/../sysdeps/unix/sysv/linux/x86_64/syscall.S:37
///    1: std::sys::pal::unix::futex::futex_wait
///              at /rustc/59807616e1fa/library/std/src/sys/pal/unix/futex.rs:73
///    2: <std::sys::sync::mutex::futex::Mutex>::lock_contended
///              at /rustc/59807616e1fa/library/std/src/sys/sync/mutex/futex.rs:61
///    3: std::sys::sync::mutex::futex::Mutex::lock
///              at /rustc/59807616e1fa/library/std/src/sys/sync/mutex/futex.rs:33
///    4: std::sync::poison::mutex::Mutex<T>::lock
///              at /rustc/59807616e1fa/library/std/src/sync/poison/mutex.rs:492
///    5: logs::append
///              at /home/user/logs/src/main.rs:17
/// ```
///
/// The activity is one of these:
///
/// | activity | meaning |
/// |---|---|
/// | `spinning` | it computes |
/// | `blocked in CALL` | it waits in that system call: `futex` for a lock of std or of C |
/// | `blocked in CALL on descriptor N` | the same, with the call's descriptor |
/// | `blocked in the kernel, …` | by a page fault, say |
///
/// A stall is reported once; if it goes on, or if the same green thread stalls again, not before
/// [`report_every`](Monitor::report_every) has passed; and in that time no more than ten stalls of
/// a runtime. All are counted:
/// [`Runtime::monitor_statistics`](crate::runtime::Runtime::monitor_statistics). A report is given
/// on an OS thread of its own; the end of the runtime waits for it.
///
/// # What counts
///
/// Time in which the green thread runs on a processor or is blocked in the kernel. Time in which
/// its worker is ready to run and does not get a processor, because the machine is busy, and time
/// in which the process is stopped do not count. Nor does that of a worker that has nothing to run,
/// or that waits for events because a green thread waits in a destructor during a panic. What runs
/// on the worker itself, such as the destructor of a result that nobody joins for, is not watched.
///
/// # Costs
///
/// A switch costs the same with a watchdog and without one. While some worker is awake the watchdog
/// wakes up four times in each threshold; while all sleep it sleeps as well, without a timeout, and
/// the first worker that wakes up wakes it, for some microseconds. The first backtrace reads the
/// program's debug information, which then stays mapped.
///
/// # The signal
///
/// For the backtrace the stuck worker's OS thread gets a signal, `SIGURG` unless
/// [`signal`](Monitor::signal) says otherwise, the handler of which copies registers and up to
/// 64 KiB of stack. It is installed for the whole process, with `SA_RESTART`, when the first
/// runtime with such a watchdog is built, stays, and passes every other signal of that number to
/// the handler that was there before. The kernel ends some system calls early all the same, with
/// `EINTR`: `nanosleep`, `poll`, `select`, `epoll_wait` and others (see signal(7)). std tries its
/// own calls again. To leave the signal out there is
/// [`without_backtraces`](Monitor::without_backtraces).
///
/// # Examples
///
/// ```
/// use greenstd_runtime::runtime::{Builder, Monitor};
/// use std::time::Duration;
///
/// let monitor = Monitor::new().threshold(Duration::from_millis(20));
/// let runtime = Builder::new().workers(1).monitor(monitor).build()?;
/// // Too long, by a call that knows nothing of green threads.
/// runtime.run(|| std::thread::sleep(Duration::from_millis(200)));
/// assert_eq!(runtime.monitor_statistics().expect("it is on").stalls, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until a builder gets them"]
pub struct Monitor {
    pub(super) threshold: Duration,
    pub(super) report_every: Duration,
    pub(super) signal: Option<libc::c_int>,
}

impl Default for Monitor {
    fn default() -> Monitor {
        Monitor::new()
    }
}

impl Monitor {
    /// The settings of debug builds: 100 ms, with backtraces, each green thread once in 10 s.
    pub fn new() -> Monitor {
        Monitor { threshold: THRESHOLD, report_every: REPORT_EVERY, signal: Some(SIGNAL) }
    }

    /// Sets how long a green thread may hold its worker, at least 4 ms. It is noticed when it has
    /// done so for up to half as long again. The default is 100 ms.
    pub fn threshold(mut self, threshold: Duration) -> Monitor {
        self.threshold = threshold.max(THRESHOLD_AT_LEAST);
        self
    }

    /// Sets how long nothing more is said of a green thread that was reported, and for how long
    /// there are ten reports of the runtime at most. The default is 10 s.
    pub fn report_every(mut self, time: Duration) -> Monitor {
        self.report_every = time;
        self
    }

    /// Sets the signal by which the stack of a stuck worker is taken. The default is `SIGURG`; a
    /// real-time signal is as good. `build` fails for one that cannot be handled.
    pub fn signal(mut self, signal: i32) -> Monitor {
        self.signal = Some(signal);
        self
    }

    /// Leaves the signal out, and so the backtraces: nothing process-wide is done then.
    pub fn without_backtraces(mut self) -> Monitor {
        self.signal = None;
        self
    }
}

/// What a watchdog has noticed until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MonitorStatistics {
    /// How often a green thread has held its worker for longer than the threshold.
    pub stalls: u64,
    /// How many reports there were.
    pub reports: u64,
}

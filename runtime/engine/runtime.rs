//! Runtimes: how the workers start. How everything ends is in `shutdown`.
//!
//! There is one global runtime, which starts by itself when somebody outside any runtime spawns a
//! green thread, and never ends. Others are made by a [`Builder`], and end when they are dropped:
//! what has not started is discarded, what has is unwound.

use super::atomic::Mutex;
use super::barrier;
use super::fiber::Lane;
use super::fork;
use super::handle::Join;
use super::handles::JoinHandle;
use super::monitor::{self, Monitor, Watchdog};
use super::os_thread;
use super::own::ThreadLocals;
use super::reactor::Reactor;
use super::shared::{Runnable, Shared, SharedConfig};
use super::simulation::Simulation;
use super::spare;
use super::spawn::{self, Options, Target};
use super::stack::{
    self, GuardKind, LocalCache, SizeClass, StackPool, Statistics as StackStatistics, overflow,
};
use crossbeam_deque::Worker as Deque;
use std::io;
use std::num::NonZero;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle as StdJoinHandle};

/// Green threads of one runtime that may live at once, unless the builder says otherwise: at a
/// page of stack each, 8 GiB.
const LIVE_LIMIT: usize = 1 << 21;

/// Sets a runtime up.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::runtime::Builder;
///
/// let runtime = Builder::new().workers(1).stack_size(64 * 1024).build()?;
/// assert_eq!(runtime.run(|| 6 * 7), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    pub(super) name: String,
    pub(super) workers: Option<usize>,
    stack_size: usize,
    live_limit: usize,
    guard: GuardKind,
    /// As the kind of runtime has it, if absent; so are the monitor and the spare workers.
    pub(super) reports_overflow: Option<bool>,
    pub(super) detects_deadlocks: bool,
    pub(super) monitor: Option<Option<Monitor>>,
    pub(super) spare_workers: Option<usize>,
    pub(super) measures: bool,
    pub(super) in_spans: bool,
    thread_locals: Option<ThreadLocals>,
    simulated_from: Option<u64>,
    pub(super) reports_leaks: bool,
}

/// What a worker is made of that is its own.
pub(super) struct Parts {
    pub(super) deque: Deque<Runnable>,
    pub(super) reactor: Reactor,
    pub(super) stacks: LocalCache,
}

/// A set of workers and the green threads that run on them.
///
/// Dropping it ends it, as [`shutdown`](Runtime::shutdown) does.
#[derive(Debug)]
pub struct Runtime {
    pub(super) shared: Arc<Shared>,
    pub(super) reports_leaks: bool,
    pub(super) threads: Vec<StdJoinHandle<()>>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// Makes a builder with the defaults of the global runtime.
    pub fn new() -> Builder {
        Builder {
            name: "greenstd".into(),
            workers: None,
            stack_size: SizeClass::DEFAULT.bytes(),
            live_limit: LIVE_LIMIT,
            guard: GuardKind::Auto,
            reports_overflow: None,
            detects_deadlocks: true,
            monitor: None,
            spare_workers: None,
            measures: false,
            in_spans: false,
            thread_locals: None,
            simulated_from: None,
            reports_leaks: false,
        }
    }

    /// Sets the number of workers, which are OS threads. The default is
    /// [`available_parallelism`](std::thread::available_parallelism).
    ///
    /// # Panics
    ///
    /// If `workers` is 0.
    pub fn workers(mut self, workers: usize) -> Builder {
        assert!(workers > 0, "a runtime has at least one worker");
        self.workers = Some(workers);
        self
    }

    /// Sets the stack size of green threads that do not ask for another one, in bytes of address
    /// space: memory is used for what is touched. Rounded up to a power of two between 16 KiB and
    /// 1 GiB; the default is 256 KiB.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = bytes;
        self
    }

    /// Sets how many green threads may live at once. Spawning more is an error. The default is
    /// 2,097,152. Limits below 64 for each worker are kept exactly; above, each worker may
    /// hold back up to a sixteenth of its share.
    pub fn live_limit(mut self, green_threads: usize) -> Builder {
        self.live_limit = green_threads;
        self
    }

    /// Sets the name of the workers: `NAME-0` and so on. The default is `greenstd`.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = name.into();
        self
    }

    /// Guards stacks by `mprotect` even where the kernel has guard pages that do not split
    /// mappings (`MADV_GUARD_INSTALL`, Linux 6.13). The number of stacks is then limited by
    /// `vm.max_map_count`, at about 32,000.
    pub fn mprotect_guards(mut self) -> Builder {
        self.guard = GuardKind::Mprotect;
        self
    }

    /// Leaves the process's SIGSEGV and SIGBUS handlers alone.
    ///
    /// Otherwise the first runtime installs one that names the green thread whose stack has
    /// overflowed, and passes every other fault to the handler that was there before.
    pub fn without_overflow_report(mut self) -> Builder {
        self.reports_overflow = Some(false);
        self
    }

    /// Sets whether a [`run`](Runtime::run) that can never end is ended: see
    /// [`try_run`](Runtime::try_run). The default is that it is.
    ///
    /// To be switched off where green threads are woken by something that is no OS thread of this
    /// process, unless that is told by a [`park::ExternalWork`](crate::park::ExternalWork).
    pub fn detect_deadlocks(mut self, detect: bool) -> Builder {
        self.detects_deadlocks = detect;
        self
    }

    /// Sets whether a watchdog tells of green threads that hold their workers for too long, and its
    /// settings: see [`Monitor`]. The default is `Monitor::new()` in debug builds, and `None` in
    /// release builds: no thread, no signal handler.
    pub fn monitor(mut self, monitor: impl Into<Option<Monitor>>) -> Builder {
        self.monitor = Some(monitor.into());
        self
    }

    /// Sets whose thread-locals green threads use whose
    /// [`Builder`](crate::thread::Builder::thread_locals) does not say. The default is
    /// [`ThreadLocals::Worker`], or [`ThreadLocals::Own`] once [`hooks`](crate::hooks) are
    /// installed.
    pub fn thread_locals(mut self, thread_locals: ThreadLocals) -> Builder {
        self.thread_locals = Some(thread_locals);
        self
    }

    /// Makes it a simulated one (`simulation`), whose order comes from `seed`.
    pub(crate) fn simulated(mut self, seed: u64) -> Builder {
        self.simulated_from = Some(seed);
        self.spare_workers = Some(0);
        self.workers(1).monitor(None)
    }

    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread, an epoll set or an eventfd; `InvalidInput` for a stack size
    /// above 1 GiB, and for a [`Monitor::signal`] that cannot be handled; `Unsupported` in a
    /// process that was forked off one with a runtime, and for [`ThreadLocals::Own`] where green
    /// threads cannot have it.
    pub fn build(self) -> io::Result<Runtime> {
        let (base, reports_leaks) = (self.name.clone(), self.reports_leaks);
        let (shared, parts) = self.found()?;
        let workers = parts.len();
        let mut runtime = Runtime { shared, reports_leaks, threads: Vec::with_capacity(workers) };
        for (index, Parts { deque, reactor, stacks }) in parts.into_iter().enumerate() {
            let shared = runtime.shared.clone();
            let name = format!("{base}-{index}");
            let body = move || os_thread::serve(shared, index, deque, reactor, stacks);
            match thread::Builder::new().name(name).spawn(body) {
                Ok(thread) => runtime.threads.push(thread),
                Err(error) => {
                    for _ in index..workers {
                        runtime.shared.worker_ended();
                    }
                    return Err(error);
                }
            }
        }
        let watchdog = monitor::start(&runtime.shared, &base)?;
        runtime.threads.extend(watchdog);
        Ok(runtime)
    }

    /// Makes all of a runtime but its threads.
    ///
    /// # Errors
    ///
    /// As [`build`](Builder::build).
    pub(super) fn found(self) -> io::Result<(Arc<Shared>, Vec<Parts>)> {
        fork::prepare()?;
        // Before there are threads, where it is quick. Every start of a fiber has such a fence.
        barrier::prepare();
        self.thread_locals.map_or(Ok(()), ThreadLocals::check)?;
        let processors = || thread::available_parallelism().map_or(1, NonZero::get);
        let workers = self.workers.unwrap_or_else(processors);
        if self.reports_overflow.unwrap_or(true) {
            overflow::install(os_thread::describe_current)?;
        }
        let monitor = self.monitor.unwrap_or_else(|| cfg!(debug_assertions).then(Monitor::new));
        let class = SizeClass::for_bytes(self.stack_size)?;
        let config = stack::Config { class, guard: self.guard, ..stack::Config::default() };
        let deques: Vec<Deque<_>> = (0..workers).map(|_| Deque::new_fifo()).collect();
        let reactors: Vec<Reactor> =
            (0..workers).map(|_| Reactor::new()).collect::<io::Result<_>>()?;
        let parts = deques.iter().zip(&reactors);
        let shared = Shared::new(
            SharedConfig {
                stacks: StackPool::new(config)?,
                default_class: class,
                thread_locals: self.thread_locals,
                live_limit: self.live_limit,
                detects_deadlocks: self.detects_deadlocks,
                watchdog: monitor.map(Watchdog::new).transpose()?,
                name: self.name.into(),
                spare_workers: self.spare_workers.unwrap_or(spare::SPARE_WORKERS),
                simulation: self.simulated_from.map(Simulation::new),
                notes_leaks: self.reports_leaks,
                measures: self.measures,
                in_spans: self.in_spans,
            },
            parts.map(|(deque, reactor)| (deque.stealer(), reactor.handle().clone())).collect(),
        );
        let part = |(deque, reactor)| {
            let stacks = LocalCache::new(&shared.stacks)?;
            Ok(Parts { deque, reactor, stacks })
        };
        let parts = deques.into_iter().zip(reactors).map(part).collect::<io::Result<_>>()?;
        Ok((shared, parts))
    }

    /// Makes this the global runtime, which spawns from plain OS threads use.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the global runtime has started, by itself or by this call; else as
    /// [`build`](Builder::build).
    pub fn build_global(self) -> io::Result<()> {
        let _starting = STARTING.lock();
        if GLOBAL.get().is_some() {
            let text = "the global runtime has been started already";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        let runtime = self.build()?;
        GLOBAL.get_or_init(|| runtime);
        Ok(())
    }
}

static GLOBAL: OnceLock<Runtime> = OnceLock::new();

/// Held while the global runtime starts, so that a failing start can be tried again.
static STARTING: Mutex<()> = Mutex::new(());

/// The global runtime, if it has started.
pub(super) fn started() -> Option<&'static Runtime> {
    GLOBAL.get()
}

/// The global runtime, started if need be.
pub(super) fn global() -> io::Result<&'static Arc<Shared>> {
    if GLOBAL.get().is_none() {
        match Builder::new().build_global() {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(&GLOBAL.get().expect("started above, or by another thread").shared)
}

impl Runtime {
    /// Spawns a green thread of this runtime, from a thread of either kind. Never blocks.
    ///
    /// # Panics
    ///
    /// If there is none to be had: see [`thread::Builder::spawn`](crate::thread::Builder::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let join = self.spawn_with(Options::default(), f).expect("failed to spawn a green thread");
        JoinHandle::new(join)
    }

    /// # Errors
    ///
    /// As [`thread::Builder::spawn`](crate::thread::Builder::spawn).
    #[track_caller]
    pub(super) fn spawn_with<F, T>(&self, options: Options, closure: F) -> io::Result<Join<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let target = Target::Runtime(&self.shared);
        // SAFETY: everything is `Send` and borrows nothing.
        unsafe { spawn::spawn(target, Lane::Pinned, options, Location::caller(), closure) }
    }

    /// The number of workers, without spare ones ([`Builder::spare_workers`]).
    #[must_use]
    pub fn worker_count(&self) -> usize {
        self.shared.regular().len()
    }

    /// What the stacks of this runtime hold at the moment.
    #[must_use]
    pub fn stack_statistics(&self) -> StackStatistics {
        self.shared.stacks.statistics()
    }

    /// Gives the memory of unused stacks back to the system, but for `keep` of each size. Done
    /// little by little anyway; this is for a program that knows that a peak is over.
    pub fn trim_stacks(&self, keep: usize) {
        self.shared.stacks.trim(keep);
    }
}

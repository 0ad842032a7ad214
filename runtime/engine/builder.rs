//! Spawning as std does it: `Builder`, what std's lacks, and spawning what is not `Send`.

use super::clock;
use super::fiber::Lane;
use super::handles::{JoinHandle, LocalJoinHandle};
use super::own::ThreadLocals;
use super::runtime::Runtime;
use super::spawn::{self, Options, Target};
use std::io;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::Duration;

/// Longer than any process runs, and far from the end of `Instant`: two centuries.
const NEVER: Duration = Duration::from_secs(200 * 365 * 24 * 60 * 60);

/// Sets up a green thread before it is spawned.
///
/// As [`std::thread::Builder`].
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
///
/// let builder = thread::Builder::new().name("reader".into()).stack_size(64 * 1024);
/// let name = builder.spawn(|| thread::current().name().map(String::from))?.join();
/// assert_eq!(name.expect("it does not panic").as_deref(), Some("reader"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    pub(super) options: Options,
}

// As std's is. A span of `tracing` does not say so, for all its subscriber is made for any thread.
impl UnwindSafe for Builder {}
impl RefUnwindSafe for Builder {}

impl Builder {
    /// Makes a builder with the defaults of the runtime: no name, its stack size.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the green thread, for panics, overflows and other diagnostics.
    ///
    /// # Panics
    ///
    /// If the name holds a NUL byte, as in std.
    pub fn name(mut self, name: String) -> Builder {
        assert!(!name.contains('\0'), "a thread name may not hold NUL bytes");
        self.options.name = Some(name);
        self
    }

    /// Sets the stack size in bytes of address space, rounded up to a power of two between 16 KiB
    /// and 1 GiB. The default is the runtime's, 256 KiB as a rule.
    pub fn stack_size(mut self, size: usize) -> Builder {
        self.options.stack_size = Some(size);
        self
    }

    /// Sets whose thread-locals the green thread uses. The default is the runtime's: see
    /// [`RuntimeBuilder::thread_locals`](crate::runtime::Builder::thread_locals).
    pub fn thread_locals(mut self, thread_locals: ThreadLocals) -> Builder {
        self.options.thread_locals = Some(thread_locals);
        self
    }

    /// Spawns a green thread. Never blocks; works on threads of either kind. From a plain OS
    /// thread the green thread goes to the global runtime, which starts if need be.
    ///
    /// # Errors
    ///
    /// `WouldBlock` at the runtime's limit on live green threads (as std's `spawn` at the system's
    /// limit on threads), `InvalidInput` for a stack above 1 GiB, `OutOfMemory` if no address
    /// space is left for a stack, `Unsupported` for [`ThreadLocals::Own`] where there is none such,
    /// and whatever kept the global runtime from starting.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn::spawn_static(self.options, Location::caller(), f).map(JoinHandle::new)
    }

    /// [`spawn`](Builder::spawn) as a green thread of that runtime, from a thread of either kind.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Builder::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{runtime, thread};
    ///
    /// let runtime = runtime::Builder::new().workers(1).build()?;
    /// let named = thread::Builder::new().name("of this runtime".into());
    /// let name = named.spawn_on(&runtime, || thread::current().name().map(String::from))?.join();
    /// assert_eq!(name.expect("it does not panic").as_deref(), Some("of this runtime"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_on<F, T>(self, runtime: &Runtime, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        runtime.spawn_with(self.options, f).map(JoinHandle::new)
    }

    /// Spawns a green thread that starts once `delay` has passed: never earlier, and later if its
    /// worker is busy. Never blocks.
    ///
    /// Until then it costs a timer, and has no stack. If it is killed meanwhile its closure is
    /// dropped without having run, and it ends at once. It counts as live. As gevent's
    /// `spawn_later`.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Builder::spawn).
    #[track_caller]
    pub fn spawn_later<F, T>(mut self, delay: Duration, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // A time that no clock reaches is as good as never: some centuries.
        let now = clock::now();
        let starts_at = now.checked_add(delay).unwrap_or_else(|| now + NEVER);
        self.options.starts_at = Some(starts_at);
        self.spawn(f)
    }

    /// [`spawn`](Builder::spawn) for what the compiler cannot see to live long enough.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Builder::spawn).
    ///
    /// # Safety
    ///
    /// The green thread has to end before anything that `f` or its result borrows does: join it,
    /// or borrow only what lives for ever. As [`std::thread::Builder::spawn_unchecked`].
    #[track_caller]
    pub unsafe fn spawn_unchecked<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let site = Location::caller();
        // SAFETY: `Send`, and the rest is promised by the caller.
        let join = unsafe { spawn::spawn(Target::Here, Lane::Pinned, self.options, site, f)? };
        Ok(JoinHandle::new(join))
    }

    /// [`spawn_local`] with the settings of this builder.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the caller is not a green thread, or one with its own thread-locals;
    /// `InvalidInput` with [`ThreadLocals::Own`]; else as [`spawn`](Builder::spawn).
    #[track_caller]
    pub fn spawn_local<F, T>(self, f: F) -> io::Result<LocalJoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        // SAFETY: the handle is `!Send`.
        let join = unsafe { spawn::spawn_local(self.options, Location::caller(), f)? };
        Ok(LocalJoinHandle::new(join))
    }
}

/// Spawns a green thread that shares its spawner's worker for good, so that neither its closure
/// nor its result has to be `Send`: both may hold an `Rc`.
///
/// The price is that no other worker can take it over. It uses the worker's thread-locals,
/// whatever the runtime's default is.
///
/// # Panics
///
/// If the caller is not a green thread, or one with [its own thread-locals](ThreadLocals::Own),
/// which any worker may resume, and as [`spawn`](crate::thread::spawn).
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// let sum = greenstd_runtime::run(|| {
///     let shared = Rc::new(20);
///     let other = shared.clone();
///     let local = greenstd_runtime::spawn_local(move || Rc::new(*other + 2));
///     *shared + *local.join().expect("it does not panic")
/// });
/// assert_eq!(sum, 42);
/// ```
#[track_caller]
pub fn spawn_local<F, T>(f: F) -> LocalJoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    Builder::new().spawn_local(f).expect("failed to spawn a local green thread")
}

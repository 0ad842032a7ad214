//! The way back: an OS thread has something run on a green thread, and waits for it.

use super::seat::Seat;
use crate::engine::{Home, is_on_green_thread};
use crate::park::ExternalWork;
use crate::park::Mutex;
use crate::thread::{Builder, JoinHandle, Killed};
use std::io;
use std::panic::{self, Location};
use std::rc::Rc;
use std::sync::Arc;

/// Runs `f` on a green thread, and blocks the calling OS thread until it has ended.
///
/// For jobs of a pool that have to call back: into code that uses the sockets, locks or channels of
/// green threads by the thousand, or that must not run at the same time as its neighbours on one
/// worker. The green thread belongs to the runtime of the green thread that has submitted the job,
/// or has submitted the job that submitted it, and so on; on other OS threads, to the global
/// runtime. For another one there is [`Runtime::run`](crate::runtime::Runtime::run). On a green
/// thread `f` is simply called.
///
/// The thread of the pool is taken meanwhile. If all threads of a pool wait here while other jobs
/// are queued, that is a pile-up: what they wait for may itself be waiting for the pool. It is
/// reported, by `tracing` or on stderr, and up to
/// [`spare_threads`](super::Builder::spare_threads) further threads are started, one each time
/// that all are stuck again. When there are no more, that is reported too, and the jobs wait. A
/// [`run`](crate::run) in which then really everybody waits for somebody else ends with a
/// [`Deadlock`](crate::runtime::Deadlock): a thread that waits here does not count as one that will
/// wake somebody.
///
/// As Twisted's `blockingCallFromThread`.
///
/// # Panics
///
/// With the panic of `f`, and if the limit on live green threads is reached. If the runtime ends
/// meanwhile the calling job is unwound as the green thread is, without a message: its join returns
/// [`Killed`](crate::thread::Killed).
///
/// # Examples
///
/// ```
/// use greenstd_runtime::blocking::{blocking, call_from_thread};
/// use greenstd_runtime::thread;
///
/// greenstd_runtime::run(|| {
///     let caller = thread::current().id();
///     let callee = blocking(|| call_from_thread(|| thread::current().id()));
///     assert_ne!(caller, callee);
/// });
/// ```
#[track_caller]
pub fn call_from_thread<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if is_on_green_thread() {
        return f();
    }
    let site = Location::caller();
    let outcome = match Seat::current() {
        None => spawn(None, site, f).and_then(JoinHandle::join),
        Some(seat) => {
            let (returns, call) = Call::new(&seat);
            let body = move || {
                let _returns = returns;
                f()
            };
            spawn(seat.home(), site, body).and_then(|callee| {
                let _away = call.go();
                callee.join()
            })
        }
    };
    outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

fn spawn<F, T>(
    home: Option<Home>,
    site: &'static Location<'static>,
    body: F,
) -> std::thread::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let spawned = match home {
        Some(home) => home.spawn(site, body),
        None => Builder::new().spawn(body),
    };
    match spawned {
        Ok(handle) => Ok(handle),
        Err(error) if is_killed(&error) => Err(Box::new(Killed::new())),
        Err(error) => panic!("failed to spawn a green thread: {error}"),
    }
}

fn is_killed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Killed>())
}

/// Where the callee leaves the token by which the waiting thread counts again.
type Token = Arc<Mutex<Option<ExternalWork>>>;

/// Goes with the green thread: makes the waiting thread count before that is woken, whether the
/// closure returns, unwinds or never runs.
struct Returns(Token);

impl Drop for Returns {
    fn drop(&mut self) {
        *self.0.lock() = Some(ExternalWork::new());
    }
}

/// A call by a thread of a pool.
struct Call<'s> {
    seat: &'s Rc<Seat>,
    token: Token,
}

impl<'s> Call<'s> {
    fn new(seat: &'s Rc<Seat>) -> (Returns, Call<'s>) {
        let token = Token::default();
        (Returns(token.clone()), Call { seat, token })
    }

    /// The thread wakes nobody from now on, until what is returned is dropped. The green thread
    /// for which it waits is queued already.
    fn go(self) -> Away<'s> {
        let crew = &self.seat.crew;
        let mut state = crew.state.lock();
        state.in_green += 1;
        let orders = state.settle();
        drop(state);
        // There is a thread, this one, so nothing is refused.
        let _ = crew.carry_out(orders, None);
        self.seat.end_work();
        Away(self)
    }
}

/// Counts a thread as waiting for green code.
struct Away<'s>(Call<'s>);

impl Drop for Away<'_> {
    fn drop(&mut self) {
        let Call { seat, token } = &self.0;
        // A scope that the job has opened may have ended the wait before the green thread ended.
        let work = token.lock().take();
        seat.begin_work(Some(work.unwrap_or_else(ExternalWork::new)));
        seat.crew.state.lock().come_back();
    }
}

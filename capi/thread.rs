//! Green threads: their life, and the calls that concern the calling one.

use crate::call::{Call, Function, Value};
use crate::config::{self, gs_attributes};
use crate::guard::{self, Errno};
use crate::handle;
use crate::local;
use crate::registry::{self, Record};
use crate::runtime::gs_runtime;
use greenstd_runtime::park;
use greenstd_runtime::thread::{self, JoinHandle, Killed};
use libc::{c_int, c_void};
use std::time::Duration;

/// The name of a thread: a number that no other thread of the process has or will have. 0 is none.
pub type gs_thread = u64;

/// What a green thread runs. It ends by returning: longjmp, pthread_exit and exceptions must not
/// leave it.
pub type gs_thread_function = Option<unsafe extern "C" fn(*mut c_void) -> *mut c_void>;

/// What gs_join finds as the result of a green thread that was killed before it had started:
/// as PTHREAD_CANCELED, (void *)-1.
const CANCELED: *mut c_void = usize::MAX as *mut c_void;

/// Spawns a green thread that runs `function(argument)`, on a runtime, or on that of the calling
/// green thread if `runtime` is NULL. `attributes` may be NULL, for the defaults; so may `thread`,
/// which is a green thread that is detached from the first. Never blocks. On threads of either
/// kind.
///
/// Returns 0, and the id in `*thread`; -EINVAL for a NULL function, a NULL runtime on an OS thread,
/// what is no runtime, unknown flags, and a stack size above 1 GiB; -E2BIG for attributes of a
/// newer version that ask for something unknown here; -EAGAIN at the limit on live green threads;
/// -ENOMEM if no address space is left for a stack; -EOPNOTSUPP for GS_OWN_THREAD_LOCALS where they
/// are not to be had, and in a forked process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_spawn(
    runtime: *mut gs_runtime,
    attributes: *const gs_attributes,
    function: gs_thread_function,
    argument: *mut c_void,
    thread: *mut gs_thread,
) -> c_int {
    let Some(function) = function else { return -libc::EINVAL };
    let spawned = guard::enter(|| {
        // SAFETY: the caller's promise.
        let builder = unsafe { config::thread_builder(attributes) }?;
        let home = if runtime.is_null() { local::home() } else { runtime.addr() };
        let call = Call::new(Function(function), argument, home);
        let (record, ending) = Record::unborn();
        let own = record.clone();
        let body = move || {
            let _ending = ending;
            own.begin();
            call.run()
        };
        let spawned = if !runtime.is_null() {
            // SAFETY: the caller's promise.
            let runtime = unsafe { handle::borrow(runtime.cast_const()) }?;
            builder.spawn_on(&runtime.runtime, body)
        } else if park::is_on_green_thread() {
            builder.spawn(body)
        } else {
            // The global runtime would install what is process-wide: nobody has asked for that.
            return Err(libc::EINVAL);
        };
        let handle = spawned.map_err(|error| guard::errno(&error))?;
        Ok(record.born(handle, !thread.is_null()))
    });
    guard::status(spawned.map(|id| {
        if !thread.is_null() {
            // SAFETY: the caller's place for it.
            unsafe { thread.write(id) };
        }
    }))
}

/// Blocks the calling thread, of either kind, until a green thread has ended. What its function
/// returned is in `*result`, which may be NULL; GS_CANCELED for one that was killed before it had
/// started. After that the id names nobody.
///
/// Returns 0; -ESRCH for an id that names nobody, and so for one that was joined; -EINVAL for one
/// that is detached, is no green thread of gs_spawn, or is being joined by somebody else; -EDEADLK
/// for the calling thread's own; -ECANCELED if the caller was killed: then it was not joined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_join(thread: gs_thread, result: *mut *mut c_void) -> c_int {
    // SAFETY: passed on.
    unsafe { gs_join_timeout(thread, -1, result) }
}

/// gs_join for so many nanoseconds at most; negative is for ever, 0 does not wait.
///
/// Returns what gs_join does; -ETIMEDOUT if the green thread has not ended in time, and was not
/// joined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_join_timeout(
    thread: gs_thread,
    timeout_ns: i64,
    result: *mut *mut c_void,
) -> c_int {
    let joined = guard::enter(|| Ok((registry::find(thread)?, registry::own_number())));
    let joined = joined.and_then(|(record, current)| {
        if thread == current {
            return Err(libc::EDEADLK);
        }
        join(&record, timeout_ns)
    });
    guard::status(joined.map(|value| {
        if !result.is_null() {
            // SAFETY: the caller's place for it.
            unsafe { result.write(value.into_inner()) };
        }
    }))
}

fn join(record: &Record, timeout_ns: i64) -> Result<Value, Errno> {
    let handle = record.claim()?;
    // The handle stays here: a kill that ends the wait leaves it.
    let waited = guard::enter(|| match handle.wait(guard::timeout(timeout_ns)) {
        true => Ok(()),
        false => Err(libc::ETIMEDOUT),
    });
    match waited {
        Ok(()) => {
            let outcome = take_result(handle);
            record.settle();
            outcome
        }
        Err(error) => {
            record.unclaim(handle);
            // A killed caller that unwinds already is told that nothing has come.
            Err(error)
        }
    }
}

fn take_result(handle: JoinHandle<Value>) -> Result<Value, Errno> {
    guard::enter(|| match handle.join() {
        Ok(value) => Ok(value),
        Err(payload) if payload.is::<Killed>() => Ok(Value::new(CANCELED)),
        Err(_) => Err(libc::EIO),
    })
}

/// Gives the right to join a green thread up: once it has ended its id names nobody. Never blocks.
/// On threads of either kind.
///
/// Returns 0; -ESRCH for an id that names nobody; -EINVAL for one that is detached, is no green
/// thread of gs_spawn, or is being joined.
#[unsafe(no_mangle)]
pub extern "C" fn gs_detach(thread: gs_thread) -> c_int {
    guard::status(guard::enter(|| {
        let record = registry::find(thread)?;
        let handle = record.claim()?;
        record.settle();
        drop(handle);
        Ok(())
    }))
}

/// Asks a green thread to end. One that has not started never will. Otherwise the call in which it
/// waits returns -ECANCELED, or its next one that would wait, and so does every later one: it is
/// for its function to return then. Calls that would not have to wait go on working. Never blocks.
/// On threads of either kind, and for the calling one.
///
/// Returns 0, also for one that has ended but was not joined; -ESRCH for an id that names nobody;
/// -EOPNOTSUPP for an OS thread.
#[unsafe(no_mangle)]
pub extern "C" fn gs_kill(thread: gs_thread) -> c_int {
    guard::status(guard::enter(|| {
        let record = registry::find(thread)?;
        record.thread().kill().map_err(|error| guard::errno(&error))
    }))
}

/// The id of the calling thread, of either kind. Never 0.
#[unsafe(no_mangle)]
pub extern "C" fn gs_current() -> gs_thread {
    guard::enter(|| Ok(registry::current_id())).unwrap_or(0)
}

/// Whether the calling thread is a green one: 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn gs_is_green() -> c_int {
    c_int::from(park::is_on_green_thread())
}

/// Blocks the calling thread, of either kind, for at least so many nanoseconds.
///
/// Returns 0; -ECANCELED if it was killed.
#[unsafe(no_mangle)]
pub extern "C" fn gs_sleep(nanoseconds: u64) -> c_int {
    guard::status(guard::enter(|| {
        thread::sleep(Duration::from_nanos(nanoseconds));
        Ok(())
    }))
}

/// Lets other green threads of the worker run. On an OS thread, as sched_yield.
///
/// Returns 0; -ECANCELED if the calling green thread was killed, so that a loop which computes can
/// ask.
#[unsafe(no_mangle)]
pub extern "C" fn gs_yield() -> c_int {
    guard::status(guard::enter(|| {
        thread::yield_now();
        Ok(())
    }))
}

/// Blocks the calling thread, of either kind, until gs_unpark gives it a permit, which this call
/// consumes; one that was given before ends it at once. May return for no reason.
///
/// Returns 0; -ECANCELED if it was killed.
#[unsafe(no_mangle)]
pub extern "C" fn gs_park() -> c_int {
    gs_park_timeout(-1)
}

/// gs_park for so many nanoseconds at most; negative is for ever.
///
/// Returns 0, also when the time is over; -ECANCELED if it was killed.
#[unsafe(no_mangle)]
pub extern "C" fn gs_park_timeout(timeout_ns: i64) -> c_int {
    guard::status(guard::enter(|| {
        match guard::timeout(timeout_ns) {
            Some(timeout) => thread::park_timeout(timeout),
            None => thread::park(),
        }
        Ok(())
    }))
}

/// Gives a thread, of either kind, the permit for its next gs_park, or ends the one it is in.
/// Permits do not add up. An OS thread has an id once it has called gs_current. Never blocks. On
/// threads of either kind.
///
/// Returns 0; -ESRCH for an id that names nobody.
#[unsafe(no_mangle)]
pub extern "C" fn gs_unpark(thread: gs_thread) -> c_int {
    guard::status(guard::enter(|| {
        registry::find(thread)?.thread().unpark();
        Ok(())
    }))
}

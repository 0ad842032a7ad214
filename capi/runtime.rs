//! Runtimes, and what runs on them first.

use crate::call::{Call, Function};
use crate::config::{self, gs_config};
use crate::guard::{self, Errno};
use crate::handle::{self, Mark, Opaque};
use crate::local;
use crate::thread::gs_thread_function;
use greenstd_runtime::runtime::Runtime;
use libc::{c_int, c_void};
use std::io::{self, Write as _};
use std::sync::Arc;

/// A set of OS threads, the workers, on which green threads run.
#[derive(Debug)]
pub struct gs_runtime {
    mark: Mark,
    /// Shared with the runs that are under way.
    pub(crate) runtime: Arc<Runtime>,
}

impl Opaque for gs_runtime {
    const MARK: [u8; 8] = *b"gsruntim";

    fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// Starts a runtime. `config` may be NULL, for the defaults. Never blocks for long. On threads of
/// either kind.
///
/// Returns 0, and the runtime in `*runtime`; -EINVAL for a NULL `runtime`, a size that no version
/// of the struct has, unknown flags, or a stack size above 1 GiB; -E2BIG for a config of a newer
/// version that asks for something unknown here; -EOPNOTSUPP for GS_OWN_THREAD_LOCALS where they
/// are not to be had, and in a process that was forked off one with a runtime; or why the system
/// gives no thread or descriptor (-EAGAIN, -EMFILE, -ENOMEM).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_runtime_create(
    config: *const gs_config,
    runtime: *mut *mut gs_runtime,
) -> c_int {
    if runtime.is_null() {
        return -libc::EINVAL;
    }
    let made = guard::enter(|| {
        // SAFETY: the caller's promise.
        let builder = unsafe { config::builder(config) }?;
        builder.build().map_err(|error| guard::errno(&error))
    });
    guard::status(made.map(|made| {
        let made = gs_runtime { mark: Mark::of::<gs_runtime>(), runtime: Arc::new(made) };
        // SAFETY: the caller's place for it.
        unsafe { runtime.write(handle::give(made)) };
    }))
}

/// Ends a runtime: green threads that have not started never will, every other one is killed, and
/// the calling thread blocks until all have ended. One that neither ends nor calls what could wait
/// is waited for. Then the runtime is freed.
///
/// Threads of it that were neither joined nor detached can be joined afterwards.
///
/// Returns 0; -EINVAL for NULL and for what is no runtime; -EDEADLK on a green thread of this very
/// runtime, which could not end; -EBUSY while another thread is in gs_run. In the last two cases
/// the runtime is left as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_runtime_destroy(runtime: *mut gs_runtime) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: the caller's promise.
        let inner = unsafe { handle::borrow(runtime.cast_const()) }?;
        if local::home() == runtime.addr() {
            return Err(libc::EDEADLK);
        }
        if Arc::strong_count(&inner.runtime) > 1 {
            return Err(libc::EBUSY);
        }
        // SAFETY: as above, and nobody else uses it from now on.
        drop(unsafe { handle::take(runtime) }?);
        Ok(())
    }))
}

/// Runs `function(argument)` on a green thread of the runtime, and blocks the calling thread, of
/// either kind, until it has returned. Green threads that it has spawned go on. What it returned is
/// in `*result`, which may be NULL.
///
/// If `runtime` is NULL it runs on one of its own, with the defaults, which ends with it.
///
/// Returns 0; -EINVAL for a NULL function and what is no runtime; -EAGAIN at the limit on live
/// green threads; -EDEADLK, and a report on standard error, if all green threads wait and nothing
/// can wake any (GS_DETECT_DEADLOCKS), after which the runtime is of no use; -ECANCELED if the
/// caller was killed, which the function does not hear of, or the function's green thread was
/// before it started; for a runtime of its own, what gs_runtime_create returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_run(
    runtime: *mut gs_runtime,
    function: gs_thread_function,
    argument: *mut c_void,
    result: *mut *mut c_void,
) -> c_int {
    let Some(function) = function else { return -libc::EINVAL };
    let outcome = guard::enter(|| {
        let own;
        let inner = if runtime.is_null() {
            // SAFETY: no config, which is one.
            let builder = unsafe { config::builder(std::ptr::null()) }?;
            own = builder.build().map_err(|error| guard::errno(&error))?;
            Arc::new(own)
        } else {
            // SAFETY: the caller's promise.
            unsafe { handle::borrow(runtime.cast_const()) }?.runtime.clone()
        };
        run(&inner, Call::new(Function(function), argument, runtime.addr()))
    });
    guard::status(outcome.map(|value| {
        if !result.is_null() {
            // SAFETY: the caller's place for it.
            unsafe { result.write(value) };
        }
    }))
}

fn run(runtime: &Runtime, call: Call) -> Result<*mut c_void, Errno> {
    match runtime.try_run(move || call.run()) {
        Ok(value) => Ok(value.into_inner()),
        Err(deadlock) => {
            // Unlike `eprintln`, this does not panic if nobody can be told.
            let _ = writeln!(io::stderr(), "{deadlock}");
            Err(libc::EDEADLK)
        }
    }
}

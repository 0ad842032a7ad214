//! Channels of pointers: `gs_channel`.
//!
//! C drops no ends, so a channel is closed by a call: it is the runtime's `Queue`.

use crate::call::Value;
use crate::guard::{self, Errno};
use crate::handle::{self, Mark, Opaque};
use greenstd_runtime::queue::{
    GetTimeoutError, PutTimeoutError, Queue, Shutdown, TryGetError, TryPutError,
};
use libc::{c_int, c_void, size_t};

/// Pointers on their way from any number of threads to any number of threads, first in, first out.
#[derive(Debug)]
pub struct gs_channel {
    mark: Mark,
    queue: Queue<Value>,
}

impl Opaque for gs_channel {
    const MARK: [u8; 8] = *b"gschanel";

    fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// Makes a channel that holds up to `capacity` messages; any number if that is 0. Never blocks. On
/// threads of either kind.
///
/// Returns 0, and the channel in `*channel`; -EINVAL for a NULL `channel`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_create(
    capacity: size_t,
    channel: *mut *mut gs_channel,
) -> c_int {
    if channel.is_null() {
        return -libc::EINVAL;
    }
    guard::status(guard::enter(|| {
        let queue = if capacity == 0 { Queue::new() } else { Queue::bounded(capacity) };
        let made = handle::give(gs_channel { mark: Mark::of::<gs_channel>(), queue });
        // SAFETY: the caller's place for it.
        unsafe { channel.write(made) };
        Ok(())
    }))
}

/// Frees a channel, which nobody may use any more. Messages that are in it are forgotten. Never
/// blocks.
///
/// Returns 0; -EINVAL for NULL and for what is no channel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_destroy(channel: *mut gs_channel) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: the caller's promise.
        drop(unsafe { handle::take(channel) }?);
        Ok(())
    }))
}

/// Blocks the calling thread, of either kind, while the channel is full, and sends a message, which
/// may be NULL.
///
/// Returns 0; -EINVAL for NULL and for what is no channel; -EPIPE if it is closed, or is while the
/// caller waits; -ECANCELED if the caller was killed. Unless it is 0 the message was not sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_send(channel: *mut gs_channel, message: *mut c_void) -> c_int {
    // SAFETY: passed on.
    unsafe { gs_channel_send_timeout(channel, message, -1) }
}

/// gs_channel_send for so many nanoseconds at most; negative is for ever.
///
/// Returns what gs_channel_send does; -ETIMEDOUT if there was no room in time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_send_timeout(
    channel: *mut gs_channel,
    message: *mut c_void,
    timeout_ns: i64,
) -> c_int {
    let message = Value::new(message);
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        let queue = &unsafe { handle::borrow(channel.cast_const()) }?.queue;
        match guard::timeout(timeout_ns) {
            Some(timeout) => queue.put_timeout(message, timeout).map_err(|error| match error {
                PutTimeoutError::Timeout(_) => libc::ETIMEDOUT,
                _ => libc::EPIPE,
            }),
            None => queue.put(message).map_err(|_| libc::EPIPE),
        }
    }))
}

/// Sends a message if there is room. Never blocks. On threads of either kind.
///
/// Returns 0; -EINVAL for NULL and for what is no channel; -EAGAIN if it is full; -EPIPE if it is
/// closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_try_send(
    channel: *mut gs_channel,
    message: *mut c_void,
) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        let queue = &unsafe { handle::borrow(channel.cast_const()) }?.queue;
        queue.try_put(Value::new(message)).map_err(|error| match error {
            TryPutError::Full(_) => libc::EAGAIN,
            _ => libc::EPIPE,
        })
    }))
}

/// Blocks the calling thread, of either kind, until there is a message, and takes it.
///
/// Returns 0, and the message in `*message`; -EINVAL for NULL and for what is no channel; -EPIPE if
/// it is closed and empty; -ECANCELED if the caller was killed: then it took none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_recv(
    channel: *mut gs_channel,
    message: *mut *mut c_void,
) -> c_int {
    // SAFETY: passed on.
    unsafe { gs_channel_recv_timeout(channel, message, -1) }
}

/// gs_channel_recv for so many nanoseconds at most; negative is for ever.
///
/// Returns what gs_channel_recv does; -ETIMEDOUT if there was no message in time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_recv_timeout(
    channel: *mut gs_channel,
    message: *mut *mut c_void,
    timeout_ns: i64,
) -> c_int {
    // SAFETY: passed on.
    unsafe {
        receive(channel, message, |queue| match guard::timeout(timeout_ns) {
            Some(timeout) => queue.get_timeout(timeout).map_err(|error| match error {
                GetTimeoutError::Timeout => libc::ETIMEDOUT,
                _ => libc::EPIPE,
            }),
            None => queue.get().map_err(|_| libc::EPIPE),
        })
    }
}

/// Takes a message if there is one. Never blocks. On threads of either kind.
///
/// Returns 0, and the message in `*message`; -EINVAL for NULL and for what is no channel; -EAGAIN
/// if it is empty; -EPIPE if it is closed and empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_try_recv(
    channel: *mut gs_channel,
    message: *mut *mut c_void,
) -> c_int {
    // SAFETY: passed on.
    unsafe {
        receive(channel, message, |queue| {
            queue.try_get().map_err(|error| match error {
                TryGetError::Empty => libc::EAGAIN,
                _ => libc::EPIPE,
            })
        })
    }
}

/// # Safety
///
/// As [`handle::borrow`]; a place that is not NULL is one for a message.
unsafe fn receive(
    channel: *mut gs_channel,
    place: *mut *mut c_void,
    get: impl FnOnce(&Queue<Value>) -> Result<Value, Errno>,
) -> c_int {
    if place.is_null() {
        return -libc::EINVAL;
    }
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        let queue = &unsafe { handle::borrow(channel.cast_const()) }?.queue;
        let message = get(queue)?.into_inner();
        // SAFETY: the caller's place for it.
        unsafe { place.write(message) };
        Ok(())
    }))
}

/// Closes a channel: nothing is sent any more, what is in it can still be received, and all are
/// woken who wait in vain. Never blocks. On threads of either kind.
///
/// Returns 0, also if it was closed before; -EINVAL for NULL and for what is no channel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_close(channel: *mut gs_channel) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        let channel = unsafe { handle::borrow(channel.cast_const()) }?;
        channel.queue.shutdown(Shutdown::Draining);
        Ok(())
    }))
}

/// How many messages are in a channel at the moment. Never blocks. On threads of either kind.
///
/// Returns the number; -EINVAL for NULL and for what is no channel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_channel_length(channel: *mut gs_channel) -> isize {
    guard::count(guard::enter(|| {
        // SAFETY: passed on.
        Ok(unsafe { handle::borrow(channel.cast_const()) }?.queue.len())
    }))
}

//! `res_query` and its family, by which mail and directory libraries ask name servers: whole on an
//! OS thread, into the caller's buffer.
//!
//! Those without a state of their own use the calling thread's, so with thread-locals of its own
//! the green thread's: it is that which the OS thread is lent. Older C libraries have these
//! functions in a library beside, by names with underscores; where there is none the call fails.

use crate::gate;
use crate::original::Original;
use crate::pool;
use crate::raw;
use libc::{c_char, c_int, c_uchar, c_void};
use std::sync::atomic::AtomicU64;

/// In the options of a state: it has been set up.
const IS_SET_UP: u64 = 1;

/// Where the options are in a state: after two ints.
const OPTIONS_AT: usize = 8;

hooks! {
    /// By an OS thread, with the state of the calling thread.
    fn res_query[__res_query](
        name: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        // SAFETY: the calling thread's own.
        let state = unsafe { __res_state() };
        let question = Named { name, class, kind, answer, length };
        // SAFETY: the caller's pointers.
        ask(&BLOCKED, || unsafe { QUERY.named(set_up(state), question) })
    }

    /// By an OS thread, with the caller's state.
    fn res_nquery[__res_nquery](
        state: *mut c_void,
        name: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        let question = Named { name, class, kind, answer, length };
        // SAFETY: the caller's pointers.
        ask(&BLOCKED, || unsafe { QUERY.named(state, question) })
    }

    /// By an OS thread, with the state of the calling thread.
    fn res_search[__res_search](
        name: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        // SAFETY: the calling thread's own.
        let state = unsafe { __res_state() };
        let question = Named { name, class, kind, answer, length };
        // SAFETY: the caller's pointers.
        ask(&BLOCKED, || unsafe { SEARCH.named(set_up(state), question) })
    }

    /// By an OS thread, with the caller's state.
    fn res_nsearch[__res_nsearch](
        state: *mut c_void,
        name: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        let question = Named { name, class, kind, answer, length };
        // SAFETY: the caller's pointers.
        ask(&BLOCKED, || unsafe { SEARCH.named(state, question) })
    }

    /// By an OS thread, with the state of the calling thread.
    fn res_querydomain[__res_querydomain](
        name: *const c_char,
        domain: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        // SAFETY: the calling thread's own.
        let state = unsafe { __res_state() };
        let question = Named { name, class, kind, answer, length };
        // SAFETY: the caller's pointers.
        ask(&BLOCKED, || unsafe { QUERYDOMAIN.of_domain(set_up(state), domain, question) })
    }

    /// By an OS thread, with the caller's state.
    fn res_nquerydomain[__res_nquerydomain](
        state: *mut c_void,
        name: *const c_char,
        domain: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        let question = Named { name, class, kind, answer, length };
        // SAFETY: the caller's pointers.
        ask(&BLOCKED, || unsafe { QUERYDOMAIN.of_domain(state, domain, question) })
    }

    /// By an OS thread, with the state of the calling thread.
    fn res_send[__res_send](
        message: *const c_uchar,
        size: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        // SAFETY: the calling thread's own.
        let state = unsafe { __res_state() };
        // SAFETY: the caller's pointers.
        ask(&BLOCKED, || unsafe { SEND.made(set_up(state), message, size, answer, length) })
    }

    /// By an OS thread, with the caller's state.
    fn res_nsend[__res_nsend](
        state: *mut c_void,
        message: *const c_uchar,
        size: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        ask(&BLOCKED, || unsafe { SEND.made(state, message, size, answer, length) })
    }
}

static QUERY: Function = Function::new(c"res_nquery", c"__res_nquery");
static SEARCH: Function = Function::new(c"res_nsearch", c"__res_nsearch");
static QUERYDOMAIN: Function = Function::new(c"res_nquerydomain", c"__res_nquerydomain");
static SEND: Function = Function::new(c"res_nsend", c"__res_nsend");

/// What most of them are asked.
#[derive(Clone, Copy)]
struct Named {
    name: *const c_char,
    class: c_int,
    kind: c_int,
    answer: *mut c_uchar,
    length: c_int,
}

/// One with a state, by its two names.
struct Function {
    new: Original,
    old: Original,
}

impl Function {
    const fn new(new: &'static std::ffi::CStr, old: &'static std::ffi::CStr) -> Function {
        Function { new: Original::new(new), old: Original::new(old) }
    }

    /// # Safety
    ///
    /// `F` is the type of a pointer to that function.
    unsafe fn get<F: Copy>(&self) -> Option<F> {
        // SAFETY: the caller's promise, of one function by two names.
        unsafe { self.new.get().or_else(|| self.old.get()) }
    }

    /// # Safety
    ///
    /// As `res_nquery`, which this is by its type.
    unsafe fn named(&self, state: *mut c_void, question: Named) -> c_int {
        type Ask = unsafe extern "C" fn(
            *mut c_void,
            *const c_char,
            c_int,
            c_int,
            *mut c_uchar,
            c_int,
        ) -> c_int;
        let Named { name, class, kind, answer, length } = question;
        // SAFETY: the type of that function, and the caller's pointers.
        unsafe {
            self.get::<Ask>()
                .map_or_else(missing, |it| it(state, name, class, kind, answer, length))
        }
    }

    /// # Safety
    ///
    /// As `res_nquerydomain`, which this is by its type.
    unsafe fn of_domain(
        &self,
        state: *mut c_void,
        domain: *const c_char,
        question: Named,
    ) -> c_int {
        type Ask = unsafe extern "C" fn(
            *mut c_void,
            *const c_char,
            *const c_char,
            c_int,
            c_int,
            *mut c_uchar,
            c_int,
        ) -> c_int;
        let Named { name, class, kind, answer, length } = question;
        // SAFETY: the type of that function, and the caller's pointers.
        unsafe {
            self.get::<Ask>()
                .map_or_else(missing, |it| it(state, name, domain, class, kind, answer, length))
        }
    }

    /// # Safety
    ///
    /// As `res_nsend`, which this is by its type.
    unsafe fn made(
        &self,
        state: *mut c_void,
        message: *const c_uchar,
        size: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int {
        type Ask =
            unsafe extern "C" fn(*mut c_void, *const c_uchar, c_int, *mut c_uchar, c_int) -> c_int;
        // SAFETY: the type of that function, and the caller's pointers.
        unsafe {
            self.get::<Ask>().map_or_else(missing, |it| it(state, message, size, answer, length))
        }
    }
}

fn missing() -> c_int {
    raw::fail(libc::ENOSYS)
}

/// Calls on an OS thread for a green thread whose calls are to park, else here.
fn ask(blocked: &AtomicU64, call: impl FnOnce() -> c_int) -> c_int {
    if !gate::is_cooperative() {
        return call();
    }
    // The trouble is told where the thread that calls has it.
    let (length, error, trouble) = pool::lend(blocked, || {
        let length = call();
        // SAFETY: the OS thread's own.
        (length, raw::errno(), unsafe { *__h_errno_location() })
    });
    if length < 0 {
        raw::set_errno(error);
        // SAFETY: the calling thread's own.
        unsafe { *__h_errno_location() = trouble };
    }
    length
}

/// Sets a state up that has never been used. Returns it.
///
/// # Safety
///
/// A state, that is nobody else's.
unsafe fn set_up(state: *mut c_void) -> *mut c_void {
    // SAFETY: the options are there in every state.
    let options = unsafe { state.byte_add(OPTIONS_AT).cast::<u64>().read() };
    if options & IS_SET_UP == 0 {
        // SAFETY: the caller's promise. What is wrong with it, the question meets, too.
        let _ = unsafe { __res_ninit(state) };
    }
    state
}

unsafe extern "C" {
    /// Where the calling thread's state is.
    fn __res_state() -> *mut c_void;
    fn __res_ninit(state: *mut c_void) -> c_int;
    /// Where the calling thread's `h_errno` is.
    fn __h_errno_location() -> *mut c_int;
}

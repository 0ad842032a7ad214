//! `gethostbyname` and its family: whole on an OS thread.
//!
//! Those that fill the caller's buffer are lent it. Those that return what is the C library's own
//! get a buffer for each thread, so for each green thread with thread-locals of its own: what they
//! return is good until the next such call there.

use crate::gate;
use crate::original::Original;
use crate::pool;
use crate::raw;
use libc::{c_char, c_int, c_void, hostent, size_t, socklen_t};
use std::cell::RefCell;
use std::ptr;

/// `h_errno`: the resolver's own trouble, told by `errno`.
const NETDB_INTERNAL: c_int = -1;

/// What a first buffer has room for, as in the C library.
const FIRST_ROOM: usize = 1024;

/// No answer is larger: a name server's has 64 KiB.
const MOST_ROOM: usize = 1 << 20;

hooks! {
    /// By an OS thread, into the caller's buffer.
    fn gethostbyname_r(
        name: *const c_char,
        place: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        trouble: *mut c_int,
    ) -> c_int {
        let call = || {
            // SAFETY: passed on.
            unsafe { by_name(name, Room { place, buffer, length, result, trouble }) }
        };
        if gate::is_cooperative() { pool::lend(&BLOCKED, call) } else { call() }
    }

    /// By an OS thread, into the caller's buffer.
    fn gethostbyname2_r(
        name: *const c_char,
        family: c_int,
        place: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        trouble: *mut c_int,
    ) -> c_int {
        let call = || {
            // SAFETY: passed on.
            unsafe { by_name2(name, family, Room { place, buffer, length, result, trouble }) }
        };
        if gate::is_cooperative() { pool::lend(&BLOCKED, call) } else { call() }
    }

    /// By an OS thread, into the caller's buffer.
    fn gethostbyaddr_r(
        address: *const c_void,
        size: socklen_t,
        family: c_int,
        place: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        trouble: *mut c_int,
    ) -> c_int {
        let room = Room { place, buffer, length, result, trouble };
        // SAFETY: passed on.
        let call = || unsafe { by_address(address, size, family, room) };
        if gate::is_cooperative() { pool::lend(&BLOCKED, call) } else { call() }
    }

    /// By an OS thread, into a buffer of the calling thread's.
    fn gethostbyname(name: *const c_char) -> *mut hostent {
        if !gate::is_cooperative() {
            type Find = unsafe extern "C" fn(*const c_char) -> *mut hostent;
            // SAFETY: the type of that function, and the caller's pointer.
            return unsafe { BY_NAME_HERE.get::<Find>().map_or(ptr::null_mut(), |it| it(name)) };
        }
        // SAFETY: the caller's pointer.
        fill(|room| pool::lend(&BLOCKED, || unsafe { by_name(name, room) }))
    }

    /// By an OS thread, into a buffer of the calling thread's.
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent {
        if !gate::is_cooperative() {
            type Find = unsafe extern "C" fn(*const c_char, c_int) -> *mut hostent;
            // SAFETY: the type of that function, and the caller's pointer.
            return unsafe {
                BY_NAME2_HERE.get::<Find>().map_or(ptr::null_mut(), |it| it(name, family))
            };
        }
        // SAFETY: the caller's pointer.
        fill(|room| pool::lend(&BLOCKED, || unsafe { by_name2(name, family, room) }))
    }

    /// By an OS thread, into a buffer of the calling thread's.
    fn gethostbyaddr(address: *const c_void, size: socklen_t, family: c_int) -> *mut hostent {
        if !gate::is_cooperative() {
            type Find = unsafe extern "C" fn(*const c_void, socklen_t, c_int) -> *mut hostent;
            // SAFETY: the type of that function, and the caller's pointer.
            return unsafe {
                BY_ADDRESS_HERE
                    .get::<Find>()
                    .map_or(ptr::null_mut(), |it| it(address, size, family))
            };
        }
        // SAFETY: the caller's pointer.
        fill(|room| pool::lend(&BLOCKED, || unsafe { by_address(address, size, family, room) }))
    }
}

static BY_NAME: Original = Original::new(c"gethostbyname_r");
static BY_NAME2: Original = Original::new(c"gethostbyname2_r");
static BY_ADDRESS: Original = Original::new(c"gethostbyaddr_r");
static BY_NAME_HERE: Original = Original::new(c"gethostbyname");
static BY_NAME2_HERE: Original = Original::new(c"gethostbyname2");
static BY_ADDRESS_HERE: Original = Original::new(c"gethostbyaddr");

/// Where a result is to be.
#[derive(Clone, Copy)]
struct Room {
    place: *mut hostent,
    buffer: *mut c_char,
    length: size_t,
    result: *mut *mut hostent,
    trouble: *mut c_int,
}

/// The end of the arguments of all these functions.
type Rest = (*mut hostent, *mut c_char, size_t, *mut *mut hostent, *mut c_int);

impl Room {
    fn rest(self) -> Rest {
        (self.place, self.buffer, self.length, self.result, self.trouble)
    }
}

/// # Safety
///
/// As `gethostbyname_r`.
unsafe fn by_name(name: *const c_char, room: Room) -> c_int {
    type Find = unsafe extern "C" fn(
        *const c_char,
        *mut hostent,
        *mut c_char,
        size_t,
        *mut *mut hostent,
        *mut c_int,
    ) -> c_int;
    let (place, buffer, length, result, trouble) = room.rest();
    // SAFETY: the type of that function, and the caller's pointers.
    unsafe {
        BY_NAME
            .get::<Find>()
            .map_or(libc::ENOSYS, |it| it(name, place, buffer, length, result, trouble))
    }
}

/// # Safety
///
/// As `gethostbyname2_r`.
unsafe fn by_name2(name: *const c_char, family: c_int, room: Room) -> c_int {
    type Find = unsafe extern "C" fn(
        *const c_char,
        c_int,
        *mut hostent,
        *mut c_char,
        size_t,
        *mut *mut hostent,
        *mut c_int,
    ) -> c_int;
    let (place, buffer, length, result, trouble) = room.rest();
    // SAFETY: the type of that function, and the caller's pointers.
    unsafe {
        BY_NAME2
            .get::<Find>()
            .map_or(libc::ENOSYS, |it| it(name, family, place, buffer, length, result, trouble))
    }
}

/// # Safety
///
/// As `gethostbyaddr_r`.
unsafe fn by_address(address: *const c_void, size: socklen_t, family: c_int, room: Room) -> c_int {
    type Find = unsafe extern "C" fn(
        *const c_void,
        socklen_t,
        c_int,
        *mut hostent,
        *mut c_char,
        size_t,
        *mut *mut hostent,
        *mut c_int,
    ) -> c_int;
    let (place, buffer, length, result, trouble) = room.rest();
    // SAFETY: the type of that function, and the caller's pointers.
    unsafe {
        BY_ADDRESS.get::<Find>().map_or(libc::ENOSYS, |it| {
            it(address, size, family, place, buffer, length, result, trouble)
        })
    }
}

/// A result of the calling thread's own.
struct Own {
    /// Boxed: it stays where it is while the thread-local is moved.
    entry: Box<hostent>,
    buffer: Vec<u8>,
}

thread_local! {
    static OWN: RefCell<Option<Own>> = const { RefCell::new(None) };
}

/// Has a result written to a buffer that is large enough, and keeps it for the calling thread.
fn fill(call: impl Fn(Room) -> c_int) -> *mut hostent {
    // SAFETY: a plain old struct of C.
    let mut entry = Box::new(unsafe { std::mem::zeroed::<hostent>() });
    let mut buffer = vec![0_u8; FIRST_ROOM];
    let (mut result, mut trouble) = (ptr::null_mut(), NETDB_INTERNAL);
    loop {
        let code = call(Room {
            place: &raw mut *entry,
            buffer: buffer.as_mut_ptr().cast(),
            length: buffer.len(),
            result: &raw mut result,
            trouble: &raw mut trouble,
        });
        if code != libc::ERANGE || trouble != NETDB_INTERNAL || buffer.len() >= MOST_ROOM {
            if code != 0 {
                raw::set_errno(code);
            }
            break;
        }
        buffer = vec![0; buffer.len() * 2];
    }
    // SAFETY: the calling thread's own.
    unsafe { *__h_errno_location() = if result.is_null() { trouble } else { 0 } };
    if !result.is_null() {
        OWN.set(Some(Own { entry, buffer }));
    }
    // What was there before is gone, as it would be with the C library's own.
    if result.is_null() { ptr::null_mut() } else { own_entry() }
}

fn own_entry() -> *mut hostent {
    OWN.with_borrow_mut(|own| {
        own.as_mut().map_or(ptr::null_mut(), |own| {
            debug_assert!(own.buffer.len() >= FIRST_ROOM);
            &raw mut *own.entry
        })
    })
}

unsafe extern "C" {
    /// Where the calling thread's `h_errno` is.
    fn __h_errno_location() -> *mut c_int;
}

//! Users and groups (`getpwnam_r` and its like): whole on an OS thread.
//!
//! They may be those of a directory on another machine, which is asked by plug-ins of the C
//! library, under its locks. Buffers are lent or the calling thread's, as for hosts.

use crate::gate;
use crate::original::Original;
use crate::pool;
use crate::raw;
use libc::{c_char, c_int, gid_t, group, passwd, size_t, uid_t};
use std::cell::RefCell;
use std::ptr;

/// What a first buffer has room for, as the C library would have it.
const FIRST_ROOM: usize = 1024;

/// Groups of ten thousand members fit.
const MOST_ROOM: usize = 1 << 20;

/// Defines the hooks: by name and by number, into the caller's buffer or ours.
macro_rules! table {
    ($(
        $name_r:ident $name:ident $key:ty => $entry:ident $own:ident $original:ident $here:ident;
    )*) => {
        hooks! {
            $(
                /// By an OS thread, into the caller's buffer.
                fn $name_r(
                    key: $key,
                    place: *mut $entry,
                    buffer: *mut c_char,
                    length: size_t,
                    result: *mut *mut $entry,
                ) -> c_int {
                    let call = || {
                        // SAFETY: passed on.
                        unsafe { find(&$original, key, Room { place, buffer, length, result }) }
                    };
                    if gate::is_cooperative() { pool::lend(&BLOCKED, call) } else { call() }
                }

                /// By an OS thread, into a buffer of the calling thread's.
                fn $name(key: $key) -> *mut $entry {
                    if !gate::is_cooperative() {
                        type Find = unsafe extern "C" fn($key) -> *mut $entry;
                        // SAFETY: the type of that function, and the caller's key.
                        return unsafe { $here.get::<Find>().map_or(ptr::null_mut(), |it| it(key)) };
                    }
                    let found = fill(|room| {
                        // SAFETY: the caller's key, and room of ours.
                        pool::lend(&BLOCKED, || unsafe { find(&$original, key, room) })
                    });
                    keep(&$own, found)
                }
            )*

            /// By an OS thread, into the caller's array.
            fn getgrouplist(
                user: *const c_char,
                first: gid_t,
                groups: *mut gid_t,
                count: *mut c_int,
            ) -> c_int {
                // SAFETY: passed on.
                let call = || unsafe { list_groups(user, first, groups, count) };
                if gate::is_cooperative() { pool::lend(&BLOCKED, call) } else { call() }
            }
        }
    };
}

table! {
    getpwnam_r getpwnam *const c_char => passwd PASSWD PW_BY_NAME PW_BY_NAME_HERE;
    getpwuid_r getpwuid uid_t => passwd PASSWD PW_BY_ID PW_BY_ID_HERE;
    getgrnam_r getgrnam *const c_char => group GROUP GR_BY_NAME GR_BY_NAME_HERE;
    getgrgid_r getgrgid gid_t => group GROUP GR_BY_ID GR_BY_ID_HERE;
}

static PW_BY_NAME: Original = Original::new(c"getpwnam_r");
static PW_BY_NAME_HERE: Original = Original::new(c"getpwnam");
static PW_BY_ID: Original = Original::new(c"getpwuid_r");
static PW_BY_ID_HERE: Original = Original::new(c"getpwuid");
static GR_BY_NAME: Original = Original::new(c"getgrnam_r");
static GR_BY_NAME_HERE: Original = Original::new(c"getgrnam");
static GR_BY_ID: Original = Original::new(c"getgrgid_r");
static GR_BY_ID_HERE: Original = Original::new(c"getgrgid");
static GETGROUPLIST: Original = Original::new(c"getgrouplist");

/// Where a result is to be.
struct Room<E> {
    place: *mut E,
    buffer: *mut c_char,
    length: size_t,
    result: *mut *mut E,
}

/// # Safety
///
/// As the function that is called, which is one by `K` for an `E`.
unsafe fn find<K, E>(original: &Original, key: K, room: Room<E>) -> c_int {
    type Find<K, E> = unsafe extern "C" fn(K, *mut E, *mut c_char, size_t, *mut *mut E) -> c_int;
    let Room { place, buffer, length, result } = room;
    // SAFETY: the type of that function, and the caller's pointers.
    unsafe {
        original
            .get::<Find<K, E>>()
            .map_or(libc::ENOSYS, |it| it(key, place, buffer, length, result))
    }
}

/// # Safety
///
/// As `getgrouplist`.
unsafe fn list_groups(
    user: *const c_char,
    first: gid_t,
    groups: *mut gid_t,
    count: *mut c_int,
) -> c_int {
    type List = unsafe extern "C" fn(*const c_char, gid_t, *mut gid_t, *mut c_int) -> c_int;
    // SAFETY: the type of that function, and the caller's pointers.
    unsafe { GETGROUPLIST.get::<List>().map_or(-1, |it| it(user, first, groups, count)) }
}

/// An entry, and what its pointers point to.
type Entry<E> = (Box<E>, Vec<u8>);

thread_local! {
    static PASSWD: RefCell<Option<Entry<passwd>>> = const { RefCell::new(None) };
    static GROUP: RefCell<Option<Entry<group>>> = const { RefCell::new(None) };
}

/// Has a result written to a buffer that is large enough. None if there is none.
fn fill<E>(call: impl Fn(Room<E>) -> c_int) -> Option<Entry<E>> {
    // SAFETY: plain old structs of C, for the two that there are.
    let mut entry = Box::new(unsafe { std::mem::zeroed::<E>() });
    let mut buffer = vec![0_u8; FIRST_ROOM];
    loop {
        let mut result = ptr::null_mut();
        let code = call(Room {
            place: &raw mut *entry,
            buffer: buffer.as_mut_ptr().cast(),
            length: buffer.len(),
            result: &raw mut result,
        });
        if code == libc::ERANGE && buffer.len() < MOST_ROOM {
            buffer = vec![0; buffer.len() * 2];
            continue;
        }
        if code != 0 {
            raw::set_errno(code);
        }
        return (!result.is_null()).then_some((entry, buffer));
    }
}

/// Keeps a result for the calling thread until the next one.
fn keep<E>(
    own: &'static std::thread::LocalKey<RefCell<Option<Entry<E>>>>,
    found: Option<Entry<E>>,
) -> *mut E {
    let Some(found) = found else { return ptr::null_mut() };
    own.with_borrow_mut(|own| &raw mut *own.insert(found).0)
}

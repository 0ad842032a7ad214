//! How the layout is found out, and tried: on a thread that is there for nothing else.
//!
//! What the C library does not tell, a thread of its own shows: where its number stands, its list
//! of robust mutexes, the values of its keys. So a thread is started, looks at itself, and at last
//! uses a block for a moment as a green thread would. What does not come out as expected makes own
//! thread-locals unsupported, rather than wrong.

use super::base;
use super::block::Block;
use super::layout::{Field, Functions, Keys, Layout, Robust};
use super::layout::{distance, field, need, size, symbol};
use std::ffi::{CStr, c_void};
use std::io;
use std::mem::{self, MaybeUninit};
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::thread;

/// The bits of a pointer, and of a count, in the descriptions for debuggers.
const WORD_BITS: usize = 64;

/// Finds out, on a thread of its own. The inner result is for good.
///
/// # Errors
///
/// Whatever kept the thread from starting.
pub(super) fn run() -> io::Result<Result<Layout, String>> {
    let probe = || {
        let mut layout = look()?;
        attempt(&mut layout)?;
        Ok(layout)
    };
    let thread = thread::Builder::new().name("greenstd-probe".into()).spawn(probe)?;
    Ok(thread.join().unwrap_or_else(|_| Err("the look at a thread has panicked".into())))
}

/// Looks at the calling thread.
fn look() -> Result<Layout, String> {
    let own = base::read();
    if !base::has_usual_header() {
        return Err("the thread pointer does not point to the usual header".into());
    }
    // SAFETY: no preconditions.
    let descriptor = distance(own, unsafe { libc::pthread_self() } as *const u8);
    let descriptor_bytes = size(c"_thread_db_sizeof_pthread")?;
    let in_descriptor = |offset: isize| {
        let offset = offset - descriptor;
        usize::try_from(offset).is_ok_and(|offset| offset + 8 <= descriptor_bytes)
    };
    Ok(Layout {
        functions: functions()?,
        descriptor,
        modules: place_of_modules(descriptor, descriptor_bytes),
        tid: thread_number(own.wrapping_offset(descriptor))?,
        list: list_of_threads()?,
        robust: robust_list(own, in_descriptor)?,
        resolver: resolver(own, in_descriptor),
        rseq: restartable_sequences(),
        keys: keys(own, own.wrapping_offset(descriptor), in_descriptor)?,
    })
}

fn functions() -> Result<Functions, String> {
    /// # Safety
    ///
    /// `F` is the type of that function.
    unsafe fn function<F: Copy>(name: &CStr) -> Result<F, String> {
        let address = need::<c_void>(name)?;
        // SAFETY: a function pointer is an address; its type is promised by the caller.
        Ok(unsafe { mem::transmute_copy::<NonNull<c_void>, F>(&address) })
    }
    // SAFETY: glibc's types of them, unchanged since each has been there.
    unsafe {
        Ok(Functions {
            allocate: function(c"_dl_allocate_tls")?,
            deallocate: function(c"_dl_deallocate_tls")?,
            call_destructors: function(c"__call_tls_dtors")?,
            init_character_classes: function(c"__ctype_init")?,
        })
    }
}

/// Below the thread pointer where the descriptor is above it, and the other way round. Empty if the
/// loader does not say how large a block is, which does not change while the program runs.
fn place_of_modules(descriptor: isize, descriptor_bytes: usize) -> Range<isize> {
    type Info = unsafe extern "C" fn(*mut usize, *mut usize);
    let Some(info) = symbol::<c_void>(c"_dl_get_tls_static_info") else { return 0..0 };
    let (mut bytes, mut align) = (0, 0);
    // SAFETY: glibc's type of it, unchanged since it has been there; it fills the two in.
    unsafe { mem::transmute::<*mut c_void, Info>(info.as_ptr())(&raw mut bytes, &raw mut align) };
    match descriptor {
        // The size includes the descriptor's there.
        0.. => descriptor_bytes.cast_signed() - bytes.cast_signed()..0,
        ..0 => 0..bytes.cast_signed(),
    }
}

fn thread_number(descriptor: *mut u8) -> Result<usize, String> {
    let tid = field(c"_thread_db_pthread_tid")?;
    // SAFETY: a field of the calling thread's descriptor; no preconditions.
    let (stored, asked) =
        unsafe { (descriptor.add(tid.offset).cast::<i32>().read(), libc::gettid()) };
    if tid.bits != 32 || stored != asked {
        return Err("the number of a thread is not where it is said to be".into());
    }
    Ok(tid.offset)
}

/// Where a thread stands in the list of all, from which `fork` takes the one that goes on.
fn list_of_threads() -> Result<usize, String> {
    let list = field(c"_thread_db_pthread_list")?;
    if list.bits * list.count != 2 * WORD_BITS {
        return Err("a thread's place in the list of all is no pair of pointers".into());
    }
    Ok(list.offset)
}

/// The kernel's `struct robust_list_head`.
#[repr(C)]
pub(super) struct RobustHead {
    pub(super) first: *mut RobustHead,
    pub(super) futex_offset: isize,
    pub(super) pending: *mut u8,
}

fn robust_list(own: *mut u8, in_descriptor: impl Fn(isize) -> bool) -> Result<Robust, String> {
    let mut head: *mut RobustHead = ptr::null_mut();
    let mut length = 0_usize;
    // SAFETY: the kernel writes the two.
    let answer =
        unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length) };
    let offset = distance(own, head);
    if answer != 0 || length != size_of::<RobustHead>() || !in_descriptor(offset) {
        return Err("the list of robust mutexes is not in the thread descriptor".into());
    }
    // SAFETY: the list of the calling thread, in its descriptor, which has a word before it.
    let (head_now, before) = unsafe { (&*head, head.cast::<*mut RobustHead>().sub(1).read()) };
    if head_now.first != head {
        return Err("an empty list of robust mutexes does not point to itself".into());
    }
    let futex_offset = head_now.futex_offset;
    Ok(Robust { head: offset, futex_offset, has_pointer_back: before == head })
}

/// The resolver's state of a thread that is not the first one lies in its descriptor; a
/// thread-local points there.
fn resolver(own: *mut u8, in_descriptor: impl Fn(isize) -> bool) -> Option<(isize, isize)> {
    let word = symbol::<*mut u8>(c"__resp")?;
    // SAFETY: a thread-local of the calling thread, which `dlsym` resolves to its address.
    let state = distance(own, unsafe { word.read() });
    in_descriptor(state).then(|| (distance(own, word.as_ptr()), state))
}

fn restartable_sequences() -> Option<isize> {
    // SAFETY: public data of glibc since 2.35.
    Some(unsafe { symbol::<isize>(c"__rseq_offset")?.read() })
}

fn keys(
    own: *mut u8,
    descriptor: *mut u8,
    in_descriptor: impl Fn(isize) -> bool,
) -> Result<Keys, String> {
    let levels = field(c"_thread_db_pthread_specific")?;
    let in_level = field(c"_thread_db_pthread_key_data_level2_data")?;
    let table = field(c"_thread_db___pthread_keys")?;
    // SAFETY: the first word of the table of the calling thread.
    let first = unsafe { descriptor.add(levels.offset).cast::<*mut u8>().read() };
    let first_level = distance(own, first);
    if !in_descriptor(first_level) {
        return Err("the values of pthread keys are not in the thread descriptor".into());
    }
    // The flag follows on the first level, in all versions so far; `attempt` looks at it.
    let is_used = levels.offset + levels.bits * levels.count / u8::BITS as usize;
    let keys = Keys {
        levels: levels.offset,
        // Described as one element of all their bits.
        levels_count: levels.bits * levels.count / WORD_BITS,
        first_level,
        values_in_level: in_level.count,
        value_bytes: size(c"_thread_db_sizeof_pthread_key_data")?,
        value_data: word(c"_thread_db_pthread_key_data_data")?,
        value_sequence: word(c"_thread_db_pthread_key_data_seq")?,
        is_used: Some(is_used),
        table: need(c"__pthread_keys")?,
        entry_bytes: size(c"_thread_db_sizeof_pthread_key_struct")?,
        entry_sequence: word(c"_thread_db_pthread_key_struct_seq")?,
        entry_destructor: word(c"_thread_db_pthread_key_struct_destr")?,
    };
    if keys.levels_count * keys.values_in_level != table.count {
        return Err("there are not as many pthread keys as places for their values".into());
    }
    check_keys(&keys, descriptor)?;
    Ok(keys)
}

/// The offset of a field that is a word.
fn word(name: &CStr) -> Result<usize, String> {
    match field(name)? {
        Field { bits: WORD_BITS, count: 1, offset } => Ok(offset),
        _ => Err(format!("{} describes no word", name.to_string_lossy())),
    }
}

/// Sets a value of a new key and finds it in the tables.
fn check_keys(keys: &Keys, descriptor: *mut u8) -> Result<(), String> {
    extern "C" fn destructor(_: *mut c_void) {}
    let mut key = 0;
    // SAFETY: makes a key, with a destructor that does nothing.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) } != 0 {
        return Err("there is no pthread key to be had".into());
    }
    let index = key as usize;
    let value = ptr::from_ref(keys).cast::<c_void>();
    // SAFETY: the tables of the calling thread, for whose key a value was set, so that its second
    // level is there; the entry is in the table, which has one for each place.
    let is_found = unsafe {
        libc::pthread_setspecific(key, value);
        let levels = descriptor.add(keys.levels).cast::<*mut u8>();
        let level = levels.add(index / keys.values_in_level).read();
        let stored = level.add(index % keys.values_in_level * keys.value_bytes);
        let data = stored.add(keys.value_data).cast::<*const c_void>().read();
        let sequence = stored.add(keys.value_sequence).cast::<usize>().read();
        let entry = keys.table.as_ptr().add(index * keys.entry_bytes);
        let found = entry.add(keys.entry_destructor).cast::<*const c_void>().read();
        let uses = entry.add(keys.entry_sequence).cast::<usize>().read();
        libc::pthread_setspecific(key, ptr::null());
        libc::pthread_key_delete(key);
        let is_ours = found == destructor as *const c_void;
        data == value && is_ours && sequence == uses
    };
    is_found.then_some(()).ok_or_else(|| "pthread keys are not kept as they are said to be".into())
}

/// What was seen with a block in use.
struct Seen {
    errno: *mut i32,
    descriptor: *mut u8,
    /// What came of locking a mutex that the thread itself held.
    second_lock: i32,
    key_value: *mut c_void,
}

/// Uses a block for a moment.
fn attempt(layout: &mut Layout) -> Result<(), String> {
    let block = Block::new(layout).map_err(|error| error.to_string())?;
    let mut mutex = CheckingMutex::new().ok_or("there is no error-checking mutex to be had")?;
    let mut key = 0;
    // SAFETY: makes a key without a destructor.
    if unsafe { libc::pthread_key_create(&raw mut key, None) } != 0 {
        return Err("there is no pthread key to be had".into());
    }
    // SAFETY: as in `functions`.
    let own_errno = unsafe { libc::__errno_location() };
    // SAFETY: made above.
    let base = unsafe { block.as_ref() }.base();
    let flag = layout.keys.is_used.map(|flag| layout.descriptor_at(base).wrapping_add(flag));
    // SAFETY: a byte of the block's descriptor.
    let is_used = || flag.map(|flag| unsafe { flag.read_volatile() });
    let before = is_used();
    mutex.lock();
    // SAFETY: what runs in there are calls into the C library alone.
    let seen = unsafe { block.as_ref().visit(|| use_thread_locals(&mut mutex, key)) };
    mutex.unlock();
    // SAFETY: ours, as above.
    let own_value = unsafe { libc::pthread_getspecific(key) };
    // SAFETY: nobody has a value of it any more that he would ask for.
    unsafe { libc::pthread_key_delete(key) };
    if (before, is_used()) != (Some(0), Some(1)) {
        layout.keys.is_used = None;
    }
    // SAFETY: nobody uses the block, and the only values in it were pointers.
    unsafe { Block::discard(block, layout) };
    let is_right = seen.errno != own_errno
        && seen.descriptor == layout.descriptor_at(base)
        && seen.second_lock == libc::ETIMEDOUT
        && seen.key_value == KEY_VALUE
        && own_value.is_null();
    is_right.then_some(()).ok_or_else(|| "a block of thread-locals does not work".into())
}

const KEY_VALUE: *mut c_void = ptr::without_provenance_mut(1);

/// Not inlined: nothing that the compiler computed before holds in here.
#[inline(never)]
fn use_thread_locals(mutex: &mut CheckingMutex, key: libc::pthread_key_t) -> Seen {
    // SAFETY: calls without preconditions; the key was made by the caller.
    unsafe {
        libc::pthread_setspecific(key, KEY_VALUE);
        let key_value = libc::pthread_getspecific(key);
        libc::pthread_setspecific(key, ptr::null());
        Seen {
            errno: libc::__errno_location(),
            descriptor: libc::pthread_self() as *mut u8,
            second_lock: mutex.lock_again(),
            key_value,
        }
    }
}

/// A mutex that knows its owner.
struct CheckingMutex(Box<libc::pthread_mutex_t>);

impl CheckingMutex {
    fn new() -> Option<CheckingMutex> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: initialised before use, and destroyed after it; all zeros is what it is
        // initialised over.
        unsafe {
            if libc::pthread_mutexattr_init(attributes.as_mut_ptr()) != 0 {
                return None;
            }
            let kind = libc::PTHREAD_MUTEX_ERRORCHECK;
            libc::pthread_mutexattr_settype(attributes.as_mut_ptr(), kind);
            let mut mutex = Box::new(mem::zeroed());
            let answer = libc::pthread_mutex_init(&raw mut *mutex, attributes.as_ptr());
            libc::pthread_mutexattr_destroy(attributes.as_mut_ptr());
            (answer == 0).then_some(CheckingMutex(mutex))
        }
    }

    fn lock(&mut self) {
        // SAFETY: initialised in `new`.
        unsafe { libc::pthread_mutex_lock(&raw mut *self.0) };
    }

    /// Locks it while it is held, until a moment that is past: `EDEADLK` tells its owner that he
    /// is, `ETIMEDOUT` anybody else that he is not.
    fn lock_again(&mut self) -> i32 {
        let past = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: as in `lock`.
        unsafe { libc::pthread_mutex_timedlock(&raw mut *self.0, &raw const past) }
    }

    fn unlock(&mut self) {
        // SAFETY: as in `lock`.
        unsafe { libc::pthread_mutex_unlock(&raw mut *self.0) };
    }
}

impl Drop for CheckingMutex {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, and held by nobody.
        unsafe { libc::pthread_mutex_destroy(&raw mut *self.0) };
    }
}

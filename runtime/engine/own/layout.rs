//! What must be known of the C library to make blocks: functions, and where things lie.
//!
//! glibc exports the functions by which its threads get their thread-locals, and data that describe
//! its thread descriptor for debuggers. Both are its private matters and may change or vanish, so
//! each is looked up at run time, nothing is linked to, and what was found is tried (`probe`)
//! before it is used. Offsets are in bytes: from the thread pointer, unless a field says otherwise.

use super::base;
use super::probe;
use crate::engine::atomic::Mutex;
use std::ffi::{CStr, c_void};
use std::io;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// All of it.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) functions: Functions,
    /// The thread descriptor.
    pub(super) descriptor: isize,
    /// Where in a block modules may have their thread-locals, from the thread pointer: just the
    /// block and nothing beside it, for what a module has apart may lie next to it.
    pub(super) modules: Range<isize>,
    /// The kernel's number of the thread, in the descriptor.
    pub(super) tid: usize,
    /// The thread's place in the C library's list of all, in the descriptor: two pointers.
    pub(super) list: usize,
    pub(super) robust: Robust,
    /// The pointer to the resolver's state, and where in the block that state lies.
    pub(super) resolver: Option<(isize, isize)>,
    /// The area of restartable sequences.
    pub(super) rseq: Option<isize>,
    pub(super) keys: Keys,
}

/// Private functions of the C library.
#[derive(Clone, Copy, Debug)]
pub(super) struct Functions {
    /// Allocates a block and fills in what belongs to the modules: `_dl_allocate_tls`.
    pub(super) allocate: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    /// Gives a block back that was never used: `_dl_deallocate_tls`.
    pub(super) deallocate: unsafe extern "C" fn(*mut c_void, bool),
    /// Calls the destructors of the calling thread's thread-locals: `__call_tls_dtors`.
    pub(super) call_destructors: unsafe extern "C" fn(),
    /// Sets the calling thread's tables of character classes up: `__ctype_init`.
    pub(super) init_character_classes: unsafe extern "C" fn(),
}

/// The list of robust mutexes: a head that points to itself, behind a pointer back in some
/// versions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Robust {
    pub(super) head: isize,
    pub(super) futex_offset: isize,
    pub(super) has_pointer_back: bool,
}

/// How glibc keeps the values of pthread keys: a table of values in two levels, the first of whose
/// second levels lies in the descriptor, and for the process a table of the keys' destructors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    /// The first level, in the descriptor.
    pub(super) levels: usize,
    pub(super) levels_count: usize,
    /// The first second level, from the thread pointer.
    pub(super) first_level: isize,
    pub(super) values_in_level: usize,
    pub(super) value_bytes: usize,
    /// In a value: the pointer itself, and how manieth use of the key it belongs to.
    pub(super) value_data: usize,
    pub(super) value_sequence: usize,
    /// Whether any value was ever set, in the descriptor. None if it was not found there.
    pub(super) is_used: Option<usize>,
    /// The process's table, which has an entry for each place of a value.
    pub(super) table: NonNull<u8>,
    pub(super) entry_bytes: usize,
    pub(super) entry_sequence: usize,
    pub(super) entry_destructor: usize,
}

// SAFETY: addresses of functions and of the C library's data, which are everybody's.
unsafe impl Send for Keys {}
// SAFETY: as above.
unsafe impl Sync for Keys {}

/// A symbol of a sanitizer: each keeps state in thread-locals by the OS thread.
const SANITIZERS: [&CStr; 5] =
    [c"__asan_init", c"__tsan_init", c"__msan_init", c"__hwasan_init", c"__lsan_init"];

static FOUND: OnceLock<Result<Layout, String>> = OnceLock::new();

/// Held while the layout is found out, so that a thread that did not start can be tried again.
static FINDING: Mutex<()> = Mutex::new(());

/// What is known of the C library, found out and tried at the first call.
///
/// # Errors
///
/// `Unsupported`, with what is missing; whatever kept a thread from starting.
pub(super) fn find() -> io::Result<&'static Layout> {
    if FOUND.get().is_none() {
        let _finding = FINDING.lock();
        if FOUND.get().is_none() {
            let found = match missing() {
                Some(missing) => Err(missing.into()),
                None => probe::run()?,
            };
            FOUND.get_or_init(|| found);
        }
    }
    FOUND.get().expect("found above").as_ref().map_err(|missing| {
        let text = format!("green threads cannot have their own thread-locals here: {missing}");
        io::Error::new(io::ErrorKind::Unsupported, text)
    })
}

/// The layout that was found, for who has a block.
pub(super) fn found() -> &'static Layout {
    let layout = FOUND.get().and_then(|found| found.as_ref().ok());
    layout.expect("who has a block has found the layout (`own` invariant 4)")
}

/// What keeps us from even looking.
fn missing() -> Option<&'static str> {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return Some("the C library is not glibc");
    }
    if cfg!(target_feature = "crt-static") {
        return Some("the C library is linked statically");
    }
    if !base::IS_KNOWN {
        return Some("the processor's thread pointer is not known");
    }
    if SANITIZERS.into_iter().any(|name| symbol::<u8>(name).is_some()) {
        return Some("a sanitizer keeps its state by the OS thread");
    }
    base::prepare();
    None
}

/// The address of a symbol of some module.
pub(super) fn symbol<T>(name: &CStr) -> Option<NonNull<T>> {
    // SAFETY: looks a name up.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.cast())
}

/// As [`symbol`], with the text that tells of its absence.
pub(super) fn need<T>(name: &CStr) -> Result<NonNull<T>, String> {
    symbol(name).ok_or_else(|| format!("no symbol {}", name.to_string_lossy()))
}

/// How a field is described for debuggers: bits of an element, elements, offset in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) bits: usize,
    pub(super) count: usize,
    pub(super) offset: usize,
}

/// The description of a field.
pub(super) fn field(name: &CStr) -> Result<Field, String> {
    // SAFETY: libthread_db's interface: three numbers of 32 bits.
    let [bits, count, offset] = unsafe { need::<[u32; 3]>(name)?.read() }.map(|word| word as usize);
    Ok(Field { bits, count, offset })
}

/// The size of a type, as described for debuggers.
pub(super) fn size(name: &CStr) -> Result<usize, String> {
    // SAFETY: libthread_db's interface: one number of 32 bits.
    Ok(unsafe { need::<u32>(name)?.read() } as usize)
}

/// The distance from `from` to `to` in bytes.
pub(super) fn distance<T, U>(from: *const T, to: *const U) -> isize {
    to.addr().wrapping_sub(from.addr()).cast_signed()
}

impl Layout {
    /// The descriptor of the block at a thread pointer.
    pub(super) fn descriptor_at(&self, base: *mut u8) -> *mut u8 {
        base.wrapping_offset(self.descriptor)
    }

    /// The table of the process's keys, entry by entry: its destructor, and its count of uses.
    ///
    /// # Safety
    ///
    /// There is a place for a value of that index.
    pub(super) unsafe fn key_entry(
        &self,
        index: usize,
    ) -> (Option<unsafe extern "C" fn(*mut c_void)>, usize) {
        let keys = &self.keys;
        // SAFETY: in the table, by the caller's promise. Others may create and delete keys
        // meanwhile, as they may beside the C library's own look at this table.
        unsafe {
            let entry = keys.table.as_ptr().add(index * keys.entry_bytes);
            let destructor = entry.add(keys.entry_destructor).cast::<Option<_>>();
            let sequence = entry.add(keys.entry_sequence).cast::<usize>();
            (ptr::read_volatile(destructor), ptr::read_volatile(sequence))
        }
    }
}

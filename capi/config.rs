//! What C says of a runtime and of a green thread: structs that may grow.
//!
//! Each begins with its own size, as the caller was compiled with it: the rule is that of Linux's
//! `clone3(2)`. Of an older, smaller struct the missing members are taken for zero, which is each
//! member's default. Of a newer, larger one what is not known here must be zero, or it is refused:
//! it asks for what this library cannot do.

use crate::guard::Errno;
use greenstd_runtime::runtime::{Builder, Monitor, ThreadLocals};
use greenstd_runtime::thread;
use libc::{c_char, size_t};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr;

/// No struct is larger: a size beyond is an uninitialised one.
const SIZE_AT_MOST: usize = 4096;

/// The sizes of the first version of both structs, which is the present one; none is smaller. They
/// stay when members are added.
const CONFIG_SIZE_FIRST: usize = 40;
const ATTRIBUTES_SIZE_FIRST: usize = 32;

/// gs_config::flags: a run that can never end is ended, and returns -EDEADLK.
pub const GS_DETECT_DEADLOCKS: u32 = 1;
/// gs_config::flags: a handler of SIGSEGV and SIGBUS that names the green thread whose stack has
/// overflowed. Process-wide; other faults are passed to the handler that was there before.
pub const GS_REPORT_OVERFLOW: u32 = 2;
/// gs_config::flags: a watchdog, which tells on standard error which green thread holds its worker
/// for too long, and where. Process-wide: it handles one real-time signal.
pub const GS_MONITOR: u32 = 4;
/// gs_config::flags and gs_attributes::flags: green threads have thread-locals (errno included) of
/// their own, as OS threads have. Otherwise they share those of their worker, which others change
/// whenever a call waits.
pub const GS_OWN_THREAD_LOCALS: u32 = 8;

const CONFIG_FLAGS: u32 =
    GS_DETECT_DEADLOCKS | GS_REPORT_OVERFLOW | GS_MONITOR | GS_OWN_THREAD_LOCALS;

/// The settings of a runtime. To be initialised by GS_CONFIG_INIT; every member that is 0 has its
/// default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gs_config {
    /// sizeof(gs_config), as the caller was compiled.
    pub size: size_t,
    /// GS_DETECT_DEADLOCKS and so on, or 0: nothing process-wide is installed.
    pub flags: u32,
    /// OS threads on which green threads run: as many as there are cores, if 0.
    pub workers: u32,
    /// Names the workers NAME-0 and so on; "greenstd" if NULL. Copied.
    pub name: *const c_char,
    /// Bytes of address space for each stack, rounded up to a power of two from 16 KiB to 1 GiB;
    /// 256 KiB if 0. Memory is used for what is touched.
    pub stack_size: size_t,
    /// Green threads that may live at once; 2,097,152 if 0.
    pub live_limit: size_t,
}

/// The settings of a green thread. To be initialised by GS_ATTRIBUTES_INIT; every member that is 0
/// has its default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gs_attributes {
    /// sizeof(gs_attributes), as the caller was compiled.
    pub size: size_t,
    /// GS_OWN_THREAD_LOCALS, or 0: as the runtime says.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// What diagnostics call it; none if NULL. Copied.
    pub name: *const c_char,
    /// As in gs_config; the runtime's if 0.
    pub stack_size: size_t,
}

/// Reads a struct that begins with its size.
///
/// # Errors
///
/// `EINVAL` for a size that none has had; `E2BIG` for one with more than is known here.
///
/// # Safety
///
/// All zeroes are a `T`, which is `repr(C)` and begins with its size; the pointer is that of a
/// struct of the size that it says.
unsafe fn read<T: Copy>(pointer: *const T, first: usize) -> Result<T, Errno> {
    if !pointer.is_aligned() {
        return Err(libc::EINVAL);
    }
    // SAFETY: the caller's promise.
    let size = unsafe { pointer.cast::<size_t>().read() };
    if size < first {
        return Err(libc::EINVAL);
    }
    if size > SIZE_AT_MOST {
        return Err(libc::E2BIG);
    }
    let known = size.min(size_of::<T>());
    for at in known..size {
        // SAFETY: inside of the caller's struct.
        if unsafe { pointer.cast::<u8>().add(at).read() } != 0 {
            return Err(libc::E2BIG);
        }
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: so many bytes are in both; what is missing is zero, which is a `T`.
    unsafe {
        ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), known);
        Ok(value.assume_init())
    }
}

/// A text of the caller's.
///
/// # Safety
///
/// A pointer that is not NULL is that of a string.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// The runtime that C asks for.
///
/// # Errors
///
/// As [`read`], `EINVAL` for unknown flags, and those of a build.
///
/// # Safety
///
/// A pointer that is not NULL is that of a config, whose name is a string or NULL.
pub(crate) unsafe fn builder(config: *const gs_config) -> Result<Builder, Errno> {
    let plain = Builder::new();
    if config.is_null() {
        return Ok(with_flags(plain, 0));
    }
    // SAFETY: the caller's promise; all zeroes are a config.
    let config = unsafe { read(config, CONFIG_SIZE_FIRST) }?;
    if config.flags & !CONFIG_FLAGS != 0 {
        return Err(libc::EINVAL);
    }
    let mut builder = with_flags(plain, config.flags);
    // SAFETY: the caller's promise.
    if let Some(name) = unsafe { text(config.name) } {
        builder = builder.name(name);
    }
    if config.workers > 0 {
        builder = builder.workers(config.workers as usize);
    }
    if config.stack_size > 0 {
        builder = builder.stack_size(config.stack_size);
    }
    if config.live_limit > 0 {
        builder = builder.live_limit(config.live_limit);
    }
    Ok(builder)
}

fn with_flags(builder: Builder, flags: u32) -> Builder {
    let has = |flag| flags & flag != 0;
    let builder = builder
        .detect_deadlocks(has(GS_DETECT_DEADLOCKS))
        .monitor(has(GS_MONITOR).then(Monitor::new));
    let builder = if has(GS_REPORT_OVERFLOW) { builder } else { builder.without_overflow_report() };
    if has(GS_OWN_THREAD_LOCALS) { builder.thread_locals(ThreadLocals::Own) } else { builder }
}

/// The green thread that C asks for.
///
/// # Errors
///
/// As [`builder`].
///
/// # Safety
///
/// As [`builder`].
pub(crate) unsafe fn thread_builder(
    attributes: *const gs_attributes,
) -> Result<thread::Builder, Errno> {
    let mut builder = thread::Builder::new();
    if attributes.is_null() {
        return Ok(builder);
    }
    // SAFETY: the caller's promise; all zeroes are attributes.
    let attributes = unsafe { read(attributes, ATTRIBUTES_SIZE_FIRST) }?;
    match (attributes.flags, attributes.reserved) {
        (0, 0) => {}
        (GS_OWN_THREAD_LOCALS, 0) => builder = builder.thread_locals(ThreadLocals::Own),
        _ => return Err(libc::EINVAL),
    }
    // SAFETY: the caller's promise.
    if let Some(name) = unsafe { text(attributes.name) } {
        builder = builder.name(name);
    }
    if attributes.stack_size > 0 {
        builder = builder.stack_size(attributes.stack_size);
    }
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attributes of a library to come.
    #[repr(C)]
    struct Larger {
        known: gs_attributes,
        more: u64,
    }

    #[test]
    fn the_first_version_is_as_large_as_ever() {
        assert_eq!(size_of::<gs_config>(), CONFIG_SIZE_FIRST);
        assert_eq!(size_of::<gs_attributes>(), ATTRIBUTES_SIZE_FIRST);
    }

    fn attributes(size: usize) -> gs_attributes {
        gs_attributes { size, flags: 0, reserved: 0, name: c"one".as_ptr(), stack_size: 1 << 16 }
    }

    fn read_attributes(pointer: *const gs_attributes) -> Result<gs_attributes, Errno> {
        // SAFETY: of the size that it says, in each test.
        unsafe { read(pointer, ATTRIBUTES_SIZE_FIRST) }
    }

    #[test]
    fn what_is_larger_must_be_zero_beyond_what_is_known() {
        let mut larger = Larger { known: attributes(size_of::<Larger>()), more: 0 };
        let as_known = |larger: &Larger| read_attributes((&raw const *larger).cast());
        assert_eq!(as_known(&larger).map(|read| read.stack_size), Ok(1 << 16));
        larger.more = 1;
        assert!(as_known(&larger).is_err_and(|error| error == libc::E2BIG));
    }

    #[test]
    fn no_size_and_an_absurd_one_are_refused() {
        let outcome = |size| read_attributes(&attributes(size)).map(|_| ());
        assert_eq!(outcome(0), Err(libc::EINVAL));
        assert_eq!(outcome(8), Err(libc::EINVAL));
        assert_eq!(outcome(usize::MAX), Err(libc::E2BIG));
        assert_eq!(outcome(size_of::<gs_attributes>()), Ok(()));
    }
}

//! Architectures of whose thread pointer nothing is known here: own thread-locals are refused.

/// Whether this architecture has a thread pointer that we know how to set.
pub(in super::super) const IS_KNOWN: bool = false;

/// Nothing to find out.
pub(in super::super) fn prepare() {}

/// Nobody reads it where it is not known.
pub(in super::super) fn read() -> *mut u8 {
    std::ptr::null_mut()
}

/// Nobody sets it where it is not known.
///
/// # Safety
///
/// Never called.
pub(in super::super) unsafe fn write(_base: *mut u8) {
    unreachable!("no block was made");
}

/// Nobody makes a block where this is not known.
///
/// # Safety
///
/// Never called.
pub(in super::super) unsafe fn fill_header(_base: *mut u8) {
    unreachable!("no block was made");
}

/// Never asked.
pub(in super::super) fn has_usual_header() -> bool {
    false
}

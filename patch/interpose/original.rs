//! The C library's own functions, where a hook is in front of one that is no system call.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Not looked for yet; no function is there.
const UNKNOWN: usize = 0;

/// There is none: an older C library, or a static program.
const MISSING: usize = 1;

/// The next definition of a symbol after ours, looked for when it is first needed.
pub(crate) struct Original {
    name: &'static CStr,
    /// `UNKNOWN`, `MISSING`, or where it is. Relaxed: code that is there for good.
    address: AtomicUsize,
}

impl Original {
    pub(crate) const fn new(name: &'static CStr) -> Original {
        Original { name, address: AtomicUsize::new(UNKNOWN) }
    }

    /// The function, if there is one.
    ///
    /// # Safety
    ///
    /// `F` is the type of a pointer to that function.
    pub(crate) unsafe fn get<F: Copy>(&self) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<usize>()) };
        let address = match self.address.load(Ordering::Relaxed) {
            UNKNOWN => self.find(),
            known => known,
        };
        if address == MISSING {
            return None;
        }
        let function = std::ptr::with_exposed_provenance::<()>(address);
        // SAFETY: a pointer to code is as large as any, and the caller knows its type.
        Some(unsafe { std::mem::transmute_copy::<*const (), F>(&function) })
    }

    #[cold]
    fn find(&self) -> usize {
        // SAFETY: a string that ends.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        let address = if found.is_null() { MISSING } else { found.expose_provenance() };
        self.address.store(address, Ordering::Relaxed);
        address
    }
}

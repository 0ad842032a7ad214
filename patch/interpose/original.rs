//! The C library's own function behind a hook, for what is done in the library and not by the
//! kernel.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A function that comes after the hook of its name in the order of look-up.
pub(crate) struct Original {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Original {
    pub(crate) const fn new(name: &'static CStr) -> Original {
        Original { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The function, looked up when it is first needed.
    ///
    /// # Safety
    ///
    /// `F` is the function's type.
    ///
    /// # Panics
    ///
    /// In a static program, which has no other function of that name.
    pub(crate) unsafe fn get<F: Copy>(&self) -> F {
        assert_eq!(size_of::<F>(), size_of::<*mut c_void>(), "it is the type of a function");
        let mut address = self.address.load(Ordering::Acquire);
        if address.is_null() {
            // SAFETY: a name that ends.
            address = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
            assert!(!address.is_null(), "the C library has no other {:?}", self.name);
            self.address.store(address, Ordering::Release);
        }
        // SAFETY: the caller's promise.
        unsafe { std::mem::transmute_copy(&address) }
    }
}

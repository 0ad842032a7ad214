//! The C library's own functions, for hooks of what is not the kernel's: found when first needed.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A function of the C library that a hook of the same name calls.
pub(crate) struct Next {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Next {
    pub(crate) const fn new(name: &'static CStr) -> Next {
        Next { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline]
    pub(crate) fn address(&self) -> *mut c_void {
        // Relaxed: code that was there before the program.
        let address = self.address.load(Ordering::Relaxed);
        if address.is_null() { self.find() } else { address }
    }

    /// Neither allocates nor meets a hook: the loader's locks are not ours to see.
    #[cold]
    fn find(&self) -> *mut c_void {
        // The one that programs are linked with today: an old `dlsym` finds the first there was.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: names that end.
        let mut address =
            unsafe { libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), c"GLIBC_2.3.2".as_ptr()) };
        #[cfg(not(target_arch = "x86_64"))]
        let mut address: *mut c_void = ptr::null_mut();
        if address.is_null() {
            // SAFETY: a name that ends.
            address = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        }
        if address.is_null() {
            self.fail();
        }
        self.address.store(address, Ordering::Relaxed);
        address
    }

    /// Somebody calls what this program's C library lacks, and was let link it by our hook.
    fn fail(&self) -> ! {
        let parts = [c"greenstd-interpose: the C library has no ", self.name, c"\n"];
        for part in parts {
            let bytes = part.to_bytes();
            let arguments = [2, bytes.as_ptr().addr(), bytes.len(), 0, 0, 0];
            // SAFETY: bytes that are alive. There is nobody to tell if it fails.
            let _ = unsafe { crate::raw::call(crate::raw::Sysno::write, arguments) };
        }
        std::process::abort()
    }
}

/// Declares functions of the C library, to be called past the hooks of the same names.
macro_rules! originals {
    ($(fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)?;)*) => {$(
        /// The C library's own.
        ///
        /// # Safety
        ///
        /// As that.
        #[inline]
        pub(crate) unsafe fn $name($($argument: $kind),*) $(-> $result)? {
            static NEXT: crate::pthread::next::Next = {
                let name = concat!(stringify!($name), "\0").as_bytes();
                match std::ffi::CStr::from_bytes_with_nul(name) {
                    Ok(name) => crate::pthread::next::Next::new(name),
                    Err(_) => panic!("a name holds no NUL"),
                }
            };
            type Function = unsafe extern "C-unwind" fn($($kind),*) $(-> $result)?;
            // SAFETY: a function of this name has this type.
            let function: Function = unsafe { std::mem::transmute(NEXT.address()) };
            // SAFETY: passed on.
            unsafe { function($($argument),*) }
        }
    )*};
}

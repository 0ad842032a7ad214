//! `getaddrinfo` and `getnameinfo`: whole on an OS thread, with copies of what they are asked.
//!
//! Inside they wait by calls that nobody can hook, and hold locks of the C library meanwhile. What
//! is numeric asks nobody, and is done in place.

use crate::gate;
use crate::original::Original;
use crate::pool;
use crate::raw;
use libc::{addrinfo, c_char, c_int, sockaddr, socklen_t};
use std::ffi::{CStr, CString};
use std::net::IpAddr;
use std::ptr;

hooks! {
    /// By an OS thread, but for numeric hosts. The result is the caller's, or is freed if he was
    /// killed.
    fn getaddrinfo(
        node: *const c_char,
        service: *const c_char,
        hints: *const addrinfo,
        result: *mut *mut addrinfo,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        if !gate::is_cooperative() || unsafe { asks_nobody(node, service, hints) } {
            // In place, but with what hooks there are at rest.
            // SAFETY: passed on.
            return unsafe { in_place(|| find(node, service, hints, result)) };
        }
        // SAFETY: the caller's pointers.
        let question = unsafe { Question::of(node, service, hints) };
        match pool::hand_over(&BLOCKED, move || question.ask()) {
            Ok((0, _, found)) => {
                // SAFETY: the caller's pointer.
                unsafe { *result = found.into_raw() };
                0
            }
            Ok((code, error, _)) => {
                if code == libc::EAI_SYSTEM {
                    raw::set_errno(error);
                }
                code
            }
            Err(error) => {
                raw::set_errno(error);
                libc::EAI_SYSTEM
            }
        }
    }

    /// By an OS thread, but for numeric hosts and services.
    fn getnameinfo(
        address: *const sockaddr,
        address_length: socklen_t,
        host: *mut c_char,
        host_length: socklen_t,
        service: *mut c_char,
        service_length: socklen_t,
        flags: c_int,
    ) -> c_int {
        let is_numeric = |name: *mut c_char, flag: c_int| name.is_null() || flags & flag != 0;
        let call = || {
            // SAFETY: passed on.
            unsafe {
                name(address, address_length, host, host_length, service, service_length, flags)
            }
        };
        // A service is looked for in a file, which is not worth a thread.
        if !gate::is_cooperative() || is_numeric(host, libc::NI_NUMERICHOST) {
            // SAFETY: passed on.
            return unsafe { in_place(call) };
        }
        // Results are written where the caller wants them, so he stays.
        let (code, error) = pool::lend(&BLOCKED, || (call(), raw::errno()));
        if code == libc::EAI_SYSTEM {
            raw::set_errno(error);
        }
        code
    }
}

static GETADDRINFO: Original = Original::new(c"getaddrinfo");
static GETNAMEINFO: Original = Original::new(c"getnameinfo");

/// Calls the C library in place, inside of the runtime: what that calls is not hooked.
///
/// # Safety
///
/// None of its own: `call` does what a C function does, which does not unwind.
unsafe fn in_place(call: impl FnOnce() -> c_int) -> c_int {
    let _inside = greenstd_runtime::hooks::Inside::new();
    call()
}

/// # Safety
///
/// As `getaddrinfo`.
unsafe fn find(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    type Find = unsafe extern "C" fn(
        *const c_char,
        *const c_char,
        *const addrinfo,
        *mut *mut addrinfo,
    ) -> c_int;
    // SAFETY: the type of that function.
    match unsafe { GETADDRINFO.get::<Find>() } {
        // SAFETY: passed on.
        Some(find) => unsafe { find(node, service, hints, result) },
        None => missing(),
    }
}

/// # Safety
///
/// As `getnameinfo`.
unsafe fn name(
    address: *const sockaddr,
    address_length: socklen_t,
    host: *mut c_char,
    host_length: socklen_t,
    service: *mut c_char,
    service_length: socklen_t,
    flags: c_int,
) -> c_int {
    type Name = unsafe extern "C" fn(
        *const sockaddr,
        socklen_t,
        *mut c_char,
        socklen_t,
        *mut c_char,
        socklen_t,
        c_int,
    ) -> c_int;
    // SAFETY: the type of that function.
    match unsafe { GETNAMEINFO.get::<Name>() } {
        // SAFETY: passed on.
        Some(name) => unsafe {
            name(address, address_length, host, host_length, service, service_length, flags)
        },
        None => missing(),
    }
}

fn missing() -> c_int {
    raw::set_errno(libc::ENOSYS);
    libc::EAI_SYSTEM
}

/// Whether there is no host to be looked for. Services may be: in a file.
///
/// # Safety
///
/// As `getaddrinfo`.
unsafe fn asks_nobody(node: *const c_char, service: *const c_char, hints: *const addrinfo) -> bool {
    // SAFETY: the caller's pointers.
    let flags = unsafe { hints.as_ref() }.map_or(0, |hints| hints.ai_flags);
    // SAFETY: as above.
    let text = |string: *const c_char| unsafe { CStr::from_ptr(string) }.to_str().ok();
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let is_node_numeric =
        node.is_null() || flags & libc::AI_NUMERICHOST != 0 || text(node).is_some_and(is_address);
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let is_service_numeric = service.is_null()
        || flags & libc::AI_NUMERICSERV != 0
        || text(service).is_some_and(|text| text.bytes().all(is_digit));
    is_node_numeric && is_service_numeric
}

/// What is asked, as a copy.
struct Question {
    node: Option<CString>,
    service: Option<CString>,
    /// Flags, family, kind and protocol: the rest means nothing in hints.
    hints: Option<[c_int; 4]>,
}

impl Question {
    /// # Safety
    ///
    /// As `getaddrinfo`.
    unsafe fn of(node: *const c_char, service: *const c_char, hints: *const addrinfo) -> Question {
        let text = |string: *const c_char| {
            // SAFETY: the caller's pointers, each null or a string.
            (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_owned())
        };
        // SAFETY: as above.
        let hints = unsafe { hints.as_ref() }
            .map(|it| [it.ai_flags, it.ai_family, it.ai_socktype, it.ai_protocol]);
        Question { node: text(node), service: text(service), hints }
    }

    /// What the C library answers, and `errno`.
    fn ask(self) -> (c_int, c_int, Found) {
        let hints = self.hints.map(|[ai_flags, ai_family, ai_socktype, ai_protocol]| addrinfo {
            ai_flags,
            ai_family,
            ai_socktype,
            ai_protocol,
            ai_addrlen: 0,
            ai_addr: ptr::null_mut(),
            ai_canonname: ptr::null_mut(),
            ai_next: ptr::null_mut(),
        });
        let text = |string: &Option<CString>| string.as_ref().map_or(ptr::null(), |it| it.as_ptr());
        let hints = hints.as_ref().map_or(ptr::null(), ptr::from_ref);
        let mut found = Found(ptr::null_mut());
        // SAFETY: strings and hints of ours, and room for a pointer.
        let code = unsafe { find(text(&self.node), text(&self.service), hints, &raw mut found.0) };
        if code != 0 {
            found.0 = ptr::null_mut();
        }
        (code, raw::errno(), found)
    }
}

/// A list that is freed if nobody takes it.
struct Found(*mut addrinfo);

// SAFETY: memory of the C library's allocator, which any thread may use and free.
unsafe impl Send for Found {}

impl Found {
    fn into_raw(self) -> *mut addrinfo {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the C library's, and nobody else's.
            unsafe { libc::freeaddrinfo(self.0) };
        }
    }
}
